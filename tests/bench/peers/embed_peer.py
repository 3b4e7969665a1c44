"""Hugging Face's part of embed_bench.ts: the same bars through BertModel, padded to the longest of each batch."""
import json, sys, time

import numpy as np
import torch
from transformers import BertModel

folder, options = sys.argv[1], json.loads(sys.argv[2])
torch.set_num_threads(options["threads"])
model = BertModel.from_pretrained(f"{folder}/encoder", add_pooling_layer=False, attn_implementation="sdpa").eval()
bars = json.load(open(f"{folder}/bars.json"))
seen = {}
for order in ("sorted", "as they come"):
    places = sorted(range(len(bars)), key=lambda i: len(bars[i])) if order == "sorted" else list(range(len(bars)))
    best, cpu, padded = float("inf"), 0.0, 0
    for repeat in range(options["repeats"] + 1):
        warming = repeat == 0  # by one batch
        out = np.zeros((len(bars), model.config.hidden_size), np.float32)
        start, used, padded = time.perf_counter(), time.process_time(), 0
        with torch.inference_mode():
            for first in range(0, options["rows"] if warming else len(places), options["rows"]):
                part = places[first : first + options["rows"]]
                longest = max(len(bars[i]) for i in part)
                ids = torch.zeros(len(part), longest, dtype=torch.long)
                mask = torch.zeros(len(part), longest, dtype=torch.long)
                for row, i in enumerate(part):
                    ids[row, : len(bars[i])] = torch.tensor(bars[i])
                    mask[row, : len(bars[i])] = 1
                padded += len(part) * longest
                states = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
                out[part] = torch.stack([state[:, 0] for state in states])[-1].numpy()
        wall = time.perf_counter() - start
        if not warming and wall < best:
            best, cpu = wall, time.process_time() - used
    seen[order] = {"seconds": best, "cpu": cpu, "tokens": padded}
out.astype("<f4").tofile(f"{folder}/states.bin")
print(json.dumps(seen))
