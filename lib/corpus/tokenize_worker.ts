/**
 * Tokenizes chunks in a worker of `tokenize_pool.ts`: first message the recipe, then one for each chunk.
 * @module
 */
import { partPath, tokenizeChunk, writePart } from "./tokenize.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import type { FromTokenizer, ToTokenizer } from "./tokenize_pool.ts";

interface WorkerScope {
  postMessage(message: FromTokenizer): void;
  onmessage: ((event: MessageEvent<ToTokenizer>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
let build: { recipe: CorpusRecipe; dir: string } | null = null;

scope.onmessage = async ({ data }) => {
  if (data.kind === "build") {
    build = data;
    return;
  }
  const { index } = data.chunk;
  try {
    if (build === null) throw new Error("A tokenizing worker got files before the recipe.");
    await writePart(partPath(build.dir, index), tokenizeChunk(data.chunk, build.recipe));
    scope.postMessage({ kind: "done", index });
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    scope.postMessage({ kind: "error", index, name, message, stack });
  }
};
