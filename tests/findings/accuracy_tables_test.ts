import { assertEquals } from "@std/assert";
import { kindTable, mlmColumns, seedsText, table1, table1Headings } from "@lib/findings/accuracy_tables.ts";
import type { Evaluation } from "@lib/training/evaluation.ts";
import type { MlmAccuracy } from "@lib/training/masked_evaluation.ts";

const mlm = (accuracy: number, ...kinds: [string, number, number][]) =>
  ({
    ...{ loss: 1, accuracy, kinds: kinds.map(([kind, accuracy, count]) => ({ kind, accuracy, count })), songs: [] },
  }) as unknown as MlmAccuracy;
const contrast = (accuracy: number, order: string) => ({
  accuracy,
  order,
  chance: accuracy / 10,
  identical: accuracy / 100,
});
const evaluation = (model: string, of: number, by: string[]) =>
  ({
    model,
    mlm: { train: mlm(of + 0.01), validation: mlm(of + 0.02) },
    contrast: by.length === 0 ? null : {
      train: contrast(of + 0.03, by[0]),
      validation: contrast(of + 0.04, by[0]),
      otherOrder: contrast(of + 0.05, by[1]),
      dropping: model === "BERT-dropout" ? contrast(of + 0.06, by[0]) : undefined,
    },
  }) as unknown as Evaluation;
const rounded = (row: object) =>
  Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, typeof value === "number" ? +value.toFixed(5) : value]),
  );

Deno.test("Table 1 has each accuracy in its column, whichever order of batches the recipe validates on", () => {
  const [bert, neighbor, dropout] = table1([
    evaluation("BERT", 0.1, []),
    evaluation("BERT-neighbor", 0.2, ["song-disjoint", "song-order"]),
    evaluation("BERT-dropout", 0.3, ["song-order", "song-disjoint"]),
  ]).map(rounded);
  const none = { ntTrain: undefined, ntDisjoint: undefined, chanceDisjoint: undefined, identicalDisjoint: undefined };
  assertEquals(bert, {
    ...{ model: "BERT", mlmTrain: 0.11, mlmValidation: 0.12, paperMlm: "0.889 / 0.869", ...none },
    ...{ ntOrdered: undefined, chanceOrdered: undefined, identicalOrdered: undefined, ntDropping: undefined },
    paperNt: undefined,
  });
  assertEquals(neighbor, {
    ...{ model: "BERT-neighbor", mlmTrain: 0.21, mlmValidation: 0.22, paperMlm: "0.900 / 0.868", ntTrain: 0.23 },
    ...{ ntDisjoint: 0.24, chanceDisjoint: 0.024, identicalDisjoint: 0.0024 },
    ...{ ntOrdered: 0.25, chanceOrdered: 0.025, identicalOrdered: 0.0025, ntDropping: undefined },
    paperNt: "1.000 / 0.059",
  });
  assertEquals([dropout.ntDisjoint, dropout.ntOrdered, dropout.ntDropping], [0.35, 0.34, 0.36]);
});

Deno.test("Table 1 has the mean over a model's seeds", () => {
  const seeds = [0.2, 0.3, 0.7].map((of) => evaluation("BERT-neighbor", of, ["song-disjoint", "song-order"]));
  const [one, ...others] = table1([evaluation("BERT", 0.1, []), ...seeds]).map(rounded).toReversed();
  assertEquals([others.map(({ model }) => model), one.model], [["BERT"], "BERT-neighbor"]);
  assertEquals([one.mlmTrain, one.mlmValidation, one.ntTrain, one.ntOrdered], [0.41, 0.42, 0.43, 0.45]);
});

Deno.test("kinds stand most frequent first with each column's own accuracy, all of them last", () => {
  const first = mlm(0.5, ["Tempo", 0.9, 10], ["Pitch", 0.4, 60], ["Bar", 1, 5]);
  const second = mlm(0.25, ["Pitch", 0.3, 7], ["Tempo", 0.8, 8]);
  assertEquals(kindTable({ "BERT, validation": first, "most common": second }), [
    { kind: "Pitch", tokens: 60, "BERT, validation": 0.4, "most common": 0.3 },
    { kind: "Tempo", tokens: 10, "BERT, validation": 0.9, "most common": 0.8 },
    { kind: "Bar", tokens: 5, "BERT, validation": 1, "most common": undefined },
    { kind: "all", tokens: 75, "BERT, validation": 0.5, "most common": 0.25 },
  ]);
});

Deno.test("a column of several seeds has their mean, and each model's seeds are one column", () => {
  const [a, b] = [mlm(0.5, ["Pitch", 0.4, 60]), mlm(0.7, ["Pitch", 0.8, 60])];
  assertEquals(
    kindTable({ BERT: [a, b], other: b }).map((row) => [row.BERT, row.other].map((x) => Number(x).toFixed(3))),
    [
      ["0.600", "0.800"],
      ["0.600", "0.700"],
    ],
  );
  const of = (model: string, validation: MlmAccuracy) => ({ model, mlm: { validation } }) as unknown as Evaluation;
  assertEquals(mlmColumns([of("BERT", a), of("BERT-aug", b), of("BERT", b)]), { "BERT": [a, b], "BERT-aug": [b] });
});

Deno.test("a caption says how many seeds speak, and every column has a heading", () => {
  const of = (...models: string[]) => seedsText(models.map((model) => ({ model }) as Evaluation));
  assertEquals([of("BERT", "BERT-aug"), of("BERT", "BERT", "BERT-aug", "BERT-aug")], [
    "of the one seed of each model",
    "means over the 2 seeds of each model",
  ]);
  assertEquals(of("BERT", "BERT", "BERT", "BERT-aug"), "means over the 1 to 3 seeds of a model");
  const [row] = table1([evaluation("BERT", 0.1, [])]);
  assertEquals(Object.keys(row).toSorted(), Object.keys(table1Headings).toSorted());
});
