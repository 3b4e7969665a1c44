"""PyTorch's training steps on a GPU, for the table beside ours.

    torch_step.py '{"specs": ["small bfloat16 16384 BERT", …], "kinds": ["eager", "compiled"]}'

Makes Hugging Face's BERT for each spec (sdpa, bf16 autocast or float32 without TF32, fused AdamW; the head on 15% of the
tokens, as ours), eager and by torch.compile, and runs a step of each. Then it waits for a line {"seconds": n} on the
standard input, times what is ready, and prints one line of JSON for each.
"""
import json
import sys
import threading
import time

import torch
from transformers import BertConfig, BertForMaskedLM

asked = json.loads(sys.argv[1])
torch.backends.cuda.matmul.allow_tf32 = False
device = "cuda" if torch.cuda.is_available() else "cpu"
LENGTH = 256
SIZES = {"smoke": (2, 32, 2, 64), "small": (12, 64, 2, 128), "base": (12, 768, 12, 3072)}


def say(**what):
    print(json.dumps(what), flush=True)


def sync():
    if device == "cuda":
        torch.cuda.synchronize()


def make(spec, kind):
    scale, precision, tokens, _ = spec.split()
    layers, hidden, heads, intermediate = SIZES[scale]
    config = BertConfig(
        vocab_size=560, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=intermediate, max_position_embeddings=512, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, attn_implementation="sdpa",
    )
    model = BertForMaskedLM(config).train().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=device == "cuda")
    rows, most = int(tokens) // LENGTH, round(0.15 * LENGTH)
    ids = torch.randint(4, 560, (rows, LENGTH), device=device)
    columns = torch.arange(most, device=device) * LENGTH // most
    places = (torch.arange(rows, device=device)[:, None] * LENGTH + columns).flatten()
    labels = ids.flatten()[places]

    def forward(ids):
        with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            states = model.bert(input_ids=ids).last_hidden_state
            logits = model.cls(states.reshape(-1, hidden)[places])
            return torch.nn.functional.cross_entropy(logits.float(), labels)

    run = torch.compile(forward, dynamic=False) if kind == "compiled" else forward

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = run(ids)
        loss.backward()
        optimizer.step()
        return loss

    return step, int(tokens)


ready, wanted = [], threading.Event()
seconds = [1.0]


def listen():
    for line in sys.stdin:
        seconds[0] = json.loads(line)["seconds"]
        wanted.set()
    wanted.set()


threading.Thread(target=listen, daemon=True).start()
for kind in asked["kinds"]:
    for spec in asked["specs"]:
        if wanted.is_set():
            break
        try:
            start = time.perf_counter()
            step, tokens = make(spec, kind)
            step().item()
            ready.append((f"{spec} {kind}", step, tokens, time.perf_counter() - start))
            torch.cuda.empty_cache()  # others use the card, too
        except Exception as error:  # the others are measured all the same
            say(what="torch-failed", name=f"{spec} {kind}", error=f"{type(error).__name__}: {error}"[:300])
            torch.cuda.empty_cache()
wanted.wait()
for dtype in (torch.bfloat16, torch.float32):
    n = 8192 if device == "cuda" else 512
    a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    for _ in range(3):
        a @ b
    sync()
    start = time.perf_counter()
    for _ in range(10):
        a @ b
    sync()
    say(what="product", name=f"{n}³ {str(dtype)[6:]}", operationsPerSecond=10 * 2 * n**3 / (time.perf_counter() - start))
for name, step, tokens, first in ready:
    try:
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        for _ in range(3):
            step()
        sync()
        times, until = [], time.perf_counter() + seconds[0]
        while len(times) < 3 or (time.perf_counter() < until and len(times) < 50):
            start = time.perf_counter()
            for _ in range(5):
                step()
            sync()
            times.append((time.perf_counter() - start) / 5)
        torch.cuda.empty_cache()
        middle = sorted(times)[len(times) // 2]
        memory = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else None
        say(what="torch", name=name, step=middle, tokensPerSecond=round(tokens / middle), first=first, memory=memory)
    except Exception as error:
        say(what="torch-failed", name=name, error=f"{type(error).__name__}: {error}"[:300])
say(done=True)
