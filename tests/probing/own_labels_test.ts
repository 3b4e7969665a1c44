import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { type Split, splits } from "@lib/corpus/split.ts";
import type { Corpus } from "@lib/corpus/store.ts";
import { checkLabels, LabelsError, parseLabels, probeOwn } from "@lib/probing/own_labels.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { plantedBar, plantedCorpus } from "../support/planted_corpus.ts";
import { meta } from "../support/planted_tables.ts";

const bar = plantedBar([60]);

/** Songs of three bars, of which all are kept but the last: `files` in turn train, validate and test. */
function corpusOf(files: string[], rejected: [string, string][] = []): Corpus {
  const planted = plantedCorpus(...files.map((_, i): [Split, ...Uint16Array[]] => [splits[i % 3], bar, bar]));
  return {
    ...planted,
    songs: planted.songs.map((song, i) => ({ ...song, file: files[i], id: `id${i}`, allBars: 3 })),
    rejected: rejected.map(([file, reason]) => ({ file, reason, detail: "" })),
  } as Corpus;
}

const plain = corpusOf(["a.mid", "b.mid", "c.mid"]);
/** Labels by bar of the store, of lines below a header. */
const read = (lines: string[], corpus = plain, kind?: "class" | "number") =>
  parseLabels(["song,bar,label", ...lines].join("\n"), "mine.csv", corpus, kind);
const refused = (lines: string[], message: string, corpus = plain, kind?: "class" | "number") => {
  const error = assertThrows(() => read(lines, corpus, kind), LabelsError, message);
  assert(error.message.startsWith("mine.csv"), error.message);
  return error.message;
};

Deno.test("songs are found by file or id: in either Unicode form, with a Windows path, or with an absolute one", () => {
  const corpus = corpusOf(["Cafe\u0301/a.mid", "Caf\u00e9 2/b.mid", "sub/c.mid", "c.mid", "odd\\name.mid"]);
  const names: [string, number][] = [
    ["Cafe\u0301/a.mid", 0], // as it is
    ["Caf\u00e9/a.mid", 0], // composed, for a decomposed name
    ["Cafe\u0301 2/b.mid", 1],
    ["Cafe\u0301 2\\b.mid", 1],
    ["./sub/c.mid", 2],
    ["sub\\c.mid", 2],
    ["/home/me/songs/sub/c.mid", 2],
    ["D:\\songs\\sub\\c.mid", 2],
    ["/home/me/songs/c.mid", 3],
    ["id3", 3],
    ["odd\\name.mid", 4],
  ];
  for (const [name, song] of names) {
    const { answers } = read([`${name},0,x`, "id1,1,y"], corpus);
    assertEquals(new Set(answers.keys()), new Set([2 * song, 3]), name);
  }
  assertEquals(read(["id0,0,fu\u0308r", "id1,0,f\u00fcr", "id2,0,x"], corpus).classes, ["f\u00fcr", "x"]);
  refused(["songs/c.mid,0,x"], "expected a song of the corpus (its file or id), found songs/c.mid", corpus);
});

Deno.test("labels of songs that tokenizing left out, and of bars with too few notes, are counted with their reason", () => {
  const corpus = corpusOf(["a.mid", "b.mid", "c.mid"], [["d/no\u0301.mid", "duplicate"], ["e.mid", "time-signature"]]);
  const { why, answers } = read(
    ["a.mid,0,x", "b.mid,1,y", "d\\n\u00f3.mid,0,x", "e.mid,7,x", "e.mid,8,y", "c.mid,2,x"],
    corpus,
  );
  assertEquals([...answers], [[0, 0], [3, 1]]);
  assert(why.endsWith("; left out: 4 labels (1 duplicate, 2 time-signature, 1 too few notes)"), why);
  refused(["e.mid,7,x"], "found none; left out: 1 labels (1 time-signature)", corpus);
});

Deno.test("a bar is a whole number from 0, also as pandas writes it; each has one label", () => {
  assertEquals([...read(["a.mid,0.0,x", "a.mid,1.,y", "b.mid,01,y"]).answers], [[0, 0], [1, 1], [3, 1]]);
  const message = refused(
    [
      "a.mid,0,x",
      "nobody.mid,0,x",
      "a.mid,x,y",
      "a.mid,3,y",
      "a.mid,0.0,z",
      "a.mid,1",
      "b.mid,0.5,x",
      "b.mid,-1,x",
      "b.mid,1,",
    ],
    "found 8 bad lines",
  );
  const expected = [
    [3, "found nobody.mid"],
    [4, "expected a bar's index from 0, found x"],
    [5, "expected a bar of a.mid \\(0…2\\), found 3"],
    [6, "expected one label a bar, found a second one of a.mid, bar 0"],
    [7, "expected 3 fields, found 2"],
    [8, "found 0.5"],
    [9, "found -1"],
    [10, "expected a label, found nothing"],
  ];
  for (const [line, what] of expected) {
    assert(new RegExp(`\n  line ${line}: .*${what}`).test(message), `${line}: ${message}`);
  }
  assertEquals(message.includes("line 2:"), false);
});

Deno.test("fields are parted by commas, semicolons or tabs, quoted or not, in any order and with any line ends", () => {
  const answers = [[0, 0], [3, 1]];
  const texts = [
    '\ufeffsong,bar,label\r\n"a.mid",0,x\r\n\r\nb.mid,1,"y"\r\n',
    "label;Song;bar;comment\nx;a.mid;0;one, two\ny;b.mid;1;\n",
    'sep=;\r\n"song";"bar";"label"\r\na.mid;0;x\r\nb.mid;1;y\r\n',
    "song\tbar\tlabel\na.mid\t0\tx\nb.mid\t1\ty",
    " song , bar , label \n a.mid , 0 , x \n b.mid , 1 , y \n",
    ",song,bar,label\n0,a.mid,0,x\n1,b.mid,1,y\n", // pandas' index
  ];
  for (const text of texts) assertEquals([...parseLabels(text, "t.csv", plain).answers], answers, text);
  const header = (text: string, found: string) =>
    assertThrows(
      () => parseLabels(text, "t.csv", plain),
      LabelsError,
      `t.csv, line 1: expected the columns song, bar and label, found ${found}.`,
    );
  header("a,b\n", "a,b");
  header("", "nothing");
});

Deno.test("labels are numbers if all are, but for few whole ones; a number is finite", () => {
  const many = corpusOf(Array.from({ length: 12 }, (_, i) => `${i}.mid`));
  const of = (label: (i: number) => string | number, kind?: "class" | "number") =>
    read(Array.from({ length: 24 }, (_, i) => `${i >> 1}.mid,${i % 2},${label(i)}`), many, kind);
  assertEquals([of((i) => i / 2).kind, of((i) => i).kind, of((i) => i % 20).kind], ["number", "number", "class"]);
  assertEquals([of((i) => i % 3, "number").kind, of((i) => i / 2, "class").kind], ["number", "class"]);
  assertEquals([of((i) => i === 3 ? "loud" : i / 2).kind, of((i) => i % 2 ? "nan" : "x").kind], ["class", "class"]);
  assertEquals(of((i) => `-${i}.5e1`).answers.get(23), -235);
  assertEquals(of((i) => ["b", "a", "c"][i % 3]).classes, ["a", "b", "c"]);
  assertEquals(of((i) => ["b", "a", "c"][i % 3]).answers.get(0), 1);
  const half = parseLabels("song;bar;label\n0.mid;0;0,5\n1.mid;0;1,25\n", "t.csv", many);
  assertEquals([half.kind, ...half.answers.values()], ["number", 0.5, 1.25]); // decimal commas
  for (const label of ["inf", "-Infinity", "NaN", "1e999"]) {
    refused(
      ["0.mid,0,0.5", "0.mid,1,0.25", `1.mid,0,${label}`],
      `line 4: expected a finite number, found ${label}`,
      many,
    );
  }
  refused(["0.mid,0,1", "0.mid,1,loud"], "line 3: expected a number, found loud", many, "number");
  refused(["0.mid,0,x", "0.mid,1,x"], "expected at least two different labels, found x alone", many);
  refused([], "found none", many);
  assert(refused(Array(30).fill("z,0,x"), "30 bad lines", many).endsWith("and 10 more"));
});

const thirds = corpusOf(Array.from({ length: 30 }, (_, i) => `${i}.mid`));
const ofSplit = { train: thirds.barsOf("train"), validation: thirds.barsOf("validation"), test: thirds.barsOf("test") };
/** Labels for each bar of the corpus by its split and place; none where the label is null. */
const labelsOf = (label: (split: Split, i: number) => string | number | null, kind?: "class" | "number") =>
  read(
    splits.flatMap((split) =>
      [...ofSplit[split]].flatMap((bar, i) => {
        const own = label(split, i);
        return own === null ? [] : [`${thirds.songs[thirds.song(bar)].file},${thirds.barIndex(bar)},${own}`];
      })
    ),
    thirds,
    kind,
  );

Deno.test("labels that no probe can be fitted on or scored with are refused before anything is embedded", () => {
  const check = (...args: Parameters<typeof labelsOf>) => checkLabels(labelsOf(...args), "mine.csv", ofSplit, thirds);
  const refuses = (message: string, ...args: Parameters<typeof labelsOf>) =>
    assertThrows(() => check(...args), LabelsError, `mine.csv: expected ${message}`);
  assertEquals(check((_, i) => ["a", "b"][i % 2]), []);
  assertEquals(check((_, i) => i / 3), []);
  refuses("labels in validation songs, found none", (split, i) => split === "train" ? ["a", "b"][i % 2] : null);
  refuses("labels in test songs, found none", (split, i) => split !== "test" ? i / 2 : null);
  refuses("labels in train songs, found none", (split, i) => split !== "train" ? i / 2 : null);
  refuses(
    "at least two different labels in train songs, found a alone",
    (split, i) => split === "train" ? "a" : "ab"[i % 2],
  );
  refuses(
    "at least two different labels in train songs, found 0.5 alone",
    (split, i) => split === "train" ? 0.5 : i / 4,
  );
  refuses(
    "classes of train songs in test songs, found c, d alone",
    (split, i) => split === "test" ? "cd"[i % 2] : "ab"[i % 2],
  );
  assertEquals(check((split, i) => split === "validation" && i < 3 ? "c" : "ab"[i % 2]), [
    "classes of validation songs that train lacks: c",
  ]);
  assertEquals(check((split, i) => split === "test" ? "b" : "ab"[i % 2]), [
    "test songs have b alone, so that some scores are undefined",
  ]);
});

Deno.test("own labels that features hold are found, those that they do not hold are guessed", async () => {
  const random = stream(1, "own"), truth = Float64Array.from({ length: thirds.bars }, () => random.uniform());
  const of = (split: Split) => Float32Array.from([...ofSplit[split]].flatMap((bar) => [truth[bar], random.uniform()]));
  const features = { columns: 2, train: of("train"), validation: of("validation"), test: of("test") };
  const study = recipe("sound", "smoke", { probing: { bootstraps: 100 } });
  const own = async (label: (bar: number) => string | number) => {
    const labels = labelsOf((split, i) => i === 4 ? null : label(ofSplit[split][i]));
    const rows = await probeOwn(features, ofSplit, thirds, labels, study, meta, "mine.csv");
    return (metric: string, split = "test") => rows.find((row) => row.metric === metric && row.split === split)!;
  };
  const held = await own((bar) => 3 * truth[bar] + 1);
  assertGreater(held("r2").value, 0.99);
  assertLess(held("rmse").value, held("guessRmse").value / 5);
  assertEquals([held("rmse").rows, held("rmse").songs, held("rmse").task], [19, 10, "mine.csv"]); // one bar without
  assertEquals([held("guessRmse").alpha, held("mae").low !== null, held("mae", "validation").low], [null, true, null]);
  const of3 = (split: Split) => [...ofSplit[split]].filter((_, i) => i !== 4).map((bar) => 3 * truth[bar] + 1);
  const mean = of3("train").reduce((sum, value) => sum + value, 0) / 19;
  const guessed = of3("test").reduce((sum, value) => sum + (value - mean) ** 2, 0) / 19;
  assertAlmostEquals(held("guessRmse").value, Math.sqrt(guessed), 1e-12);
  const drawn = await own(() => random.uniform());
  assertLess(drawn("r2").value, 0.3);
  const classes = await own((bar) => truth[bar] > 0.5 ? "high" : "low");
  assertGreater(classes("accuracy").value, 0.85);
  assertEquals(classes("aucMacro").value, 1);
  const mixed = await own((bar) => truth[bar] > 0.6 ? "a" : random.uniform() < 0.5 ? "b" : "c");
  assertLess(mixed("aucMacro").value, 0.9); // b and c are drawn; a alone has 1
  const testTruth = [...ofSplit.test].filter((_, i) => i !== 4).map((bar) => truth[bar] > 0.5);
  const trained = [...ofSplit.train].filter((_, i) => i !== 4).filter((bar) => truth[bar] > 0.5).length;
  const share = testTruth.filter((high) => high === trained > 9).length / testTruth.length;
  assertAlmostEquals(classes("guessAccuracy").value, share, 1e-12);
});
