/**
 * Chromium for tests of pages; where none is installed, those tests are skipped with a line.
 * @module
 */
import { findChromium } from "@lib/report/pdf.ts";
import { UserError } from "@lib/base/user_error.ts";
import puppeteer, { type Page } from "puppeteer-core";

/** Chromium's path, or undefined where none is installed. */
export const chromium: string | undefined = (() => {
  try {
    return findChromium();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.warn("Tests in a browser are skipped: no Chromium or Chrome is on the PATH.");
    return undefined;
  }
})();

/** What a page did that it should not: messages on the console, errors, and requests beyond its own file. */
export type Watched = { page: Page; complaints: string[] };

/**
 * Opens HTML in Chromium as a file, without a network, and closes the browser when `use` is over.
 *
 * @param html the page's text
 */
export async function inBrowser<T>(html: string, use: (watched: Watched) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir(), complaints: string[] = [];
  await Deno.writeTextFile(`${folder}/page.html`, html);
  const args = Deno.build.os === "linux" && Deno.uid() === 0 ? ["--no-sandbox"] : []; // its sandbox refuses root
  const browser = await puppeteer.launch({ executablePath: chromium, args, userDataDir: `${folder}/profile` });
  try {
    const page = await browser.newPage();
    page.on("console", (message) => complaints.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(`error: ${error}`));
    page.on("request", (request) => {
      if (!/^(file|data|blob):/.test(request.url())) complaints.push(`request: ${request.url()}`);
    });
    await page.setOfflineMode(true);
    await page.goto(`file://${folder}/page.html`);
    return await use({ page, complaints });
  } finally {
    await browser.close();
    await Deno.remove(folder, { recursive: true });
  }
}
