#!/usr/bin/python3
"""Writes assignment.json: costs and the least total cost by SciPy's linear_sum_assignment."""
import json
import os

import numpy as np
from scipy.optimize import linear_sum_assignment


def main():
    random = np.random.default_rng(6)
    cases = []
    for rows, columns, kind in ((1, 1, "real"), (1, 5, "real"), (6, 1, "real"), (7, 7, "real"), (5, 9, "real"),
                                (12, 8, "real"), (9, 9, "ties"), (11, 6, "ties"), (20, 23, "real"), (8, 8, "equal"),
                                (30, 30, "ties")):
        if kind == "real":
            cost = np.round(random.normal(0, 2, (rows, columns)), 6)
        elif kind == "ties":
            cost = random.integers(-2, 3, (rows, columns)).astype(float)
        else:
            cost = np.full((rows, columns), 0.25)
        r, c = linear_sum_assignment(cost)
        cases.append({"cost": cost.tolist(), "total": float(cost[r, c].sum()),
                      "unique": kind == "real", "columns": [int(c[list(r).index(i)]) if i in r else -1
                                                            for i in range(rows)]})
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "assignment.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"cases": cases}, out, separators=(",", ":"))
        out.write("\n")


if __name__ == "__main__":
    main()
