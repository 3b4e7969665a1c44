/**
 * `deno task train`: one model of a study, trained from a terminal; the notebooks find it trained.
 * @module
 */
import type { ModelName } from "../bert/variants.ts";
import { readArguments, studyVariables } from "./arguments.ts";
import { ensureSetup } from "./setup.ts";
import { openStudy } from "../study/study.ts";

/** What `--model` takes: the paper's models by their short names. */
export const modelsByOption = {
  bert: "BERT",
  aug: "BERT-aug",
  neighbor: "BERT-neighbor",
  dropout: "BERT-dropout",
} as const;

/** The arguments of `deno task train`: models in order, the study's variables; throws a {@link UsageError}. */
export function trainOptions(
  args: readonly string[],
  cwd?: string,
): { models: ModelName[]; env: Record<string, string> } {
  const { values } = readArguments("train", args, cwd), { model, scale, run = scale ?? "demo" } = values;
  const models = model === "all" ? Object.values(modelsByOption) : [modelsByOption[model]];
  return { models, env: studyVariables(run, values) };
}

/** Trains what was asked for; returns the process's exit code, 130 if it was stopped. */
export async function trainCommand(args: string[]): Promise<number> {
  const { models, env } = trainOptions(args);
  for (const [key, value] of Object.entries(env)) Deno.env.set(key, value);
  const study = openStudy();
  await ensureSetup({ quiet: true });
  const { corpusOf, encoderText, train } = await import("../study/training_steps.ts"); // after the set-up
  try {
    const corpus = await corpusOf(study);
    console.log(await encoderText(study));
    for (const model of models) {
      const { mlm, contrast, seconds } = await train(study, corpus, model);
      const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
      const masked = `train ${percent(mlm.train.accuracy)}, validation ${percent(mlm.validation.accuracy)}`;
      const pairs = contrast ? `; NT-Xent on validation ${percent(contrast.validation.accuracy)}` : "";
      console.log(`${model}: ${(seconds / 60).toFixed(0)} minutes; masked tokens guessed: ${masked}${pairs}`);
    }
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
    console.error(error.message);
    return 130;
  }
  return 0;
}
