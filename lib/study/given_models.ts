/**
 * Models that other programs embedded a run's bars by, probed beside the run's own.
 * @module
 */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { modelNames } from "../bert/variants.ts";
import { exists } from "../base/files.ts";
import { projectRoot } from "../base/project.ts";
import { UserError } from "../base/user_error.ts";
import type { Corpus } from "../corpus/store.ts";
import { progress, stopSignal } from "../notebook/notebook.ts";
import { alignEmbeddings, type EmbeddingFile } from "../probing/embeddings/align.ts";
import { openEmbeddings } from "../probing/embeddings/embedding_file.ts";
import { type LayerJob, probeLayers } from "../probing/probe_layers.ts";
import {
  handFeatureLine,
  type Line,
  lineOf,
  majorityLine,
  type ProbeRow,
  tokenCountLine,
  untrainedLine,
} from "../probing/rows.ts";
import { probeStep } from "./jobs/steps.ts";
import { barsToProbe, probeTables, stackedBars } from "./probe_bars.ts";
import { openParts, partsFolder } from "./probing_parts.ts";
import { probedOnce, writeComparedBars } from "./probing_steps.ts";
import type { Study } from "./study.ts";

/** Rows of given models, their lines, those whose layers can be compared with others', and what to say of each file. */
export type GivenModels = { rows: ProbeRow[]; lines: Line[]; compared: string[]; notes: string[] };

/** Names that a run's own lines have. */
const taken = [
  ...modelNames,
  ...[untrainedLine, tokenCountLine, handFeatureLine, majorityLine].map(({ model }) => model),
];

/** SHA-256 of a file of embeddings, and of the table beside it if it has one, a piece at a time. */
export function givenChecksum(file: string): string {
  const hash = createHash("sha256"), buffer = new Uint8Array(2 ** 20), table = file.replace(/\.\w+$/, ".csv");
  for (const path of [file, ...exists(table) ? [table] : []]) {
    const fd = openSync(path, "r");
    try {
      for (let count; (count = readSync(fd, buffer)) > 0;) hash.update(buffer.subarray(0, count));
    } finally {
      closeSync(fd);
    }
  }
  return hash.digest("hex");
}

/** Opens a file of embeddings; a {@link UserError} if it cannot be read, or its model has the name of another one. */
export async function openGiven(path: string, others: readonly Line[]): Promise<EmbeddingFile> {
  const file = await openEmbeddings(path), { model } = file;
  if (![...taken, "guesses"].includes(model) && others.every((line) => line.model !== model)) return file;
  throw new UserError(`${path}: expected a name that no model of the run has, found ${model}. Rename the file.`);
}

/**
 * The files that a variable of the environment or a notebook's parameter names, parted by commas; paths are the
 * project's.
 */
export function embeddingFiles(parameter: string, variable: "EMBEDDINGS" | "CONCEPTS" = "EMBEDDINGS"): string[] {
  const names = (Deno.env.get(variable) || parameter).split(",").map((name) => name.trim());
  return names.filter((name) => name !== "").map((name) => name.startsWith("/") ? name : `${projectRoot}/${name}`);
}

/**
 * Probes the models of files of embeddings in a run, each once for the same file, on the bars that the run's own models
 * are probed on, as far as the file has them. If it has all, its layers can be compared with the others'.
 *
 * @throws {UserError} if a file cannot be read, or its model has the name of one of the run's
 */
export async function probeGiven(study: Study, corpus: Corpus, files: readonly string[]): Promise<GivenModels> {
  const given: GivenModels = { rows: [], lines: [], compared: [], notes: [] };
  for (const path of files) {
    const file = await openGiven(path, given.lines), { model } = file, { recipe } = study;
    const own = probeStep(study, model), step = { ...own, inputs: { ...own.inputs, checksum: givenChecksum(path) } };
    const folder = partsFolder(study, model);
    const work = async () => {
      const signal = stopSignal(), wanted = barsToProbe(corpus, recipe), { memory } = recipe.probing;
      const keeper = (await openParts(folder, study.key(step.inputs)))("layer");
      const { bars: of, models: [{ layers }], notes } = await alignEmbeddings([file], corpus, wanted, {
        ...{ folder, memory, signal },
      });
      const bars = stackedBars(corpus, recipe, of), tables = probeTables(corpus, recipe, of);
      const isWhole = bars.all.length === stackedBars(corpus, recipe).all.length;
      if (isWhole) await writeComparedBars(study, model, layers, bars);
      const jobs = layers.map(({ layer, columns, source }): LayerJob => {
        const form = layer === null ? "none" : "one";
        const meta = { model, input: "trained", seed: recipe.seed, layer, layers: form, pooling: "none" } as const;
        return { meta, features: () => bars.cut(source, columns), asked: { replicates: true } };
      });
      const meter = progress({ label: `Probing ${model}`, total: jobs.length, unit: "layers" });
      const onDone = (done: number) => void meter.update(done);
      const rows = await probeLayers(jobs, tables, recipe, { signal, onDone, keeper });
      await meter.done();
      return { rows, mixes: [], notes, isWhole };
    };
    const { rows, info } = await probedOnce(study, model, work, step);
    const line = lineOf(model, rows.some(({ layer }) => layer !== null) ? {} : { layers: "none" });
    given.rows.push(...rows);
    given.lines.push(line);
    given.notes.push(...info.notes);
    if (info.isWhole && line.layers === "one") given.compared.push(model);
  }
  return given;
}
