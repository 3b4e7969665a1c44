import { assert, assertEquals, assertRejects } from "@std/assert";
import { bars } from "@lib/plots/charts.ts";
import { projectRoot } from "@lib/base/project.ts";
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
            "image/png": "iVBORw0KGgo=\n",
            "text/plain": "a plot",
          },
          metadata: { "image/png": { alt: 'scores "by" layer', width: 300 } },
        },
        ...["songs", "bars"].map((label) => ({
          output_type: "display_data" as const,
          data: {
            "application/vnd.vegalite.v5+json": bars([{ label, value: 59 }]),
            "image/png": "",
            "text/plain": "59",
          },
        })),
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
    { html: "<pre>await show(1)</pre>", outputs: [null, null, null, null, null, "<p><strong>bold</strong></p>", null] },
  ],
};
const stamp = { preset: "sound", scale: "smoke", seed: "0", songs: "data/freedoom", commit: "abc" };

Deno.test("the page holds every output in the richest notation that works offline", async () => {
  const page = await reportPage({ chapters: [chapter], stamp });
  assert(page.includes("<table><tr><td>59</td></tr></table>"));
  assert(page.includes('<img src="data:image/png;base64,iVBORw0KGgo=" alt="scores &quot;by&quot; layer" width="300">'));
  assert(page.includes("<pre>a &lt; b\n</pre>"));
  assert(page.includes("<p><strong>bold</strong></p>"));
  assert(page.includes("<summary>what ran (1)</summary><p>10 of 10</p>") && !page.includes("<progress>"));
  assert(page.includes("<details><summary>code</summary><pre>await show(1)</pre></details>"));
  for (const [name, value] of Object.entries(stamp)) assert(page.includes(`${name}</th><td>${value}</td>`), name);
});

Deno.test("plots that follow each other stand side by side, drawn in the page's colours", async () => {
  const page = await reportPage({ chapters: [chapter], stamp });
  assert(/<div class="output"><figure class="plot"(?:(?!<div class="output">)[^])*<figure class="plot"/.test(page));
  assert(page.includes('data-v="songs: 59"') && page.includes('data-v="bars: 59"'));
});

Deno.test("the page opens with what it reproduces, by whom, its version and licence, then what a reader wants first", async () => {
  const front = [{ title: "In short", id: "short", html: "<p>Three <findings></p>" }];
  const page = await reportPage({ front, chapters: [chapter], stamp });
  const { version } = JSON.parse(Deno.readTextFileSync(`${projectRoot}/deno.json`));
  const top = page.slice(page.indexOf("<h1>"), page.indexOf("</header>"));
  for (const part of ["A reproduction of", "Sangjun Han", "2306.04628", version, "commit abc", "MIT", "#cite"]) {
    assert(top.includes(part), part);
  }
  const places = ['<h2 id="short">In short', "<p>Three", '<section id="01_tokenize">', "@article{", '<h2 id="stamp">'];
  const found = places.map((text) => page.indexOf(text));
  assert(found.every((at) => at > 0));
  assertEquals(found, found.toSorted((a, b) => a - b));
});

Deno.test("the contents lead to headings that are there, each with its own id and its permalink", async () => {
  const page = await reportPage({ chapters: [chapter], stamp });
  const ids = [...page.matchAll(/<h2 id="([^"]+)"|<h3 id="([^"]+)"/g)].map(([, two, three]) => two ?? three);
  const nav = page.slice(page.indexOf("<nav"), page.indexOf("</nav>"));
  const links = (html: string) => [...html.matchAll(/href="#([^"]+)"/g)].map((match) => decodeURIComponent(match[1]));
  assertEquals(new Set(ids).size, ids.length);
  assertEquals(links(nav), ids);
  assertEquals(ids.length, 5); // three of the notebook, how to cite, the stamp
  const permalinks = [...page.matchAll(/<a class="here" href="#([^"]+)"/g)].map(([, id]) => decodeURIComponent(id));
  assertEquals(permalinks, ids);
});

Deno.test("a page that would fetch something is refused, one that links is not", async () => {
  const withImage = {
    ...chapter,
    rendered: [{ html: '<img alt="x" src="https://example.org/x.png">', outputs: [] }, chapter.rendered[1]],
  };
  await assertRejects(() => reportPage({ chapters: [withImage], stamp }), Error, "https://example.org/x.png");
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

Deno.test("words to those who run a notebook, in cells with the tag remove-cell, are not on the page", async () => {
  const cells: Chapter["cells"] = [{ cell_type: "markdown", metadata: { tags: ["remove-cell"] } }, {
    cell_type: "markdown",
    metadata: { tags: ["other"] },
  }];
  const rendered = ["<p>Press stop.</p>", "<p>It learned.</p>"].map((html) => ({ html, outputs: [] }));
  const page = await reportPage({ chapters: [{ ...chapter, cells, rendered }], stamp: { songs: "songs (3 songs)" } });
  assert(!page.includes("Press stop") && page.includes("It learned"));
  assert(page.includes('<p class="by">songs (3 songs)</p>')); // a folder that is called songs is named once
});

Deno.test("a link to another notebook leads to its section of the page, others stay", async () => {
  const html = '<p><a href="02_train_bert.ipynb">next</a> <a href="https://example.org/x.ipynb">elsewhere</a></p>';
  const page = await reportPage({
    chapters: [{ ...chapter, cells: [{ cell_type: "markdown" }], rendered: [{ html, outputs: [] }] }],
    stamp,
  });
  assert(page.includes('<a href="#02_train_bert">next</a>') && page.includes('href="https://example.org/x.ipynb"'));
});
