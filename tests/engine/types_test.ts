import { assert, assertEquals } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { EngineError, TensorFlowError } from "@lib/engine/types.ts";

Deno.test("a refused op is a fault of the program, a missing engine one that a person can mend", () => {
  const [fault, mendable] = [new TensorFlowError("MatMul"), new EngineError("no library")];
  assertEquals([fault.name, mendable.name], ["TensorFlowError", "EngineError"]);
  assert(!((fault as Error) instanceof UserError) && mendable instanceof UserError);
});
