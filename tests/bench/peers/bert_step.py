"""Training steps of Hugging Face's BertForMaskedLM in PyTorch, timed on request.

Reads lines of JSON from stdin: {"model": {...}, "precision": "float32" | "bfloat16", "compile": bool} makes a model,
{"steps": n} trains n steps and answers with their seconds; {"epoch": FILE} visits the bars of a JSON file once as the
paper's loop does: random batches of 24 padded to the longest, the head on all positions; {"product": n} times an n³
product. One answer a line.
"""
import json
import random
import sys
import time

import torch
from transformers import BertConfig, BertForMaskedLM

torch.set_num_threads(int(sys.argv[1]))


def make(request):
    m = request["model"]
    config = BertConfig(
        vocab_size=m["vocabularySize"], hidden_size=m["hidden"], num_hidden_layers=m["layers"],
        num_attention_heads=m["heads"], intermediate_size=m["intermediate"], max_position_embeddings=512,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="sdpa",
    )
    model = BertForMaskedLM(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    rows, length = m["rows"], m["length"]
    half = request["precision"] == "bfloat16"

    def forward(ids, mask, labels):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            return model(input_ids=ids, attention_mask=mask, labels=labels).loss

    run = torch.compile(forward) if request["compile"] else forward

    def step(ids, mask, labels):
        optimizer.zero_grad(set_to_none=True)
        loss = run(ids, mask, labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step, batch([[random.randrange(4, m["vocabularySize"]) for _ in range(length)] for _ in range(rows)])


def batch(bars):
    """Rows padded to the longest, and 15% of each chosen."""
    longest = max(map(len, bars))
    ids = torch.tensor([bar + [0] * (longest - len(bar)) for bar in bars])
    mask = torch.tensor([[1] * len(bar) + [0] * (longest - len(bar)) for bar in bars])
    labels = torch.full_like(ids, -100)
    for row, bar in enumerate(bars):
        chosen = torch.randperm(len(bar))[: round(0.15 * len(bar))]
        labels[row, chosen] = ids[row, chosen]
    return ids, mask, labels


step = inputs = None
for line in sys.stdin:
    request = json.loads(line)
    try:
        if "model" in request:
            step, inputs = make(request)
            start = time.perf_counter()
            loss = step(*inputs)
            answer = {"first": time.perf_counter() - start, "loss": loss}
        elif "steps" in request:
            times = []
            for _ in range(request["steps"]):
                start = time.perf_counter()
                step(*inputs)
                times.append(time.perf_counter() - start)
            answer = {"seconds": times}
        elif "epoch" in request:
            bars = json.load(open(request["epoch"]))
            random.shuffle(bars)
            start = time.perf_counter()
            for i in range(0, len(bars), 24):
                step(*batch(bars[i : i + 24]))
            answer = {"seconds": [time.perf_counter() - start]}
        else:
            n = request["product"]
            dtype = getattr(torch, request["precision"])
            a, b = torch.randn(n, n).to(dtype), torch.randn(n, n).to(dtype)
            times = []
            for _ in range(request["times"]):
                start = time.perf_counter()
                a @ b
                times.append(time.perf_counter() - start)
            answer = {"seconds": times}
    except Exception as error:  # said to the bench, which goes on with the next
        answer = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(answer), flush=True)
