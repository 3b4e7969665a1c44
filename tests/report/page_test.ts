import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Chapter, outsideReferences, reportPage } from "@lib/report/page.ts";

const chapter: Chapter = {
  name: "01_tokenize",
  cells: [
    { cell_type: "markdown" },
    {
      cell_type: "code",
      outputs: [
        {
          output_type: "display_data",
          data: { "text/html": "<table><tr><td>59</td></tr></table>", "text/plain": "59" },
        },
        {
          output_type: "display_data",
          data: {
            "application/vnd.vegalite.v5+json": { $schema: "https://vega.github.io/x" },
            "image/png": "iVBORw0KGgo=\n",
            "text/plain": "a plot",
          },
          metadata: { "image/png": { alt: 'scores "by" layer', width: 300 } },
        },
        { output_type: "stream", text: ["a < b\n"] },
        { output_type: "display_data", data: { "text/markdown": "**bold**" } },
        {
          output_type: "display_data",
          data: { "text/html": "<progress>" },
          metadata: { progress: { text: "10 of 10" } },
        },
      ],
    },
  ],
  rendered: [
    {
      html:
        '<h1 id="Tokenize">Tokenize<a class="anchor-link" href="#Tokenize">¶</a></h1><h2>Songs</h2><p>see <a href="https://example.org">there</a></p><h2>Songs</h2>',
      outputs: [],
    },
    { html: "<pre>await show(1)</pre>", outputs: [null, null, null, "<p><strong>bold</strong></p>", null] },
  ],
};
const stamp = { preset: "sound", scale: "smoke", seed: "0", songs: "data/freedoom", commit: "abc" };

Deno.test("the page holds every output in the richest notation that works offline", () => {
  const page = reportPage({ title: "Study <1>", chapters: [chapter], stamp });
  assert(page.includes("<table><tr><td>59</td></tr></table>"));
  assert(page.includes('<img src="data:image/png;base64,iVBORw0KGgo=" alt="scores &quot;by&quot; layer" width="300">'));
  assert(page.includes("<pre>a &lt; b\n</pre>"));
  assert(page.includes("<p><strong>bold</strong></p>"));
  assert(page.includes('<p class="progress">10 of 10</p>') && !page.includes("<progress>"));
  assert(page.includes("<details><summary>code</summary><pre>await show(1)</pre></details>"));
  assert(page.includes("<h1>Study &lt;1&gt;</h1>"));
  for (const [name, value] of Object.entries(stamp)) assert(page.includes(`${name}</th><td>${value}</td>`), name);
});

Deno.test("the contents lead to headings that are there, each with its own id", () => {
  const page = reportPage({ title: "Study", chapters: [chapter], stamp });
  const ids = [...page.matchAll(/<h\d id="([^"]+)"/g)].map((match) => match[1]);
  const links = [...page.matchAll(/href="#([^"]+)"/g)].map((match) => decodeURIComponent(match[1]));
  assertEquals(new Set(ids).size, ids.length);
  assertEquals(links, ids.filter((id) => id !== "stamp"));
  assertEquals(links.length, 3);
});

Deno.test("a page that would fetch something is refused, one that links is not", () => {
  const withImage = {
    ...chapter,
    rendered: [{ html: '<img alt="x" src="https://example.org/x.png">', outputs: [] }, chapter.rendered[1]],
  };
  assertThrows(() => reportPage({ title: "Study", chapters: [withImage], stamp }), Error, "https://example.org/x.png");
  const fetching = [
    '<script src="//cdn.example/a.js"></script>',
    '<link rel="stylesheet" href="https://cdn.example/a.css">',
    '<script type="module">import m from "https://cdn.example/m.mjs"</script>',
    "<style>@import 'https://cdn.example/b.css';</style>",
    '<p style="background: url(https://cdn.example/c.png)">',
    "<iframe src='https://cdn.example/d'></iframe>",
  ];
  for (const html of fetching) assertEquals(outsideReferences(html).length, 1, html);
  assertEquals(
    outsideReferences(
      '<p><a title="x" href="https://example.org">link</a> <svg xmlns="http://www.w3.org/2000/svg"></svg></p>',
    ),
    [],
  );
});

Deno.test("a link to another notebook leads to its section of the page, others stay", () => {
  const html = '<p><a href="02_train_bert.ipynb">next</a> <a href="https://example.org/x.ipynb">elsewhere</a></p>';
  const page = reportPage({
    title: "Study",
    chapters: [{ ...chapter, cells: [{ cell_type: "markdown" }], rendered: [{ html, outputs: [] }] }],
    stamp,
  });
  assert(page.includes('<a href="#02_train_bert">next</a>') && page.includes('href="https://example.org/x.ipynb"'));
});
