import { assertEquals } from "@std/assert";
import { protocolChanges } from "@lib/findings/protocol_changes.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import type { ClaimResult } from "@lib/findings/verdicts.ts";
import { lineOf } from "@lib/probing/rows.ts";
import { plantedRows } from "../support/planted_rows.ts";

const rows = tableRows(plantedRows(), "bar"), models = ["BERT", "BERT-aug"].map((model) => lineOf(model));
const results = (...verdicts: string[]) =>
  verdicts.map((verdict, i) => ({ claim: `claim ${i}`, verdict })) as unknown as ClaimResult[];

Deno.test("what changes between the protocols is counted from the rows", () => {
  // SC alone favours BERT under authors. Best layers: BERT 1 (authors) and 2 (sound), BERT-aug 2 and 1, at every task.
  const text = protocolChanges(rows, models, results("held", "not", "not"), results("held", "undecided", "not"));
  assertEquals(text.split("\n"), [
    "- **Claims.** As the authors computed it: 1 held, 1 not, 1 undecided. Soundly: 1 held, 2 not, 0 undecided. " +
    "Claims whose verdict changes: claim 1 (authors: undecided, sound: not).",
    "- **Best model** (Table 3): tasks where it changes: SC (authors: BERT, sound: BERT-aug).",
    "- **Best layer** (Table 3): it changes in 14 of 14 cells, by up to 1 layer.",
    "- **Order of the models** at the last layer: 1 of 7 pairs change it.",
    "- **Tempo** at the last layer, right in all 32 decisions → right by the largest one: BERT 0.633 → 0.333; " +
    "BERT-aug 0.733 → 0.433.",
  ]);
});

Deno.test("where nothing changes or a score is missing, the text says so", () => {
  const same = rows.flatMap((row) =>
    row.protocol === "sound" && row.metric !== "f1Macro"
      ? (["authors", "sound"] as const).map((protocol) => ({
        ...{ ...row, protocol, draw: null },
        metric: protocol === "sound"
          ? row.metric
          : { aucWeighted: "aucHardWeighted", accuracy: "exactRow" }[row.metric] ?? row.metric,
        value: row.task === "C" && row.model === "BERT" ? NaN : row.value,
      }))
      : []
  );
  const [claims, model, layer, order] = protocolChanges(same, models, results("held"), results("held")).split("\n");
  assertEquals(claims.endsWith("Claims whose verdict changes: none."), true);
  assertEquals(model.endsWith("none."), true);
  assertEquals(layer, "- **Best layer** (Table 3): it changes in 13 of 14 cells, by up to 2 layers.");
  assertEquals(order, "- **Order of the models** at the last layer: 0 of 6 pairs change it.");
});
