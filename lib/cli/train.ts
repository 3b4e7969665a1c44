/**
 * `deno task train`: one model of a study, trained from a terminal; the notebooks find it trained.
 * @module
 */
import type { ModelName } from "../bert/variants.ts";
import { readArguments, studyVariables } from "./arguments.ts";
import { ensureSetup } from "./setup.ts";
import { stopWithInput } from "./stop.ts";
import { beWorker, startWorkers, workersOf } from "./workers.ts";
import { openStudy } from "../study/study.ts";

/** What `--model` takes: the paper's models by their short names. */
export const modelsByOption = {
  bert: "BERT",
  aug: "BERT-aug",
  neighbor: "BERT-neighbor",
  dropout: "BERT-dropout",
} as const;

/** What `deno task train` is asked for: models in order; variables of the study; workers that it starts, 1 for none. */
type TrainOptions = { models: ModelName[]; env: Record<string, string>; start: number; attached: boolean };

/** The arguments of `deno task train`; throws a {@link UsageError}. */
export function trainOptions(args: readonly string[], cwd?: string): TrainOptions {
  const { values } = readArguments("train", args, cwd), { model, scale, run = scale ?? "demo" } = values;
  const models = model === "all" ? Object.values(modelsByOption) : [modelsByOption[model]];
  const { start, env } = workersOf("train", values);
  return { models, env: { ...studyVariables(run, values), ...env }, start, attached: values.attached };
}

/** Trains what was asked for; returns the process's exit code, 130 if it was stopped. */
export async function trainCommand(args: string[]): Promise<number> {
  const { models, env, start, attached } = trainOptions(args);
  beWorker(env);
  if (attached) void stopWithInput();
  const study = openStudy();
  await ensureSetup({ quiet: true });
  if (start > 1) return await startWorkers(["train", ...args], start);
  const { corpusOf, encoderText, train, trainAlong } = await import("../study/training_steps.ts"); // after the set-up
  try {
    const corpus = await corpusOf(study);
    if (Number(env.WORKER ?? 0) > 0) {
      for (const model of models) await trainAlong(study, corpus, model);
      return 0;
    }
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
