#!/usr/bin/python3
"""Writes pca.json: principal components by scikit-learn's PCA(svd_solver='full') in float64.

The values are whole numbers over `unit`, so that they are exact in float32. A component's sign is made
such that its largest loading is positive.
"""
import json
import pathlib
import random

import numpy as np
import sklearn
from sklearn.decomposition import PCA

rng = random.Random(5)


def case(name, rows, columns, count, unit=64, offset=0, factors=None):
    if factors:
        loadings = [[rng.randint(-9, 9) for _ in range(columns)] for _ in range(factors)]
        scores = [[rng.randint(-20, 20) for _ in range(factors)] for _ in range(rows)]
        x = np.array(scores) @ np.array(loadings)
    else:
        x = np.array([[rng.randint(-40 * (c + 3), 40 * (c + 3)) // (1 + c % 4) for c in range(columns)]
                      for _ in range(rows)])
    x = x + offset * unit
    values = x / unit
    assert (values.astype(np.float32) == values).all()
    pca = PCA(n_components=min(rows, columns), svd_solver="full").fit(values)
    known = count if not factors else min(count, factors)
    sign = np.array([np.sign(v[np.argmax(np.abs(v))]) for v in pca.components_[:known]])
    parts = pca.components_[:known] * sign[:, None]
    there = pca.transform(values[:5])[:, :known] * sign
    return {"name": name, "rows": rows, "columns": columns, "count": count, "known": known, "unit": unit,
            "values": x.ravel().tolist(), "mean": pca.mean_.tolist(),
            "variance": pca.explained_variance_[:count].tolist(),
            "total": float(pca.explained_variance_.sum()), "components": parts.ravel().tolist(),
            "transformed": there.ravel().tolist()}


cases = [
    case("tall", 83, 7, 7),
    case("wide", 11, 61, 9),
    case("square", 13, 13, 4),
    case("far from the origin", 47, 5, 3, offset=10000),
    case("wide, far from the origin", 9, 23, 8, offset=-3000),
    case("two rows", 2, 17, 1),
    case("one column", 19, 1, 1),
    case("tall, of rank 3", 29, 8, 6, factors=3),
    case("wide, of rank 2", 10, 31, 5, factors=2),
]
lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
head = json.dumps({"made_by": "make_pca.py", "scikit_learn": sklearn.__version__})
pathlib.Path(__file__).with_name("pca.json").write_text(head[:-1] + ', "cases": [\n' + lines + "\n]}\n")
