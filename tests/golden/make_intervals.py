#!/usr/bin/python3
"""Writes intervals.json: the beta distribution, intervals of a share and rank correlations by SciPy."""
import json
import pathlib
import random

import scipy
from scipy import stats

rng = random.Random(8)


def beta_rows():
    rows = []
    sizes = [1e-3, 0.2, 0.5, 1.0, 1.5, 3.0, 8.0, 27.0, 150.0, 2e3, 4.5e4, 1e6]
    for a in sizes:
        for b in sizes:
            for _ in range(2):
                p = rng.choice([rng.random(), 10 ** rng.uniform(-9, -1)])
                x = float(stats.beta.ppf(p, a, b))
                if 1e-200 < x < 1.0 - 1e-9:
                    rows.append([a, b, x, float(stats.beta.cdf(x, a, b))])
    return rows


def interval_rows():
    rows = []
    for count in [1, 2, 3, 9, 20, 57, 333, 1000, 25000, 1000000]:
        for right in sorted({0, 1, count // 3, count // 2, count - 1, count}):
            for confidence in (0.5, 0.9, 0.95, 0.999):
                test = stats.binomtest(right, count)
                exact = test.proportion_ci(confidence, "exact")
                wilson = test.proportion_ci(confidence, "wilson")
                # the beta distribution has more digits than the search of proportion_ci
                tail = (1.0 - confidence) / 2
                low = float(stats.beta.ppf(tail, right, count - right + 1)) if right else 0.0
                high = 1.0 if right == count else float(stats.beta.isf(tail, right + 1, count - right))
                assert abs(low - exact.low) < 1e-10 and abs(high - exact.high) < 1e-10
                rows.append([right, count, confidence, low, high, wilson.low, wilson.high])
    return rows


def rank_rows():
    rows = []
    for count in [2, 3, 5, 8, 13, 40, 101]:
        for ties in (3, 10, 1000):
            x = [rng.randint(-ties, ties) / 4 for _ in range(count)]
            y = [v * rng.choice([-1, 1, 1]) + rng.randint(0, ties) / 8 for v in x]
            if len(set(x)) > 1 and len(set(y)) > 1:
                rows.append({"x": x, "y": y, "ranks": stats.rankdata(x).tolist(),
                             "rho": float(stats.spearmanr(x, y).statistic)})
    return rows


out = {"made_by": "make_intervals.py", "scipy": scipy.__version__, "beta": beta_rows(),
       "intervals": interval_rows(), "ranks": rank_rows()}
path = pathlib.Path(__file__).with_name("intervals.json")
text = ",\n".join(f"{json.dumps(key)}: " + (json.dumps(value) if isinstance(value, str) else
                  "[\n" + ",\n".join(json.dumps(row) for row in value) + "\n]")
                  for key, value in out.items())
path.write_text("{" + text + "}\n")
