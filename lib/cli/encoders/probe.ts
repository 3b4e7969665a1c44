/**
 * `deno task probe`: every layer of any BERT over this vocabulary, and of models whose embeddings other programs wrote.
 * @module
 */
import { basename, dirname, resolve } from "node:path";
import { csvTextOf } from "../../base/csv.ts";
import { writableFolder } from "../../base/files.ts";
import { UserError } from "../../base/user_error.ts";
import { type Split, splits } from "../../corpus/split.ts";
import type { Corpus } from "../../corpus/store.ts";
import { baselineRows } from "../../probing/baselines.ts";
import { tokenCounts } from "../../probing/controls.ts";
import { embedLayers } from "../../probing/embed.ts";
import { alignEmbeddings, type GivenModel } from "../../probing/embeddings/align.ts";
import { openEmbeddings } from "../../probing/embeddings/embedding_file.ts";
import { handFeatures } from "../../probing/hand_features.ts";
import { checkLabels, labelTable, type OwnRow, parseLabels, probeOwn } from "../../probing/own_labels.ts";
import { type LayerJob, probeLayers } from "../../probing/probe_layers.ts";
import { writeResults } from "../../probing/results.ts";
import { handFeatureLine, type ProbeMeta, tokenCountLine } from "../../probing/rows.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { barsToProbe, featureJob, probeTables, stackedBars } from "../../study/probe_bars.ts";
import { callerFolder, readArguments, usageError } from "../arguments.ts";
import { meter } from "../meter.ts";
import type { Values } from "../options.ts";
import { probeConceptsTo } from "./concept_report.ts";
import { recipeOf, songsOrConcepts, withEncoder, withSongs } from "./opened.ts";
import { writeProbeTables } from "./probe_report.ts";

/** The arguments of `deno task probe`, their recipe, and the files of embeddings; a {@link UsageError} where wrong. */
export function probeOptions(
  args: readonly string[],
  cwd: string = callerFolder(),
): Values<"probe"> & { recipe: Recipe; files: string[] } {
  const { values, positionals } = readArguments("probe", args, cwd), { embeddings } = values;
  const refuse = (what: string) => usageError("probe", what);
  if (values["labels-are"] !== undefined && values.labels === undefined) {
    throw refuse("--labels-are: expected --labels as well, found none.");
  }
  if (embeddings === undefined && positionals.length > 0) {
    throw refuse(`expected --embeddings before files, found ${positionals.join(" ")} without it.`);
  }
  const files = embeddings === undefined ? [] : [embeddings, ...positionals.map((file) => resolve(cwd, file))];
  songsOrConcepts("probe", values);
  if (values.concepts && values.labels !== undefined) throw refuse("--labels: expected songs, found --concepts.");
  if (values.encoder === undefined && files.length === 0) {
    throw refuse("expected --encoder DIR or --embeddings FILE, found neither.");
  }
  return { ...values, recipe: recipeOf(values), files };
}

/** The text of a file of labels, which has their columns. */
async function labelsText(path: string): Promise<string> {
  try {
    const text = csvTextOf(await Deno.readFile(path), path);
    labelTable(text, path);
    return text;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path}: expected a CSV file of labels, found none to read: ${(error as Error).message}.`);
  }
}

/** Refuses songs that leave a split without bars. */
function checkSplits(data: string, corpus: Corpus, of: Record<Split, Int32Array>): void {
  const empty = splits.filter((split) => of[split].length === 0).join(" and ");
  if (empty === "") return;
  const found = `${corpus.songs.length} songs, none for ${empty}. Give more.`;
  throw new UserError(`${data}: expected songs to train, validate and test probes on, found ${found}`);
}

/** Probes every layer of an encoder, of files of embeddings, or of both side by side; returns the exit code. */
export async function probeCommand(args: string[], cwd?: string): Promise<number> {
  const asked = probeOptions(args, cwd), { encoder, out, pooling, recipe, labels, workers } = asked;
  await writableFolder(out);
  const replaced = /^(own|results)\.(csv|jsonl|parquet)$/;
  if (labels !== undefined && dirname(labels) === out && replaced.test(basename(labels))) {
    throw new UserError(`${labels}: expected labels that the results do not replace, found them in ${out}; move them.`);
  }
  const text = labels === undefined ? undefined : await labelsText(labels);
  const files = await Array.fromAsync(asked.files, openEmbeddings),
    own = encoder === undefined ? "" : basename(encoder);
  if (files.some(({ model }) => model === own)) {
    throw new UserError(
      `${own}: expected models with names of their own, found an encoder and a file. Rename the file.`,
    );
  }
  const { data } = asked;
  if (data === undefined) {
    return await withEncoder(asked, async (opened) => {
      console.log(await probeConceptsTo(out, { ...opened, name: own, pooling, files, recipe }));
    });
  }
  return await withSongs({ ...asked, data }, async ({ model, corpus, folder, signal }) => {
    const all = barsToProbe(corpus, recipe), file = labels ?? "", { memory } = recipe.probing;
    checkSplits(data, corpus, all);
    const given = files.length === 0
      ? { bars: all, models: [], notes: [] }
      : await alignEmbeddings(files, corpus, all, { folder, memory, signal, onProgress: meter("vectors") });
    for (const note of given.notes) console.log(note);
    const bars = stackedBars(corpus, recipe, given.bars), tables = probeTables(corpus, recipe, given.bars);
    const labelled = text === undefined ? undefined : parseLabels(text, file, corpus, asked["labels-are"]);
    const notes = labelled ? [`taken for ${labelled.why}`, ...checkLabels(labelled, file, bars.of, corpus)] : [];
    for (const note of notes) console.log(`${file}: ${note}`);
    const models: (GivenModel & { pooling: string })[] = given.models.map((one) => ({ ...one, pooling: "none" }));
    if (model) {
      const wanted = { poolings: [pooling], folder, signal, onProgress: meter("bars") };
      const { columns, layers } = await embedLayers(model, corpus, bars.all, recipe, wanted);
      models.unshift({ model: own, layers: layers.map((source, layer) => ({ layer, columns, source })), pooling });
    }
    const layers = models.flatMap(({ model, layers, pooling }) =>
      layers.map(({ layer, columns, source }) => {
        const form = layer === null ? "none" : "one";
        const meta: ProbeMeta = { model, input: "trained", seed: recipe.seed, layer, layers: form, pooling };
        return { meta, features: () => bars.cut(source, columns) };
      })
    );
    const baselines = ([[tokenCountLine, tokenCounts], [handFeatureLine, handFeatures]] as const).map(
      ([line, describe]) => featureJob(corpus, bars, line, describe, recipe, `${folder}/${line.model}.npy`),
    );
    const jobs = [...layers.map((job): LayerJob => ({ ...job, asked: { replicates: true } })), ...baselines];
    const rows = await probeLayers(jobs, tables, recipe, { workers, signal, onDone: meter("layers") });
    rows.push(...await baselineRows(tables, recipe));
    const ownRows: OwnRow[] = [];
    for (const { meta, features } of labelled ? layers : []) {
      signal.throwIfAborted();
      ownRows.push(...await probeOwn(features(), bars.of, corpus, labelled!, recipe, meta, basename(file)));
    }
    await writeResults(`${out}/results`, rows);
    if (labelled) await writeResults(`${out}/own`, ownRows);
    const table = await writeProbeTables(out, rows, models.map(({ model }) => model), given.notes, recipe);
    const beside = labelled ? "; own.csv beside" : "";
    console.log(`${table}\n${out}/results.csv: ${rows.length} scores of ${layers.length} layers${beside}`);
  });
}
