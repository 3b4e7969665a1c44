/**
 * MIDI → tokens and labels: bars and tokens a second beside pretty_midi and MidiTok, and hostile files.
 *
 * `deno task bench --help` lists its options. The peers are
 * installed into .venv-bench/midi. The authors' converter cannot be run here: it made 215 bars/s on a machine where
 * pretty_midi alone took 11.7 s for 200 files, so its speed is taken from that of pretty_midi in the same run.
 * @module
 */
import { fileURLToPath } from "node:url";
import { taskArguments } from "@lib/cli/arguments.ts";
import { MidiError } from "@lib/midi/error.ts";
import { readScore } from "@lib/midi/read.ts";
import { exists } from "@lib/base/files.ts";
import { execute } from "@lib/base/python.ts";
import { type Preset, recipe } from "@lib/recipe/recipe.ts";
import { tokenize } from "@lib/tokens/remi.ts";
import { hostile } from "./hostile.ts";
import { peerPython } from "./peers.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const authorsBars = 215, prettyFiles = 200 / 11.7;

interface Speed {
  files: number;
  refused: number;
  bars: number;
  tokens: number;
  seconds: number;
}

/** Reads and tokenizes every file once. */
function pass(files: Uint8Array[], preset: Preset): Speed {
  const choices = recipe(preset, "demo");
  const speed = { files: files.length, refused: 0, bars: 0, tokens: 0, seconds: 0 };
  const start = performance.now();
  for (const bytes of files) {
    try {
      for (const { tokens } of tokenize(readScore(bytes, choices), choices)) {
        speed.bars++;
        speed.tokens += tokens.length;
      }
    } catch (error) {
      if (!(error instanceof MidiError)) throw error;
      speed.refused++;
    }
  }
  speed.seconds = (performance.now() - start) / 1000;
  return speed;
}

const round = (value: number, digits = 0) => Number(value.toFixed(digits));

async function speeds(folder: string, limit: number, peers: boolean): Promise<void> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => /\.midi?$/i.test(name));
  const files = names.sort().slice(0, limit).map((name) => Deno.readFileSync(`${folder}/${name}`));
  const rows: Record<string, Record<string, number | string>> = {};
  const ours = new Map<Preset, Speed>();
  for (const preset of ["sound", "authors"] as const) {
    const passes = Array.from({ length: 4 }, () => pass(files, preset));
    const warm = passes.slice(1).sort((a, b) => a.seconds - b.seconds)[1]; // the median of those after the first
    ours.set(preset, warm);
    for (const [name, { seconds, bars, tokens, ...rest }] of [["first", passes[0]], ["warm", warm]] as const) {
      rows[`${preset}, ${name}`] = {
        ...rest,
        seconds: round(seconds, 2),
        "bars/s": round(bars / seconds),
        "tokens/s": round(tokens / seconds),
      };
    }
  }
  if (!peers) return console.table(rows);
  const script = `${root}tests/bench/peers/midi_peers.py`;
  const said = JSON.parse(await execute(await peerPython("midi"), [script, folder, String(limit)]));
  for (const [name, { files, failed, total, seconds }] of Object.entries<Record<string, number>>(said)) {
    rows[name] = { files, refused: failed, seconds: round(seconds, 2) };
    if (name === "miditok") rows[name]["tokens/s"] = round(total / seconds);
  }
  console.table(rows);
  const pretty = said.pretty_midi.files / said.pretty_midi.seconds;
  const converter = authorsBars * pretty / prettyFiles;
  const miditok = said.miditok.total / said.miditok.seconds;
  console.log(
    `pretty_midi ${round(pretty, 1)} files/s here (${round(prettyFiles, 1)} recorded), ` +
      `so the authors' converter ${round(converter)} bars/s (${authorsBars} recorded)`,
  );
  for (const [preset, { bars, tokens, seconds }] of ours) {
    console.log(
      `${preset}, warm: ${round(bars / seconds / converter)} times the authors' bars/s (50 wanted), ` +
        `${round(tokens / seconds / miditok, 1)} times MidiTok's tokens/s (4 wanted)`,
    );
  }
}

/** Reads one hostile file; prints its size, what it gave, the seconds and the peak of this process's memory. */
function tryHostile(name: string, preset: Preset): void {
  const bytes = hostile[name]();
  const choices = recipe(preset, "demo"), start = performance.now();
  let gave: string;
  try {
    gave = `${tokenize(readScore(bytes, choices), choices).length} bars`;
  } catch (error) {
    if (!(error instanceof MidiError)) throw error;
    gave = error.reason;
  }
  const seconds = round((performance.now() - start) / 1000, 2);
  const status = exists("/proc/self/status") ? Deno.readTextFileSync("/proc/self/status") : "";
  const peak = Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024);
  console.log(JSON.stringify({ MB: round(bytes.length / 1e6, 2), [preset]: gave, "s": seconds, "peak MiB": peak }));
}

if (import.meta.main) {
  const { values, positionals } = taskArguments("bench");
  if (values.hostile) tryHostile(values.hostile, values.preset);
  else {
    await speeds(positionals[0] ?? `${root}data/freedoom`, values.limit, !values["no-peers"]);
    const rows: Record<string, unknown> = {};
    for (const name of Object.keys(hostile)) { // each in a process of its own, for its memory
      for (const preset of ["sound", "authors"]) {
        const options = ["--hostile", name, "--preset", preset], config = `--config=${root}deno.json`;
        const args = ["run", "--quiet", "-A", config, fileURLToPath(import.meta.url), ...options];
        const { [preset]: gave, ...row } = JSON.parse(await execute(Deno.execPath(), args));
        rows[`${name}, ${preset}`] = { gave, ...row };
      }
    }
    console.table(rows);
  }
}
