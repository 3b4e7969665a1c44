import { assertEquals, assertStringIncludes } from "@std/assert";
import { onPlugin } from "../../support/plugin.ts";
import { inProcess } from "../../support/process.ts";

const started = (env: Record<string, string>) =>
  inProcess(
    `const { client, flags, plugin } = await import("@lib/engine/xla/client.ts");
    console.log(JSON.stringify([plugin.platform, client.devices.length, flags]));`,
    env,
  );

onPlugin("the plug-in starts with one device, and the environment adds options and flags", async () => {
  const plain = await started({});
  assertEquals([plain.err, JSON.parse(plain.out)], ["", ["cpu", 1, {}]]);
  const env = { PJRT_OPTIONS: `{"cpu_device_count": 2}`, XLA_OPTIONS: `{"xla_cpu_enable_fast_math": false}` };
  assertEquals(JSON.parse((await started(env)).out), ["cpu", 2, { xla_cpu_enable_fast_math: false }]);
});

onPlugin("what does not start says why, and what to do", async () => {
  const why = async (env: Record<string, string>) => {
    const { code, err } = await started(env);
    assertEquals(code, 1);
    return err;
  };
  const wrong = await why({ PJRT_OPTIONS: `{"no_such_option": 2}` });
  for (const part of ["does not start", "no_such_option", "ENGINE=cpu"]) assertStringIncludes(wrong, part);
  assertStringIncludes(await why({ PJRT_OPTIONS: "two" }), "PJRT_OPTIONS: expected JSON");
  assertStringIncludes(await why({ PJRT_PLUGIN: "/nowhere.so" }), "PJRT_PLUGIN: expected the path");
});
