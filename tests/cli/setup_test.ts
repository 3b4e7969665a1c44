import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { denoWarning, librariesReady, testedDeno } from "@lib/cli/setup.ts";
import { wheelFor } from "@lib/cli/wheels.ts";

Deno.test("libraries cut off half-way, of another version or without a stamp are not ready", () => {
  const wheel = wheelFor("linux", "x86_64");
  const folder = Deno.makeTempDirSync();
  assert(!librariesReady(folder, wheel));
  Deno.writeTextFileSync(`${folder}/libtensorflow_cc.so.2`, "12345");
  const stamp = { package: wheel.package, version: wheel.version, sha256: wheel.sha256 };
  const write = (value: unknown) => Deno.writeTextFileSync(`${folder}/stamp.json`, JSON.stringify(value));
  write({ ...stamp, files: { "libtensorflow_cc.so.2": 5 } });
  assert(librariesReady(folder, wheel));
  assert(!librariesReady(folder, wheelFor("linux", "x86_64", true)));
  Deno.writeTextFileSync(`${folder}/libtensorflow_cc.so.2`, "123");
  assert(!librariesReady(folder, wheel));
  Deno.writeTextFileSync(`${folder}/stamp.json`, '{"package": "tens');
  assert(!librariesReady(folder, wheel));
});

Deno.test("another Deno is warned of, the tested one and its patches are not", () => {
  assertEquals(denoWarning(testedDeno), undefined);
  assertEquals(denoWarning(testedDeno.replace(/\d+$/, "99")), undefined);
  assertStringIncludes(denoWarning("1.46.3")!, `found 1.46.3`);
  assertStringIncludes(denoWarning("2.10.0")!, `npx -y deno@${testedDeno}`);
  const readme = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));
  assertEquals(new Set([...readme.matchAll(/deno@([\d.]+)/g)].map((match) => match[1])), new Set([testedDeno]));
});
