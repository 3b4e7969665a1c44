/**
 * Plots as pictures, drawn without a browser.
 * @module
 */
import { Resvg } from "@resvg/resvg-js";
import type { Spec } from "./theme.ts";
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

/** A plot as pictures. */
export interface Rendered {
  /** Scalable, self-contained. */
  svg: string;
  /** Pixels, at `scale` times the plot's size. */
  png: Uint8Array;
}

const fontFolders = [
  "/usr/share/fonts",
  "/usr/local/share/fonts",
  `${Deno.env.get("HOME") ?? ""}/.local/share/fonts`,
  `${Deno.env.get("HOME") ?? ""}/.fonts`,
  "/System/Library/Fonts",
  "/Library/Fonts",
];

/** Whether any font file lies below a folder; PNGs have no letters without one, SVGs do. */
export function hasFonts(folders: string[] = fontFolders): boolean {
  const below = (folder: string): boolean => {
    try {
      return [...Deno.readDirSync(folder)].some((entry) =>
        entry.isDirectory ? below(`${folder}/${entry.name}`) : /\.(ttf|otf|ttc)$/i.test(entry.name)
      );
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
      throw error;
    }
  };
  return folders.some(below);
}

let warned = false;

/** Says once that there is no font, and what to do. */
function warnWithoutFonts(): void {
  if (warned) return;
  warned = true;
  if (hasFonts()) return;
  console.warn(
    "Plots: no font was found, so PNGs have no letters. Debian, Ubuntu: sudo apt install fonts-dejavu-core.",
  );
}

/**
 * Draws a spec; the PNG is `scale` times as large as the plot.
 *
 * @throws {Error} where Vega-Lite cannot compile the spec.
 *
 * @example
 * ```ts
 * import { bars } from "@lib/plots/charts.ts";
 * import { render } from "@lib/plots/render.ts";
 * import { assert } from "@std/assert";
 *
 * const { svg, png } = await render(bars([{ label: "songs", value: 59 }]));
 * assert(svg.startsWith("<svg") && png.length > 0);
 * ```
 */
export async function render(plot: Spec, { scale = 1.5 }: { scale?: number } = {}): Promise<Rendered> {
  warnWithoutFonts();
  const view = new View(parse(compile(plot as unknown as TopLevelSpec).spec), { renderer: "none" });
  try {
    const svg = await view.toSVG();
    const drawn = new Resvg(svg, {
      fitTo: { mode: "zoom", value: scale },
      font: { loadSystemFonts: true, defaultFontFamily: "DejaVu Sans", sansSerifFamily: "DejaVu Sans" },
    });
    return { svg, png: new Uint8Array(drawn.render().asPng()) };
  } finally {
    view.finalize();
  }
}
