import { assert, assertEquals } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";

Deno.test("an error of a kind of its own has that kind's name, and keeps its message and cause", () => {
  class SongError extends UserError {}
  const cause = new RangeError("deep"), error = new SongError("Where: expected this, found that.", { cause });
  assertEquals([error.name, error.message, error.cause], ["SongError", "Where: expected this, found that.", cause]);
  assert(error instanceof UserError && error instanceof Error && String(error).startsWith("SongError: Where"));
  assertEquals(new UserError("x").name, "UserError");
});
