/**
 * Plots' specs beside those kept in tests/golden/plots, and the marks of a drawn plot.
 * @module
 */
import { assertEquals } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import type { Spec } from "@lib/plots/theme.ts";

/** Numbers to four digits, so that a snapshot does not depend on the processor. */
const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, part) => typeof part === "number" ? Number(part.toPrecision(4)) : part));

/**
 * Compares a text with `tests/golden/plots/NAME`. With UPDATE_PLOTS set it writes the file instead: look at the difference
 * before you commit it.
 */
export function assertText(name: string, text: string): void {
  const path = `${projectRoot}/tests/golden/plots/${name}`;
  if (Deno.env.get("UPDATE_PLOTS")) Deno.writeTextFileSync(path, text);
  assertEquals(text, Deno.readTextFileSync(path));
}

/** Compares a plot's spec, without the look that all plots share, with `tests/golden/plots/NAME.json`. */
export const assertSnapshot = (name: string, { config: _, $schema: __, ...spec }: Spec): void =>
  assertText(`${name}.json`, `${JSON.stringify(rounded(spec), null, 2)}\n`);

/** The drawn marks of a kind (`symbol`, `rect`, `rule`, `text`, `line`), as the SVG elements that draw them. */
export function marksOf(svg: string, kind: string): string[] {
  const groups = svg.matchAll(new RegExp(`<g class="mark-${kind} role-mark[^"]*"[^>]*>(.*?)</g>`, "gs"));
  return [...groups].flatMap(([, inside]) => [...inside.matchAll(/<(?:path|text|line) [^>]*>/g)].map(([tag]) => tag));
}

/** An attribute of an SVG element. */
export const attribute = (tag: string, name: string): string => tag.match(new RegExp(` ${name}="([^"]*)"`))?.[1] ?? "";
