/**
 * The race: minutes of training to a fixed accuracy on fixed validation bars with fixed masks.
 *
 * `deno task bench-race --data STORE --out DIR --name NAME` trains BERT by the recipe of `small`, changed by the variable
 * RECIPE (whose `seed` is the training's alone), on the store of a corpus as `sound` makes it, and writes a line of JSON for
 * each validation to `DIR/race.jsonl`.
 * Minutes count from the first step's begin to the last one's end, with traces and compilations, and without the
 * validations, which measure and are no part of what is measured.
 * @module
 */
import { taskArguments } from "@lib/cli/arguments.ts";
import { trainInBranches } from "@lib/cli/workers.ts";

const { values: { data, out, name, to, stop } } = taskArguments("bench-race");
trainInBranches();
const { openCorpus } = await import("@lib/corpus/store_reader.ts");
const { choosePrecision } = await import("@lib/training/pace/precision.ts");
const { pretrain } = await import("@lib/training/pretrain.ts");
const { recipe } = await import("@lib/recipe/recipe.ts");

/** Validation bars of the race. */
const BARS = 5000;

const given = JSON.parse(Deno.env.get("RECIPE") || "{}"), { seed, ...changes } = given; // songs and bars keep their seed
const choices = recipe("sound", "small", { ...changes, training: { ...changes.training, validationBars: BARS } });
const goal = Number(to) / 1000, corpus = await openCorpus(data), precision = await choosePrecision(choices);
const { model, training } = choices, dir = `${out}/${name}`;
const shape = `H${model.hidden} L${model.layers} heads ${model.heads} FF ${model.intermediate}`;
console.log(`${name}: ${shape}, ${training.optimizer}, ${precision.precision} (${precision.reason})`);

let last = performance.now(), measured = 0, tokens = 0, reached: number | undefined;
const begin = last;
for await (const log of pretrain({ corpus, recipe: choices, model: "BERT", dir, precision, seed })) {
  const now = performance.now();
  // What a step took beside its own time is its validation and saving; other steps have none.
  if (log.validation) measured += now - last - 1000 * (log.tokens - tokens) / log.tokensPerSecond;
  last = now, tokens = log.tokens;
  const minutes = (now - begin - measured) / 60_000;
  if (log.validation) {
    const { accuracy, loss } = log.validation,
      line = {
        ...{ name, step: log.step, steps: log.steps, millionTokens: log.tokens / 1e6, minutes, accuracy, loss },
        ...{ tokensPerSecond: log.tokens / minutes / 60, measuring: measured / 60_000, precision: precision.precision },
      };
    Deno.mkdirSync(out, { recursive: true });
    Deno.writeTextFileSync(`${out}/race.jsonl`, `${JSON.stringify({ ...line, given })}\n`, { append: true });
    console.log(JSON.stringify(line));
    if (accuracy >= goal) reached ??= minutes;
  } else if (log.step % 200 === 0 || log.step === 20) {
    console.log(`  step ${log.step}: ${minutes.toFixed(1)} min, ${(log.tokens / minutes / 60).toFixed(0)} tokens/s`);
  }
  if (stop > 0 && log.step === stop) break;
}
console.log(reached === undefined ? `${name} did not reach ${goal}` : `${name} reached ${goal} in ${reached} minutes`);
