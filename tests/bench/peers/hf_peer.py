"""Opens a checkpoint with transformers, and saves the model in the ways that people do.

usage: hf_peer.py FOLDER, which holds ours/ and ids.json, {"ids": [[…]], "lengths": […]}. Beside them it writes a folder
for each way, with `hidden.safetensors`: the states of all layers and the logits, computed in float32 from the weights as
saved. Prints as JSON what `from_pretrained` had to say of ours.
"""
import json, sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import BertForMaskedLM, BertForPreTraining, BertModel

folder = sys.argv[1]
batch = json.load(open(f"{folder}/ids.json"))
ids, lengths = torch.tensor(batch["ids"]), torch.tensor(batch["lengths"])
attended = (torch.arange(ids.shape[1])[None] < lengths[:, None]).long()


def answers(model):
    with torch.no_grad():
        out = model.eval().float()(input_ids=ids, attention_mask=attended, output_hidden_states=True)
    found = {"states": torch.stack(out.hidden_states)}
    logits = getattr(out, "logits", getattr(out, "prediction_logits", None))
    return found if logits is None else {**found, "logits": logits}


def save(name, model, **options):
    model.save_pretrained(f"{folder}/{name}", **options)
    again = type(model).from_pretrained(f"{folder}/{name}", attn_implementation="eager")
    save_file({k: v.contiguous() for k, v in answers(again).items()}, f"{folder}/{name}/hidden.safetensors")


def ours(kind=BertForMaskedLM):
    return kind.from_pretrained(f"{folder}/ours", attn_implementation="eager")


model, said = BertForMaskedLM.from_pretrained(
    f"{folder}/ours", attn_implementation="eager", output_loading_info=True
)
save_file({k: v.contiguous() for k, v in answers(model).items()}, f"{folder}/ours/hidden.safetensors")
save("whole", ours())
save("shards", ours(), max_shard_size="100KB")
save("half", ours().half())
save("bfloat16", ours().bfloat16())
save("encoder", ours(BertModel))
save("pretraining", ours(BertForPreTraining))
print(json.dumps({
    "transformers": transformers.__version__,
    "torch": torch.__version__,
    **{key: sorted(map(str, said.get(key) or [])) for key in ("missing_keys", "unexpected_keys", "mismatched_keys")},
}))
