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

/** The first Chromium or Chrome on `searchPath`, or of macOS' applications; throws a {@link UserError} without one. */
export function findChromium(searchPath: string = Deno.env.get("PATH") ?? ""): string {
  const [found = applications.find(exists)] = findPrograms(names, searchPath);
  if (found) return found;
  throw new UserError(
    `Report: --pdf expected Chromium or Chrome on the PATH (${names.join(", ")}), found none. ` +
      "Debian: sudo apt install chromium; macOS: brew install --cask chromium. " +
      "Or leave --pdf out, open report.html in any browser, and print it there.",
  );
}

/** Prints a page to PDF; throws a {@link UserError} with what Chromium said if it fails, and the PDF before stays. */
export async function writePdf(page: string, pdf: string, chromium: string = findChromium()): Promise<void> {
  const profile = await temporaryFolder();
  const asRoot = Deno.build.os === "linux" && Deno.uid() === 0; // its sandbox refuses root
  const options = ["--headless", "--disable-gpu", "--no-pdf-header-footer", "--no-first-run"];
  if (asRoot) options.push("--no-sandbox");
  try {
    await replaceFile(pdf, async (target) => {
      const args = [...options, `--user-data-dir=${profile}`, `--print-to-pdf=${target}`, pathToFileURL(page).href];
      const { stderr } = await new Deno.Command(chromium, { args, stdin: "null", stdout: "null" }).output();
      if (exists(target)) return;
      const said = new TextDecoder().decode(stderr).trim().split("\n").slice(-5).join("\n  ");
      throw new UserError(`Report: expected a PDF from ${chromium}, found none. It said:\n  ${said}`);
    });
  } finally {
    await removeIfThere(profile);
  }
}
