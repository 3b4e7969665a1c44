/**
 * What a run's models use of what can be read from them, as notebook 4 shows it.
 * @module
 */
import { bertConfig } from "../bert/config.ts";
import { createBert, type Model } from "../bert/parameters.ts";
import type { ModelName } from "../bert/variants.ts";
import { sample, stream } from "../base/random.ts";
import { removeIfThere } from "../base/files.ts";
import type { Split } from "../corpus/split.ts";
import type { Corpus } from "../corpus/store.ts";
import { readRows } from "../matrix/rows.ts";
import { progress, stopSignal } from "../notebook/notebook.ts";
import { embedLayers } from "../probing/embed.ts";
import { type Layered, measureUse, type UseRow } from "../probing/use/use.ts";
import { untrainedLine } from "../probing/rows.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { once } from "./jobs/steps.ts";
import { barsToProbe } from "./probe_bars.ts";
import type { Study } from "./study.ts";
import { trained } from "./training_steps.ts";

/** At most so many bars of a split to probe, ascending, drawn by the seed. */
function drawBars(corpus: Corpus, split: Split, most: number, recipe: Recipe): number[] {
  const all = barsToProbe(corpus, recipe)[split];
  return sample(all, most, stream(recipe.seed, "used bars", split)).sort((a, b) => a - b);
}

/**
 * Measures what models of a run use, each once, and an untrained encoder for comparison; the recipe's own seed of a model
 * stands for it. See {@link measureUse}.
 *
 * @returns no rows if `probing.usedBars` is 0
 */
export async function measureUseOf(
  study: Study,
  corpus: Corpus,
  models: readonly (ModelName | "untrained")[],
): Promise<UseRow[]> {
  const { recipe, data } = study, { probing } = recipe, rows: UseRow[] = [];
  if (probing.usedBars === 0) return rows;
  const { usedBars, usedFitBars, usedControls, removedFrom, removedShare, removedLeft, removedAtOnce } = probing;
  const use = { usedBars, usedFitBars, usedControls, removedFrom, removedShare, removedLeft, removedAtOnce };
  const moved = probing.movedBy === 0 ? {} : { movedBy: probing.movedBy }; // what earlier runs measured stays
  for (const name of models) {
    const step = { step: `use ${name}`, inputs: { ...recipe, data, use: { ...use, ...moved }, name } };
    rows.push(
      ...await once(study, step, async () => {
        const signal = stopSignal(), folder = `${study.folder}/probes/use-${name}`;
        const model: Model = name === untrainedLine.model
          ? createBert(bertConfig(recipe), recipe.seed)
          : await trained(study, corpus, name as ModelName);
        const states = async (split: Split, most: number): Promise<Layered> => {
          const bars = drawBars(corpus, split, most, recipe);
          const pooling = removedFrom === "notes" ? "notes" : "bar";
          const wanted = { poolings: [pooling] as const, folder: `${folder}/${split}`, signal };
          const { layers, columns } = await embedLayers(model, corpus, bars, recipe, wanted);
          const table = { labels: bars.map(corpus.labels), songs: Int32Array.from(bars, corpus.song) };
          return { table, x: (layer) => readRows(layers[layer], columns) };
        };
        try {
          const train = await states("train", usedFitBars), validation = await states("validation", usedFitBars);
          const test = drawBars(corpus, "test", usedBars, recipe);
          const meter = progress({ label: `What ${name} uses`, total: test.length, unit: "bars" });
          const options = { signal, onDone: (done: number) => void meter.update(done) };
          const named = { model: name, seed: recipe.seed };
          const measured = await measureUse(model, named, corpus, { train, validation }, test, recipe, options);
          await meter.done();
          return measured;
        } finally {
          model.weights.dispose();
          await removeIfThere(folder);
        }
      }),
    );
  }
  return rows;
}
