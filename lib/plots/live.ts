/**
 * Plots as HTML for a page: SVG in the page's own colours, a figure's panels apart so that they wrap, the legend as
 * buttons, and on each mark what it says and its series, for the page's script.
 * @module
 */
import "../base/quiet.ts"; // before Vega
import { parse, scheme, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { colours, ink, numberText, type Spec } from "./theme.ts";

type Json = Record<string, unknown>;

/** Colours of specs, and the page's in their place; `--c0` … are the series' on its paper. */
const pageColours = new Map<string, string>([
  ...colours.map((colour, i): [string, string] => [colour, `var(--c${i},${colour})`]),
  [ink, "currentColor"],
  ["#000000", "currentColor"],
  ["#ffffff", "var(--paper,#fff)"],
  ["#eeeeee", "var(--faint,#eee)"],
  ["#dddddd", "var(--faint,#ddd)"],
]);

/** Text on coloured cells is white or dark on a dark page too, so it keeps its colour. */
const recoloured = (value: unknown, key = ""): unknown =>
  Array.isArray(value)
    ? value.map((one) => recoloured(one))
    : value !== null && typeof value === "object"
    ? Object.fromEntries(
      Object.entries(value).map(([name, one]) => [
        name,
        name === "condition" && (value as Json).value === "#111111" ? one : recoloured(one, name),
      ]),
    )
    : typeof value === "string"
    ? key === "background" ? null : pageColours.get(value) ?? value
    : value;

/** A plot's legend: the field that it names, and its entries with their looks. */
type Legend = {
  field: string;
  names: string[];
  entries: { name: string; colour: string; shape?: string; dash?: number[] }[];
};

type Channel = {
  field: string;
  scale?: { domain?: string[]; range?: unknown[] };
  legend?: { values?: string[] } | null;
};

/** All objects of a spec that satisfy a condition, the outer ones first. */
function found(value: unknown, is: (object: Json) => boolean): Json[] {
  if (value === null || typeof value !== "object") return [];
  const own = !Array.isArray(value) && is(value as Json) ? [value as Json] : [];
  return [...own, ...Object.values(value).flatMap((one) => found(one, is))];
}

const isUnit = (object: Json): boolean => "mark" in object;
const encodingOf = (unit: Json): Record<string, Channel> => (unit.encoding ?? {}) as Record<string, Channel>;

/** The legend of a spec's series, if it has any. */
function legendOf(plot: Json): Legend | undefined {
  const units = found(plot, isUnit), channels: Record<string, Channel> = {};
  for (const unit of units) {
    for (const name of ["color", "shape", "strokeDash"]) {
      const channel = encodingOf(unit)[name];
      if (channel?.legend && channel.scale?.domain && channel.scale.range) channels[name] ??= channel;
    }
  }
  const { color, shape, strokeDash } = channels;
  if (!color) return undefined;
  const names = color.scale!.domain!, shown = color.legend!.values ?? names;
  const entries = names.map((name, i) => ({
    name,
    colour: String(color.scale!.range![i]),
    shape: shape?.scale?.range?.[i] as string | undefined,
    dash: strokeDash?.scale?.range?.[i] as number[] | undefined,
  }));
  return { field: color.field, names, entries: entries.filter(({ name }) => shown.includes(name)) };
}

/**
 * Hides the legend, which the page has as buttons, and lets each mark describe itself as `SERIES|WHAT IT SAYS`, the series
 * as its number.
 */
function described(plot: Json, legend: Legend | undefined): void {
  for (const data of found(plot, (object) => Array.isArray(object.values))) {
    data.values = (data.values as Json[]).map((row) => {
      if (row === null || typeof row !== "object") return row;
      const at = legend ? legend.names.indexOf(String(row[legend.field])) : -1, series = at < 0 ? "" : String(at);
      return { ...row, series_: `${series}|`, says_: `${series}|${row.says ?? ""}` };
    });
  }
  for (const unit of found(plot, isUnit)) {
    const encoding = encodingOf(unit), { color, description } = encoding;
    const inSeries = legend !== undefined && (color?.field === legend.field);
    if (description) encoding.description = { field: "says_" };
    else if (inSeries) encoding.description = { field: "series_" };
    for (const channel of Object.values(encoding)) {
      if (legend && channel?.field === legend.field && channel.legend) channel.legend = null;
    }
    unit.encoding = encoding;
  }
}

/** The ends and the scheme of the colours that all panels share, whose own legends go; undefined if they have none. */
function sharedColours(plot: Json): { domain: [number, number]; scheme: string } | undefined {
  if (!plot.facet) return undefined;
  let shared: { domain: [number, number]; scheme: string } | undefined;
  for (const { color } of found(plot, isUnit).map(encodingOf)) {
    if ((color as Json | undefined)?.type !== "quantitative") continue;
    const { domain, scheme } = color.scale as unknown as { domain: [number, number]; scheme: string };
    shared = { domain, scheme };
    color.legend = null;
  }
  return shared;
}

/** A strip of a scheme's colours between the numbers at its ends. */
function coloursHtml({ domain, scheme: name }: { domain: [number, number]; scheme: string }): string {
  const colourAt = scheme(name) as (share: number) => string, [low, high] = domain.map((end) => numberText(end, 1));
  const cells = Array.from(
    { length: 24 },
    (_, i) => `<rect x="${5 * i}" width="5" height="10" fill="${colourAt(i / 23)}"/>`,
  );
  return `<p class="colours">${low} <svg viewBox="0 0 120 10" width="120" height="10" role="img" aria-label="light to dark">${
    cells.join("")
  }</svg> ${high}</p>`;
}

/** The panels of a spec as specs of their own, each with its name; a spec without panels is one without a name. */
function panelsOf(plot: Json): { name: string; plot: Json }[] {
  const { facet, spec, data, columns: _, spacing: __, bounds: ___, resolve: ____, ...rest } = plot as Json & {
    facet?: { field: string; sort: string[] };
    spec: { layer: Json[] };
    data: { values: Json[] };
  };
  if (!facet) return [{ name: "", plot }];
  const layer = spec.layer.filter(({ name }) => !String(name ?? "").startsWith("title_"));
  return facet.sort.map((name) => {
    const values = data.values.filter((row) => row[facet.field] === name);
    return { name, plot: { ...rest, ...spec, layer, data: { values } } };
  });
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** A length in pixels to a tenth. */
const rounded = (pixels: string): string => String(Number(Number(pixels).toFixed(1)));

/** Vega's SVG without what a page does not need, with what each mark says as `data-v` and its series as `data-s`. */
function slim(svg: string, prefix: string): string {
  const drawn = svg
    .replace(/<path class="(?:background|foreground)"[^>]*?(?: display="none"| d="M0,0h0v0h0Z")[^>]*?\/>/g, "")
    .replace(/<path class="background"(?![^>]*(?:stroke|fill)=)[^>]*\/>/g, "")
    .replace(
      / aria-label="(\d*)\|([^"]*)"/g,
      (_, series: string, says: string) => (series && ` data-s="${series}"`) + (says && ` data-v="${says}"`),
    )
    .replace(/ aria-label="([^"]*)" role="graphics-symbol" aria-roledescription="bar"/g, ' data-v="$1"')
    .replace(
      / (?:aria-label|aria-hidden|aria-roledescription|role|pointer-events|font-family|stroke-miterlimit)="[^"]*"/g,
      "",
    )
    .replace(/ (?:opacity="1"|stroke-dasharray="1,0"|font-weight="normal"|class="[^"]*")/g, "")
    .replace(/ xmlns:xlink="[^"]*"| version="1.1"/g, "")
    .replace(/<text[^>]* opacity="0"[^>]*>[^<]*<\/text>/g, "")
    .replace(/ (?:transform|d|x2|y2)="[^"]*"/g, (place) => place.replace(/-?\d+\.\d\d+/g, rounded))
    .replace(/ transform="translate\(0,0\)"/g, "")
    .replace(/ id="/g, ` id="${prefix}`).replace(/url\(#/g, `url(#${prefix}`);
  let before = "", after = drawn;
  while (before !== after) {
    before = after;
    after = before.replace(/<g[^>]*><\/g>/g, "").replace(/<g>((?:<(?!\/?g\b)[^>]*>[^<]*)*)<\/g>/g, "$1");
  }
  return shared(after, prefix);
}

/** Marks of one form, drawn many times, as uses of it. */
function shared(svg: string, prefix: string): string {
  const pattern = /<path((?: (?!d=)[\w-]+="[^"]*")*) d="([^"]{20,})"([^>]*)\/>/g;
  const counts = new Map<string, number>();
  for (const [, , d] of svg.matchAll(pattern)) counts.set(d, (counts.get(d) ?? 0) + 1);
  const forms = [...counts].filter(([, count]) => count > 3).map(([d]) => d);
  if (forms.length === 0) return svg;
  const used = svg.replace(pattern, (whole, before: string, d: string, after: string) => {
    const at = forms.indexOf(d);
    return at < 0 ? whole : `<use href="#${prefix}f${at}"${before}${after}/>`;
  });
  const defs = forms.map((d, i) => `<path id="${prefix}f${i}" d="${d}"/>`).join("");
  return used.replace(/^(<svg[^>]*>)/, `$1<defs>${defs}</defs>`);
}

/** An SVG's text in the page's colours, with ids of its own. */
export const inlineSvg = (svg: string, id: string): string => {
  const own = svg.replace(/ id="/g, ` id="${id}-`).replace(/url\(#/g, `url(#${id}-`).replace(/background:#fff;?/g, "");
  return own.replace(/"(#[0-9a-fA-F]{6})"/g, (whole, colour: string) => {
    const page = pageColours.get(colour) ?? pageColours.get(colour.toUpperCase());
    return page === undefined ? whole : `"${page}"`;
  });
};

/** Vega's shapes about the origin, about 2 wide. */
const forms: Record<string, string> = {
  circle: "M1,0A1,1 0 1 1 -1,0A1,1 0 1 1 1,0Z",
  square: "M-.9-.9H.9V.9H-.9Z",
  diamond: "M0-1.2L1 0 0 1.2-1 0Z",
  cross: "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
  "triangle-up": "M0-1L1 .8H-1Z",
  "triangle-down": "M0 1L1-.8H-1Z",
  "triangle-right": "M1 0L-.8 1V-1Z",
  "triangle-left": "M-1 0L.8 1V-1Z",
};

function legendHtml({ names, entries }: Legend): string {
  const buttons = entries.map(({ name, colour, shape, dash }) => {
    const line = dash
      ? `<path d="M-2.6 0H2.6" stroke="${colour}" stroke-width=".5" stroke-dasharray="${dash.map((n) => n / 4)}"/>`
      : "";
    const form = forms[shape ?? (dash ? "" : "square")] ?? shape;
    const swatch = `<svg viewBox="-2.6 -1.3 5.2 2.6" aria-hidden="true">${line}` +
      `${form ? `<path d="${form}" fill="${colour}"/>` : ""}</svg>`;
    return `<button type="button" aria-pressed="true" data-s="${names.indexOf(name)}">${swatch}${
      escaped(name)
    }</button>`;
  });
  return `<div class="legend" role="group" aria-label="Series: press to hide or show">${buttons.join("")}</div>`;
}

/** A picture wider than so many pixels scrolls on narrow screens rather than shrink further. */
const READABLE = 480;

/**
 * A plot as a figure of HTML: its title, its legend as buttons, its panels as SVG.
 *
 * @param id of the figure, which no other of the page has
 * @throws {Error} if Vega-Lite cannot compile the spec.
 */
export async function plotHtml(plot: Spec, id: string): Promise<string> {
  const { $schema, title, description, ...rest } = recoloured(plot) as Spec, legend = legendOf(rest);
  const shades = sharedColours(rest);
  described(rest, legend);
  const panels = await Promise.all(
    panelsOf(rest).map(async ({ name, plot }, i) => {
      const spec = { $schema, ...plot, padding: 4 } as unknown as TopLevelSpec;
      const view = new View(parse(compile(spec).spec), { renderer: "none" });
      try {
        const svg = await view.toSVG(), width = Number(/ width="(\d+)/.exec(svg)?.[1] ?? 0);
        const [head, sub] = name.split("\n");
        const shown = slim(svg, `${id}-${i}-`).replace(
          "<svg",
          `<svg role="img" aria-label="${escaped(head || description)}" style="min-width:${
            Math.min(READABLE, width)
          }px"`,
        );
        const titled = name && `<p><b>${escaped(head)}</b>${sub ? `<br>${escaped(sub)}` : ""}</p>`;
        return `<div class="panel">${titled}${shown}</div>`;
      } finally {
        view.finalize();
      }
    }),
  );
  const { text, subtitle = [] } = (typeof title === "string" ? { text: title } : title ?? { text: "" }) as {
    text: string;
    subtitle?: string[];
  };
  const caption = [text && `<b>${escaped(text)}</b>`, escaped(subtitle.join(" "))].filter((part) => part).join("<br>");
  return `<figure class="plot" id="${id}">${caption && `<figcaption>${caption}</figcaption>`}` +
    `<div class="panels" tabindex="0" role="group" aria-label="${escaped(description)}">${panels.join("")}</div>` +
    `${legend && legend.entries.length > 1 ? legendHtml(legend) : ""}${shades ? coloursHtml(shades) : ""}</figure>`;
}
