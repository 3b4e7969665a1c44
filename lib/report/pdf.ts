/**
 * The report as PDF, printed by Chromium or Chrome where one is installed.
 * @module
 */
import { pathToFileURL } from "node:url";
import { exists, removeIfThere, replaceFile, temporaryFolder } from "../base/files.ts";
import { findPrograms } from "../base/python.ts";
import { UserError } from "../base/user_error.ts";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const applications = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/**
 * The first Chromium or Chrome on `searchPath`, or among macOS' applications.
 *
 * @throws {Error} saying what to install, or what to do without it.
 */
export function findChromium(searchPath: string = Deno.env.get("PATH") ?? ""): string {
  const [found = applications.find(exists)] = findPrograms(names, searchPath);
  if (found) return found;
  throw new UserError(
    `Report: --pdf expected Chromium or Chrome on the PATH (${names.join(", ")}), found none. ` +
      "Debian: sudo apt install chromium; macOS: brew install --cask chromium. " +
      "Or leave --pdf out, open report.html in any browser, and print it there.",
  );
}

/**
 * Prints a page to PDF.
 *
 * @throws {Error} with the end of what Chromium said, if it made none; a PDF that was there stays.
 */
export async function writePdf(page: string, pdf: string, chromium: string = findChromium()): Promise<void> {
  const profile = await temporaryFolder();
  const asRoot = Deno.build.os === "linux" && Deno.uid() === 0; // its sandbox refuses root
  const args = (target: string) => [
    ...["--headless", "--disable-gpu", "--no-pdf-header-footer", "--no-first-run", `--user-data-dir=${profile}`],
    ...(asRoot ? ["--no-sandbox"] : []),
    `--print-to-pdf=${target}`,
    pathToFileURL(page).href,
  ];
  try {
    await replaceFile(pdf, async (target) => {
      const command = new Deno.Command(chromium, { args: args(target), stdin: "null", stdout: "null" });
      const { stderr } = await command.output();
      if (exists(target)) return;
      const said = new TextDecoder().decode(stderr).trim().split("\n").slice(-5).join("\n  ");
      throw new UserError(`Report: expected a PDF from ${chromium}, found none. It said:\n  ${said}`);
    });
  } finally {
    await removeIfThere(profile);
  }
}
