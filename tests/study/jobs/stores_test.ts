import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { exists } from "@lib/base/files.ts";
import { projectRoot } from "@lib/base/project.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { jobState, studyJobs } from "@lib/study/jobs/graph.ts";
import { shardSteps, storeStep } from "@lib/study/jobs/steps.ts";
import { buildStore, sweepShards, tokenizeShard } from "@lib/study/jobs/stores.ts";
import { openStudy, type Study } from "@lib/study/study.ts";
import { compose } from "../../support/composer.ts";
import { manySongs, storeBytes, unpack } from "../../support/corpora.ts";
import { withEnvironment } from "../../support/environment.ts";
import { withFolder } from "../../support/folder.ts";
import { runStudy, withRuns } from "../../support/study_process.ts";

/** A study, in shards, of the songs in a folder of its own beside its runs. */
const open = (folder: string, name: string, shards: number): Study => ({
  ...openStudy({ recipe: recipe("sound", "smoke"), name, data: `${folder}/songs`, runs: `${folder}/runs` }),
  shards,
});

/** Runs a test with a folder of 40 composed songs, which are three chunks of a build. */
const withSongs = (test: (folder: string) => Promise<void>): Promise<void> =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/songs`);
    for (let song = 0; song < 40; song++) {
      await Deno.writeFile(`${folder}/songs/${song}.mid`, compose(9, song, 4).bytes);
    }
    await test(folder);
  });

/** What a folder of a run holds of shards. */
const shardsIn = (folder: string): string[] =>
  [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.includes("-of-")).sort();

Deno.test("a study's stores by 1, 2 and 4 shards are the same bytes, and nothing is left of the shards", () =>
  withSongs(async (folder) => {
    const stores = [];
    for (const shards of [1, 2, 4]) { // the fourth of three chunks is empty
      const study = open(folder, `in${shards}`, shards);
      const jobs = studyJobs(study).filter(({ name }) => name.startsWith("corpus"));
      assertEquals(jobs.length, shards === 1 ? 2 : 2 * shards + 2);
      for (const job of jobs) {
        assertEquals([job.name, jobState(study, job)], [job.name, "to do"]);
        await job.work();
        assertEquals([job.name, jobState(study, job)], [job.name, "done"]);
      }
      const [sound, authors] = await Promise.all(
        ["corpus", "corpus-authors"].map((store) => storeBytes(study.path(store))),
      );
      const { info } = JSON.parse(await Deno.readTextFile(`${study.folder}/steps/corpus.json`));
      stores.push({ sound, authors, info });
      assertEquals(shardsIn(study.folder), []);
    }
    for (const store of stores) assertEquals(store, stores[0]);
    assertEquals(stores[0].info.files, 40);
  }));

Deno.test("a shard whose folder is gone, and songs that changed between shards, are tokenized again before merging", () =>
  withSongs(async (folder) => {
    const study = open(folder, "torn", 2), store = storeStep(study), shards = shardSteps(study, store);
    for (const shard of shards) await tokenizeShard(study, shard, study.recipe);
    await Deno.remove(study.path(shards[1].step), { recursive: true });
    const summary = await buildStore(study, store, study.recipe);
    const whole = open(folder, "whole", 1);
    assertEquals(await buildStore(whole, storeStep(whole), whole.recipe), summary);
    const bytes = await storeBytes(whole.path("corpus"));
    assertEquals(await storeBytes(study.path("corpus")), bytes);
    const changed = open(folder, "changed", 2);
    await tokenizeShard(changed, shards[0], changed.recipe);
    await Deno.writeFile(`${folder}/songs/0.mid`, compose(9, 100, 6).bytes);
    await tokenizeShard(changed, shards[1], changed.recipe);
    const other = await buildStore(changed, storeStep(changed), changed.recipe);
    assertEquals(other.bars, summary.bars + 2);
    const after = open(folder, "after", 1);
    await buildStore(after, storeStep(after), after.recipe);
    assertEquals(await storeBytes(changed.path("corpus")), await storeBytes(after.path("corpus")));
  }));

Deno.test("of what shards left, that of the store that is done goes, also of another number, and no other's", () =>
  withSongs(async (folder) => {
    const study = open(folder, "swept", 1);
    for (const name of ["corpus-1-of-2", "corpus-3-of-12", "corpus-authors-1-of-2", "corpus", "corpus-authors"]) {
      await Deno.writeTextFile(study.path(name, "build.json"), "{}");
    }
    await sweepShards(study, storeStep(study));
    assertEquals(shardsIn(study.folder), ["corpus-authors-1-of-2"]);
    assert(exists(`${study.folder}/corpus`) && exists(`${study.folder}/corpus-authors`));
  }));

Deno.test("a shard's job that was killed is done again by the same command; the merge waits for it", () =>
  withRuns((_, run) =>
    withFolder(async (folder) => {
      const songs = await unpack(folder, await manySongs()), name = run("cut"), part = `corpus-1-of-2`;
      const env = { NO_COLOR: "1", SCALE: "smoke", DATA: songs, SHARDS: "2" };
      const args = (job: string) => ["job", job, "--run", name, "--threads", "1"];
      const runFolder = `${projectRoot}/data/runs/${name}`, parts = `${runFolder}/${part}/parts`;
      const begun = () => exists(parts) && [...Deno.readDirSync(parts)].some(({ name }) => name.endsWith(".part"));
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "-A", "--no-check", `${projectRoot}/lib/cli/main.ts`, ...args(part)],
        ...{ cwd: projectRoot, env, stdin: "null", stdout: "null", stderr: "null" },
      }).spawn();
      const ended = child.status.then(() => true), pause = () => new Promise((resolve) => setTimeout(resolve, 2));
      while (!begun() && await Promise.race([ended, pause()]) !== true);
      try {
        child.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it ended before
      }
      await ended;
      assert(begun());
      const study = withEnvironment({ SHARDS: undefined }, () => openStudy({ name }));
      assertEquals([study.shards, jobState(study, studyJobs(study)[0])], [2, "to do"]);
      // All at once: whoever comes first does a shard, the merge waits for both.
      const done = await Promise.all([part, "corpus", "corpus-2-of-2"].map((job) => runStudy(args(job), env)));
      assertEquals(done.map(({ code }) => code), [0, 0, 0], done.map(({ text }) => text).join("\n"));
      const whole = openStudy({ recipe: recipe("sound", "smoke"), name: "whole", data: songs, runs: folder });
      await buildStore(whole, storeStep(whole), whole.recipe);
      assertEquals(await storeBytes(`${runFolder}/corpus`), await storeBytes(whole.path("corpus")));
      assertEquals(shardsIn(runFolder), []);
      const wrong = await runStudy(args("corpus-3-of-2"), env);
      assertStringIncludes(wrong.text, "found corpus-3-of-2");
    })
  ));
