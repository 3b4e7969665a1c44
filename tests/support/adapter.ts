/** Tests that need a WebGPU adapter. @module */

/**
 * Bytes of the adapter's largest storage buffer, 0 without an adapter. Another process looks: Mesa's software adapter brings
 * an LLVM, which crashes beside XLA's in this one.
 */
const largest = Number(
  new TextDecoder().decode(
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "console.log((await navigator.gpu?.requestAdapter())?.limits.maxStorageBufferBindingSize ?? 0)"],
      env: { NO_COLOR: "1" },
      stderr: "null",
    }).outputSync().stdout,
  ),
);
/** A test that is skipped without an adapter, or where its largest buffer is above `most` bytes. */
export const onAdapter = (name: string, fn: () => Promise<void>, most = Infinity) => {
  const why = largest === 0 ? "WebGPU finds no adapter here" : largest > most ? "it would fill this GPU" : "";
  Deno.test({ name: why === "" ? name : `${name} (skipped: ${why})`, ignore: why !== "", fn });
};
