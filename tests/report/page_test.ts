import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { dataCard, modelCard } from "@lib/report/cards.ts";
import { reportOptions, UsageError } from "@lib/cli/main.ts";
import { type Chapter, outsideReferences, reportPage } from "@lib/report/page.ts";
import { findChromium, writePdf } from "@lib/report/pdf.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import type { Evaluation } from "@lib/training/evaluation.ts";
import { fingerprint, openStudy } from "@lib/study/study.ts";
import { choices, smallCorpus } from "../support/small_run.ts";

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

Deno.test("the same run gives the same bytes", () => {
  const make = () => reportPage({ title: "Study", chapters: [chapter], stamp });
  assertEquals(make(), make());
});

Deno.test("options become the kernels' environment, paths are the caller's", () => {
  assertEquals(reportOptions([], "/home/me"), {
    name: "demo",
    env: { STUDY: "demo", SCALE: "demo", PRESET: "sound" },
    fresh: false,
    page: false,
    pdf: false,
    help: false,
  });
  const { name, env, fresh } = reportOptions([
    "--scale",
    "small",
    "--preset=authors",
    "--data",
    "../My midi",
    "--fresh",
  ], "/home/me");
  assertEquals(name, "small-authors-My-midi");
  assertEquals(env, { STUDY: name, SCALE: "small", PRESET: "authors", DATA: "/home/My midi" });
  assert(fresh);
});

Deno.test("an unknown option is answered with the known ones", () => {
  const error = assertThrows(() => reportOptions(["--scael", "demo"]), UsageError, "--scael");
  for (const option of ["--data", "--scale", "--preset", "--name", "--fresh", "--page", "--pdf"]) {
    assert(error.message.includes(option));
  }
});

/** A folder with one file, for songs and runs alike. */
function folderWithSong(): string {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${folder}/song.mid`, "MThd");
  return folder;
}

Deno.test("a run folder of another recipe is refused, with the fields that differ and what to do", () => {
  const data = folderWithSong();
  const runs = Deno.makeTempDirSync();
  openStudy({ recipe: recipe("sound", "smoke"), name: "mine", data, runs });
  openStudy({ recipe: recipe("sound", "smoke"), name: "mine", runs }); // the same again, songs remembered
  const other = recipe("sound", "smoke", { seed: 3, training: { steps: 7 } });
  const error = assertThrows(
    () => openStudy({ recipe: other, name: "mine", data, runs }),
    Error,
    "seed: 0 there, 3 asked for",
  );
  assert(error.message.includes("training.steps: 6 there, 7 asked for") && error.message.includes("STUDY=name"));
  const moved = assertThrows(() =>
    openStudy({ recipe: recipe("sound", "smoke"), name: "mine", data: folderWithSong(), runs })
  );
  assert(moved.message.includes(`songs: ${data} there`));
});

Deno.test("a study without songs, or with a name that is no folder's, is refused", () => {
  const made = recipe("sound", "smoke");
  assertThrows(
    () => openStudy({ recipe: made, name: "a", data: "/nowhere/midi", runs: Deno.makeTempDirSync() }),
    Error,
    "/nowhere/midi",
  );
  assertThrows(() => openStudy({ recipe: made, name: "../a" }), RangeError, '"../a"');
});

Deno.test("a step is done once for the same inputs, whatever the order of their keys", async () => {
  const data = folderWithSong();
  const open = () => openStudy({ recipe: recipe("sound", "smoke"), name: "mine", data, runs: data });
  let times = 0;
  const work = () => ({ songs: ++times });
  assertEquals(await open().once("corpus", { a: 1, b: 2 }, work), { songs: 1 });
  assertEquals(await open().once("corpus", { b: 2, a: 1 }, work), { songs: 1 });
  assertEquals(await open().once("corpus", { a: 1, b: 3 }, work), { songs: 2 });
  assertEquals(open().done("corpus", { a: 1, b: 2 }), undefined);
  assertEquals(open().done("never"), undefined);
  assertEquals(fingerprint({ x: [1, { b: 1, a: 2 }] }), fingerprint({ x: [1, { a: 2, b: 1 }] }));
});

Deno.test("a step that was cut off is not done", async () => {
  const data = folderWithSong();
  const study = openStudy({ recipe: recipe("sound", "smoke"), name: "mine", data, runs: data });
  await study.once("train", 1, () => Promise.reject(new Error("cut off"))).catch(() => {});
  assertEquals(study.done("train", 1), undefined);
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

Deno.test("without Chromium, --pdf is answered with what to install or do instead", () => {
  const folder = Deno.makeTempDirSync();
  if (Deno.build.os === "linux") {
    const error = assertThrows(() => findChromium(folder), Error, "expected Chromium or Chrome on the PATH");
    assert(error.message.includes("apt install chromium") && error.message.includes("print it there"));
  }
  Deno.writeTextFileSync(`${folder}/google-chrome`, "");
  assertEquals(findChromium(`/nowhere:${folder}`), `${folder}/google-chrome`);
});

Deno.test({
  name: "a page is printed to a PDF, and what fails leaves the last one",
  ignore: (() => {
    try {
      return findChromium() === "";
    } catch {
      return true; // none here
    }
  })(),
  async fn() {
    const folder = Deno.makeTempDirSync(), page = `${folder}/report.html`, pdf = `${folder}/report.pdf`;
    Deno.writeTextFileSync(page, reportPage({ title: "Study", chapters: [chapter], stamp }));
    await writePdf(page, pdf);
    const bytes = Deno.readFileSync(pdf);
    assertEquals(new TextDecoder().decode(bytes.subarray(0, 5)), "%PDF-");
    await assertRejects(() => writePdf(page, pdf, "/bin/false"), Error, "expected a PDF from /bin/false");
    assertEquals(Deno.readFileSync(pdf), bytes);
    assertEquals([...Deno.readDirSync(folder)].length, 2);
  },
});

Deno.test("cards tell what the models and the store are, with the recipe's and the store's own numbers", async () => {
  const corpus = await smallCorpus(), score = { loss: 3.25, accuracy: 0.4375, kinds: [], songs: [] };
  const contrast = { accuracy: 0.8125 } as NonNullable<Evaluation["contrast"]>["validation"];
  const evaluations: Evaluation[] = [
    { model: "BERT", mlm: { train: score, validation: score }, contrast: null, seconds: 1 },
    {
      model: "BERT-aug",
      mlm: { train: score, validation: score },
      contrast: { train: contrast, validation: contrast, otherOrder: contrast, dropping: null },
      seconds: 1,
    },
  ];
  const card = modelCard(choices, evaluations, stamp);
  const { layers, hidden } = choices.model;
  for (const part of [`${layers} layers of width ${hidden}`, "3.250", "0.438", "0.813", "training.steps", "abc"]) {
    assert(card.includes(part), part);
  }
  assert(card.startsWith("---\nlibrary_name: transformers\n"));
  const data = dataCard(choices, corpus, stamp);
  for (const part of [corpus.checksum, `${corpus.songs.length} songs`, `the ${corpus.bars} bars`, "tokens.minNotes"]) {
    assert(data.replace(/\s+/g, " ").includes(part), part);
  }
  for (const split of ["train", "validation", "test"] as const) {
    assertMatch(data, new RegExp(`\\| ${split} +\\|.* ${corpus.barsOf(split).length} `));
  }
});

Deno.test("a run whose songs have moved goes on once it is tokenized, and is refused before", async () => {
  const data = folderWithSong(), runs = Deno.makeTempDirSync(), made = recipe("sound", "smoke");
  const study = openStudy({ recipe: made, name: "mine", data, runs });
  Deno.renameSync(data, `${data}-moved`);
  assertThrows(() => openStudy({ recipe: made, name: "mine", runs }), Error, `at ${data}, found none`);
  await study.once("corpus", { data: study.data }, () => 1);
  assertEquals(await openStudy({ recipe: made, name: "mine", runs }).once("corpus", { data }, () => 2), 1);
});
