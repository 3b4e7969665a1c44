"""Training steps of Hugging Face's BertForMaskedLM in PyTorch, timed on request.

Reads lines of JSON from stdin: {"model": {...}, "precision": "float32" | "bfloat16", "compile": bool} makes a model,
{"steps": n} trains n steps and prints their seconds; {"product": n} times an n³ product. One answer a line.
"""
import json
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
    ids = torch.randint(4, m["vocabularySize"], (rows, length))
    labels = torch.full_like(ids, -100)
    for row in range(rows):
        chosen = torch.randperm(length)[: round(0.15 * length)]
        labels[row, chosen] = ids[row, chosen]
    mask = torch.ones_like(ids)
    half = request["precision"] == "bfloat16"

    def forward():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            return model(input_ids=ids, attention_mask=mask, labels=labels).loss

    run = torch.compile(forward) if request["compile"] else forward

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = run()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


step = None
for line in sys.stdin:
    request = json.loads(line)
    try:
        if "model" in request:
            step = make(request)
            answer = {"first": step()}
        elif "steps" in request:
            times = []
            for _ in range(request["steps"]):
                start = time.perf_counter()
                step()
                times.append(time.perf_counter() - start)
            answer = {"seconds": times}
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
