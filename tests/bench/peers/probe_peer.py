"""scikit-learn's part of probe_bench.ts: the same rows, targets, penalties and first centres; prints seconds as JSON."""
import json, sys, time

import numpy as np
from sklearn.cluster import KMeans
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

task, folder, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
x = np.load(f"{folder}/x.npy").astype(np.float64)
seen = {}

if task == "ridge":
    y, chords = np.load(f"{folder}/y.npy").astype(np.float64), np.load(f"{folder}/chords.npy").astype(np.float64)
    has = chords.max(axis=1) > 0

    def layer():
        """Every target of the layer at every penalty: one multi-output fit a penalty, and one more for chords."""
        fits = []
        for rows, targets in ((x, y), (x[has], chords[has])):
            z = StandardScaler().fit_transform(rows)
            fits.append([Ridge(alpha=alpha).fit(z, targets) for alpha in options["alphas"]])
        return fits

    seconds = []
    for _ in range(options["repeats"]):
        start, cpu = time.perf_counter(), time.process_time()
        fits = layer()
        seconds.append((time.perf_counter() - start, time.process_time() - cpu))
    for name, fit in zip(("all", "chords"), fits):
        np.save(f"{folder}/coef_{name}.npy", np.stack([f.coef_ for f in fit]).astype("<f8"))

if task == "kmeans":
    init = np.load(f"{folder}/init.npy").astype(np.float64)
    seconds = []
    for _ in range(options["repeats"]):
        start, cpu = time.perf_counter(), time.process_time()
        fit = KMeans(options["k"], init=init, n_init=1, max_iter=options["iterations"], tol=1e-4).fit(x)
        seconds.append((time.perf_counter() - start, time.process_time() - cpu))
    np.save(f"{folder}/centers.npy", fit.cluster_centers_)
    np.save(f"{folder}/labels.npy", fit.labels_.astype("<i4"))
    seen = {"iterations": int(fit.n_iter_), "inertia": float(fit.inertia_)}

wall, cpu = min(seconds)
print(json.dumps({"seconds": wall, "cpu": cpu, **seen}))
