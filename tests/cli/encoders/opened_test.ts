import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { isStore, type Opened, recipeOf, withSongs } from "@lib/cli/encoders/opened.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import { encoderSongs } from "../../support/encoder_songs.ts";

Deno.test("songs are opened as a store and with an encoder if one is named, and all is closed in the end", async () => {
  const { dir, study: recipe, corpus, leave } = await encoderSongs(), before = tensorCount();
  const inputs = { recipe, "follow-links": false };
  let last: Opened | undefined;
  for (const [data, encoder] of [["store", undefined], ["songs", `${dir}/encoder`]] as const) {
    assertEquals(isStore(`${dir}/${data}`), data === "store");
    const code = await withSongs({ ...inputs, data: `${dir}/${data}`, encoder }, (opened) => {
      last = opened;
      assertEquals([opened.corpus.bars, opened.model !== undefined], [corpus.bars, encoder !== undefined]);
      return Promise.resolve();
    });
    assertEquals([code, tensorCount()], [0, before]);
    await assertRejects(() => Deno.stat(last!.folder), Deno.errors.NotFound);
  }
  const failing = () =>
    withSongs({ ...inputs, data: `${dir}/store`, encoder: `${dir}/store` }, () => Promise.resolve());
  await assertRejects(failing, UserError, "config.json: expected a checkpoint's file");
  assertEquals(recipeOf({ scale: "base", data: `${dir}/store` }).split, corpus.recipe.split); // a store's own choices
  await leave();
});
