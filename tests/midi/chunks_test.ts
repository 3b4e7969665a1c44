import { assertEquals, assertStringIncludes } from "@std/assert";
import { authors, both, bytesOf, errorOf, notesOf, sound } from "../support/reading.ts";
import { body, chunk, file, header, note } from "../support/smf.ts";

const one = note(0, 100, 60);

Deno.test("wrappers, alien chunks, wrong lengths and cut ends give the notes that are there", () => {
  const track = body(note(0, 100, 60)), plain = [...header(1), ...chunk("MTrk", track)];
  const size = plain.length;
  const riff = [
    ...new TextEncoder().encode("RIFF"),
    size + 12,
    0,
    0,
    0,
    ...new TextEncoder().encode("RMIDdata"),
    size,
    0,
    0,
    0,
  ];
  const cases: Record<string, Uint8Array> = {
    "RMID": bytesOf(riff, plain),
    "MacBinary": bytesOf(Array(128).fill(0), plain),
    "alien chunk": bytesOf(header(1), chunk("XFIH", [1, 2, 3]), chunk("MTrk", track)),
    "length too long": bytesOf(header(1), chunk("MTrk", track, track.length + 500)),
    "length too short": bytesOf(header(1), chunk("MTrk", track, 6)),
    "no end of track": bytesOf(header(1), chunk("MTrk", body(note(0, 100, 60), false))),
    "cut in an event": Uint8Array.from([...header(1), ...chunk("MTrk", [...body(note(0, 100, 60), false), 0, 0x90])]),
    "junk between chunks": bytesOf(header(2), chunk("MTrk", track), [0, 0, 1], chunk("MTrk", body([]))),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    assertEquals(notesOf(bytes, sound), [[0, 100, 60, 0]], name);
  }
});

Deno.test("an unknown format is read as format 1, and a longer header is passed over", () => {
  assertEquals(notesOf(file([one, note(20, 50, 62)], 480, 3)), [[0, 100, 60, 0], [20, 50, 62, 0]]);
  const long = chunk("MThd", [0, 1, 0, 1, 1, 224, 9, 9]);
  for (const choices of both) assertEquals(notesOf(bytesOf(long, chunk("MTrk", body(one))), choices).length, 1);
});

Deno.test("of a wrong number of tracks in the header the authors read as many as it says, sound all there are", () => {
  const tracks = [...chunk("MTrk", body(one)), ...chunk("MTrk", body(note(20, 50, 62)))];
  assertEquals(notesOf(bytesOf(header(1), tracks)).length, 2);
  assertEquals(notesOf(bytesOf(header(1), tracks), authors).length, 1);
  assertEquals(notesOf(bytesOf(header(9), tracks)).length, 2);
  assertEquals(errorOf(bytesOf(header(9), tracks), authors).reason, "chunk");
  const { message } = errorOf(bytesOf(header(3), tracks), authors), end = bytesOf(header(3), tracks).length;
  assertEquals(message, `Expected MTrk for track 2, found the end (byte ${end})`);
  assertEquals(errorOf(bytesOf(header(3), tracks, [1]), authors).message, message.replace("the end", "other bytes"));
});

Deno.test("a track length that is short by whole events loses none of them", () => {
  const track = body(one);
  for (let length = 0; length < track.length; length++) {
    const bytes = bytesOf(header(2), chunk("MTrk", track, length), chunk("MTrk", body(note(20, 50, 62))));
    assertEquals(notesOf(bytes), [[0, 100, 60, 0], [20, 50, 62, 0]], `length ${length} of ${track.length}`);
  }
});

Deno.test("a track length that is too long does not swallow the next track", () => {
  for (const [more, ended] of [[1, true], [500, true], [1, false], [500, false]] as [number, boolean][]) {
    const track = body(one, ended);
    const bytes = bytesOf(
      header(2),
      chunk("MTrk", track, track.length + more),
      chunk("MTrk", body(note(20, 50, 62))),
    );
    assertEquals(notesOf(bytes), [[0, 100, 60, 0], [20, 50, 62, 0]], `${more} too long, ended: ${ended}`);
  }
});

Deno.test("a missing end-of-track is no fault, and what follows an end-of-track in its chunk is not played", () => {
  const open = body(one, false);
  for (const choices of both) assertEquals(notesOf(bytesOf(header(1), chunk("MTrk", open)), choices).length, 1);
  const after = [...body(one), ...body(note(20, 50, 62))];
  assertEquals(notesOf(bytesOf(header(1), chunk("MTrk", after))), [[0, 100, 60, 0]]);
});

Deno.test("alien chunks before, between and after the tracks, also nested in padding, are passed over", () => {
  const alien = chunk("XFKM", [1, 2, 3, 0x4d, 0x54]);
  const bytes = bytesOf(header(2), alien, chunk("MTrk", body(one)), alien, alien, chunk("MTrk", body([])), alien, [0]);
  assertEquals(notesOf(bytes), [[0, 100, 60, 0]]);
  assertEquals(errorOf(bytes, authors).reason, "chunk");
});

Deno.test("an RMID with other chunks and a MacBinary with a resource fork are unwrapped; errors count from the file's start", () => {
  const ascii = (text: string) => [...new TextEncoder().encode(text)];
  const little = (n: number) => [n & 255, n >> 8, 0, 0];
  const plain = [...header(1), ...chunk("MTrk", body(one))];
  const broken = [...header(1), ...chunk("MTrk", [0, 0x90, 0x90, 64])];
  const riff = (content: number[]) => {
    const chunks = [
      ...ascii("DISP"),
      ...little(3),
      1,
      2,
      3,
      0,
      ...ascii("data"),
      ...little(content.length),
      ...content,
    ];
    return bytesOf(ascii("RIFF"), little(chunks.length + 4), ascii("RMID"), chunks);
  };
  const mac = (content: number[]) => {
    const head = Array(128).fill(0);
    head.splice(83, 4, 0, 0, content.length >> 8, content.length & 255);
    return bytesOf(head, content, chunk("MTrk", body(note(7, 8, 9)))); // a fork that is none of ours
  };
  for (const wrap of [riff, mac]) {
    assertEquals(notesOf(wrap(plain)), [[0, 100, 60, 0]]);
    assertEquals(errorOf(wrap(plain), authors).reason, "not-midi");
    const { reason, offset } = errorOf(wrap(broken));
    assertEquals([reason, wrap(broken)[offset!], wrap(broken)[offset! - 1]], ["data-byte", 0x90, 0x90]);
  }
});

Deno.test("divisions of 0 and of SMPTE frames have no quarters and are refused at byte 12", () => {
  for (const [division, found] of [[0, "0"], [0xe250, "SMPTE frames"], [0xe728, "SMPTE frames"]] as const) {
    for (const choices of both) {
      const error = errorOf(file([one], division), choices);
      assertEquals([error.reason, error.offset], ["division", 12]);
      assertStringIncludes(error.message, `Expected ticks a quarter, found ${found}`);
    }
  }
});

// --- other bytes behind the tracks, other files, wrong lengths of wrappers ---

const other = note(20, 50, 62), two = [[0, 100, 60, 0], [20, 50, 62, 0]];

Deno.test("once the declared tracks are read, a track behind a gap is what an older save left, and is not played", () => {
  const torn = body(note(7, 9, 70), false).slice(3);
  for (const gap of [torn, [0], Array(300).fill(0)]) {
    for (const length of [body(one).length, body(one).length + 500, 4]) { // also where the length is wrong
      const file = bytesOf(header(1), chunk("MTrk", body(one), length), gap, chunk("MTrk", body(other)));
      assertEquals(notesOf(file), [[0, 100, 60, 0]], `a gap of ${gap.length}, length ${length}`);
    }
    const early = bytesOf(header(2), chunk("MTrk", body(one)), gap, chunk("MTrk", body(other)));
    assertEquals(notesOf(early), two); // the second was declared
    const unknown = bytesOf(header(0), chunk("MTrk", body(one)), gap, chunk("MTrk", body(other)));
    assertEquals(notesOf(unknown), two); // no number of tracks says nothing
  }
});

Deno.test("of several files in one the first is read, also where it declares more tracks than it has", () => {
  const second = [...header(1, 96), ...chunk("MTrk", body(other))];
  for (const declared of [1, 5]) {
    for (const gap of [[], [0, 0, 0], [1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
      for (const length of [body(one).length, body(one).length + 3, 2]) {
        const file = bytesOf(header(declared), chunk("MTrk", body(one), length), gap, second);
        assertEquals(
          notesOf(file),
          [[0, 100, 60, 0]],
          `${declared} declared, a gap of ${gap.length}, length ${length}`,
        );
      }
    }
  }
  assertEquals(notesOf(bytesOf(header(1), second)), [[20, 50, 62, 0]]); // a header alone is no file
});

Deno.test("lengths of an RMID or a MacBinary that are wrong lose no track", () => {
  const ascii = (text: string) => [...new TextEncoder().encode(text)];
  const little = (n: number) => [n & 255, n >> 8 & 255, n >> 16 & 255, n >>> 24];
  const plain = [...header(2), ...chunk("MTrk", body(one)), ...chunk("MTrk", body(other))];
  for (const wrong of [-100, -40, -8, -1, 0, 1, 8, 4000, 2 ** 31]) {
    const data = [...ascii("data"), ...little(Math.max(0, plain.length + wrong)), ...plain];
    const riff = bytesOf(ascii("RIFF"), little(4), ascii("RMID"), data);
    assertEquals(notesOf(riff), two, `RMID, ${wrong}`);
    const listed = bytesOf(ascii("RIFF"), little(9999), ascii("RMIDDISP"), little(77), [1, 2], data);
    assertEquals(notesOf(listed), two, `RMID behind a chunk of a wrong length, ${wrong}`);
    const head = Array(128).fill(0);
    head.splice(83, 4, ...little(Math.max(0, plain.length + wrong)).reverse());
    assertEquals(notesOf(bytesOf(head, plain)), two, `MacBinary, ${wrong}`);
  }
});

Deno.test("a track inside another chunk is not played, but one behind torn bytes is", () => {
  const alien = chunk("XFIH", chunk("MTrk", body(other)));
  for (const at of [0, 1, 2]) {
    const chunks = [chunk("MTrk", body(one)), chunk("MTrk", body([]))].toSpliced(at, 0, alien);
    assertEquals(notesOf(bytesOf(header(2), ...chunks)), [[0, 100, 60, 0]], `at ${at}`);
  }
  const noName = [1, 200, 3, 4, 0, 0, 0, chunk("MTrk", body(other)).length]; // torn bytes that lead to the end
  assertEquals(notesOf(bytesOf(header(2), chunk("MTrk", body(one)), noName, chunk("MTrk", body(other)))), two);
});

Deno.test("an RMID without MIDI data is refused at its first byte", () => {
  const riff = [..."RIFF....RMIDdata...."].map((letter) => letter.charCodeAt(0));
  const { reason, offset } = errorOf(bytesOf(riff, Array(40).fill(0)));
  assertEquals([reason, offset], ["not-midi", 0]);
});
