import { assert, assertEquals } from "@std/assert";
import {
  chordsByRanks,
  dropoutsAccuracy,
  neighborOrder,
  settledOf,
  tempoInDeepLayers,
} from "@lib/findings/words/settled.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import type { ClaimResult } from "@lib/findings/verdicts.ts";
import type { ProbeRow } from "@lib/probing/rows.ts";
import type { Evaluation } from "@lib/training/evaluation.ts";
import { evaluationOf, storedRows } from "../../support/planted_results.ts";

const planted = storedRows({ seeds: 1, poolings: ["bar"] });
/** Rows with R² of tempo, which falls from 0.6 to 0.3 over three layers, with half a width of its interval. */
const withTempo = (half: number): ProbeRow[] => [
  ...planted,
  ...planted.filter(({ task, protocol, metric, split, labels, layers, input }) =>
    task === "T" && protocol === "sound" && metric === "accuracy" && split === "test" && labels === "true" &&
    layers === "one" && input === "trained"
  ).map((row): ProbeRow => {
    const value = row.layer === 0 ? 0 : 0.75 - 0.15 * row.layer!;
    return { ...row, metric: "r2", value, low: value - half, high: value + half, replicates: undefined };
  }),
];
const table = (rows: readonly ProbeRow[]) => tableRows(rows, "bar");
const layersOf = (plot: unknown) => JSON.stringify(plot);

Deno.test("tempo: three metrics at the last layer, what is left of the best one, and whether R² is surely above 0", () => {
  const sure = tempoInDeepLayers(table(withTempo(0.1)))!;
  // The last layer has 100 + 30 + 3 points for BERT, and 300 more as the authors score it; R² 0.3, and 0.6 in layer 1.
  assert(
    sure.text.includes(
      "BERT: right in all 32 decisions 0.633, by the largest one 0.333, R² of the tempo as a number 0.300 [0.200, 0.400], " +
        "of 0.600 in layers 1–2",
    ),
    sure.text,
  );
  assert(sure.text.includes("the last one keeps 100% by exact rows and 50% by R²"), sure.text);
  assert(sure.text.includes("every last layer still knows tempo (R² above 0 with its interval in 2 of 2 models)"));
  const open = tempoInDeepLayers(table(withTempo(0.4)))!;
  assert(
    open.text.includes("no last layer is surely better than the mean tempo (R² above 0 with its interval in 0 of 2"),
  );
  for (const panel of ["exact rows", "accuracy", "R²"]) assert(layersOf(sure.plot).includes(panel), panel);
  assertEquals(tempoInDeepLayers(table(planted)), undefined); // a run whose probes had no such question
});

/** Evaluations of BERT-neighbor whose batches in song order have this accuracy; 0.6 among other songs. */
const neighbor = (ordered: number): Evaluation[] => {
  const one = evaluationOf("BERT-neighbor", 0), { contrast } = one;
  return [{ ...one, contrast: { ...contrast!, otherOrder: { ...contrast!.otherOrder, accuracy: ordered } } }];
};

Deno.test("neighbor's accuracy: the same weights in both orders of the loader, and what that explains", () => {
  const [most, some, none] = [0.06, 0.4, 0.7].map((accuracy) => neighborOrder(neighbor(accuracy))!.text);
  assert(most.includes("nearest in 0.060 (2.8 times chance), where 0.200 of the negatives have the tokens"), most);
  assert(most.includes("in 0.600 (28.2 times chance)") && most.includes("right 10.0 times as often"), most);
  assert(most.includes("how the loader orders bars") && some.includes("explains only part of it"));
  assert(none.includes("does not explain the paper's number"), none);
  assertEquals(neighborOrder([evaluationOf("BERT", 0)]), undefined);
});

Deno.test("dropout's accuracy: off it is that of equal states, on it is what was taught", () => {
  const { text, plot } = dropoutsAccuracy([evaluationOf("BERT-dropout", 0)])!;
  assert(text.includes("0.600 here and 1.000 in the paper") && text.includes("nearest in 0.970 (chance 0.021)"), text);
  assert(layersOf(plot).includes("dropout on"));
  assertEquals(dropoutsAccuracy(neighbor(0.1)), undefined);
});

const claim = (verdict: ClaimResult["verdict"]): ClaimResult[] => [
  { claim: "BERT-aug is worst at chords", verdict, evidence: [], weakest: undefined! },
];

Deno.test("chords: best layers by ranks and by decisions, the worst first, and the verdict of each", () => {
  const { text } = chordsByRanks(table(planted), claim("not"), claim("held"))!;
  // By ranks BERT has 120 points at layer 2, BERT-aug 210 at layer 1; by decisions of the last draw 440 and 540.
  assert(text.includes("by ranks: BERT 0.320 (2) and BERT-aug 0.410 (1); by decisions:"), text);
  assert(text.includes("by decisions: BERT-aug 0.566, BERT-neighbor 0.716"), text);
  assert(text.includes("Scored by ranks the claim does not hold, by decisions it holds."), text);
  assert(chordsByRanks(table(planted), claim("undecided"), claim("undecided"))!.text.includes("undecided either way"));
  assertEquals(
    chordsByRanks(table(planted.filter(({ model }) => model !== "BERT-aug")), claim("not"), claim("not")),
    undefined,
  );
});

Deno.test("only what the numbers can answer is answered", () => {
  const asked = (rows: ProbeRow[], evaluations: Evaluation[]) =>
    settledOf({ rows: table(rows), evaluations, sound: claim("held"), authors: claim("held") }).map(({ question }) =>
      question.replace(/^(?:Is|What is) (\\S+).*/, "$1")
    );
  assertEquals(asked(withTempo(0.1), [...neighbor(0.1), evaluationOf("BERT-dropout", 0)]).length, 4);
  assertEquals(asked(planted, neighbor(0.1)).length, 2);
});
