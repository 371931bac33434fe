#!/usr/bin/python3
"""Writes undersampling.json: the rows that imbalanced-learn 0.10 keeps of 30 data sets, for every
method that removes rows, and for instance hardness those of a NumPy implementation.

Data sets are a formula (`units` below, the same in tests/helpers/formula.c), so the file holds the
kept rows alone, as ranges of numbers. Classes come in falling size: there imbalanced-learn's
condensing is right (it compares places within a class with numbers of rows). Where it draws rows,
it is handed the draws that ballast makes: `ballast_seeds` repeats its generator."""
import json
import pathlib
import warnings

import numpy as np
from imblearn.under_sampling import (AllKNN, CondensedNearestNeighbour, EditedNearestNeighbours,
                                     NearMiss, NeighbourhoodCleaningRule, OneSidedSelection,
                                     RepeatedEditedNearestNeighbours, TomekLinks)

warnings.simplefilter("ignore")
M64 = (1 << 64) - 1
STREAM_RESAMPLE = 10  # its place in BAL_STREAM_LIST
SEED = 1


def units(name, count):
    h = 2166136261
    for c in name.encode():
        h = (h ^ c) * 16777619 & 0xFFFFFFFF
    x = (np.arange(count, dtype=np.uint64) * np.uint64(7919) + np.uint64(h)) & np.uint64(0xFFFFFFFF)
    for _ in range(2):
        x = ((x ^ (x >> np.uint64(16))) * np.uint64(0x45D9F3B)) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(16)
    return x.astype(np.float64) / 2.0**31 - 1.0


def mix64(z):
    z = (z + 0x9E3779B97F4A7C15) & M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def ballast_seeds(label, n, wanted):
    """The first of a shuffle of 0..n-1, drawn as src/base/random.c does it."""
    key = mix64(mix64(mix64(mix64(SEED) ^ STREAM_RESAMPLE) ^ label) ^ 0)
    order, counter = list(range(n)), 0
    for i in range(n - 1, 0, -1):
        bound = i + 1
        while True:
            counter += 1
            draw = mix64((key + 0x9E3779B97F4A7C15 * counter) & M64)
            if draw < M64 - M64 % bound:
                break
        j = draw % bound
        order[i], order[j] = order[j], order[i]
    return order[:wanted]


def data_set(number):
    """Sizes, columns and overlap all differ."""
    classes = 2 + number % 3
    columns = 2 + number % 5
    sizes = [70 + 3 * number - 20 * c - 2 * (number % 4) for c in range(classes - 1)] + [9 + number % 7]
    labels = np.repeat(np.arange(classes), sizes)
    x = units(f"under{number}", len(labels) * columns).reshape(-1, columns)
    for i, c in enumerate(labels):
        x[i, c % columns] += 0.35 + 0.15 * (number % 4) if c else 0.0
    return x.astype(np.float32), labels.astype(np.int32), sizes


class Draws(np.random.RandomState):
    """Hands out what ballast draws, by the number of rows to draw from."""

    def __init__(self, sizes, seeds):
        super().__init__(0)
        self.of_size = {n: ballast_seeds(c, n, seeds) for c, n in enumerate(sizes)}

    def randint(self, low, high, size):
        return np.array(self.of_size[high])


def hardness(x, y, k):
    """Kept rows with the strategy auto: each class as large as the smallest."""
    x = x.astype(np.float64)
    d = np.sqrt(((x[:, None, :] - x[None, :, :]) ** 2).sum(-1))
    np.fill_diagonal(d, np.inf)
    near = np.argsort(d, axis=1, kind="stable")[:, :k]
    weight = 1.0 / np.take_along_axis(d, near, 1)
    p = (weight * (y[near] == y[:, None])).sum(1) / weight.sum(1)
    fewest = np.bincount(y).min()
    kept = []
    for c in np.unique(y):
        rows = np.flatnonzero(y == c)
        kept += list(rows[np.argsort(-p[rows], kind="stable")[:fewest]])
    return kept


def cases(x, y, sizes):
    yield "tomek", {}, TomekLinks()
    yield "tomek", {"strategy": "all"}, TomekLinks(sampling_strategy="all")
    yield "enn", {}, EditedNearestNeighbours()
    yield "enn", {"k": 4, "kind-sel": "mode"}, EditedNearestNeighbours(n_neighbors=4, kind_sel="mode")
    yield "enn", {"strategy": "majority"}, EditedNearestNeighbours(sampling_strategy="majority")
    yield "renn", {}, RepeatedEditedNearestNeighbours()
    yield "renn", {"kind-sel": "mode", "max-iter": 2}, RepeatedEditedNearestNeighbours(
        kind_sel="mode", max_iter=2)
    yield "all-knn", {}, AllKNN()
    yield "all-knn", {"k": 5, "kind-sel": "mode"}, AllKNN(n_neighbors=5, kind_sel="mode")
    yield "cnn", {}, CondensedNearestNeighbour(random_state=Draws(sizes, 1))
    # of the first class alone: of another, imbalanced-learn may take a seed twice
    yield "cnn", {"strategy": "[0]", "n-seeds": 4, "k": 3}, CondensedNearestNeighbour(
        sampling_strategy=[0], random_state=Draws(sizes, 4), n_seeds_S=4, n_neighbors=3)
    yield "oss", {}, OneSidedSelection(random_state=Draws(sizes, 1))
    yield "oss", {"n-seeds": 5}, OneSidedSelection(random_state=Draws(sizes, 5), n_seeds_S=5)
    yield "ncr", {"kind-sel": "mode"}, NeighbourhoodCleaningRule(kind_sel="mode")
    yield "ncr", {"kind-sel": "mode", "k": 5, "threshold-cleaning": 0.2}, NeighbourhoodCleaningRule(
        kind_sel="mode", n_neighbors=5, threshold_cleaning=0.2)
    for version in (1, 2, 3):
        name = f"near-miss-{version}"
        yield name, {}, NearMiss(version=version)
        if version < 3:
            yield name, {"k": 5}, NearMiss(version=version, n_neighbors=5)
    yield "near-miss-3", {"m": 7, "k": 2}, NearMiss(version=3, n_neighbors=2, n_neighbors_ver3=7)
    yield "instance-hardness", {}, 5
    yield "instance-hardness", {"k": 9}, 9


def ranges(rows):
    out = []
    for row in sorted(int(r) for r in rows):
        if out and out[-1][1] == row - 1:
            out[-1][1] = row
        else:
            out.append([row, row])
    return [v for pair in out for v in pair]


def main():
    sets = []
    for number in range(30):
        x, y, sizes = data_set(number)
        results = []
        for method, options, sampler in cases(x, y, sizes):
            if isinstance(sampler, int):
                rows = hardness(x, y, sampler)
            else:
                sampler.fit_resample(x.astype(np.float64), y)
                rows = sampler.sample_indices_
            assert len(set(rows)) == len(rows), (number, method)
            results.append({"method": method, **options, "kept": ranges(rows)})
        sets.append({"sizes": sizes, "columns": x.shape[1], "results": results})
    text = json.dumps({"sets": sets}, separators=(",", ":")).replace("},{", "},\n{")
    (pathlib.Path(__file__).parent / "undersampling.json").write_text(text + "\n")


main()
