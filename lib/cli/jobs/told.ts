/**
 * A job that an engine tells to stop: it saves its state, as after Ctrl-C, and says by its exit code how it was told.
 * @module
 */

/** The exit code after SIGUSR2, "come again" (EX_TEMPFAIL of sysexits.h): the job's time ends, and it may go on later. */
export const COME_AGAIN = 75;

/**
 * Milliseconds after which a job that was told ends whether or not it could save: a step that lasts longer is done anew.
 * Less than the two minutes between Slurm's signal and the end of the job's time.
 */
const PATIENCE = 100_000;

/** SIGUSR1 is what batch scripts of earlier runs send. Deno opens a debugger at it, so that those of today send SIGUSR2. */
const codes = { SIGUSR2: COME_AGAIN, SIGUSR1: COME_AGAIN, SIGTERM: 143 } as const;

/**
 * Stops what runs in this process once SIGUSR2 or SIGTERM comes. What saves a state saves it and ends with an
 * AbortError; where nothing does, the process ends at once, as the job then does its step anew.
 *
 * @returns the exit code of the signal that came, undefined before
 */
export function stoppedWhenTold(): () => number | undefined {
  let told: number | undefined;
  if (Deno.build.os === "windows") return () => told; // it has no such signals
  for (const [signal, code] of Object.entries(codes)) {
    Deno.addSignalListener(signal as keyof typeof codes, async () => {
      told ??= code;
      console.error(`Told to stop by ${signal}.`);
      const { stopRunning } = await import("../../notebook/notebook.ts"); // where steps listen; jobs load it later
      if (!stopRunning()) Deno.exit(told);
      Deno.unrefTimer(setTimeout(() => Deno.exit(told), PATIENCE));
    });
  }
  return () => told;
}
