#!/usr/bin/python3
"""Writes audit_extent.json: what an audit says about class counts, by NumPy, SciPy and exact decimals.

Everything is computed from the definitions, in another form than in src/audit/extent.c: distances to the
farthest distribution are built and measured, the Gini coefficient is the double sum, the effective number is
a decimal with 60 digits.
"""
import json
import pathlib
from decimal import Decimal, getcontext

import numpy as np
from scipy import stats

getcontext().prec = 60

CASES = [
    # training counts, test counts
    ([5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50], [1000] * 10),
    ([2381, 214, 209], [805, 71, 69]),
    ([600] * 7, [100, 90, 80, 70, 60, 50, 40]),
    ([9, 3], [9, 1]),
    ([1, 100, 100, 100, 100], [0, 9, 10, 11, 12]),
    ([20, 19, 101, 100, 5000], [3, 4, 5, 6, 7]),
    ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]),
    ([70000, 7], [100000, 1]),
    ([40, 40, 40, 41], [2, 2, 2, 2]),
    ([3, 500, 44, 44, 120], [30, 31, 32, 33, 34]),
]


def hellinger(p, q):
    return float(np.sqrt(0.5 * np.sum((np.sqrt(p) - np.sqrt(q)) ** 2)))


def imbalance_degree(n):
    """Ortigosa-Hernandez, Inza and Lozano 2017: d(p, e) / d(i_m, e) + (m - 1)."""
    k = len(n)
    p, e = np.array(n) / sum(n), np.full(k, 1 / k)
    m = sum(x * k < sum(n) for x in n)
    if m == 0:
        return 0.0
    farthest = np.array([0.0] * m + [1 / k] * (k - m - 1) + [1 - (k - m - 1) / k])
    return hellinger(p, e) / hellinger(farthest, e) + m - 1


def lrid(n):
    """Zhu et al. 2018: -2 sum n_c ln(N / (C n_c))."""
    return float(-2 * sum(x * np.log(sum(n) / (len(n) * x)) for x in n))


def gini(n):
    n = np.array(n, float)
    return float(np.abs(n[:, None] - n[None, :]).sum() / (2 * len(n) * n.sum()))


def effective(n):
    beta = Decimal("0.9999")
    return float((1 - beta ** n) / (1 - beta))


def groups(n):
    by_count = [0 if x > 100 else 1 if x >= 20 else 2 for x in n]
    if len(set(n)) == 1 or set(by_count) == {0, 1, 2}:
        return by_count
    order = sorted(range(len(n)), key=lambda c: (-n[c], c))
    ends = (len(n) + 1) // 3
    out = [1] * len(n)
    for c in order[:ends]:
        out[c] = 0
    for c in order[len(n) - ends:]:
        out[c] = 2
    return out


def interval(measured):
    if measured == 0:
        return None
    right = int(0.9 * measured + 1e-9)
    exact = stats.binomtest(right, measured).proportion_ci(0.95, "exact")
    return [right, exact.low, exact.high]


def case(train, test):
    p = np.array(train) / sum(train)
    return {
        "train": train,
        "test": test,
        "imbalance_ratio": max(train) / min(train),
        "imbalance_degree": imbalance_degree(train),
        "lrid": lrid(train),
        "evenness": float(stats.entropy(p) / np.log(len(train))),
        "gini": gini(train),
        "effective": [effective(x) for x in train],
        "groups": groups(train),
        "intervals": [interval(x) for x in test],
    }


def main():
    path = pathlib.Path(__file__).with_name("audit_extent.json")
    path.write_text(json.dumps([case(*c) for c in CASES], indent=1) + "\n")


main()
