/**
 * Plots as pictures, drawn without a browser.
 * @module
 */
import "../base/quiet.ts"; // before Vega
import { Resvg } from "@resvg/resvg-js";
import type { Spec } from "./theme.ts";
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

const home = Deno.env.get("HOME") ?? "";
const fontFolders = [
  "/usr/share/fonts",
  "/usr/local/share/fonts",
  `${home}/.local/share/fonts`,
  `${home}/.fonts`,
  "/System/Library/Fonts",
  "/Library/Fonts",
];

/** Whether any font file lies below these folders. Without one, PNGs have no letters; SVGs do. */
export function hasFonts(folders: string[] = fontFolders): boolean {
  const below = (folder: string): boolean => {
    try {
      return [...Deno.readDirSync(folder)].some((entry) =>
        entry.isDirectory ? below(`${folder}/${entry.name}`) : /\.(ttf|otf|ttc)$/i.test(entry.name)
      );
    } catch (error) {
      const { NotFound, NotADirectory, PermissionDenied } = Deno.errors;
      if ([NotFound, NotADirectory, PermissionDenied].some((kind) => error instanceof kind)) return false;
      throw error;
    }
  };
  return folders.some(below);
}

let warned = false;

/**
 * A spec as a self-contained SVG and as a PNG of `scale` pixels for each of the plot's.
 *
 * @throws {Error} if Vega-Lite cannot compile the spec.
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
export async function render(plot: Spec, { scale = 1.5 } = {}): Promise<{ svg: string; png: Uint8Array }> {
  if (!warned) {
    warned = true;
    const advice = "no font was found, so PNGs have no letters. Debian, Ubuntu: sudo apt install fonts-dejavu-core.";
    if (!hasFonts()) console.warn(`Plots: ${advice}`);
  }
  const view = new View(parse(compile(plot as unknown as TopLevelSpec).spec), { renderer: "none" });
  try {
    const svg = await view.toSVG();
    const font = { loadSystemFonts: true, defaultFontFamily: "DejaVu Sans", sansSerifFamily: "DejaVu Sans" };
    const drawn = new Resvg(svg, { fitTo: { mode: "zoom", value: scale }, font });
    return { svg, png: new Uint8Array(drawn.render().asPng()) };
  } finally {
    view.finalize();
  }
}
