/**
 * What the results say: skill by layer, selectivity, claims, and what changes between the two readings.
 * @module
 */
import type { HeatCell } from "../plots/charts.ts";
import { central } from "../metrics/intervals.ts";
import { type Task, tasks } from "../metrics/tasks.ts";
import { isOf, type Line, lineOf, type ProbeRow } from "../probing/rows.ts";
import { headlines, lowerIsBetter, type Protocol } from "../metrics/task_scores.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { layerTables, meanOverSeeds } from "./best_layer.ts";
import { bestTestRow, lastTestRow, lineName, scoreName, scoreText } from "./tables.ts";
import { type ClaimResult, type Evidence, judge, pairedDifference, twoSided } from "./verdicts.ts";

const headlineRows = (rows: readonly ProbeRow[], line: Line, task: Task, layer?: number) =>
  rows.filter((row) =>
    isOf(row, line) && row.task === task && row.metric === headlines.sound[task] && row.protocol === "sound" &&
    row.split === "test" && (layer === undefined || row.layer === layer)
  );

/**
 * The layer × task map of a model: each score as its share of the way from the guess without features (0) to a perfect
 * one (1), so that tasks can be compared. A star stands where the model beats the untrained encoder's same layer after
 * Holm's correction over models, layers and tasks. Sound protocol, test songs; layer 0 and undefined scores are left out.
 *
 * @param rows as `tableRows` gives them
 * @param guess the line that sees no features
 * @param stars as {@link gainsOver} gives them
 */
export function skillMap(
  rows: readonly ProbeRow[],
  line: Line,
  guess: Line,
  stars: ReadonlySet<string>,
): HeatCell[] {
  return tasks.flatMap((task) => {
    const [none] = headlineRows(rows, guess, task);
    const perfect = lowerIsBetter(headlines.sound[task]) ? 0 : 1;
    return headlineRows(rows, line, task).sort((a, b) => a.layer! - b.layer!).flatMap(({ layer, value }) => {
      const skill = (value - none?.value) / (perfect - none?.value);
      if (layer === null || layer === 0 || !Number.isFinite(skill)) return [];
      return [{ x: layer, y: task, value: skill, mark: stars.has(`${lineName(line)}/${layer}/${task}`) ? "*" : "" }];
    });
  });
}

/**
 * The cells `line/layer/task` (the line's name) where a model beats the untrained encoder's same layer: paired over the same resampled
 * test songs, two-sided, with Holm's correction over all `comparisons` together.
 *
 * @param rows as `tableRows` gives them, with their resamplings
 * @param untrained the untrained encoder's line
 * @param level chance of any false star (`probing.level`)
 */
export function gainsOver(
  rows: readonly ProbeRow[],
  lines: readonly Line[],
  untrained: Line,
  level: number,
): { stars: Set<string>; comparisons: number } {
  const names: string[] = [], evidence: Evidence[] = [];
  for (const line of lines) {
    for (const task of tasks) {
      for (const row of headlineRows(rows, line, task)) {
        const [base] = headlineRows(rows, untrained, task, row.layer ?? -1);
        if (!base || row.layer === null || row.layer === 0) continue;
        const { difference, resampled } = pairedDifference(row, base);
        const p = resampled ? twoSided(resampled) : 1;
        names.push(`${lineName(line)}/${row.layer}/${task}`);
        evidence.push({
          what: "",
          difference,
          low: null,
          high: null,
          p,
          adjusted: p,
          verdict: "undecided",
          paper: false,
        });
      }
    }
  }
  const held = judge(evidence, level).map(({ verdict }) => verdict === "held");
  return { stars: new Set(names.filter((_, i) => held[i])), comparisons: names.length };
}

const signed = (x: number, task: Task): string =>
  `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(task === "MV" || task === "MD" ? 2 : 3)}`;

/** `+0.021 [−0.004, +0.050]`: a paired difference, above 0 where a is better, with its 95% interval over test songs. */
function differenceText(a: ProbeRow | undefined, b: ProbeRow | undefined): string {
  if (!a || !b || !Number.isFinite(a.value) || !Number.isFinite(b.value)) return "–";
  const { difference, resampled } = pairedDifference(a, b), text = (x: number) => signed(x, a.task);
  if (!resampled) return text(difference);
  const { low, high } = central(resampled);
  return low === null || high === null ? text(difference) : `${text(difference)} [${text(low)},\u00a0${text(high)}]`;
}

/**
 * Each line's best layer less another line's best, by task: `+0.021 [−0.004, +0.050]`, above 0 where the first is
 * better (of errors too), with a 95% interval paired over the same resampled test songs. Best layers are chosen on
 * validation songs; a dash stands where either has no score.
 *
 * @param rows as `tableRows` gives them, with their resamplings
 * @param against the line to compare a line with, such as the untrained encoder's or the model's own control
 */
export function differenceTable(
  rows: readonly ProbeRow[],
  lines: readonly Line[],
  against: (line: Line) => Line,
): Record<string, string>[] {
  return lines.map((line) => ({
    model: lineName(line),
    ...Object.fromEntries(
      tasks.map((task) => {
        const own = bestTestRow(rows, line, task, "sound");
        const other = bestTestRow(rows, against(line), task, "sound");
        return [scoreName(task, "sound"), differenceText(own, other)];
      }),
    ),
  }));
}

/** What selectivity is measured in: the headline score, but R² of values, whose spread is another in the control task. */
const selective = (task: Task): string => task === "MV" || task === "MD" ? "r2" : headlines.sound[task];

/**
 * Selectivity (Hewitt and Liang 2019): at each model's best layer, the score less that of the control task at the same
 * layer, paired over test songs: near 0 where the probe merely learns bars by heart. The layer stands in brackets; MV and
 * MD are compared by R², as the control's values are spread otherwise. Song clustering (SC) has no control task.
 *
 * @param rows as `tableRows` gives them, with their resamplings
 */
export function selectivityTable(rows: readonly ProbeRow[], lines: readonly Line[]): Record<string, string>[] {
  return lines.map((line) => ({
    model: lineName(line),
    ...Object.fromEntries(
      tasks.filter((task) => task !== "SC").map((task) => {
        const layer = bestTestRow(rows, line, task, "sound")?.layer;
        const [own, control] = [line, { ...line, labels: "control" } as const].map((asked) =>
          rows.find((row) =>
            isOf(row, asked) && row.task === task && row.metric === selective(task) && row.protocol === "sound" &&
            row.split === "test" && row.layer === layer
          )
        );
        const name = selective(task) === "r2" ? `${task}: R² ↑` : scoreName(task, "sound");
        const text = differenceText(own, control);
        return [name, own ? text.replace(" [", ` (${layer}) [`) : text];
      }),
    ),
  }));
}

/**
 * Scores of the best layer (in brackets) by task when a bar's embedding is the state of its `Bar` token, the mean of its
 * notes' or the state of `<eob>`: a line for each model and pooling. Sound protocol, test songs.
 *
 * @param rows of all poolings, not yet through `tableRows`
 */
export function poolingTable(
  rows: readonly ProbeRow[],
  models: readonly string[],
  poolings: readonly string[],
): Record<string, string>[] {
  return models.flatMap((model) =>
    poolings.map((pooling) => {
      const own = meanOverSeeds(rows.filter((row) => row.pooling === pooling));
      const cells = tasks.map((task) => {
        const row = bestTestRow(own, lineOf(model), task, "sound");
        return [scoreName(task, "sound"), scoreText(row, row?.layer)];
      });
      return { model, pooling, ...Object.fromEntries(cells) };
    })
  );
}

const marks = { held: "held", not: "not", undecided: "undecided" } as const;

const short = (x: number): string => `${x < 0 ? "−" : "+"}${Math.abs(x).toPrecision(2)}`;

const evidenceText = ({ what, difference, low, high, adjusted }: Evidence): string =>
  low === null || high === null
    ? `${what}: no interval`
    : `${what}: ${short(difference)} [${short(low)},\u00a0${short(high)}], p ${adjusted.toPrecision(2)}`;

/**
 * The claims in both readings: verdict with how many comparisons held or not, the comparison that speaks most against
 * the claim, and (`paper`) with how many of them the paper's own numbers agree.
 *
 * @param sound as `judgeClaims` gives them
 * @param authors of the same claims in the same order
 */
export function claimTable(sound: readonly ClaimResult[], authors: readonly ClaimResult[]): Record<string, string>[] {
  return sound.map((result, i) => {
    const count = ({ evidence }: ClaimResult, verdict: string) =>
      evidence.filter((found) => found.verdict === verdict).length;
    const told = (of: ClaimResult) =>
      `${marks[of.verdict]} (${count(of, "held")} held, ${count(of, "not")} not, of ${of.evidence.length})`;
    const agreed = result.evidence.filter(({ paper }) => paper).length;
    return {
      claim: result.claim,
      sound: told(result),
      weakest: evidenceText(result.weakest),
      authors: told(authors[i]),
      weakestAuthors: evidenceText(authors[i].weakest),
      paper: `${agreed} of ${result.evidence.length}`,
    };
  });
}

/**
 * A warning for the reader where the resamplings are too few for any verdict: the least p they can give,
 * 2/(resamplings + 1), times the number of comparisons (Holm) is above the level. Empty where they are enough.
 */
export function resolutionNote(comparisons: number, { bootstraps, level }: Recipe["probing"]): string {
  const needed = Math.ceil(2 * comparisons / level);
  return bootstraps >= needed ? "" : (
    `With ${bootstraps} resamplings the least p is ${(2 / (bootstraps + 1)).toPrecision(2)}, and ${comparisons} ` +
    `comparisons at ${level} ask for ${needed}: nothing can be decided (recipe: \`probing.bootstraps\`).`
  );
}

const list = (items: readonly string[]): string => items.length > 0 ? items.join("; ") : "none";

/**
 * What changes between the two readings, as Markdown from the data: verdicts, the best model of each task, the best
 * layers, and the order of the models.
 *
 * @param rows as `tableRows` gives them
 */
export function readingChanges(
  rows: readonly ProbeRow[],
  models: readonly Line[],
  sound: readonly ClaimResult[],
  authors: readonly ClaimResult[],
): string {
  const count = (results: readonly ClaimResult[], verdict: string) =>
    results.filter((result) => result.verdict === verdict).length;
  const tally = (results: readonly ClaimResult[]) =>
    `${count(results, "held")} held, ${count(results, "not")} not, ${count(results, "undecided")} undecided`;
  const turned = sound.flatMap(({ claim, verdict }, i) =>
    verdict === authors[i].verdict ? [] : [`${claim} (authors: ${authors[i].verdict}, sound: ${verdict})`]
  );
  const bestOf = (task: Task, protocol: Protocol) => {
    const sign = lowerIsBetter(headlines[protocol][task]) ? -1 : 1;
    const found = models.flatMap((model) => bestTestRow(rows, model, task, protocol) ?? [])
      .filter(({ value }) => Number.isFinite(value));
    return found.sort((a, b) => sign * (b.value - a.value))[0];
  };
  const winners = tasks.flatMap((task) => {
    const [a, b] = [bestOf(task, "authors"), bestOf(task, "sound")];
    return a && b && a.model !== b.model ? [`${task} (authors: ${a.model}, sound: ${b.model})`] : [];
  });
  const own = rows.filter((row) => models.some((line) => isOf(row, line)));
  const bests = (protocol: Protocol, by: "validation" | "test") =>
    new Map(layerTables(own, { protocol, by }).map(({ model, task, best }) => [`${model}/${task}`, best.layer]));
  const [authorsLayers, soundLayers] = [bests("authors", "test"), bests("sound", "validation")];
  const cells = [...soundLayers.keys()].filter((cell) => authorsLayers.has(cell));
  const moves = cells.map((cell) => Math.abs(soundLayers.get(cell)! - authorsLayers.get(cell)!));
  const moved = moves.filter((move) => move > 0).length;
  const pairs = tasks.flatMap((task) =>
    models.flatMap((a, i) =>
      models.slice(i + 1).flatMap((b) => {
        const order = (["authors", "sound"] as const).map((protocol) => {
          const sign = lowerIsBetter(headlines[protocol][task]) ? -1 : 1;
          const value = (model: Line) => lastTestRow(rows, model, task, protocol)?.value ?? NaN;
          return Math.sign(sign * (value(a) - value(b)));
        });
        return order.some(Number.isNaN) ? [] : [order[0] !== order[1]];
      })
    )
  );
  const tempo = models.map((model) => {
    const [exact, accuracy] = (["authors", "sound"] as const).map((protocol) =>
      scoreText(lastTestRow(rows, model, "T", protocol)).replace(/ ?[[±].*/, "")
    );
    return `${lineName(model)} ${exact} → ${accuracy}`;
  });
  return [
    `- **Claims.** As the authors computed it: ${tally(authors)}. Soundly: ${
      tally(sound)
    }. Other verdicts in the two ` +
    `readings: ${list(turned)}.`,
    `- **Best models** (Table 3) that are others in the two readings: ${list(winners)}.`,
    `- **Best layers** are others in ${moved} of ${cells.length} cells of Table 3` +
    `${moved > 0 ? `, by up to ${Math.max(...moves)} layers` : ""}.`,
    `- **Order of the models** at the last layer: ${pairs.filter(Boolean).length} of ${pairs.length} pairs are the ` +
    `other way round.`,
    `- **Tempo** at the last layer, right in all 32 decisions → right by the largest: ${list(tempo)}.`,
  ].join("\n");
}
