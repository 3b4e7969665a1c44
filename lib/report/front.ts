/**
 * What a reader of a page wants first, from a study's numbers: headlines, claims, Figure 2, the paper's numbers, methods.
 * @module
 */
import { bertConfig } from "../bert/config.ts";
import { parameterCount } from "../bert/parameters.ts";
import { bestTestRow, headlineRows } from "../findings/best_layer.ts";
import { claimForest, claimTable, forestNote, resolutionNote } from "../findings/claim_table.ts";
import { claims } from "../findings/claims.ts";
import { figure2, paperFigure, scoreTable } from "../findings/score_tables.ts";
import { comparedLines, intervalNote, modelLines, type TableRow, tableRows } from "../findings/table_rows.ts";
import { type ClaimResult, judgeClaims } from "../findings/verdicts.ts";
import { scoreNames, taskNames } from "../findings/wording.ts";
import { bootstrap } from "../metrics/intervals.ts";
import type { Protocol } from "../metrics/task_scores.ts";
import { escapeHtml, tableText } from "../notebook/table.ts";
import { layerPlot } from "../plots/figures.ts";
import { forestPlot } from "../plots/forest.ts";
import { inlineSvg, plotHtml } from "../plots/live.ts";
import { methodDiagram } from "../plots/method_diagram.ts";
import { lineOf, linesIn, majorityLine, type ProbeRow, tokenCountLine, untrainedLine } from "../probing/rows.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { Evaluation } from "../training/evaluation.ts";
import type { Section } from "./page.ts";

/** What the first sections are made of: a study's recipe, its rows with their resamplings, and its trained models' scores. */
export type Findings = { recipe: Recipe; rows: readonly ProbeRow[]; evaluations: readonly Evaluation[] };

/** The paper's claims as each protocol judges them. */
type Verdicts = Record<Protocol, readonly ClaimResult[]>;

/** A headline number: what it is, the number with its interval, and what stands beside it. */
type Headline = { what: string; number: string; interval: string; beside: string };

const interval = (low: number | null, high: number | null, number: (value: number) => string): string =>
  low === null || high === null ? "" : `95% interval ${number(low)} to ${number(high)}`;

/** How many masked tokens of validation songs BERT guesses, with an interval over songs. */
function maskedHeadline({ recipe, evaluations }: Findings): Headline[] {
  const own = evaluations.filter(({ model }) => model === "BERT").map(({ mlm }) => mlm.validation);
  if (own.length === 0) return [];
  const songs = own[0].songs ?? [];
  const share = (weights: ArrayLike<number>) => {
    const sum = (of: "correct" | "count") =>
      own.reduce((all, { songs = [] }) => all + songs.reduce((sum, song, i) => sum + weights[i] * song[of], 0), 0);
    return { share: sum("correct") / sum("count") };
  };
  const percent = (value: number) => `${(100 * value).toFixed(1)}%`;
  const { bootstraps } = recipe.probing;
  const found = songs.length > 0
    ? bootstrap(share, songs.length, { resamplings: bootstraps, seed: recipe.seed }).share
    : { value: own.reduce((sum, { accuracy }) => sum + accuracy / own.length, 0), low: null, high: null };
  return [{
    what: "masked tokens that BERT guesses right",
    number: percent(found.value),
    interval: interval(found.low, found.high, percent),
    beside: `${songs.length} validation songs; the paper's BERT: 86.9%, on other songs`,
  }];
}

/** BERT's best layer at three tasks that differ most in what baselines know of them. */
function scoreHeadlines(rows: readonly TableRow[]): Headline[] {
  return (["C", "GP", "T"] as const).flatMap((task) => {
    const row = bestTestRow(rows, lineOf("BERT"), task, "sound");
    if (!row || !Number.isFinite(row.value)) return [];
    const number = (value: number) => value.toFixed(3);
    const others = [untrainedLine, tokenCountLine, majorityLine].flatMap((line) => {
      const other = bestTestRow(rows, line, task, "sound"), name = { none: "guess", untrained: "untrained" };
      return other ? [`${name[line.input as "none"] ?? "token counts"} ${number(other.value)}`] : [];
    });
    return [{
      what: `${taskNames[task].toLowerCase()}: ${scoreNames[task].sound} of BERT's best layer (${row.layer})`,
      number: number(row.value),
      interval: interval(row.low, row.high, number),
      beside: others.join(", "),
    }];
  });
}

function claimHeadline(sound: readonly ClaimResult[]): Headline {
  const count = (verdict: string) => sound.filter((result) => result.verdict === verdict).length;
  return {
    what: "of the paper's claims hold under the sound protocol",
    number: `${count("held")} of ${sound.length}`,
    interval: `${count("not")} do not, ${count("undecided")} are undecided`,
    beside: "verdicts after Holm's correction",
  };
}

const headlinesHtml = (headlines: readonly Headline[]): string =>
  `<ul class="cards">${
    headlines.map(({ what, number, interval, beside }) =>
      `<li><b>${escapeHtml(number)}</b> ${escapeHtml(what)}<br><small>${
        [interval, beside].filter((part) => part !== "").map(escapeHtml).join("<br>")
      }</small></li>`
    ).join("")
  }</ul>`;

/** What was done, in words with the recipe's numbers. */
function methodsHtml(recipe: Recipe): string {
  const config = bertConfig(recipe), { masking, tokens, contrast, training, probing } = recipe;
  const millions = (parameterCount(config) / 1e6).toFixed(2),
    percent = (share: number) => `${Math.round(100 * share)}%`;
  const text = [
    `MIDI songs are cut into bars; a bar is a sentence over 560 tokens (REMI+) of at most ${tokens.maxTokens}. Songs, not ` +
    "bars, are dealt to training, validation and test, and songs that share half of their bars go together.",
    `BERT (${config.layers} layers of width ${config.hidden}, ${millions} million parameters) guesses ${
      percent(masking.rate)
    } of the tokens, which are masked, for ${training.steps.toLocaleString("en-US")} steps of at most ${
      training.batchTokens.toLocaleString("en-US")
    } tokens. Three variants add a contrastive loss (NT-Xent, weight ${contrast.weight}${
      contrast.every === 1 ? "" : `, in one step of ${contrast.every} with ${contrast.every} times that weight`
    }): the bar's second view is the bar ` +
    "transposed (aug), another bar of its song (neighbor), or the same bar under other dropout (dropout).",
    "From the state of the first token at every layer, ridge probes predict six labels, and k-means gives a seventh score. " +
    `Every number is given in two readings. The sound protocol chooses penalties and layers on validation songs and scores ` +
    `test songs, with ${
      percent(0.95)
    } intervals over songs (and over seeds of training where there are several); the ` +
    `authors' protocol does what their code did, on ${probing.draws} drawings of bars.`,
    "Beside the models stand a guess that sees nothing, a count of the bar's tokens, hand-made features, and encoders " +
    "before training.",
  ];
  const drawing = inlineSvg(methodDiagram(recipe), "figure-1");
  return `${
    text.map((part) => `<p>${part}</p>`).join("\n")
  }\n<figure class="wide"><figcaption><b>Figure 1</b><br>The ` +
    `method: one encoder reads a bar and its second view; arrows show what each loss compares.</figcaption>${drawing}</figure>`;
}

const glossary: Record<string, string> = {
  "C, chords": "which chords sound in the bar; several at once. Area under the ROC curve: 0.5 is a guess, 1 perfect.",
  "GP, groove": "at which of 48 positions notes start; several at once. Area under the ROC curve.",
  "I, instruments": "which instruments play; several at once. Area under the ROC curve.",
  "T, tempo": "one of 32 bins. Share of bars that are right.",
  "MV, mean velocity": "how loud notes are on average, 1 to 127. Root mean square error; 0 is perfect.",
  "MD, mean duration": "how long notes are on average, in duration bins. Root mean square error.",
  "SC, song clustering": "whether k-means puts a song's bars together. Entropy of its clusters, 0 to 1; 0 is perfect.",
  "MLM": "masked language modelling: guessing tokens that were hidden.",
  "NT-Xent": "the contrastive loss: telling a bar's second view among other bars' views.",
  "probe": "a linear model that reads a label off a layer's states; it shows what can be read, not what is used.",
  "95% interval":
    "how far a number moves when songs (and seeds, where there are several) are drawn anew, but for the " +
    "outer 5%.",
  "✓ ✗ ?": "a claim holds; the opposite holds; songs and seeds are too few to say.",
};

const glossaryHtml = `<dl>${
  Object.entries(glossary).map(([word, meaning]) => `<dt>${escapeHtml(word)}</dt><dd>${escapeHtml(meaning)}</dd>`).join(
    "",
  )
}</dl>`;

/** The claims as a picture and, folded, as a table. */
async function claimsHtml({ sound, authors }: Verdicts, { probing }: Recipe): Promise<string> {
  const plot = forestPlot(claimForest(sound, authors), { read: forestNote });
  const table = tableText(claimTable(sound, authors), {
    caption: "The comparison of each claim that speaks most against it; layers in round brackets",
    columns: {
      claim: "claim",
      sound: "sound",
      weakest: "weakest comparison",
      authors: "authors",
      weakestAuthors: "weakest comparison",
      paper: "agree in the paper's tables",
    },
  });
  const note = resolutionNote(sound, probing);
  return `${await plotHtml(plot, "claims-forest")}${note && `<p class="note">${escapeHtml(note)}</p>`}` +
    `<details><summary>the same as a table</summary><div class="output">${table.html}</div></details>`;
}

/**
 * The sections that open a page: in short, the claims, Figure 2, the best layers beside the paper's, how it was done, and
 * what words mean. What a study has no numbers for is left out.
 *
 * @param abstract paragraphs of plain text that stand before the headlines
 * @param verdicts those on the claims, where they are known; judged if left out
 */
export async function frontSections(
  findings: Findings,
  abstract: readonly string[] = [],
  verdicts?: Verdicts,
): Promise<Section[]> {
  const { recipe, evaluations } = findings, { probing } = recipe;
  const rows = tableRows(findings.rows, probing.poolings[0]), sections: Section[] = [];
  const isProbed = linesIn(headlineRows(rows, "GP", "sound"), modelLines).length > 0;
  const judged = (protocol: Protocol) => judgeClaims(claims, findings.rows, evaluations, protocol, recipe);
  const { sound, authors } = isProbed ? verdicts ?? { sound: judged("sound"), authors: judged("authors") } : {};
  const headlines = [...maskedHeadline(findings), ...scoreHeadlines(rows), ...(sound ? [claimHeadline(sound)] : [])];
  const short = abstract.map((text) => `<p>${escapeHtml(text)}</p>`).join("\n");
  if (short !== "" || headlines.length > 0) {
    sections.push({
      title: "In short",
      id: "short",
      html: `${short}${headlines.length > 0 ? headlinesHtml(headlines) : ""}`,
    });
  }
  if (sound && authors) {
    sections.push({ title: "The paper's claims", id: "claims", html: await claimsHtml({ sound, authors }, recipe) });
    const lines = linesIn(rows, comparedLines), over = intervalNote(rows, lines);
    const figures = [
      layerPlot(figure2(rows, lines, "sound"), {
        title: "Figure 2, sound protocol",
        read: `Marks are our models at each layer of the test songs, upright lines their ${over}. Level lines are ` +
          "baselines that read no layer. ↑ higher is better, ↓ lower.",
      }),
      layerPlot([...figure2(rows, lines, "authors"), ...paperFigure()], {
        title: "Figure 2, authors' protocol, beside the paper's",
        read:
          "Filled marks are ours; hollow marks are the points that the paper's tables give, the best and the last of " +
          "its twelve layers, at the same share of the depth.",
      }),
    ];
    const drawn = await Promise.all(figures.map((plot, i) => plotHtml(plot, `front-figure-2-${i}`)));
    sections.push({ title: "Layer by layer: Figure 2", id: "layers", html: drawn.join("\n") });
    const table = tableText(scoreTable(rows, lines, "sound", "best"), {
      caption:
        `Table 3: the best layer, in round brackets, under the sound protocol; ${over}. Below stand the paper's ` +
        "numbers, which other scores and other songs gave. ↑ higher is better, ↓ lower.",
    });
    sections.push({
      title: "Best layers beside the paper's: Table 3",
      id: "beside",
      html: `<div class="output">${table.html}</div>`,
    });
  }
  sections.push({ title: "How it was done", id: "methods", html: methodsHtml(recipe) });
  sections.push({ title: "Words", id: "words", html: glossaryHtml });
  return sections;
}
