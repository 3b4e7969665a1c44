/**
 * A study's abstract, written from its numbers: what was asked, on what, and what came out.
 * @module
 */
import type { Evaluation } from "../../training/evaluation.ts";
import { type Task, tasks } from "../../metrics/tasks.ts";
import {
  handFeatureLine,
  isOf,
  type Line,
  lineOf,
  type ProbeRow,
  tokenCountLine,
  untrainedLine,
} from "../../probing/rows.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { bestTestRow } from "../best_layer.ts";
import { paperModels } from "../paper.ts";
import { type Gain, gainsAgainst } from "../gains.ts";
import type { Judged } from "../significance.ts";
import { seedsOf, type TableRow, tableRows } from "../table_rows.ts";
import type { ClaimResult } from "../verdicts.ts";
import { differenceText, listText, taskNames } from "../wording.ts";

/**
 * What an abstract is written from; `tokens` are those of first views that the longest of the trainings saw, `guess` is the
 * accuracy of the most common token of each kind on the models' masked tokens.
 */
export type AbstractFacts = {
  recipe: Recipe;
  rows: readonly ProbeRow[];
  evaluations: readonly Evaluation[];
  sound: readonly ClaimResult[];
  authors: readonly ClaimResult[];
  songs: Record<"train" | "validation" | "test", number>;
  tokens: number;
  guess: number;
};

const count = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;

const tokensText = (tokens: number): string =>
  tokens >= 1e6 ? `${(tokens / 1e6).toPrecision(3)} million tokens` : count(tokens, "token");

const numbers = [
  "none",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
  "thirteen",
  "fourteen",
];
const inWords = (number: number): string => numbers[number] ?? String(number);

/** A sentence's first letter as a capital, and the number that it may begin with in words. */
const opened = (sentence: string): string =>
  sentence.replace(/^\d+(?= )/, (digits) => inWords(Number(digits))).replace(/^./, (letter) => letter.toUpperCase());

const named = (results: readonly ClaimResult[], verdict: ClaimResult["verdict"]): string[] =>
  results.flatMap((result) => result.verdict === verdict ? [result.claim] : []);

/** How a sentence says of claims that they came out so; none if there is none. */
const saysOf = (claims: readonly string[], how: string): string[] =>
  claims.length === 0 ? [] : [`${how}: ${claims.join("; ")}.`];

/** A comparison with a baseline in a sentence: how often it was passed, and where most clearly, in its own interval's widths. */
function gainText(compared: readonly Judged<Gain>[], than: string): string[] {
  if (compared.length === 0) return [];
  const of = (verdict: string) => compared.filter((one) => one.verdict === verdict),
    clear = (one: Gain) =>
      one.low === null || one.high === null || one.high === one.low ? 0 : one.difference / (one.high - one.low);
  const shown = ({ model, task, ...difference }: Gain) =>
    `${model} at ${taskNames[task].toLowerCase()}, ${differenceText(difference, task)}`;
  const won = of("held").toSorted((a, b) => clear(b) - clear(a)),
    lost = of("not").toSorted((a, b) => clear(a) - clear(b));
  const most = won.length > 0 ? ` (most clearly ${shown(won[0])})` : "";
  const least = lost.length > 0 ? ` (most clearly ${shown(lost[0])})` : "";
  return [
    `Against ${than}, the best layers are surely better in ${won.length} of ${compared.length} cells of models and ` +
    `tasks${most}, surely worse in ${lost.length}${least}, and neither in ${of("undecided").length}.`,
  ];
}

/** Where the best layers lie, as shares of the depth, by task. */
function layerText(rows: readonly TableRow[], models: readonly Line[], depth: number): string[] {
  const places = tasks.flatMap((task): { task: Task; layers: number[] }[] => {
    const layers = models.flatMap((line) => bestTestRow(rows, line, task, "sound")?.layer ?? []);
    return layers.length > 0 ? [{ task, layers }] : [];
  });
  if (places.length === 0) return [];
  const mean = ({ layers }: { layers: number[] }) => layers.reduce((sum, layer) => sum + layer / layers.length, 0);
  const sorted = places.toSorted((a, b) => mean(a) - mean(b)), [first, last] = [sorted[0], sorted.at(-1)!];
  const text = ({ task, layers }: typeof first) =>
    `${taskNames[task].toLowerCase()} (layer${layers.length === 1 ? "" : "s"} ${listText(layers.map(String))})`;
  return [`Of ${depth} layers, the best ones lie lowest for ${text(first)} and highest for ${text(last)}.`];
}

/** What differs between seeds: the median deviation of a model's best-layer scores, in half-widths of the songs' interval. */
function seedText(rows: readonly TableRow[], models: readonly Line[]): string[] {
  const shares = models.flatMap((line) =>
    tasks.flatMap((task) => {
      const row = bestTestRow(rows, line, task, "sound");
      const values = row ? Array.from(row.bySeed.values(), ({ value }) => value) : [];
      const replicates = row?.bySeed.values().next().value?.replicates ?? [];
      if (values.length < 2 || replicates.length < 2) return [];
      const deviation = (all: ArrayLike<number>) => {
        const known = Array.from(all), centre = known.reduce((sum, value) => sum + value / known.length, 0);
        return Math.sqrt(known.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (known.length - 1));
      };
      const songs = deviation(replicates);
      return songs > 0 ? [deviation(values) / songs] : [];
    })
  ).sort((a, b) => a - b);
  if (shares.length === 0) return [];
  const median = shares[Math.floor(shares.length / 2)];
  return [
    `Trainings that differ in their seed alone differ by ${
      median.toFixed(1)
    } times the standard error that the choice ` +
    `of test songs has (the median of ${shares.length} cells).`,
  ];
}

/** How many masked tokens the models guess, in a sentence. */
function trainingText(evaluations: readonly Evaluation[], guess: number): string[] {
  const accuracies = evaluations.map(({ mlm }) => mlm.validation.accuracy);
  if (accuracies.length === 0) return [];
  const [low, high] = [Math.min(...accuracies), Math.max(...accuracies)].map((one) => one.toFixed(3));
  return [
    `${accuracies.length === 1 ? "It guesses" : "They guess"} ${
      low === high ? low : `${low} to ${high}`
    } of the masked tokens of validation songs; the most common ` +
    `token of each kind gets ${guess.toFixed(3)}.`,
  ];
}

/** `two held, one did not, eleven are undecided`. */
function tallyText(results: readonly ClaimResult[]): string {
  const [held, not, open] = (["held", "not", "undecided"] as const).map((verdict) => named(results, verdict).length);
  return `${inWords(held)} held, ${inWords(not)} did not, ${inWords(open)} ${open === 1 ? "is" : "are"} undecided`;
}

/** What was trained on what, and how it is tested. */
function studyText(
  { recipe, songs, tokens }: AbstractFacts,
  rows: readonly TableRow[],
  seeds: readonly number[],
): string {
  const { train, validation, test } = songs, { layers, hidden } = recipe.model;
  const [least, most] = [Math.min(...seeds), Math.max(...seeds)];
  const luck = seeds.length === 0
    ? ""
    : least < most
    ? `, with ${least} to ${most} seeds of training`
    : `, with ${count(most, "seed")} of training${most === 1 ? ", whose luck is left out" : ""}`;
  const tested = rows.find(({ split, protocol, task }) => split === "test" && protocol === "sound" && task === "T");
  const probed = tested
    ? ` Probes are scored on ${count(tested.rows, "bar")} of ${count(tested.songs, "test song")}.`
    : "";
  const encoders = seeds.length || paperModels.length, [were, each] = encoders === 1 ? ["was", ""] : ["were", " each"];
  return `${opened(count(encoders, "encoder"))} of ${layers} layers of width ${hidden} ${were} trained on ` +
    `${count(train, "song")} (validated on ${validation}, tested on ${test}), on ${
      tokensText(tokens)
    }${each}${luck}.${probed}`;
}

/**
 * The abstract's sentences, at most about ten, in paragraphs: what was asked, on what, the claims, what training gave, layers
 * and seeds, and what the numbers do not say. Each says what they carry and no more; what is missing is left out.
 */
function paragraphs(facts: AbstractFacts): string[][] {
  const { recipe, evaluations, sound, authors, songs, guess } = facts, { model, probing } = recipe;
  const rows = tableRows(facts.rows, probing.poolings[0]);
  const models = paperModels.map((name) => lineOf(name)).filter((line) => rows.some((row) => isOf(row, line)));
  const seeds = models.map((line) => seedsOf(rows, line)), open = named(sound, "undecided").length;
  const leftBy = `${count(Math.max(1, ...seeds), "seed")} and ${count(songs.test, "test song")}`;
  const gains = [
    [untrainedLine, "the encoder before training"],
    [tokenCountLine, "a count of the bar's tokens"],
    [handFeatureLine, "hand-made features"],
  ] as const;
  const asked =
    "Han, Ihm and Lim (2023) trained BERT and three contrastive variants of it on single bars of MIDI songs, " +
    "and asked what each layer knows of chords, groove, instruments, tempo, dynamics and songs. " +
    opened(`${sound.length} directional claims of its text are tested here again.`);
  const verdicts =
    `Of the ${sound.length} claims, ${tallyText(sound)} under the sound protocol; computed as the authors ` +
    `did, ${tallyText(authors)}. Any of a protocol's verdicts is false with a chance of at most ${probing.level}.`;
  const smaller =
    "The paper's models are larger (12 layers of width 768) and saw about ten million bars; these numbers " +
    `speak of ${model.layers} layers of width ${model.hidden}.`;
  return [
    [asked],
    [studyText(facts, rows, seeds), ...trainingText(evaluations, guess)],
    [
      verdicts,
      ...saysOf(named(sound, "held"), "Held"),
      ...saysOf(named(sound, "not"), "The other way round"),
    ],
    gains.flatMap(([line, than]) => gainText(gainsAgainst(rows, models, line, probing), than)),
    [...layerText(rows, models, model.layers), ...seedText(rows, models)],
    [
      ...(open > 0 ? [`An undecided claim is not refuted: ${leftBy} leave it open.`] : []),
      ...(model.layers < 12 || model.hidden < 768 ? [smaller] : []),
    ],
  ].filter((sentences) => sentences.length > 0);
}

/** The abstract's sentences, each a line. */
export const abstractOf = (facts: AbstractFacts): string[] => paragraphs(facts).flat();

/** The abstract's paragraphs. */
export const abstractParagraphs = (facts: AbstractFacts): string[] =>
  paragraphs(facts).map((sentences) => sentences.join(" "));
