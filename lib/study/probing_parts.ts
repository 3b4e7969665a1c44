/**
 * What of a probing is done, kept in a folder until the whole is, so that a probing that was stopped or killed goes on.
 *
 * An encoder gives all layers of a bar at once: the embeddings of all layers are kept together, once, in the order of the
 * bars (`embedLayers` writes them), then the rows of each layer as it is probed. The embeddings are kept, not only the
 * rows, since a pass of the encoder on other threads or another engine may differ in the last bits: all layers of a model
 * are probed on the same numbers.
 * @module
 */
import { deserialize, serialize } from "node:v8";
import { exists, readTextIfThere, removeIfThere, removeTemporaries, writeFile, writeFileSync } from "../base/files.ts";
import type { RowKeeper } from "../probing/probe_layers.ts";
import type { ProbeRow } from "../probing/rows.ts";
import { fileName } from "./jobs/steps.ts";
import type { Study } from "./study.ts";

/** The folder of what is done of a probing, by the name of its step; {@link openParts} makes it. */
export const partsFolder = ({ folder }: Pick<Study, "folder">, name: string): string =>
  `${folder}/probes/parts-${fileName(name)}`;

/** Rows as they were kept; undefined if this version of Deno cannot read them, so that the layer is probed again. */
function readPart(path: string): ProbeRow[] | undefined {
  try {
    return deserialize(Deno.readFileSync(path));
  } catch {
    return undefined;
  }
}

/**
 * Opens a folder of parts, for one process at a time. Parts of another key are removed, and files that a killed process
 * was writing.
 *
 * @param key what the parts depend on: inputs and weights
 * @returns what keeps the rows of layers, by a name for the jobs that are probed together; rows are found as they were
 * kept, to the bit
 */
export async function openParts(folder: string, key: string): Promise<(name: string) => RowKeeper> {
  if (await readTextIfThere(`${folder}/key`) !== key) {
    await removeIfThere(folder);
    await writeFile(`${folder}/key`, key);
  }
  await removeTemporaries(folder);
  return (name) => {
    const pathOf = (place: number) => `${folder}/${name}-${place}.rows`;
    return {
      find: (place) => exists(pathOf(place)) ? readPart(pathOf(place)) : undefined,
      keep: (place, rows) => writeFileSync(pathOf(place), serialize(rows)),
    };
  };
}
