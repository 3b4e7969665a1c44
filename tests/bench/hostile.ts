/**
 * Small files that make a careless reader slow or large: each is legal MIDI, or nearly.
 * @module
 */
import { quantity } from "../support/smf.ts";

/** Bytes that grow without lists of boxed numbers in between. */
function writer() {
  let bytes = new Uint8Array(1024), length = 0;
  const put = (...more: number[]) => {
    if (length + more.length > bytes.length) {
      const wider = new Uint8Array(2 * bytes.length);
      wider.set(bytes);
      bytes = wider;
    }
    for (const byte of more) bytes[length++] = byte;
  };
  return { put, done: () => bytes.subarray(0, length) };
}

type Put = (...bytes: number[]) => void;
const times = (count: number, each: (i: number) => void) => {
  for (let i = 0; i < count; i++) each(i);
};
const signature = [0, 0xff, 0x58, 4, 4, 2, 24, 8], eot = [0, 0xff, 0x2f, 0];

/** A file of tracks that are written by `each`; the first begins with a 4/4. */
function song(tracks: number, each: (put: Put, track: number) => void, division = 480): Uint8Array<ArrayBuffer> {
  const { put, done } = writer();
  const count = Math.min(tracks, 32767);
  put(0x4d, 0x54, 0x68, 0x64, 0, 0, 0, 6, 0, 1, count >> 8, count & 255, division >> 8, division & 255);
  times(tracks, (track) => {
    const inner = writer();
    if (track === 0) inner.put(...signature);
    each(inner.put, track);
    inner.put(...eot);
    const content = inner.done(), size = content.length;
    put(0x4d, 0x54, 0x72, 0x6b, size >>> 24, (size >> 16) & 255, (size >> 8) & 255, size & 255);
    for (const byte of content) put(byte);
  });
  return Uint8Array.from(done());
}

/** 100 notes of each of 128 programs on one channel, open until {@link closeAll}. */
const openAll = (put: Put) =>
  times(128, (program) => {
    put(0, 0xc0, program, 0, 0x90, 10, 64);
    times(99, (i) => put(0, 11 + i, 64));
  });
const closeAll = (put: Put) => {
  put(1, 0x80, 10, 0);
  times(12_799, (i) => put(0, 10 + (i + 1) % 100, 0));
};

/** The files by what is in them. */
export const hostile: Readonly<Record<string, () => Uint8Array<ArrayBuffer>>> = {
  "a million notes": () =>
    song(1, (put) => {
      put(0, 0x90, 0, 64, 1, 0, 0);
      times(1_000_000, (i) => put(0, i % 128, 64, 1, i % 128, 0));
    }),
  "500,000 notes at one tick": () =>
    song(1, (put) => {
      put(0, 0x90, 0, 64);
      times(500_000, (i) => put(0, i % 128, 64));
      put(1, 0, 0);
      times(500_000, (i) => put(0, i % 128, 0));
    }),
  "300,000 notes of a pitch open at once": () =>
    song(1, (put) => {
      put(0, 0x90, 60, 64);
      times(300_000, () => put(1, 60, 64));
      times(300_000, () => put(1, 60, 0));
    }),
  "300,000 bends under a note": () =>
    song(1, (put) => {
      put(0, 0x90, 60, 64, 0, 0xe0, 0, 0);
      times(300_000, (i) => put(1, (37 * i) & 127, (i >> 2) & 127));
      put(0, 0x80, 60, 0);
    }),
  "200,000 bends under 12,800 notes of 128 programs": () =>
    song(1, (put) => {
      openAll(put);
      put(0, 0xe0, 0, 1);
      times(200_000, (i) => put(1, (37 * i) & 127, (i >> 2) & 127));
      closeAll(put);
    }),
  "200,000 pedals under 12,800 notes of 128 programs": () =>
    song(1, (put) => {
      openAll(put);
      put(0, 0xb0, 64, 127);
      times(100_000, () => put(1, 64, 0, 1, 64, 127));
      closeAll(put);
    }),
  "300,000 programs at the tick of 300,000 notes of another track": () =>
    song(2, (put, track) => {
      if (track === 0) {
        put(0, 0xc0, 1);
        times(300_000, (i) => put(0, i & 127));
      } else {
        put(0, 0x90, 0, 64);
        times(300_000, (i) => put(0, i & 127, 64));
        put(1, 0, 0);
        times(300_000, (i) => put(0, i & 127, 0));
      }
    }),
  "20,000 tracks, ports and programs over 98,000 quarters": () =>
    song(20_000, (put, i) => {
      put(0, 0xff, 0x21, 1, (i >> 7) & 127, 0, 0xc0 | (i & 7), i & 127, 0, 0x90 | (i & 7), 60, 64);
      put(...quantity(47_000_000), 0x80 | (i & 7), 60, 0);
    }),
  "two notes, 99,900 quarters apart": () =>
    song(1, (put) => put(0, 0x90, 60, 64, 10, 60, 0, ...quantity(99_900), 60, 64, 10, 60, 0), 1),
  "100,000 empty tracks": () => song(100_000, () => {}),
  "100,000 signatures": () =>
    song(1, (put) => {
      put(0, 0x90, 60, 64);
      times(100_000, () => put(1, ...signature.slice(1)));
      put(1, 0x80, 60, 0);
    }),
  "80,000 signatures in microsecond quarters, late": () =>
    song(1, (put) => {
      put(0, 0xff, 0x51, 3, 255, 255, 255, 0, 0x90, 60, 64, ...quantity(500_000), 0xff, 0x51, 3, 0, 0, 1);
      times(80_000, () => put(1, ...signature.slice(1)));
      put(...quantity(90_000), 0x80, 60, 0);
    }, 10),
  "100,000 tempi": () =>
    song(1, (put) => {
      put(0, 0x90, 60, 64);
      times(100_000, (i) => put(1, 0xff, 0x51, 3, 0, 0, 1 + (i & 1)));
      put(1, 0x80, 60, 0);
    }),
  "a megabyte of M": () => {
    const bytes = song(1, () => {});
    const long = new Uint8Array(1_000_000).fill(0x4d);
    long.set(bytes.subarray(0, 14));
    return long;
  },
};
