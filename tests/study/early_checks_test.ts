import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { parameterCount } from "@lib/bert/parameters.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { bytesToWrite, checkFolder, openStudy } from "@lib/study/study.ts";

Deno.test("a disk without room for the models is refused before anything is done", () => {
  const folder = Deno.makeTempDirSync();
  checkFolder(`${folder}/small`, 1);
  assertThrows(() => checkFolder(folder, 1e18), UserError, "expected 1000000000.0 GB free");
  Deno.writeTextFileSync(`${folder}/song.mid`, "");
  const model = { layers: 1000, hidden: 2 ** 20, heads: 1, intermediate: 2 ** 22 };
  const huge = recipe("sound", "smoke", { model });
  assertThrows(() => openStudy({ recipe: huge, name: "huge", data: folder, runs: folder }), UserError, "GB free");
  assertThrows(() => Deno.statSync(`${folder}/huge/recipe.json`), Deno.errors.NotFound);
});

Deno.test("the room is that of the models that have not begun: nine times their weights", () => {
  const folder = Deno.makeTempDirSync(), base = recipe("sound", "base");
  const weights = 4 * parameterCount(bertConfig(base)), of = () => bytesToWrite(folder, base) / weights;
  assert(Math.abs(of() / 36 - 1) < 0.02, `${of()}`); // the estimate leaves out biases and LayerNorms
  Deno.mkdirSync(`${folder}/models/BERT`, { recursive: true });
  assert(Math.abs(of() / 27 - 1) < 0.02, `${of()}`);
});

Deno.test("a run folder that cannot be written is refused by its name", () => {
  const folder = Deno.makeTempDirSync(), file = `${folder}/file`;
  Deno.writeTextFileSync(file, "");
  const { message } = assertThrows(() => checkFolder(`${file}/run`, 0), UserError, "can be written");
  assert(message.includes(`${file}/run`));
  assertEquals([...Deno.readDirSync(folder)].length, 1);
});
