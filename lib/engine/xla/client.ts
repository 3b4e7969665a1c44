/**
 * Starts the plug-in. Importing the module loads it.
 * @module
 */
import { nvidiaDriver, pinLibrary } from "../library.ts";
import { EngineError } from "../types.ts";
import { type Client, pjrtClient, type PjrtOption, type XlaFlag } from "./pjrt.ts";
import { findPlugin, type Plugin } from "./plugin.ts";

const readJson = (name: string): Record<string, never> => {
  const text = Deno.env.get(name);
  if (!text) return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new EngineError(`${name}: expected JSON such as {"name": true}, found ${text}.`);
  }
};

function start(): { plugin: Plugin; client: Client; flags: Record<string, XlaFlag> } {
  const plugin = findPlugin(nvidiaDriver() !== undefined);
  if (!plugin) {
    throw new EngineError(
      "ENGINE=xla: expected a plug-in of XLA, found none. Run `deno task setup --engine xla`, or set PJRT_PLUGIN to " +
        "the path of one.",
    );
  }
  plugin.libraries.forEach(pinLibrary);
  try {
    const options: Record<string, PjrtOption> = { ...plugin.options, ...readJson("PJRT_OPTIONS") };
    return { plugin, client: pjrtClient(plugin.path, options), flags: { ...plugin.flags, ...readJson("XLA_OPTIONS") } };
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const why = (error instanceof Error ? error.message : String(error)).split("\n")[0].replace(/\.$/, "");
    throw new EngineError(
      `XLA's plug-in ${plugin.path} does not start: ${why}. ENGINE=cpu does without it; ` +
        "PJRT_PLUGIN=path takes another.",
      { cause: error },
    );
  }
}

const started = start();

/** The plug-in. */
export const plugin: Plugin = started.plugin;

/** The client of its devices; `PJRT_OPTIONS`, as JSON, adds to its options. */
export const client: Client = started.client;

/** XLA's flags for every compilation; `XLA_OPTIONS`, as JSON, adds to them. */
export const flags: Readonly<Record<string, XlaFlag>> = started.flags;
