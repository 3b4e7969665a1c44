/**
 * `deno task train`: one model of a study, trained from a terminal; the notebooks find it trained.
 * @module
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureSetup } from "./setup.ts";
import { loadRecipe, openStudy } from "../study/study.ts";

/** What `--model` takes: the paper's models by their short names. */
export const modelsByOption = {
  bert: "BERT",
  aug: "BERT-aug",
  neighbor: "BERT-neighbor",
  dropout: "BERT-dropout",
} as const;

/** A model that `deno task train` knows, by its name in the paper. */
export type TrainableModel = (typeof modelsByOption)[keyof typeof modelsByOption];

/** How `deno task train` is called. */
export const trainUsage = `deno task train --model MODEL [options]: trains a model of a run and measures it; stopped
(Ctrl-C, or in any other way) and started again, it goes on where it was

  --model MODEL    ${Object.keys(modelsByOption).join(", ")}, or all of them: all
  --scale SCALE    smoke, demo, small or base (default: demo)
  --preset PRESET  sound or authors (default: sound)
  --data SOURCE    folder or archive of MIDI files (default: the run's own, or data/freedoom)
  --run NAME       the run's folder in data/runs (default: the scale)
  --help           this text

Single fields of the recipe are changed by the variable RECIPE, as in RECIPE='{"training":{"steps":400}}'. The same
run is opened in the notebooks by STUDY=NAME with the same SCALE, PRESET and RECIPE.`;

/** What was asked for. */
export interface TrainOptions {
  /** Whether the usage was asked for instead. */
  help: boolean;
  /** The models to train, in the order they are trained. */
  models: TrainableModel[];
  /** The study as environment variables. */
  env: Record<string, string>;
}

/**
 * Reads the options of `deno task train`; paths are relative to `cwd`.
 *
 * @throws {TypeError} if there is an option or a model that it does not know, with those it does.
 */
export function trainOptions(args: string[], cwd: string): TrainOptions {
  const wrong = (what: string) => new TypeError(`${what}\n\n${trainUsage}`);
  const text = { type: "string" } as const;
  const options = {
    ...{ model: text, scale: text, preset: text, data: text, run: text },
    help: { type: "boolean", default: false },
  } as const;
  const { model, scale = "demo", preset = "sound", data, run = scale, help } = (() => {
    try {
      return parseArgs({ args: args.filter((arg) => arg !== "--"), options, strict: true }).values;
    } catch (error) {
      throw wrong(`Expected the options below, found: ${error instanceof Error ? error.message : error}`);
    }
  })();
  const known = Object.keys(modelsByOption);
  if (!help && !(model && [...known, "all"].includes(model))) {
    throw wrong(`--model: expected one of ${[...known, "all"].join(", ")}, found ${model ?? "none"}.`);
  }
  return {
    help,
    models: model === "all" ? Object.values(modelsByOption) : [modelsByOption[model as keyof typeof modelsByOption]],
    env: { STUDY: run, SCALE: scale, PRESET: preset, ...(data === undefined ? {} : { DATA: resolve(cwd, data) }) },
  };
}

/** Trains what was asked for; returns the process's exit code, 130 if it was stopped. */
export async function trainCommand(args: string[]): Promise<number> {
  const { help, models, env } = trainOptions(args, Deno.env.get("INIT_CWD") ?? Deno.cwd());
  if (help) {
    console.log(trainUsage);
    return 0;
  }
  for (const [key, value] of Object.entries(env)) Deno.env.set(key, value);
  const study = openStudy({ recipe: loadRecipe() });
  await ensureSetup({ quiet: true });
  const { corpusOf, encoderText, train } = await import("../study/training_steps.ts"); // the engine loads what the set-up brought
  try {
    const corpus = await corpusOf(study);
    console.log(encoderText(study));
    for (const model of models) {
      const { mlm, contrast, seconds } = await train(study, corpus, model);
      const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
      console.log(
        `${model}: ${(seconds / 60).toFixed(0)} minutes; masked tokens guessed: train ${
          percent(mlm.train.accuracy)
        }, ` +
          `validation ${percent(mlm.validation.accuracy)}` +
          (contrast ? `; NT-Xent on validation ${percent(contrast.validation.accuracy)}` : ""),
      );
    }
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
    console.error(error.message);
    return 130;
  }
  return 0;
}
