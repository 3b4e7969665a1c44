/** Tests that need XLA's plug-in for the CPU. @module */
import { exists } from "@lib/base/files.ts";
import { pluginPath } from "@lib/engine/xla/plugin.ts";

/** The plug-in for the CPU that `task setup --engine xla` fetches. */
export const cpuPlugin: string = pluginPath("cpu");

/** A test that is skipped, with a line, where that plug-in is not set up. */
export function onPlugin(name: string, fn: () => void | Promise<void>): void {
  const ignore = !exists(cpuPlugin);
  Deno.test({
    name: ignore ? `${name} (skipped: deno task setup --engine xla fetches what it needs)` : name,
    ignore,
    fn,
  });
}
