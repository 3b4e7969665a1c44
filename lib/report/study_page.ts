/**
 * A study as one page for readers, made from its results alone: no notebooks, no weights, no songs.
 * @module
 */
import { clock } from "../base/clock.ts";
import { modelNames } from "../bert/variants.ts";
import { kindTable, mlmColumns, seedsText, table1, table1Headings } from "../findings/accuracy_tables.ts";
import { differenceTable, selectivityTable } from "../findings/difference_tables.ts";
import { scoreTable } from "../findings/score_tables.ts";
import { gainsOver, skillMap, starNote } from "../findings/skill_map.ts";
import {
  chanceNote,
  comparedLines,
  intervalNote,
  modelLines,
  seedsOf,
  type TableRow,
  tableRows,
} from "../findings/table_rows.ts";
import { abstractParagraphs } from "../findings/words/abstract.ts";
import { neededFor, neededRows } from "../findings/words/needed.ts";
import { seedTable } from "../findings/words/seed_table.ts";
import { settledOf } from "../findings/words/settled.ts";
import { escapeHtml, type TableOptions, tableText } from "../notebook/table.ts";
import { heatMap } from "../plots/charts.ts";
import { learningCurves } from "../plots/figures.ts";
import { plotHtml } from "../plots/live.ts";
import type { Spec } from "../plots/theme.ts";
import { handFeatureLine, lineOf, linesIn, majorityLine, tokenCountLine, untrainedLine } from "../probing/rows.ts";
import { curvePoints, measures } from "../study/results/curves.ts";
import { factsOf } from "../study/results/facts.ts";
import { type JobStamp, layerCells, type Results } from "../study/results/results.ts";
import { presetChanges } from "../study/study.ts";
import { frontSections } from "./front.ts";
import { reportPage, type Section } from "./page.ts";

const tableHtml = (rows: readonly object[], options: TableOptions): string =>
  rows.length === 0 ? "" : `<div class="output">${tableText(rows, options).html}</div>`;

const paragraph = (text: string): string => `<p>${escapeHtml(text)}</p>`;

/** Sections in the making; plots get names of their own. */
function sectionsOf() {
  const sections: Section[] = [];
  let plots = 0;
  return {
    sections,
    plot: (spec: Spec): Promise<string> => plotHtml(spec, `study-${plots++}`),
    add(id: string, title: string, ...parts: string[]): void {
      if (parts.some((part) => part !== "")) sections.push({ title, id, html: parts.join("\n") });
    },
  };
}

type Facts = ReturnType<typeof factsOf>;

/** Tables 1, 2 and 3 in both readings, but for the one that {@link frontSections} shows. */
function tablesHtml({ recipe, evaluations, corpus }: Results, rows: readonly TableRow[]): string[] {
  const controls = (["permuted", "control"] as const).map((labels) => lineOf("BERT", { labels }));
  const lines = linesIn(rows, [...comparedLines, ...controls]);
  const over = intervalNote(rows, lines), drawn = `mean ± population std over ${recipe.probing.draws} drawings of bars`;
  const guesses = { "most common": { ...corpus.guess, songs: [] } };
  const trained = [
    tableHtml(table1(evaluations), {
      caption: `Table 1: accuracies in training and validation, ${seedsText(evaluations)}; ` +
        "NT-Xent among bars of other songs, and among bars in the songs' order",
      columns: table1Headings,
      decimals: 3,
    }),
    tableHtml(kindTable({ ...guesses, ...mlmColumns(evaluations) }), {
      caption: "Accuracy of masked tokens on validation songs, by kind",
      decimals: 3,
    }),
  ];
  if (rows.length === 0) return evaluations.length === 0 ? [] : trained;
  const probed = [
    tableHtml(scoreTable(rows, lines, "sound", "last"), {
      caption: `Table 2, sound protocol: the last layer; ${over}`,
    }),
    tableHtml(scoreTable(rows, lines, "authors", "last"), {
      caption: `Table 2, authors' protocol: the last layer, ${drawn}`,
    }),
    tableHtml(scoreTable(rows, lines, "authors", "best"), {
      caption: "Table 3, authors' protocol: the best layer of the last drawing, chosen on its test songs",
    }),
  ];
  return [...(evaluations.length > 0 ? trained : []), ...probed];
}

/** What training gave over encoders before it, counts of tokens and hand-made features. */
async function gainsHtml(
  { recipe }: Results,
  rows: readonly TableRow[],
  plot: (spec: Spec) => Promise<string>,
): Promise<string[]> {
  const { level, seedSpread } = recipe.probing, lines = linesIn(rows, modelLines);
  const bases = [
    [untrainedLine, "the untrained encoder's"],
    [tokenCountLine, "the token counts"],
    [handFeatureLine, "the hand-made features"],
  ] as const;
  if (lines.length === 0) return [];
  const tables = bases.filter(([line]) => linesIn(rows, [line]).length > 0).map(([line, name]) =>
    tableHtml(differenceTable(rows, lines, () => line, seedSpread), {
      caption:
        `Best layer minus ${name}; ${intervalNote(rows, line === untrainedLine ? [...lines, line] : lines)}, of ` +
        "each difference alone; above 0 is better",
    })
  );
  const gains = gainsOver(rows, lines, untrainedLine, level), mapped = [...lines, untrainedLine];
  const cells = mapped.flatMap((line) => skillMap(rows, line, majorityLine, gains.stars));
  const map = cells.length === 0 ? "" : await plot(heatMap(cells, {
    title: "Layer by task",
    read: "Each score as its share of the way from the guess without features (0) to a perfect score (1). " +
      starNote(gains, level, chanceNote(rows, mapped)).replaceAll("\\*", "*"),
    x: "layer",
    domain: [0, 1],
  }));
  const selective = tableHtml(selectivityTable(rows, linesIn(rows, mapped)), {
    caption: "Selectivity: best layer minus the control task at the same layer, of the first seed",
  });
  return [...tables, map, selective];
}

/** What undecided claims would need. */
function neededHtml({ recipe }: Results, rows: readonly TableRow[], { sound }: Facts): string[] {
  const songs = rows.find(({ split, protocol }) => split === "test" && protocol === "sound")?.songs ?? 0;
  const seeds = Math.max(0, ...modelLines.map((line) => seedsOf(rows, line)));
  const needed = neededRows(neededFor(sound, recipe.probing));
  if (needed.length === 0) return [];
  const note =
    `What an undecided claim would need to be decided, were every difference what it is: so many seeds with ` +
    `${songs} test songs, or so many songs with ${seeds} seed${seeds === 1 ? "" : "s"} (of validation for MLM, of ` +
    "batches for NT-Xent). A dash: no thousand seeds, or million songs, would do, or their spread is not known.";
  return [paragraph(note), tableHtml(needed, {})];
}

async function curvesHtml({ curves, corpus }: Results, plot: (spec: Spec) => Promise<string>): Promise<string[]> {
  if (curves.length === 0) return [];
  const baselines = [{
    ...{ measure: measures.accuracy, value: corpus.guess.accuracy, series: "most common of its kind" },
  }];
  const title = "Masked tokens of validation songs", order = modelNames;
  const read = "Thick lines are means over seeds, thin ones single seeds.";
  const contrast = curvePoints(curves, "training").filter(({ measure }) => measure === measures.contrast);
  const plots = [
    learningCurves(curvePoints(curves, "validation"), { title, read, order, baselines }),
    learningCurves(curvePoints(curves, "validation", "seconds"), { title, order, baselines, x: "minutes" }),
    ...(contrast.length > 0 ? [learningCurves(contrast, { title: "NT-Xent in training", order })] : []),
  ];
  return await Array.fromAsync(plots, plot);
}

/** How alike layers are, what nearest bars share, and how layers are weighted in mixes of all. */
async function layersHtml(
  { layers, retrieval, recipe }: Results,
  rows: readonly TableRow[],
  plot: (spec: Spec) => Promise<string>,
): Promise<string[]> {
  const parts: string[] = [];
  if (layers) {
    const across = layers.names.length, side = Math.min(900, 26 * across);
    parts.push(
      await plot(heatMap(layerCells(layers), {
        title: `Linear CKA of layers on ${layers.bars} test bars`,
        read: "1 if two layers differ only by a rotation and a scale. Models of the first seed.",
        numbers: across <= 12,
        domain: [0, 1],
        ...{ width: side, height: side },
      })),
    );
  }
  const weighted = linesIn(rows, modelLines.map((line) => ({ ...line, layers: "weighted" as const })));
  if (recipe.probing.layerMix !== "none" && weighted.length > 0) {
    parts.push(tableHtml(differenceTable(rows, weighted, ({ model }) => lineOf(model)), {
      caption: `All layers, weighted by what each gains over the guess on validation songs, minus the best layer; ${
        intervalNote(rows, weighted.map(({ model }) => lineOf(model)))
      }`,
    }));
  }
  if (retrieval) {
    parts.push(tableHtml(retrieval.rows, {
      caption:
        `What a bar and its nearest neighbor of another song have in common, by the last layer of the first seed: ` +
        `means over ${retrieval.bars} bars`,
      decimals: 3,
    }));
  }
  return parts;
}

const kindOf = (job: string): string => /^(corpus|train|evaluate|probe|notebook)/.exec(job)?.[1] ?? "the rest";

/** The machine and engine of a job in words; nothing where it was not recorded. */
function placeOf({ machine, engine, threads }: JobStamp): { machine: string; engine: string; threads: string } {
  const count = threads?.length ? threads.join(", ") : machine?.threads ?? "";
  return {
    machine: machine ? `${machine.cores} × ${machine.processor}, ${machine.system ?? ""}`.replace(/, $/, "") : "–",
    engine: engine ? `${engine.engine} on ${engine.device ?? "?"} in ${engine.precision ?? "float32"}` : "–",
    threads: String(count === "" ? "–" : count),
  };
}

/** Jobs by kind and place: how many, and how long they took. */
export function jobRows(jobs: readonly JobStamp[]): Record<string, string | number>[] {
  const groups = Map.groupBy(jobs, (job) => JSON.stringify({ kind: kindOf(job.job), ...placeOf(job) }));
  return Array.from(groups, ([key, own]) => ({
    ...JSON.parse(key),
    jobs: own.length,
    time: clock(own.reduce((sum, { seconds }) => sum + seconds, 0)),
  }));
}

const minute = (date: string): string => `${date.slice(0, 16).replace("T", " ")} UTC`;

/** How the results came about, as names and values. */
export function resultsStamp({ recipe, corpus, jobs, evaluations }: Results): Record<string, string> {
  const { songs, kept, tokens } = corpus.summary, seconds = jobs.reduce((sum, job) => sum + job.seconds, 0);
  const places = (of: keyof ReturnType<typeof placeOf>) =>
    [...new Set(jobs.map((job) => placeOf(job)[of]))].filter((place) => place !== "–").join("; ") || "not recorded";
  const seeds = [...new Set(evaluations.map(({ seed = recipe.seed }) => seed))].sort((a, b) => a - b);
  return {
    preset: recipe.preset,
    scale: recipe.scale,
    songs: `${corpus.source} (${songs} songs, ${kept} bars, ${(tokens / 1e6).toFixed(1)} million tokens)`,
    "seeds of training": seeds.join(", ") || "none yet",
    "changed from the preset": presetChanges(recipe).join(", ") || "nothing",
    "corpus, SHA-256": corpus.checksum,
    ...(jobs.length > 0 ? { started: minute(jobs[0].finished), ended: minute(jobs.at(-1)!.finished) } : {}),
    "time of all jobs": clock(seconds),
    machines: places("machine"),
    "engines of training": places("engine"),
    "threads of a job": places("threads"),
    commits: [...new Set(jobs.flatMap(({ machine }) => machine?.commit ?? []))].join(", ") || "not recorded",
  };
}

/** The sections of a study's page: a report's first ones, and all tables, figures and answers that its results give. */
export async function studySections(results: Results): Promise<Section[]> {
  const { recipe, evaluations } = results, rows = tableRows(results.rows, recipe.probing.poolings[0]);
  const facts = factsOf(results), isProbed = rows.length > 0, { add, plot, sections } = sectionsOf();
  const front = await frontSections(results, isProbed ? abstractParagraphs(facts) : [], facts);
  if (isProbed) {
    const settled = settledOf({ rows, evaluations, sound: facts.sound, authors: facts.authors });
    const answers: string[] = [];
    for (const { question, text, plot: spec } of settled) {
      answers.push(`<h3>${escapeHtml(question)}</h3>`, paragraph(text), await plot(spec));
    }
    add("settled", "Questions that the paper's numbers leave open", ...answers);
    add("gains", "What training gave", ...await gainsHtml(results, rows, plot));
    add(
      "seeds",
      "What differs between seeds",
      tableHtml(seedTable(rows, modelLines), {
        caption: "Best layers' scores with every seed, in their order; sound protocol, test songs",
      }),
    );
  }
  add("tables", "Tables 1 to 3: the others", ...tablesHtml(results, rows));
  add("curves", "Learning curves", ...await curvesHtml(results, plot));
  add("similar", "Layers and neighbors", ...await layersHtml(results, rows, plot));
  add(
    "jobs",
    "Jobs and machines",
    ...(results.notes ?? "").split("\n\n").filter((note) => note !== "").map(paragraph),
    tableHtml(jobRows(results.jobs), {
      columns: { kind: "job", jobs: "jobs", time: "time", threads: "threads", engine: "engine", machine: "machine" },
    }),
  );
  const methods = front.findIndex(({ id }) => id === "methods"), claimed = front.findIndex(({ id }) => id === "claims");
  const open = sectionsOf();
  if (isProbed) open.add("needed", "What the open claims need", ...neededHtml(results, rows, facts));
  return [
    ...front.slice(0, claimed + 1),
    ...open.sections,
    ...front.slice(claimed + 1, methods),
    ...sections,
    ...front.slice(methods),
  ];
}

/** A study's page, from its results alone; throws an Error if it would not open offline. */
export const studyPage = async (results: Results): Promise<string> =>
  await reportPage({ front: await studySections(results), chapters: [], stamp: resultsStamp(results) });
