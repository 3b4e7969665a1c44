/**
 * A real page in Chromium: by default that of the study in `data/studies/small`, or the one that `PAGE` names, such as
 *
 *     PAGE=data/runs/demo/report.html deno test -A tests/report/real_page_test.ts
 */
import { assert, assertEquals } from "@std/assert";
import axe from "axe-core";
import { projectRoot } from "@lib/base/project.ts";
import { chromium, inBrowser } from "../support/browser.ts";

const file = Deno.env.get("PAGE") ?? `${projectRoot}/data/studies/small/report.html`;

// Drawings are left out: they are images to a screen reader, the small page of page_script_test.ts has them all, and axe
// takes minutes for a thousand marks.
const axeRun = (rules: string[]) =>
  `axe.run({ exclude: [["svg"]] }, ${
    JSON.stringify({ resultTypes: ["violations"], ...(rules.length > 0 ? { runOnly: rules } : {}) })
  })`;

const fonts = ["Liberation Sans Narrow, DejaVu Sans Condensed, sans-serif", "DejaVu Sans, Verdana, sans-serif"];

/** The captions of tables that do not fit their frame and cannot be scrolled to their end with the first column in view. */
const cutTables = `[...document.querySelectorAll("main table")].flatMap((table) => {
  const frame = table.closest(".output"), own = table.getBoundingClientRect();
  if (own.width === 0) return []; // folded
  const name = (table.caption ?? table.rows[0]).innerText.slice(0, 60);
  if (!frame) return ["no frame: " + name];
  if (own.width <= frame.clientWidth + 1) return [];
  if (innerWidth >= 1280) return [name + ": " + own.width + " in " + frame.clientWidth];
  const first = table.querySelector("tbody td:first-child"), before = first?.getBoundingClientRect().left;
  frame.scrollLeft = frame.scrollWidth;
  const reached = table.getBoundingClientRect().right <= frame.getBoundingClientRect().right + 1;
  const stayed = !table.matches(".numbers") || first.getBoundingClientRect().left >= before - 1;
  frame.scrollLeft = 0;
  return reached && stayed ? [] : ["cut: " + name];
})`;

Deno.test({
  name: "a real page in a browser: widths and fonts, links, values, legends, sorting, keyboard, axe, no network",
  ignore: chromium === undefined,
  fn: (t) =>
    inBrowser(Deno.readTextFileSync(file), async ({ page, complaints }) => {
      const tip = "document.getElementById('tip').textContent";
      await t.step("the contents and all links within the page lead somewhere, and ids are unique", async () => {
        const [dead, twins] = await page.evaluate(`(() => {
          const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
          const dead = [...document.querySelectorAll("a[href^='#']")].map((a) => decodeURIComponent(a.hash.slice(1)));
          return [dead.filter((id) => !ids.includes(id)), ids.filter((id, i) => ids.indexOf(id) !== i)];
        })()`) as [string[], string[]];
        assertEquals([dead, twins], [[], []]);
        await page.setViewport({ width: 1280, height: 900 });
        const links = await page.$$eval("nav a", (all) => all.map((link) => link.textContent));
        assert(links.length > 10);
        await page.evaluate("[...document.querySelectorAll('nav a')].at(-2).click()");
        await page.waitForFunction(`document.querySelector("nav [aria-current]") !== null`);
      });
      await t.step("every figure says a value under the pointer and by keyboard", async () => {
        for (const figure of await page.$$("figure.plot")) {
          const mark = await figure.$("[data-v]:not([opacity='0'])");
          if (!mark || !await mark.isVisible()) continue;
          await mark.scrollIntoView();
          await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 20)))");
          const { x, y, width, height } = (await mark.boundingBox())!;
          await page.mouse.move(x + width / 2, y + height / 2);
          assert(String(await page.evaluate(tip)).length > 3, await figure.evaluate((own) => own.id));
          await (await figure.$(".panels"))!.focus();
          await page.keyboard.press("Home");
          assert(String(await page.evaluate(tip)).length > 3);
          await page.keyboard.press("Escape");
          assertEquals(await page.evaluate(tip), "");
        }
      });
      await t.step("each legend's first button hides its series and shows it again, by keyboard", async () => {
        for (const figure of await page.$$("figure.plot:has(.legend)")) {
          const shown = () =>
            figure.evaluate((own) =>
              [...own.querySelectorAll(".panels [data-s]")].filter((mark) => mark.getClientRects().length > 0).length
            );
          const before = await shown(), button = (await figure.$(".legend button"))!;
          if (before === 0) continue; // folded
          await button.focus();
          await page.keyboard.press("Enter");
          assert(await shown() < before, await figure.evaluate((own) => own.id));
          await page.keyboard.press("Enter");
          assertEquals(await shown(), before);
        }
      });
      await t.step("each table is sorted by the keyboard, down or up", async () => {
        for (const table of await page.$$(".output > table.numbers")) {
          const column = () =>
            table.evaluate((own) =>
              [...(own as HTMLTableElement).tBodies[0].rows].map((row) => row.cells[0].innerText)
            );
          const head = await table.$("th [role=button]");
          if (!head || !await table.isVisible()) continue;
          const before = await column();
          await head.focus();
          await page.keyboard.press("Enter");
          const once = await column();
          await page.keyboard.press("Enter");
          const twice = await column();
          assertEquals(once.toSorted(), before.toSorted());
          assert(before.length < 2 || new Set(before).size < 2 || once.join() !== twice.join(), before.join());
        }
      });
      for (const scheme of ["light", "dark"]) {
        await t.step(`axe finds nothing serious, ${scheme}`, async () => {
          await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
          await page.evaluate(axe.source);
          const { violations } = await page.evaluate(axeRun(scheme === "dark" ? ["color-contrast"] : [])) as {
            violations: { id: string; impact: string; nodes: { html: string }[] }[];
          };
          const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
          assertEquals(serious.map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map(({ html }) => html)]), []);
        });
      }
      for (const width of [390, 1280, 1920]) {
        await t.step(
          `at ${width} pixels the page is no wider, and no table is cut, in a narrow and a wide font`,
          async () => {
            await page.setViewport({ width, height: 900 });
            await page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true;");
            for (const font of fonts) {
              await page.addStyleTag({ content: `body, svg, table { font-family: ${font} !important; }` });
              assertEquals(await page.evaluate("document.documentElement.scrollWidth"), width, font);
              assertEquals(await page.evaluate(cutTables), [], font);
            }
          },
        );
      }
      assertEquals(complaints, []);
    }),
});
