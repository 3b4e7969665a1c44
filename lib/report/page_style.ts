/**
 * How pages look: light and dark, from phones to wide screens, and on paper.
 * @module
 */

/** Colours; `--c0` … are the plots' series, brighter on dark paper. */
const light = `--ink: #1f2328; --paper: #ffffff; --faint: #d8dee4; --quiet: #59636e; --box: #f6f8fa; --link: #0059a8;
  --k: #8250df; --s: #0a6640; --c: #59636e; --n: #0550ae; --c0: #0072b2; --c1: #c25400; --c2: #00875f; --c3: #b85c92;
  --c4: #b87700; --c5: #2f8cc4; --c6: #7a5230; --c7: #1f2328;`;
const dark = `--ink: #e6edf3; --paper: #0d1117; --faint: #30363d; --quiet: #9198a1; --box: #161b22; --link: #79b8ff;
  --k: #d2a8ff; --s: #7ee2a8; --c: #9198a1; --n: #79c0ff; --c0: #4aa3e0; --c1: #f0823e; --c2: #2dbd94; --c3: #dd94bf;
  --c4: #eab04a; --c5: #8fd0f5; --c6: #c29a75; --c7: #e6edf3;`;

/** The style sheet of a page; its tables and plots are those of `tableText` and `plotHtml`. */
export const pageStyle = `
:root { color-scheme: light dark; ${light} }
@media screen and (prefers-color-scheme: dark) { :root { ${dark} } }
@media print { :root { color-scheme: light; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 3.5rem; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 16px/1.6 system-ui, "DejaVu Sans", sans-serif;
  overflow-wrap: break-word; }
header, footer { max-width: 74rem; margin: 0 auto; padding: 1rem 1.5rem; }
main { min-width: 0; max-width: 74rem; margin: 0 auto; padding: 0 1.5rem; }
h1 { font-size: 1.9rem; line-height: 1.25; margin: 1.5rem 0 .3rem; text-wrap: balance; }
h2 { font-size: 1.5rem; line-height: 1.3; margin: 2.5rem 0 .8rem; padding-top: 1.2rem; border-top: 1px solid var(--faint); }
h3 { font-size: 1.2rem; margin: 2rem 0 .6rem; } h4, h5, h6 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p, li, dd { max-width: 48rem; }
a { color: var(--link); } .anchor-link { display: none; }
.here { margin-left: .4em; font-weight: 400; text-decoration: none; color: var(--quiet); opacity: 0; }
:is(h2, h3, h4):hover .here, .here:focus { opacity: 1; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: 1rem; z-index: 3; background: var(--paper); }
nav { position: sticky; top: 0; z-index: 2; background: var(--paper); border-bottom: 1px solid var(--faint);
  padding: .3rem 1.5rem; font-size: .85rem; line-height: 1.45; }
nav details { margin: 0; } nav summary { font-weight: 600; padding: .3rem 0; }
nav details > ol { max-height: 75vh; overflow-y: auto; }
nav ol { list-style: none; margin: 0 0 .4rem; padding: 0; } nav ol ol { padding-left: .9rem; font-size: .95em; }
nav li { margin: .15rem 0; } nav a { text-decoration: none; color: var(--quiet); }
nav a:hover, nav a:focus { text-decoration: underline; }
nav a[aria-current] { color: var(--link); font-weight: 600; }
@media (min-width: 75rem) {
  .columns { display: grid; grid-template-columns: 13.5rem minmax(0, 74rem); justify-content: center; }
  nav { align-self: start; max-height: 100vh; overflow-y: auto; border: 0; padding: 1.5rem 0 1rem 1rem; }
  nav summary { display: none; } nav details > ol { max-height: none; overflow: visible; }
  html { scroll-padding-top: 1rem; } main { margin: 0; }
  header, footer { max-width: 87.5rem; }
}
.about, .by, figcaption, caption, summary, .note { color: var(--quiet); font-size: .88rem; }
.by { max-width: none; margin: .2rem 0; }
details { margin: .6rem 0; } summary { cursor: pointer; }
pre { background: var(--box); border: 1px solid var(--faint); border-radius: 6px; padding: .7rem .9rem; margin: .5rem 0;
  white-space: pre-wrap; overflow-wrap: anywhere; font: .82rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .88em; overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; }
.output { margin: .9rem 0; overflow-x: auto; }
.progress { color: var(--quiet); font-size: .82rem; margin: .3rem 0; } .progress p { margin: .1rem 0; }
table { border-collapse: collapse; font-size: .84rem; line-height: 1.45; margin: .8rem 0 .3rem; }
caption { text-align: left; padding: .3rem 0; caption-side: top; }
th, td { padding: .25rem .4rem; border-bottom: 1px solid var(--faint); } th { border-bottom-width: 2px; }
table.numbers :is(th, td):first-child { position: sticky; left: 0; background: var(--paper); }
table.numbers td span { font-size: .9em; color: var(--quiet); }
table.numbers th[aria-sort] { color: var(--link); }
.stamp th { text-align: left; vertical-align: top; white-space: nowrap; border-bottom-width: 1px; } .stamp td { overflow-wrap: anywhere; }
.save { margin: 0 0 .8rem; }
.save button, .legend button { font: inherit; font-size: .78rem; color: var(--quiet); background: none; cursor: pointer;
  border: 1px solid var(--faint); border-radius: 4px; padding: .05rem .45rem; margin-right: .4rem; }
.save button:hover, .legend button:hover { color: var(--ink); border-color: var(--quiet); }
figure { margin: .9rem 0; } .wide { overflow-x: auto; } .wide svg { max-width: 100%; min-width: 40rem; height: auto; }
.output:has(> .plot + .plot) { display: flex; flex-wrap: wrap; gap: 0 2rem; align-items: start; }
.output > .plot { max-width: 100%; }
.plot figcaption { max-width: 48rem; margin-bottom: .3rem; } .plot figcaption b { font-size: .95rem; color: var(--ink); }
.panels { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; overflow-x: auto; }
.panels:focus-visible, button:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.panel { display: flex; flex-direction: column; } .plot:has(.legend) .panel { justify-content: space-between; }
.colours { font-size: .82rem; margin: .3rem 0; } .plot .colours svg { display: inline-block; vertical-align: middle; }
.panel > p { margin: .3rem 0 0; text-align: center; font-size: .82rem; line-height: 1.3; max-width: none; }
.plot svg { display: block; max-width: 100%; height: auto; font-family: system-ui, "DejaVu Sans", sans-serif; }
.plot svg .on { stroke: var(--ink); stroke-width: 2px; opacity: 1; fill-opacity: 1; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem; margin: .4rem 0; }
.legend button { display: inline-flex; align-items: center; gap: .35rem; color: var(--ink); margin: 0; font-size: .82rem; }
.legend svg { width: 1.9rem; height: .95rem; } .legend button[aria-pressed="false"] { opacity: .5; text-decoration: line-through; }
#tip { position: fixed; z-index: 4; max-width: min(24rem, 92vw); padding: .25rem .55rem; font-size: .82rem; line-height: 1.4;
  background: var(--ink); color: var(--paper); border-radius: 4px; pointer-events: none; }
#tip:empty { visibility: hidden; }
.play { font: inherit; font-size: .8rem; font-variant-numeric: tabular-nums; color: var(--ink); background: var(--box);
  border: 1px solid var(--faint); border-radius: 4px; padding: .1rem .5rem; min-width: 4.4rem; text-align: left; cursor: pointer; }
.play:hover { border-color: var(--quiet); } .play[aria-pressed="true"] { border-color: var(--link); }
.play + a { font-size: .8rem; }
figure:has(> svg), .panel { position: relative; }
.cursor { position: absolute; width: 0; border-left: 2px solid var(--c1); pointer-events: none; }
.bars td { border: 0; padding: .2rem .5rem .6rem 0; } .bars figcaption { max-width: 10.5rem; font-size: .75rem !important; }
.output svg { max-width: 100%; height: auto; }
.error { border-color: #cf222e; }
.highlight .k, .highlight .kd, .highlight .kr, .highlight .kc, .highlight .kt, .highlight .kn { color: var(--k); }
.highlight .s1, .highlight .s2, .highlight .sb, .highlight .sr { color: var(--s); }
.highlight .c1, .highlight .cm { color: var(--c); font-style: italic; }
.highlight .mi, .highlight .mf { color: var(--n); }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0; padding: 0; list-style: none; }
.cards li { flex: 1 1 11rem; border: 1px solid var(--faint); border-radius: 6px; padding: .6rem .8rem; line-height: 1.35; }
.cards li { max-width: 20rem; } .cards b { display: block; font-size: 1.5rem; } .cards small { color: var(--quiet); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1rem; font-size: .9rem; }
dt { font-weight: 600; } dd { margin: 0; }
@media (max-width: 40rem) { header, main, footer { padding-left: 1rem; padding-right: 1rem; } nav { padding: .2rem 1rem; }
  h1 { font-size: 1.5rem; } h2 { font-size: 1.3rem; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
  table.numbers :is(th, td):first-child { max-width: 9rem; white-space: normal !important; } }
@page { size: A4 landscape; margin: 9mm; }
@media print {
  html { font-size: 11.5px; } body { font-size: 8.5pt; line-height: 1.4; }
  nav, .skip, .here, .save, #tip, details, audio, .play, .play + a, p:has(> .play) { display: none !important; }
  header, main, footer { max-width: none; padding: 0; } .columns { display: block; }
  .output, .panels { overflow: visible; }
  h1 { font-size: 16pt; margin-top: 0; } h2 { font-size: 12pt; margin: 9pt 0 3pt; padding-top: 3pt; }
  h3 { font-size: 10pt; margin: 7pt 0 2pt; } p, .output, figure { margin: 3pt 0; }
  h1, h2, h3, h4, caption, figcaption, .lead { break-after: avoid; break-inside: avoid; }
  p:has(+ ul), p:has(+ details + .output > :is(figure, table)), p:has(+ details + details + .output > :is(figure, table)),
  p:has(+ .output > :is(figure, table)),
  .output:has(> p):has(+ .output > :is(figure, table)) { break-after: avoid; }
  table { font-size: 6.6pt; line-height: 1.22; margin: 2pt 0; } th, td { padding: 1pt 4pt; }
  table.numbers :is(th, td):first-child { position: static; }
  figure, tr, .panel, .cards li { break-inside: avoid; } thead { display: table-header-group; }
  table { break-inside: avoid; } table:has(tr:nth-child(40)) { break-inside: auto; }
  p, figcaption, h3, li { orphans: 3; widows: 3; } .colours { break-before: avoid; }
  p, li, dd { max-width: none; }
  a { color: inherit; text-decoration: none; } .legend button { border: 0; padding: 0 .6rem 0 0; }
  .plot svg { min-width: 0 !important; } .panel svg, .wide svg, .bars svg, .output > svg { zoom: .55; }
  .panels, .output:has(> .plot + .plot) { display: block; }
  /* Chromium keeps lines of blocks whole, and neither flex boxes nor tables. */
  section { orphans: 1; widows: 1; }
  .panel, .output > .plot:not(:has(.panel:nth-child(9))):not(:has(.colours):has(.panel:nth-child(5))), .output:has(> .bars):not(:has(tr:nth-child(5))),
  .output:has(> table.numbers):not(:has(tr:nth-child(24))) { display: inline-block; max-width: 100%; margin-right: 1.2rem; }
  .output:has(> .plot:only-child):not(:has(.panel:nth-child(4))) { display: inline-block; max-width: 100%; }
  .panel { vertical-align: top; } .plot:has(.legend) .panel { vertical-align: bottom; }
  .output, .output > .plot { vertical-align: top; }
  table.numbers td br { display: none; } table.numbers td span { margin-left: .4em; white-space: nowrap; }
  figure:is(:has(.panel:nth-child(9)), :has(.colours):has(.panel:nth-child(5))) { break-inside: auto; } /* may be taller than a page */
}
`;
