import { assertEquals } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";

/** The text files below a folder whose names end so, by their paths in the project. */
function filesBelow(folder: string, ...ends: string[]): string[] {
  return [...Deno.readDirSync(`${projectRoot}/${folder}`)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return name === "golden" ? [] : filesBelow(path, ...ends);
    return ends.some((end) => name.endsWith(end)) ? [path] : [];
  }).sort();
}

const read = (path: string): string => Deno.readTextFileSync(`${projectRoot}/${path}`);

/** The numbers of sections and items in lib/STUDY.md, such as 3 and 3.2; of section 13 also the rows of its table. */
function numbers(text: string): Set<string> {
  const sections = [...text.matchAll(/^## (\d+)\. /gm)].map(([, number]) => number);
  const items = [...text.matchAll(/^\*\*(\d+\.\d+)[ *]/gm)].map(([, number]) => number);
  const register = text.slice(text.indexOf("\n## 13. "), text.indexOf("\n## 16. "));
  const rows = [...register.matchAll(/^\| (\d+) +\|/gm)].map(([, number]) => `13.${number}`);
  return new Set([...sections, ...items, ...rows]);
}

/** The sections that a text refers to by `STUDY §…`, lists and ranges such as `§3.2, §4–5` taken apart. */
function referred(text: string): string[] {
  return [...text.matchAll(/STUDY ((?:§?[\d.]*\d[,–; ]*(?:and )?)+)/g)].flatMap(([, list]) =>
    list.match(/\d+(\.\d+)?/g)!
  );
}

Deno.test("each reference to the study's specification leads to a number of lib/STUDY.md", () => {
  const known = numbers(read("lib/STUDY.md"));
  const lost = filesBelow("lib", ".ts").concat(filesBelow("tests", ".ts")).flatMap((path) =>
    referred(read(path)).filter((number) => !known.has(number)).map((number) => `${path}: §${number}`)
  );
  assertEquals(lost, []);
});

Deno.test("no section sign stands without its document, and none in a notebook", () => {
  const bare = filesBelow("lib", ".ts").filter((path) => /(?<!STUDY (?:§[\d.–]+(?:, | and ))*)§/.test(read(path)));
  const printed = [...filesBelow("notebooks", ".ipynb"), "README.md"].filter((path) => read(path).includes("§"));
  assertEquals([bare, printed], [[], []]);
});

Deno.test("the reader of references sees lists and ranges, and a number that is missing", () => {
  assertEquals(referred("pads (STUDY §7.4, §16.4), grid STUDY §3 and 4.2; STUDY 11.2–11.4"), [
    "7.4",
    "16.4",
    "3",
    "4.2",
    "11.2",
    "11.4",
  ]);
  const text = "## 3. Grid\n\n**3.2** Floor.\n\n## 13. Register\n\n| 7  | a |\n\n## 16. Traps\n";
  assertEquals([...numbers(text)], ["3", "13", "16", "3.2", "13.7"]);
});
