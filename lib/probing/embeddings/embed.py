"""Embeds bars by a BERT of Hugging Face, at every layer: python embed.py bars.parquet MODEL vectors.parquet"""
import sys, pyarrow as pa, pyarrow.parquet as pq, torch
from transformers import AutoModel
bars, name, out = sys.argv[1:]
model = AutoModel.from_pretrained(name).eval()
types = {"song": pa.string(), "bar": pa.int32(), "layer": pa.int32(), "vector": pa.list_(pa.float32())}
with torch.no_grad(), pq.ParquetWriter(out, pa.schema(list(types.items())), compression="zstd") as file:
    for part in pq.ParquetFile(bars).iter_batches(64, columns=["song", "bar", "tokens"]):
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(bar) for bar in part["tokens"].to_pylist()], batch_first=True)
        states = model(ids, attention_mask=(ids != 0).long(), output_hidden_states=True).hidden_states
        for layer, state in enumerate(states):  # another model reads notes or midi files, and takes what it calls a bar
            columns = [part["song"], part["bar"], [layer] * len(ids), list(state[:, 0].numpy())]
            file.write_table(pa.table([pa.array(values, type) for values, type in zip(columns, types.values())], file.schema))
