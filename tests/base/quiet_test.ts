import { assertEquals } from "@std/assert";

Deno.test("packages of packages warn of nothing once the module is imported, and do before", async () => {
  const quiet = new URL("../../lib/base/quiet.ts", import.meta.url).href;
  const warned = async (first: string) => {
    const code = `${first}; process.emitWarning("old", "DeprecationWarning", "DEP0001");`;
    const args = ["eval", `import process from "node:process"; ${code}`];
    return new TextDecoder().decode((await new Deno.Command(Deno.execPath(), { args }).output()).stderr);
  };
  assertEquals((await warned("")).includes("DEP0001"), true);
  assertEquals(await warned(`await import(${JSON.stringify(quiet)})`), "");
});
