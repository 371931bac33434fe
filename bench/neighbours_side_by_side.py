#!/usr/bin/python3
"""Exact nearest neighbours beside scikit-learn's brute force, on normal random rows.

Use: neighbours_side_by_side.py BUILD [ROWS COLUMNS K]
BUILD is a build folder with the target bench_neighbours. Both run on all processors, one after the other.
"""
import json
import pathlib
import subprocess
import sys
import time

import numpy as np
from sklearn.neighbors import NearestNeighbors

build = pathlib.Path(sys.argv[1])
rows, columns, k = (int(word) for word in sys.argv[2:5]) if len(sys.argv) > 2 else (20000, 128, 5)
ours = json.loads(subprocess.run([build / "bench" / "bench_neighbours", str(rows), str(columns), str(k)],
                                 check=True, stdout=subprocess.PIPE).stdout)
values = np.random.default_rng(1).standard_normal((rows, columns)).astype(np.float32)
start = time.perf_counter()
NearestNeighbors(n_neighbors=k, algorithm="brute", n_jobs=-1).fit(values).kneighbors()
theirs = time.perf_counter() - start
print(json.dumps({**ours, "scikit_learn_seconds": round(theirs, 3),
                  "times_as_fast": round(theirs / ours["seconds"], 2)}))
