/**
 * Results of parts of a study as those of the whole: of other models, other seeds, or other machines.
 * @module
 */
import { UserError } from "../../base/user_error.ts";
import { modelNames } from "../../bert/variants.ts";
import type { ProbeRow } from "../../probing/rows.ts";
import { recipeDifferences } from "../../recipe/recipe.ts";
import type { Results } from "./results.ts";

/** Results with the name that messages call them by, such as their folder. */
export type Part = { name: string; results: Results };

/** How far apart the scores of one baseline may be on two machines, whose sums and clusters differ in their last bits. */
const NEAR = 0.02;

/** What a part has of one model and seed: `BERT, seed 0`; baselines have no training. */
const unitOf = ({ model, seed }: { model: string; seed?: number }): string => `${model}, seed ${seed ?? 0}`;

/** Refuses parts whose recipes differ in more than the number of seeds, or whose songs do. */
function checkAlike([first, ...others]: readonly Part[]): void {
  for (const { name, results } of others) {
    const { recipe, corpus } = results, { seeds } = first.results.recipe.training;
    const same = { ...recipe, training: { ...recipe.training, seeds } };
    const different = recipeDifferences(first.results.recipe, same).map((line) =>
      line.replace(/ there, (.*) asked for$/, ` in ${first.name}, $1 in ${name}`)
    );
    if (corpus.checksum !== first.results.corpus.checksum) {
      different.push(`songs: ${first.results.corpus.source} in ${first.name}, ${corpus.source} in ${name}`);
    }
    if (different.length === 0) continue;
    throw new UserError(
      `Digest: expected parts of one study, which differ in their seeds and models alone, found:\n  ` +
        `${different.join("\n  ")}\nDigest them apart.`,
    );
  }
}

/** The steps of all trainings together: a part in which they went on has more of them. */
const lastSteps = ({ curves }: Results): number =>
  curves.reduce((sum, { training }) => sum + (training.step.at(-1) ?? 0), 0);

const isTraining = ({ input }: ProbeRow): boolean => input === "trained";

/** Whether two lists of rows of one model and seed say the same; of baselines, nearly the same. */
function sameRows(a: readonly ProbeRow[], b: readonly ProbeRow[]): boolean {
  const key = ({ value: _, low: __, high: ___, std: ____, alpha: _____, replicates: ______, ...place }: ProbeRow) =>
    JSON.stringify(Object.entries(place).sort());
  const others = new Map(b.map((row) => [key(row), row.value]));
  return a.length === b.length && a.every((row) => {
    const { value } = row, other = others.get(key(row));
    if (other === undefined) return false;
    if (isTraining(row)) return Object.is(value, other);
    return Object.is(value, other) || Math.abs(value - other) <= NEAR * Math.max(1, Math.abs(value));
  });
}

/** The values of all parts, each once by its name; the first part that has one gives it. */
function together<T>(parts: readonly Part[], of: (results: Results) => readonly T[], name: (value: T) => string): T[] {
  const found = new Map<string, T>();
  for (const { results } of parts) {
    for (const value of of(results)) if (!found.has(name(value))) found.set(name(value), value);
  }
  return [...found.values()];
}

/** Rows of all parts, model by model and seed by seed; those of a model and seed are one part's alone. */
function mergedRows(parts: readonly Part[]): ProbeRow[] {
  const found = new Map<string, { rows: ProbeRow[]; name: string }>();
  for (const { name, results } of parts) {
    for (const [unit, rows] of Map.groupBy(results.rows, unitOf)) {
      const before = found.get(unit);
      if (!before) found.set(unit, { rows, name });
      else if (!sameRows(before.rows, rows)) {
        throw new UserError(
          `Digest: expected ${unit} in one part, or with the same rows in each, found other rows in ${before.name} ` +
            `and in ${name}. Leave one of them out.`,
        );
      }
    }
  }
  return [...found.values()].flatMap(({ rows }) => rows);
}

/** Puts trainings in the order of the models, and of their seeds. */
const inOrder = <T extends { model: string; seed?: number }>(values: T[]): T[] => {
  const place = ({ model }: T) => (modelNames as readonly string[]).indexOf(model);
  return values.sort((a, b) => place(a) - place(b) || (a.seed ?? 0) - (b.seed ?? 0));
};

/**
 * One study's results from those of its parts.
 *
 * @throws {UserError} if their recipes differ in more than the number of seeds, or their songs do, naming what differs; or if
 * two parts have different rows or evaluations of the same model and seed, naming it
 */
export function mergeResults(parts: readonly Part[]): Results {
  checkAlike(parts);
  const [{ results: first }] = parts, seed = first.recipe.seed;
  const rows = mergedRows(parts), evaluations = together(parts, (one) => one.evaluations, unitOf);
  const longest = parts.toSorted((a, b) => lastSteps(b.results) - lastSteps(a.results));
  const curves = together(longest, (one) => one.curves, unitOf);
  for (const { name, results } of parts) {
    for (const { seconds: _, ...own } of results.evaluations) {
      const { seconds: __, ...taken } = evaluations.find((one) => unitOf(one) === unitOf(own))!;
      if (JSON.stringify(own) === JSON.stringify(taken)) continue;
      throw new UserError(
        `Digest: expected ${
          unitOf(own)
        } trained once, found another evaluation of it in ${name}. Leave one of them out.`,
      );
    }
  }
  const most = Math.max(seed, ...curves.map((one) => one.seed), ...evaluations.map((one) => one.seed ?? seed));
  const { training } = first.recipe;
  const widest = parts.map(({ results }) => results.layers).filter((layers) => layers !== null)
    .sort((a, b) => b.names.length - a.names.length)[0];
  const notes = [...new Set(parts.flatMap(({ results }) => results.notes ?? []))].join("\n\n");
  return {
    ...(notes && { notes }),
    recipe: { ...first.recipe, training: { ...training, seeds: Math.max(training.seeds, most - seed + 1) } },
    corpus: first.corpus,
    rows,
    evaluations: inOrder(evaluations),
    curves: inOrder(curves),
    layers: widest ?? null,
    mixes: together(parts, (one) => one.mixes, ({ tasks, ...mix }) => `${unitOf(mix)} ${tasks}`),
    retrieval: parts.map(({ results }) => results.retrieval).find((retrieval) => retrieval !== null) ?? null,
    jobs: together(parts, (one) => one.jobs, (job) => JSON.stringify(job))
      .sort((a, b) => a.finished < b.finished ? -1 : 1),
  };
}
