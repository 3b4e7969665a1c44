import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { findChromium, writePdf } from "@lib/report/pdf.ts";

Deno.test("without Chromium, --pdf is answered with what to install or do instead", () => {
  const folder = Deno.makeTempDirSync();
  if (Deno.build.os === "linux") {
    const error = assertThrows(() => findChromium(folder), UserError, "expected Chromium or Chrome on the PATH");
    assert(error.message.includes("apt install chromium") && error.message.includes("print it there"));
  }
  Deno.mkdirSync(`${folder}/chromium`);
  Deno.writeTextFileSync(`${folder}/google-chrome`, "", { mode: 0o755 });
  assertEquals(findChromium(`/nowhere:${folder}`), `${folder}/google-chrome`);
});

Deno.test({
  name: "a page is printed to a PDF, and what fails leaves the last one",
  ignore: (() => {
    try {
      return findChromium() === "";
    } catch {
      return true; // none here
    }
  })(),
  async fn() {
    const folder = Deno.makeTempDirSync(), page = `${folder}/report.html`, pdf = `${folder}/report.pdf`;
    Deno.writeTextFileSync(page, "<!doctype html><title>Study</title><p>A page.");
    await writePdf(page, pdf);
    const bytes = Deno.readFileSync(pdf);
    assertEquals(new TextDecoder().decode(bytes.subarray(0, 5)), "%PDF-");
    await assertRejects(() => writePdf(page, pdf, "/bin/false"), UserError, "expected a PDF from /bin/false");
    assertEquals(Deno.readFileSync(pdf), bytes);
    assertEquals([...Deno.readDirSync(folder)].length, 2);
  },
});
