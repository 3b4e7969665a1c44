import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { openPack, PackError, packRun } from "@lib/study/pack.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { openStudy } from "@lib/study/study.ts";
import { withFolder } from "../support/small_run.ts";

/** A run of a few files below `folder`/runs. */
async function makeRun(folder: string): Promise<string> {
  const songs = `${folder}/songs`, runs = `${folder}/runs`;
  await Deno.mkdir(songs, { recursive: true });
  await Deno.writeTextFile(`${songs}/a.mid`, "MThd");
  const study = openStudy({ recipe: recipe("sound", "smoke"), name: "mine", data: songs, runs });
  await study.once("corpus", { data: study.data }, () => ({ bars: 3 }));
  const weights = crypto.getRandomValues(new Uint8Array(60_000));
  await Deno.writeFile(study.path("models", "BERT", "model.safetensors"), weights);
  await Deno.writeTextFile(study.path("models", "BERT", "training", "lock"), "");
  await Deno.writeTextFile(study.path("report.html.partial"), "half");
  await Deno.writeTextFile(study.path("näme with spaces.txt"), "");
  return study.folder;
}

const contents = async (folder: string): Promise<Record<string, string>> => {
  const found: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isDirectory) found[name] = (await Deno.readFile(`${folder}/${name}`)).toHex();
    else {for (const [below, hex] of Object.entries(await contents(`${folder}/${name}`))) {
        found[`${name}/${below}`] = hex;
      }}
  }
  return found;
};

Deno.test("a packed run opens elsewhere with the same files, and its steps are still done without its songs", () =>
  withFolder(async (folder) => {
    const run = await makeRun(folder), file = `${folder}/out/mine.tar.gz`;
    const packed = await packRun(run, file);
    const { [`SHA256SUMS`]: sums, ...unpacked } = await (async () => {
      const opened = await openPack(file, `${folder}/elsewhere`);
      assertEquals([opened.path, opened.files, opened.sha256], [
        `${folder}/elsewhere/mine`,
        packed.files,
        packed.sha256,
      ]);
      return await contents(opened.path);
    })();
    const kept = Object.entries(await contents(run)).filter(([name]) => !/(^|\/|\.)lock$|\.partial$/.test(name));
    assertEquals(unpacked, Object.fromEntries(kept));
    assert(sums !== undefined);
    await Deno.remove(`${folder}/songs`, { recursive: true });
    const study = openStudy({ recipe: recipe("sound", "smoke"), name: "mine", runs: `${folder}/elsewhere` });
    assertEquals(await study.once("corpus", { data: study.data }, () => ({ bars: 0 })), { bars: 3 });
  }));

Deno.test("sha256sum agrees with the sums inside and beside, and the same run packs to the same bytes", () =>
  withFolder(async (folder) => {
    const run = await makeRun(folder);
    await packRun(run, `${folder}/a.tar.gz`);
    const bytes = await Deno.readFile(`${folder}/a.tar.gz`);
    await Deno.utime(`${run}/recipe.json`, new Date(), new Date());
    await packRun(run, `${folder}/a.tar.gz`);
    assertEquals(await Deno.readFile(`${folder}/a.tar.gz`), bytes);
    const sh = async (script: string) => {
      const { success, stderr } = await new Deno.Command("sh", { args: ["-ec", script], cwd: folder }).output();
      assert(success, new TextDecoder().decode(stderr));
    };
    const has =
      new Deno.Command("sh", { args: ["-c", "command -v sha256sum tar"], stdout: "null" }).outputSync().success;
    if (has) {
      await sh("sha256sum --quiet -c a.tar.gz.sha256; tar xzf a.tar.gz; cd mine; sha256sum --quiet -c SHA256SUMS");
    }
    assertMatch(await Deno.readTextFile(`${folder}/a.tar.gz.sha256`), /^[0-9a-f]{64} {2}a\.tar\.gz\n$/);
  }));

Deno.test("a packed run that is cut, changed, or no packed run is refused, and leaves nothing", () =>
  withFolder(async (folder) => {
    const run = await makeRun(folder), file = `${folder}/mine.tar.gz`, runs = `${folder}/elsewhere`;
    await packRun(run, file);
    const whole = await Deno.readFile(file);
    const refused = async (bytes: Uint8Array, message: string) => {
      await Deno.writeFile(file, bytes);
      const error = await assertRejects(() => openPack(file, runs), PackError, message);
      assert(error.message.includes(file));
      assertEquals([...Deno.readDirSync(runs)], []);
    };
    const changed = whole.slice();
    changed[whole.length >> 1] ^= 1;
    await Deno.mkdir(runs);
    await refused(changed, "beside it stands");
    await Deno.remove(`${file}.sha256`);
    for (const at of [0.3, 0.5, 0.9].map((share) => Math.round(share * whole.length))) {
      const bytes = whole.slice();
      bytes[at] ^= 0x10;
      await refused(bytes, "is damaged");
    }
    for (const length of [0, 10, whole.length >> 1, whole.length - 9]) {
      await refused(whole.slice(0, length), length === 0 ? "packed run" : "is damaged");
    }
    await refused(new TextEncoder().encode("not an archive"), "is damaged, or no packed run");
    await Deno.writeFile(file, whole);
    await openPack(file, runs);
    await assertRejects(() => openPack(file, runs), PackError, "is there already");
    await openPack(file, runs, "twin");
    await assertRejects(() => packRun(`${runs}/nothing`, file), PackError, "Runs here: mine, twin");
    assertEquals(await Deno.readFile(file), whole);
  }));

Deno.test("an archive whose list does not fit its files, or that leads out of the folder, is refused by name", () =>
  withFolder(async (folder) => {
    const run = await makeRun(folder), file = `${folder}/mine.tar.gz`, runs = `${folder}/elsewhere`;
    await packRun(run, file);
    await Deno.remove(`${file}.sha256`);
    const sh = async (script: string) => {
      const { success } = await new Deno.Command("sh", { args: ["-ec", script], cwd: folder, stderr: "null" }).output();
      assert(success);
    };
    await Deno.mkdir(runs);
    const refused = async (script: string, message: string) => {
      await sh(`rm -rf mine; cp mine.tar.gz kept.gz; tar xzf mine.tar.gz; ${script}`);
      await assertRejects(() => openPack(file, runs), PackError, message);
      assertEquals([...Deno.readDirSync(runs)], []);
      await sh("mv kept.gz mine.tar.gz");
    };
    const again = "tar czf mine.tar.gz mine/*";
    await refused(`echo x >> mine/source.json; ${again}`, "source.json has the SHA-256");
    await refused(`rm mine/source.json; find mine -type f | tar czf mine.tar.gz -T -`, "source.json is listed");
    await refused(`echo x > mine/more.txt; find mine -type f | tar czf mine.tar.gz -T -`, "more.txt is not listed");
    await refused("echo x > out; tar czPf mine.tar.gz mine/../out", '"mine/../out"');
    await refused("ln -s /etc/passwd mine/link; tar czf mine.tar.gz mine/link", 'the symlink "mine/link"');
  }));
