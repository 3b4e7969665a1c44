/**
 * The authors' protocol: one penalty, hard decisions, few bars a song, drawn several times (STUDY §11.2–11.8).
 * @module
 */
import { askClasses, askValues, type BarTable, type Task } from "../metrics/tasks.ts";
import { predictRows } from "../matrix/layer_ridge.ts";
import { readRows } from "../matrix/rows.ts";
import { fitLayer } from "./ridge_fits.ts";
import { type BarTables, type Collector, type Draw, type Drawn, drawnScores, type Labels, takeBars } from "./rows.ts";
import {
  classAnswers,
  classExtras,
  classScores,
  spreadDecisions,
  threshold,
  valueScores,
} from "../metrics/task_scores.ts";
import { addShuffled, clusterBars, clusterLabels, drawnEntropy } from "./song_clustering.ts";
import type { LayerFeatures } from "./probe.ts";
import type { Recipe } from "../recipe/recipe.ts";

/**
 * Adds the authors' rows of a layer for one set of labels: means over the draws, and each draw's. Songs are clustered
 * where the labels are true; a permuted SC is the last draw's bars dealt to songs at random.
 */
export async function authorsRows(
  { columns, train, test }: Pick<LayerFeatures, "columns" | "train" | "test">,
  tables: BarTables,
  labels: Labels,
  draws: Draw[] | undefined,
  recipe: Recipe,
  tasks: readonly Task[],
  collector: Collector,
): Promise<void> {
  const { drawnAlpha: alpha, chordThreshold } = recipe.probing;
  const all = (table: BarTable) => Int32Array.from(table.labels.keys());
  const found = new Map<Task, { drawn: Drawn[]; extras: Parameters<Collector["collectDrawn"]>[2] }>();
  const keep = (task: Task, drawn: Drawn, extras: Parameters<Collector["collectDrawn"]>[2]) => {
    const held = found.get(task);
    found.set(task, { drawn: [...held?.drawn ?? [], drawn], extras });
  };
  for (const draw of draws ?? [{ train: all(tables.train), test: all(tables.test) }]) {
    const fitOn = takeBars(tables.train, draw.train), scoreOn = takeBars(tables.test, draw.test);
    const x = readRows(train, columns, draw.train), z = readRows(test, columns, draw.test);
    const { scale, fitted: [{ classes, values }] } = await fitLayer(x, columns, [fitOn], tasks, [alpha]);
    for (const { task, fits, live } of classes) {
      const question = askClasses(scoreOn, task), answers = classAnswers(task, question, live);
      const [decisions] = await predictRows(fits, z, question.rows);
      const cut = threshold(task, chordThreshold);
      const scores = classScores(task, "authors", spreadDecisions(decisions, live, answers), answers, cut);
      const extras = { alpha, ...classExtras(task, "authors", answers, cut) };
      keep(task, drawnScores(question, scoreOn, scores), extras);
    }
    for (const { question: { task, name, metric }, fits } of values) {
      if (metric !== "rmse") continue; // durations in quarters are not theirs
      const question = askValues(scoreOn, name), [predicted] = await predictRows(fits, z, question.rows);
      const scores = valueScores("authors", metric, predicted, question);
      keep(task, drawnScores(question, scoreOn, scores), { alpha });
    }
    const last = draws === undefined || draw === draws.at(-1);
    if (tasks.includes("SC") && (labels === "true" || (labels === "permuted" && last))) {
      const clusters = await clusterBars(scale, x, recipe), { k } = clusters;
      const groups = await clusterLabels(clusters, scale, z);
      if (labels === "true") keep("SC", drawnEntropy(groups, scoreOn.songs, k), { k });
      else addShuffled(collector, "authors", groups, scoreOn.songs, k, recipe);
    }
    await new Promise((resolve) => setTimeout(resolve, 0)); // lets timers and messages through
  }
  for (const [task, { drawn, extras }] of found) collector.collectDrawn({ task, labels }, drawn, extras);
}
