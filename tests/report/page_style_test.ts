import { assert, assertGreater } from "@std/assert";
import { pageStyle } from "@lib/report/page_style.ts";

/** WCAG's relative luminance of a colour such as `#0059a8`. */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

Deno.test("text is read on its paper, and series are seen on it, in light and in dark", () => {
  const palettes = [...pageStyle.matchAll(/:root \{[^}]*--ink[^}]*\}/g)].map(([text]) =>
    Object.fromEntries([...text.matchAll(/--([\w]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]))
  );
  assert(palettes.length === 2);
  for (const colours of palettes) {
    const contrast = (name: string, on = "paper") => {
      const [a, b] = [colours[name], colours[on]].map((colour) => luminance(colour) + 0.05);
      return Math.max(a, b) / Math.min(a, b);
    };
    for (const name of ["ink", "quiet", "link"]) assertGreater(contrast(name), 4.5, name); // WCAG AA for text
    for (const name of ["k", "s", "c", "n", "ink"]) assertGreater(contrast(name, "box"), 4.5, name);
    for (let i = 0; i < 8; i++) assertGreater(contrast(`c${i}`), 3, `c${i}`); // and for graphics
  }
});

Deno.test("braces of the style sheet close", () => {
  let open = 0;
  for (const letter of pageStyle) {
    open += letter === "{" ? 1 : letter === "}" ? -1 : 0;
    assert(open >= 0);
  }
  assert(open === 0);
});
