/**
 * The authors' protocol: one penalty, hard decisions, few bars of each song, drawn several times (STUDY §11.2–11.8).
 * @module
 */
import { predictRows } from "../matrix/layer_ridge.ts";
import { readRows } from "../matrix/rows.ts";
import { scorer } from "../metrics/task_scores.ts";
import type { BarTable, Task } from "../metrics/tasks.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { fitLayer } from "./ridge_fits.ts";
import {
  type BarTables,
  type Collector,
  type Draw,
  type Drawn,
  drawnScores,
  type Labels,
  type LayerFeatures,
  takeBars,
} from "./rows.ts";
import { addShuffled, clusterBars, clusterLabels, drawnEntropy } from "./song_clustering.ts";

/** All bars of the tables as the one drawing, where there are no drawings. */
export const drawsOf = (tables: Pick<BarTables, "train" | "test">, draws: Draw[] | undefined): Draw[] => {
  const all = ({ labels }: BarTable) => Int32Array.from(labels.keys());
  return draws ?? [{ train: all(tables.train), test: all(tables.test) }];
};

/**
 * Adds the authors' rows of a layer for one set of labels: means over the draws, and each draw's. Songs are clustered
 * where the labels are true; a permuted SC is the last draw's bars dealt to songs at random.
 */
export async function authorsRows(
  { columns, train, test }: Omit<LayerFeatures, "validation">,
  tables: BarTables,
  labels: Labels,
  draws: Draw[] | undefined,
  recipe: Recipe,
  tasks: readonly Task[],
  collector: Collector,
): Promise<void> {
  const { drawnAlpha: alpha, chordThreshold } = recipe.probing, all = drawsOf(tables, draws);
  const scored = new Map<Task, { drawn: Drawn[]; extras: Parameters<Collector["collectDrawn"]>[2] }>();
  const keep = (task: Task, drawn: Drawn, extras: Parameters<Collector["collectDrawn"]>[2]) =>
    scored.set(task, { drawn: [...scored.get(task)?.drawn ?? [], drawn], extras });
  for (const draw of all) {
    const fitOn = takeBars(tables.train, draw.train), scoreOn = takeBars(tables.test, draw.test);
    const x = readRows(train, columns, draw.train), z = readRows(test, columns, draw.test);
    const { scale, fitted: [fitted] } = await fitLayer(x, columns, [fitOn], tasks, [alpha]);
    for (const { question, live, fits } of fitted) {
      if (question.name === "meanDurationQuarters") continue; // not the authors'
      const score = scorer(scoreOn, question, live, chordThreshold);
      const [predicted] = await predictRows(fits, z, score.rows);
      keep(question.task, drawnScores(score, scoreOn, predicted), { alpha, ...score.extras("authors") });
    }
    if (tasks.includes("SC") && (labels === "true" || (labels === "permuted" && draw === all.at(-1)))) {
      const clusters = await clusterBars(scale, x, recipe), { k } = clusters;
      const groups = await clusterLabels(clusters, scale, z);
      if (labels === "true") keep("SC", drawnEntropy(groups, scoreOn.songs, k), { k });
      else addShuffled(collector, "authors", groups, scoreOn.songs, k, recipe);
    }
    await new Promise((resolve) => setTimeout(resolve, 0)); // lets timers and messages through
  }
  for (const [task, { drawn, extras }] of scored) collector.collectDrawn({ task, labels }, drawn, extras);
}
