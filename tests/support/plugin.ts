/** Tests that need XLA's plug-in for the CPU. @module */
import { exists } from "@lib/base/files.ts";
import { pluginPath } from "@lib/engine/xla/plugin.ts";

/** The plug-in for the CPU that `task setup --engine xla` fetches. */
export const cpuPlugin: string = pluginPath("cpu");

/**
 * A test that is skipped, with a line, where that plug-in is not set up, or for another reason: `problem` says which,
 * or is undefined.
 */
export function onPlugin(name: string, fn: () => void | Promise<void>, problem?: string): void {
  const why = exists(cpuPlugin) ? problem : "deno task setup --engine xla fetches what it needs";
  Deno.test({ name: why === undefined ? name : `${name} (skipped: ${why})`, ignore: why !== undefined, fn });
}
