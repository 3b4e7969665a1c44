"""How long pretty_midi and MidiTok take over the MIDI files of a folder, as one line of JSON.

Usage: midi_peers.py FOLDER [LIMIT]. The first LIMIT files by name, each read once after one file to warm up.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import miditok
import pretty_midi
from symusic import Score

warnings.filterwarnings("ignore")
folder, limit = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None
files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".mid", ".midi"))[:limit]


def measure(read):
    failed = total = 0
    start = time.perf_counter()
    for path in files:
        try:
            total += read(path)
        except Exception:  # whatever a file makes it throw, it is refused
            failed += 1
    if 2 * failed > len(files):
        raise SystemExit(f"{failed} of {len(files)} files failed: the environment is broken, or these are no songs")
    return {"files": len(files), "failed": failed, "total": total, "seconds": time.perf_counter() - start}


config = miditok.TokenizerConfig(
    beat_res={(0, 64): 12}, num_velocities=32, use_programs=True, use_tempos=True, num_tempos=32, tempo_range=(30, 210)
)
tokenizer = miditok.REMI(config)


def tokens(path):
    found = tokenizer(Score(path))
    return sum(len(one.ids) for one in found) if isinstance(found, list) else len(found.ids)


def notes(path):
    return sum(len(instrument.notes) for instrument in pretty_midi.PrettyMIDI(str(path)).instruments)


results = {}
for name, read in (("pretty_midi", notes), ("miditok", tokens)):
    try:
        read(files[0])
    except Exception:
        pass
    results[name] = measure(read)
print(json.dumps(results))
