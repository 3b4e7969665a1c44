/**
 * The log of a job that runs elsewhere: a file of a shared folder, read as it grows.
 * @module
 */
import { lineCutter } from "../../base/processes.ts";
import { logLines } from "./place.ts";

/** A log that is followed: its last lines so far, and an end, after which all that is there was told. */
export type Followed = { tail: readonly string[]; end(): Promise<void> };

/** Milliseconds between two looks at a log. */
const EVERY = 500;

/**
 * Follows a file from its end as it is now: `onLine` gets each line that is written from then on, without empty ones. The
 * file may come into being later.
 */
export function followLog(path: string, onLine: (line: string) => void, every: number = EVERY): Followed {
  const { tail, take } = logLines(onLine), cut = lineCutter(take);
  const decoder = new TextDecoder(), buffer = new Uint8Array(2 ** 16);
  let at = sizeOf(path), over = false, wake = () => {};
  const read = async () => {
    using file = await Deno.open(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    await file?.seek(at, Deno.SeekMode.Start);
    for (let count = await file?.read(buffer); count; count = await file?.read(buffer)) {
      at += count;
      cut(decoder.decode(buffer.subarray(0, count), { stream: true }));
    }
  };
  const reading = (async () => {
    while (!over) {
      await read();
      if (over) break;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, every);
        wake = () => (clearTimeout(timer), resolve());
      });
    }
    await read();
    take(cut(""));
  })();
  reading.catch(() => {}); // awaited in `end`
  return {
    tail,
    async end() {
      over = true;
      wake();
      await reading;
    },
  };
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
