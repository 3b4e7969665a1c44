/**
 * An entry of an archive on its way to a song: its name, its limits, and why it may be refused.
 * @module
 */

const MOST_BYTES = 16 * 2 ** 20; // of one song; the largest of 7,003 real ones has 2 MB

/** Why a file is not even parsed: in a word that stays the same, and what was expected and found. */
export type Refusal = { reason: "link" | "unsafe-path" | "too-large" | "unreadable"; detail: string };

/** A MIDI file of a source: its path below it with slashes, and its place, or its bytes, or why it was refused. */
export type SourceFile = { file: string; path?: string; bytes?: Uint8Array; refused?: Refusal };

/** An entry of an archive, by its path below the root. */
export type Entry = {
  file: string;
  /** The name that a link leads to; of a hard link below the root, of a symbolic one below its own folder. */
  link?: { hard: boolean; target: string };
  /** Reads its bytes (of a tar, only before the next entry is taken); or why it is not read. */
  content: Refusal | (() => Uint8Array | Refusal | Promise<Uint8Array | Refusal>);
};

/** An archive that cannot be read to its end; the message says what was expected and found, and what to do. */
export class Broken extends Error {}

/** The error of an archive that was cut or changed on its way. */
export const damaged = (found: string, remedy = "Fetch it again"): Broken =>
  new Broken(`expected a whole archive, found ${found}. ${remedy}.`);

/** Whether a name is that of a MIDI file. */
export const isSong = (name: string): boolean => /\.(midi?|kar|rmi)$/i.test(name);

/** A refusal of a file that is damaged, or of a kind that cannot be read. */
export const unreadable = (detail: string): Refusal => ({ reason: "unreadable", detail });

/** A refusal of a link. */
export const linked = (detail: string): Refusal => ({ reason: "link", detail: `expected a file, found ${detail}` });

/** A number of bytes in MiB. */
export const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** The refusal of a file that is too large, if it is. */
export const tooLarge = (size: number): Refusal | undefined =>
  size > MOST_BYTES
    ? { reason: "too-large", detail: `expected at most ${megabytes(MOST_BYTES)}, found ${megabytes(size)}` }
    : undefined;

/** The refusal of a name that leads out of the archive, if it does. */
export function unsafe(name: string): Refusal | undefined {
  if (!/^[/\\]|^[a-z]:[/\\]|\0/i.test(name) && !name.split(/[/\\]/).includes("..")) return undefined;
  return { reason: "unsafe-path", detail: "expected a path below the archive's root, found one that leads out of it" };
}

/** A name as a file system would take it: without `.` and doubled slashes. */
export const plainName = (name: string): string =>
  (name.startsWith("/") ? "/" : "") + name.split("/").filter((part) => part !== "" && part !== ".").join("/");

/** A name's bytes as text: UTF-8 if that is what they are, else each byte by `other`. */
export function nameText(bytes: Uint8Array, other: (byte: number) => string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, other).join(""); // the bytes are no UTF-8
  }
}
