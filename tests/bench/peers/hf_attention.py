"""Asks with transformers where the heads of a checkpoint look from masked tokens, and how many of them it guesses.

usage: hf_attention.py MODEL BARS.parquet [SPLIT], a folder with a checkpoint and what `task bars` writes. Of each song of
the split (validation) it takes the middle one of its bars, and masks 15% of its tokens by a fixed seed. A note is five
tokens: Position, Instrument, Pitch, Velocity, Duration. Prints as JSON, for each layer, the share of attention that the
masked tokens of notes pay to the other four tokens of their note, to tokens of their own kind elsewhere in the bar, and
what both would be if all tokens got the same; and the share of masked tokens guessed, by kind.
"""
import collections, json, sys

import numpy
import pyarrow.parquet
import torch
from transformers import BertForMaskedLM

MASK = 3
FIRST = {4: "Bar", 5: "Tempo", 37: "Instrument", 166: "Pitch", 294: "Pitch_Drum"}
FIRST |= {422: "Position", 470: "Duration", 528: "Velocity"}
NOTE = ["Position", "Instrument", "Pitch", "Velocity", "Duration"]

model_folder, path, split = [*sys.argv[1:], "validation"][:3]
kind_of = [FIRST[max(first for first in FIRST if first <= token)] if token >= 4 else "special" for token in range(560)]
part_of = [kind.replace("_Drum", "") for kind in kind_of]
model = BertForMaskedLM.from_pretrained(model_folder, attn_implementation="eager").eval()

table = pyarrow.parquet.read_table(path, columns=["song", "split", "tokens"]).to_pylist()
bars = collections.defaultdict(list)
for row in table:
    if row["split"] == split:
        bars[row["song"]].append(row["tokens"])

random = numpy.random.default_rng(0)
paid = {what: numpy.zeros(model.config.num_hidden_layers) for what in ("note", "kind")}
even = dict.fromkeys(paid, 0.0)
right, asked, places = collections.Counter(), collections.Counter(), 0
for song in bars.values():
    tokens = numpy.array(song[len(song) // 2])
    parts = numpy.array([part_of[token] for token in tokens])
    events = numpy.flatnonzero(tokens > 4)  # not Bar and the end of the bar
    masked = random.choice(events, max(1, round(0.15 * len(events))), replace=False)
    given = tokens.copy()
    given[masked] = MASK
    with torch.no_grad():
        out = model(input_ids=torch.tensor(given[None]), output_attentions=True)
    guesses = out.logits[0].argmax(-1).numpy()
    for place in masked:
        asked[kind_of[tokens[place]]] += 1
        right[kind_of[tokens[place]]] += int(guesses[place] == tokens[place])
    maps = [layer[0].mean(0).numpy() for layer in out.attentions]
    note_of = numpy.full(len(tokens), -1)
    for i in range(len(tokens) - 4):
        if list(parts[i : i + 5]) == NOTE:
            note_of[i : i + 5] = i
    for place in masked:
        if note_of[place] < 0:
            continue  # a token of a tempo
        own = note_of == note_of[place]
        own[place] = False
        alike = parts == parts[place]
        alike[place] = False
        places += 1
        for what, where in (("note", own), ("kind", alike)):
            even[what] += where.mean()
            paid[what] += [attention[place, where].sum() for attention in maps]

guessed = {kind: round(right[kind] / asked[kind], 4) for kind in asked}
print(json.dumps({
    "masked": places,
    "attention": {what: [round(share / places, 4) for share in shares] for what, shares in paid.items()},
    "even": {what: round(share / places, 4) for what, share in even.items()},
    "guessed": guessed | {"all": round(sum(right.values()) / sum(asked.values()), 4)},
}))
