/**
 * What changes between the authors' protocol and the sound one, in words.
 * @module
 */
import { type Task, tasks } from "../metrics/tasks.ts";
import { type Line, type ProbeRow, protocols } from "../probing/rows.ts";
import type { Protocol } from "../metrics/task_scores.ts";
import { bestTestRow, better, lastTestRow } from "./best_layer.ts";
import type { ClaimResult } from "./verdicts.ts";
import { lineName, scoreText } from "./wording.ts";

const list = (items: readonly string[]): string => items.length > 0 ? items.join("; ") : "none";

function tally(results: readonly ClaimResult[]): string {
  const count = (verdict: string) => results.filter((result) => result.verdict === verdict).length;
  return `${count("held")} held, ${count("not")} not, ${count("undecided")} undecided`;
}

/** What changes between the protocols, as Markdown: verdicts, each task's best model, best layers, the models' order. */
export function protocolChanges(
  rows: readonly ProbeRow[],
  models: readonly Line[],
  sound: readonly ClaimResult[],
  authors: readonly ClaimResult[],
): string {
  const turned = sound.flatMap(({ claim, verdict }, i) =>
    verdict === authors[i].verdict ? [] : [`${claim} (authors: ${authors[i].verdict}, sound: ${verdict})`]
  );
  const bestModel = (task: Task, protocol: Protocol) =>
    models.flatMap((model) => bestTestRow(rows, model, task, protocol) ?? [])
      .filter(({ value }) => Number.isFinite(value))
      .sort((a, b) => better(task, protocol) * (b.value - a.value))[0]?.model;
  const winners = tasks.flatMap((task) => {
    const [a, b] = protocols.map((protocol) => bestModel(task, protocol));
    return a && b && a !== b ? [`${task} (authors: ${a}, sound: ${b})`] : [];
  });
  const moves = tasks.flatMap((task) =>
    models.flatMap((model) => {
      const [a, b] = protocols.map((protocol) => bestTestRow(rows, model, task, protocol)?.layer ?? NaN);
      return Number.isNaN(a - b) ? [] : [Math.abs(a - b)];
    })
  );
  const moved = moves.filter((move) => move > 0).length, most = Math.max(...moves);
  const pairs = tasks.flatMap((task) =>
    models.flatMap((a, i) =>
      models.slice(i + 1).flatMap((b) => {
        const [authors, sound] = protocols.map((protocol) => {
          const value = (model: Line) => lastTestRow(rows, model, task, protocol)?.value ?? NaN;
          return better(task, protocol) * Math.sign(value(a) - value(b));
        });
        return Number.isNaN(authors + sound) ? [] : [authors !== sound];
      })
    )
  );
  const tempo = models.map((model) => {
    const [exact, accuracy] = protocols.map((protocol) => {
      const row = lastTestRow(rows, model, "T", protocol);
      return scoreText(row && { ...row, low: null, std: null });
    });
    return `${lineName(model)} ${exact} → ${accuracy}`;
  });
  const far = moved > 0 ? `, by up to ${most} layer${most === 1 ? "" : "s"}` : "";
  return [
    `- **Claims.** As the authors computed it: ${tally(authors)}. Soundly: ${tally(sound)}. Claims whose verdict ` +
    `changes: ${list(turned)}.`,
    `- **Best model** (Table 3): tasks where it changes: ${list(winners)}.`,
    `- **Best layer** (Table 3): it changes in ${moved} of ${moves.length} cells${far}.`,
    `- **Order of the models** at the last layer: ${pairs.filter(Boolean).length} of ${pairs.length} pairs change it.`,
    `- **Tempo** at the last layer, right in all 32 decisions → right by the largest one: ${list(tempo)}.`,
  ].join("\n");
}
