/**
 * A study's results as a folder: small files of text and one matrix, which make its tables, figures and page anew.
 *
 * - `study.json`: the format's version, the recipe, the songs in numbers, how alike layers are (CKA), the mixes of layers,
 *   what nearest bars share, the jobs with their machines, and the SHA-256 of the other files.
 * - `rows.jsonl` and `resamplings.npy`: the scores of all probes (see `rows_file.ts`).
 * - `evaluations.jsonl`: a line for each training, as `Evaluation` has it.
 * - `curves.jsonl`: a line for each training, as `TrainingCurve` has it.
 * @module
 */
import { exists, sha256, writeFile } from "../../base/files.ts";
import { UserError } from "../../base/user_error.ts";
import { readJson } from "../step_records.ts";
import { readRecipe } from "../study.ts";
import type { Results } from "./results.ts";
import { decodeRows, encodeRows } from "./rows_file.ts";

/** The version of the format. */
const FORMAT = 1;

/** The file by which a folder is known as that of results. */
const HEAD = "study.json";

const jsonLines = (values: readonly object[]): string => values.map((value) => JSON.stringify(value) + "\n").join("");

const parseLines = (text: string) => text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));

/** Whether a folder has results in this form. */
export const hasResults = (folder: string): boolean => exists(`${folder}/${HEAD}`);

/** Writes results into a folder, {@link HEAD} last; other files of the folder stay as they are. */
export async function writeResultsFolder(folder: string, results: Results): Promise<void> {
  const { rows, evaluations, curves, ...rest } = results, encoded = encodeRows(rows), text = new TextEncoder();
  const files: Record<string, Uint8Array> = {
    "rows.jsonl": text.encode(encoded.rows),
    "resamplings.npy": encoded.resamplings,
    "evaluations.jsonl": text.encode(jsonLines(evaluations)),
    "curves.jsonl": text.encode(jsonLines(curves)),
  };
  const sums: Record<string, string> = {};
  for (const [name, bytes] of Object.entries(files)) {
    sums[name] = await sha256(bytes);
    await writeFile(`${folder}/${name}`, bytes);
  }
  await writeFile(`${folder}/${HEAD}`, JSON.stringify({ format: FORMAT, ...rest, files: sums }) + "\n");
}

/**
 * The results in a folder.
 *
 * @throws {UserError} if there are none, naming an older digest as such; if they are of another version; if a file is
 * missing or its bytes have changed, naming it
 */
export async function openResults(folder: string): Promise<Results> {
  const head = readJson(`${folder}/${HEAD}`) as
    | (Omit<Results, "rows" | "evaluations" | "curves"> & { format: number; files: Record<string, string> })
    | undefined;
  if (head === undefined) {
    const older = exists(`${folder}/scores.json`) || exists(`${folder}/curves.svg`);
    throw new UserError(
      `Results: expected ${HEAD} in ${folder}, found ${older ? "a digest of an earlier version" : "none"}. ` +
        (older
          ? "Its README.md and figures stand as they are; digest its run again for tables and a page."
          : "Name a folder that deno task digest wrote, or a run in data/runs."),
    );
  }
  if (head.format !== FORMAT) {
    throw new UserError(
      `Results: expected format ${FORMAT} in ${folder}/${HEAD}, found ${head.format}. Open it with the version that ` +
        "wrote it, or digest its run again.",
    );
  }
  const { format: _, files, ...rest } = head, found = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [name, sum] of Object.entries(files)) {
    const bytes = await Deno.readFile(`${folder}/${name}`).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new UserError(`Results: expected ${folder}/${name}, found no such file. Copy the folder again.`);
    });
    if (await sha256(bytes) !== sum) {
      throw new UserError(`Results: ${folder}/${name} has other bytes than ${HEAD} says. Copy the folder again.`);
    }
    found.set(name, bytes);
  }
  const text = (name: string) => new TextDecoder().decode(found.get(name));
  return {
    ...rest,
    recipe: readRecipe(`${folder}/${HEAD}`, rest.recipe),
    rows: decodeRows({ rows: text("rows.jsonl"), resamplings: found.get("resamplings.npy")! }, folder),
    evaluations: parseLines(text("evaluations.jsonl")),
    curves: parseLines(text("curves.jsonl")),
  };
}
