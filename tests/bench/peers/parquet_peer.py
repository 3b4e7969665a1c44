"""Reads a Parquet file by pyarrow and by Hugging Face datasets; prints what they see as JSON."""
import hashlib, json, sys, tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

path = sys.argv[1]
table = pq.read_table(path)
tokens = table["tokens"].combine_chunks()
seen = {
    "rows": table.num_rows,
    "types": {field.name: str(field.type) for field in table.schema},
    "codec": pq.ParquetFile(path).metadata.row_group(0).column(0).compression,
    "tokens": hashlib.sha256(tokens.values.to_numpy().astype("<u2").tobytes()).hexdigest(),
    "lengths": hashlib.sha256(np.diff(tokens.offsets.to_numpy()).astype("<u2").tobytes()).hexdigest(),
    "splits": {row["values"]: row["counts"] for row in table["split"].value_counts().to_pylist()},
    "pyarrow": pa.__version__,
}
try:
    import datasets

    with tempfile.TemporaryDirectory() as cache:
        rows = datasets.load_dataset("parquet", data_files=path, split="train", cache_dir=cache)
        seen["datasets"] = {
            "version": datasets.__version__,
            "rows": rows.num_rows,
            "tokens": str(rows.features["tokens"]),
            "same": rows[rows.num_rows // 2]["tokens"] == table["tokens"][table.num_rows // 2].as_py(),
        }
except ImportError:
    seen["datasets"] = None
print(json.dumps(seen))
