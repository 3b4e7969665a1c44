import { assertGreater } from "@std/assert";
import { archiveOutcome } from "../../support/archive_mutants.ts";
import { withFolder } from "../../support/folder.ts";

Deno.test("200 damaged archives give their songs or lines for them, or are refused; deno task fuzz-archives runs more", () =>
  withFolder(async (folder) => {
    const counts = { songs: 0, lines: 0, refused: 0 };
    for (let number = 0; number < 200; number++) counts[await archiveOutcome(folder, 0, number)]++;
    for (const count of Object.values(counts)) assertGreater(count, 20);
  }));
