/**
 * Folders of real songs, and stores by their bytes.
 * @module
 */
import { projectRoot } from "@lib/base/project.ts";
import { withFolder } from "./folder.ts";
import type { Entries } from "./archives.ts";

/** The embedded songs. */
export const freedoom: string = `${projectRoot}/data/freedoom`;

/** Runs `fn` with a temporary folder of four songs, in folders of their own, and `more` files, and one for a store. */
export function withSongs(
  fn: (source: string, dir: string) => Promise<void>,
  more: Record<string, Uint8Array> = {},
): Promise<void> {
  return withFolder(async (root) => {
    await Deno.mkdir(`${root}/midi/deep/er`, { recursive: true });
    for (const [i, name] of ["d_e1m1", "d_e1m8", "d_tense", "d_inter"].entries()) {
      await Deno.copyFile(`${freedoom}/${name}.mid`, `${root}/midi/${i % 2 ? "deep/er/" : ""}${name}.mid`);
    }
    for (const [name, bytes] of Object.entries(more)) await Deno.writeFile(`${root}/midi/${name}`, bytes);
    await fn(`${root}/midi`, `${root}/store`);
  });
}

/** The files of a store. */
export async function storeBytes(dir: string): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for await (const { name } of Deno.readDir(dir)) files[name] = await Deno.readFile(`${dir}/${name}`);
  return files;
}

/** `count` embedded songs, some of them in another folder, in an order that is not that of their names; and a text. */
export async function manySongs(count = 66): Promise<Entries> {
  const names = (await Array.fromAsync(Deno.readDir(freedoom), ({ name }) => name)).filter((n) => n.endsWith(".mid"));
  const songs = names.sort().slice(0, count).reverse().map((name, i): Entries[number] => [
    `${i % 3 ? "" : "other/"}${name}`,
    Deno.readFileSync(`${freedoom}/${name}`),
  ]);
  return [["read.me", new Uint8Array(9)], ...songs];
}

/** Writes files into `folder/midi`; returns its path. */
export async function unpack(folder: string, files: Entries): Promise<string> {
  await Deno.mkdir(`${folder}/midi/other`, { recursive: true });
  for (const [name, bytes] of files) await Deno.writeFile(`${folder}/midi/${name}`, bytes as Uint8Array);
  return `${folder}/midi`;
}
