import { assertEquals } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { withFolder } from "./support/folder.ts";

/** The TypeScript files below a folder. */
const modulesBelow = (folder: string): string[] =>
  [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? modulesBelow(`${folder}/${name}`) : name.endsWith(".ts") ? [`${folder}/${name}`] : []
  );

/** Copies a folder. */
async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    await (isDirectory ? copy : Deno.copyFile)(`${from}/${name}`, `${to}/${name}`);
  }
}

Deno.test("the project tokenizes and computes in a folder with spaces, umlauts, percent and number signs", () =>
  withFolder(async (dir) => {
    const root = `${dir}/my music/Ünï 50%20 #2`;
    await copy(`${projectRoot}/lib`, `${root}/lib`);
    for (const file of ["deno.json", "deno.lock"]) await Deno.copyFile(`${projectRoot}/${file}`, `${root}/${file}`);
    await Deno.symlink(`${projectRoot}/.venv`, `${root}/.venv`);
    await Deno.mkdir(`${root}/a song? #1`);
    for (const song of ["d_adrian", "d_bunny"]) {
      await Deno.copyFile(`${projectRoot}/data/freedoom/${song}.mid`, `${root}/a song? #1/${song} 100%.mid`);
    }
    const run = async (...args: string[]) => {
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root, env: { NO_COLOR: "1" } })
        .output();
      return [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
    };
    const cli = ["run", "--quiet", "--no-check", "-A", "lib/cli/main.ts"];
    const [out, source] = [`${root}/a store`, `${root}/a song? #1`];
    const [said, wrong] = await run(...cli, "tokenize", "--out", out, "--scale", "smoke", "--workers", "2", source);
    const songs = await Deno.readTextFile(`${out}/songs.jsonl`).catch(() => "");
    assertEquals(songs.trim().split("\n").length, 2, `${said}\n${wrong}`);
    const code = `import { tf } from "@lib/engine/mod.ts"; import { projectRoot } from "@lib/base/project.ts";
        console.log(tf.ones([3]).sum().dataSync()[0], projectRoot);`;
    const [sum, why] = await run("eval", "--quiet", "--no-check", code);
    assertEquals(sum, `3 ${await Deno.realPath(root)}`, why);
  }));

Deno.test("no module takes the pathname of a URL for a file's path", () => {
  const modules = ["lib", "tests"].flatMap((folder) => modulesBelow(`${projectRoot}/${folder}`));
  const wrong = modules.filter((path) => !path.endsWith("folder_names_test.ts"))
    .filter((path) => Deno.readTextFileSync(path).includes(".pathname"));
  assertEquals(wrong, []);
});
