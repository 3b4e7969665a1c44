import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { loadRecipe, openStudy } from "@lib/study/study.ts";
import { withEnvironment } from "../support/environment.ts";

const smoke = recipe("sound", "smoke");

/** A folder with one file, for songs and runs alike. */
function folderWithSong(): string {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${folder}/song.mid`, "MThd");
  return folder;
}

/** No variable of a study. */
const unset = { STUDY: undefined, PRESET: undefined, SCALE: undefined, DATA: undefined, RECIPE: undefined };

Deno.test("a run of another recipe or other songs is refused, with the fields that differ", () => {
  const data = folderWithSong(), runs = Deno.makeTempDirSync(), name = "mine";
  openStudy({ recipe: smoke, name, data, runs });
  openStudy({ recipe: smoke, name, runs }); // the same again, songs remembered
  const other = recipe("sound", "smoke", { seed: 3, training: { steps: 7 } });
  const { message } = assertThrows(() => openStudy({ recipe: other, name, data, runs }), UserError, "of other choices");
  const fields = message.split("\n").slice(1, -1).map((line) => line.trim());
  assertEquals(fields, ["seed: 0 there, 3 asked for", "training.steps: 6 there, 7 asked for"]);
  assertThrows(() => openStudy({ name, data: folderWithSong(), runs }), UserError, `songs: ${data} there`);
});

Deno.test("a run opens by its own recipe and songs, and only what is asked for is compared", () => {
  const data = folderWithSong(), runs = Deno.makeTempDirSync(), name = "mine";
  const own = recipe("authors", "smoke", { seed: 7, training: { steps: 9 } });
  openStudy({ recipe: own, name, data, runs });
  const opens = (variables: object) =>
    withEnvironment({ ...unset, STUDY: name, ...variables }, () => {
      const study = openStudy({ runs });
      assertEquals([study.recipe, study.data], [own, data]);
    });
  opens({});
  opens({ SCALE: "smoke" }); // whose training has 6 steps: only the scale's name was asked for
  opens({ PRESET: "authors", RECIPE: '{"training":{"steps":9}}', DATA: data });
  const refused = (variables: object, line: string) =>
    withEnvironment({ ...unset, STUDY: name, ...variables }, () => {
      const { message } = assertThrows(() => openStudy({ runs }), UserError, line);
      assertEquals(message.split("\n").length, 3, message);
    });
  refused({ SCALE: "demo" }, "scale: smoke there, demo asked for");
  refused({ PRESET: "sound" }, "preset: authors there, sound asked for");
  refused({ RECIPE: '{"training":{"steps":8}}' }, "training.steps: 9 there, 8 asked for");
  refused({ DATA: runs }, `songs: ${data} there, ${runs} asked for`);
});

Deno.test("how results are judged may change in a run: its recipe follows, and no step is stale", async () => {
  const data = folderWithSong(), runs = Deno.makeTempDirSync(), name = "mine";
  const study = openStudy({ recipe: smoke, name, data, runs }), inputs = { ...smoke, data };
  await study.once("probe", inputs, () => 1);
  const asked = { ...unset, STUDY: name, RECIPE: '{"probing":{"level":0.01},"training":{"seeds":3}}' };
  withEnvironment(asked, () => {
    const { recipe, done } = openStudy({ runs });
    assertEquals([recipe.probing.level, recipe.training.seeds], [0.01, 3]);
    assertEquals(done("probe", { ...recipe, data })?.info, 1);
  });
  const { recipe, done } = openStudy({ name, runs });
  assertEquals([recipe.probing.level, recipe.training.seeds, recipe.training.steps], [0.01, 3, smoke.training.steps]);
  assertEquals(done("probe", { ...recipe, probing: { ...recipe.probing, bootstraps: 7 }, data }), undefined);
  withEnvironment({ ...asked, RECIPE: '{"probing":{"level":0.02,"bootstraps":7}}' }, () => {
    const { message } = assertThrows(() => openStudy({ runs }), UserError, "probing.bootstraps: ");
    assert(!message.includes("level"), message);
  });
  assertEquals(openStudy({ name, runs }).recipe.probing.level, 0.01); // a refusal changes nothing
});

Deno.test("a notebook's parameters count where the environment says nothing", () => {
  const data = folderWithSong(), runs = Deno.makeTempDirSync();
  const parameters = { STUDY: "mine", SCALE: "smoke", PRESET: "authors", DATA: data, RECIPE: '{"seed":7}' };
  withEnvironment({ ...unset, STUDY: "theirs", RECIPE: '{"seed":8}', SCALE: "" }, () => {
    const { name, recipe, data: songs } = openStudy({ runs, parameters });
    assertEquals([name, recipe.preset, recipe.scale, recipe.seed, songs], ["theirs", "authors", "smoke", 8, data]);
  });
  withEnvironment(unset, () => {
    assertEquals([openStudy({ runs, parameters }).name, loadRecipe().scale, loadRecipe().preset], [
      "mine",
      "demo",
      "sound",
    ]);
  });
});

Deno.test("a wrong name, place of songs, variable or stored recipe is named", () => {
  const data = folderWithSong(), runs = Deno.makeTempDirSync();
  assertThrows(() => openStudy({ recipe: smoke, name: "a", data: "/nowhere/midi", runs }), UserError, "/nowhere/midi");
  for (const name of ["../a", "..", "", "a b"]) {
    assertThrows(() => openStudy({ recipe: smoke, name, data, runs }), UserError, JSON.stringify(name));
  }
  withEnvironment({ ...unset, RECIPE: "{seed:7}" }, () => {
    assertThrows(() => loadRecipe(), UserError, "RECIPE: expected JSON");
  });
  Deno.mkdirSync(`${runs}/old`);
  Deno.writeTextFileSync(`${runs}/old/recipe.json`, JSON.stringify({ ...smoke, colour: "red" }));
  const { message } = assertThrows(() => openStudy({ name: "old", runs }), UserError, "colour");
  assert(!/delete|remove/i.test(message), message);
  Deno.writeTextFileSync(`${runs}/old/recipe.json`, "{");
  assertThrows(() => openStudy({ name: "old", runs }), UserError, "old/recipe.json");
});

Deno.test("a run whose songs have moved goes on once it is tokenized, and is refused before", async () => {
  const data = folderWithSong(), runs = Deno.makeTempDirSync();
  const study = openStudy({ recipe: smoke, name: "mine", data, runs });
  Deno.renameSync(data, `${data}-moved`);
  assertThrows(() => openStudy({ recipe: smoke, name: "mine", runs }), UserError, `at ${data}, found none`);
  await study.once("corpus", { data: study.data }, () => 1);
  assertEquals(await openStudy({ name: "mine", runs }).once("corpus", { data }, () => 2), 1);
});

Deno.test("a tokenized run opens where its songs cannot be read", async () => {
  const data = folderWithSong(), runs = Deno.makeTempDirSync(), name = "mine";
  await openStudy({ recipe: smoke, name, data, runs }).once("corpus", { data }, () => 1);
  Deno.removeSync(data, { recursive: true });
  Deno.symlinkSync(data, data); // a link to itself, which root cannot read either
  assertThrows(() => Deno.statSync(data), Error, "os error");
  assertEquals(openStudy({ name, runs }).done("corpus", { data })?.info, 1);
});

Deno.test("the number of shards is a run's own until another is asked for, and is no other choice", () => {
  const data = folderWithSong(), runs = Deno.makeTempDirSync(), name = "mine";
  const open = (dry = false) => openStudy({ name, data, runs, dry }), source = `${runs}/${name}/source.json`;
  const written = () => JSON.parse(Deno.readTextFileSync(source)).shards;
  withEnvironment({ ...unset, SHARDS: undefined }, () => assertEquals([open().shards, written()], [1, undefined]));
  withEnvironment({ ...unset, SHARDS: "4" }, () => {
    assertEquals([open(true).shards, written()], [4, undefined]);
    assertEquals([open().shards, written()], [4, 4]);
  });
  withEnvironment({ ...unset, SHARDS: "" }, () => assertEquals(open().shards, 4));
  withEnvironment({ ...unset, SHARDS: "1" }, () => assertEquals([open().shards, written()], [1, 1]));
  for (const wrong of ["0", "two", "1.5"]) {
    withEnvironment({ ...unset, SHARDS: wrong }, () => void assertThrows(open, UserError, `found ${wrong}`));
  }
});

Deno.test("whether links are followed is a run's own; a run without them refuses to follow them", () => {
  const data = folderWithSong(),
    runs = Deno.makeTempDirSync(),
    open = (name: string) => openStudy({ name, data, runs });
  withEnvironment({ ...unset, FOLLOW_LINKS: undefined }, () => assertEquals(open("plain").followLinks, false));
  withEnvironment({ ...unset, FOLLOW_LINKS: "1" }, () => {
    assertEquals(open("links").followLinks, true);
    assertThrows(() => open("plain"), UserError, "links not followed there, followed asked for");
  });
  withEnvironment({ ...unset, FOLLOW_LINKS: "0" }, () => assertEquals(open("links").followLinks, true));
});
