#!/usr/bin/python3
"""Writes oversampling.json: what imbalanced-learn 0.10 decides without drawing when it adds rows to
30 data sets: rows of each class for every strategy, rows in danger, rows of ADASYN for each row,
support vectors and which of them are safe, and the row that SMOTEN makes from each base.

Data sets are a formula (`units` below, the same in tests/helpers/formula.c), so the file holds
results alone."""
import json
import pathlib
import warnings
from collections import Counter

import numpy as np
from imblearn.metrics.pairwise import ValueDifferenceMetric
from imblearn.over_sampling import (ADASYN, SMOTE, SMOTEN, SMOTENC, SVMSMOTE, BorderlineSMOTE,
                                    RandomOverSampler)
from imblearn.utils import check_sampling_strategy
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC

warnings.simplefilter("ignore")


def units(name, count):
    h = 2166136261
    for c in name.encode():
        h = (h ^ c) * 16777619 & 0xFFFFFFFF
    x = (np.arange(count, dtype=np.uint64) * np.uint64(7919) + np.uint64(h)) & np.uint64(0xFFFFFFFF)
    for _ in range(2):
        x = ((x ^ (x >> np.uint64(16))) * np.uint64(0x45D9F3B)) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(16)
    return x.astype(np.float64) / 2.0**31 - 1.0


def data_set(number):
    """Sizes, columns and overlap all differ; labels have gaps and come in turn."""
    classes = 2 + number % 3
    columns = 2 + number % 5
    sizes = [60 + 3 * number - 17 * c - 2 * (number % 4) for c in range(classes - 1)] + [13 + number % 7]
    labels = np.concatenate([np.full(n, 3 * c - 1) for c, n in enumerate(sizes)])
    x = units(f"over{number}", len(labels) * columns).reshape(-1, columns)
    for i, label in enumerate(labels):
        c = (label + 1) // 3
        x[i, c % columns] += 0.35 + 0.15 * (number % 4) if c else 0.0
    x = x.astype(np.float32).astype(np.float64)
    order = np.argsort(np.arange(len(labels)) * 7 % len(labels), kind="stable")
    if len(labels) % 7 == 0:
        order = np.arange(len(labels))
    return x[order], labels[order], sizes


def strategies(sizes):
    yield "auto", "auto"
    for word in ("minority", "not minority", "not majority", "all", "majority"):
        yield word, word
    last = len(sizes) - 1
    yield f"{3 * last - 1}:{sizes[-1] + 9}", {3 * last - 1: sizes[-1] + 9}
    yield f"-1:{sizes[0] + 4},{3 * last - 1}:40", {-1: sizes[0] + 4, 3 * last - 1: 40}
    yield f"-1:{sizes[0] - 1}", {-1: sizes[0] - 1}
    yield "1:99", {1: 99}
    for ratio in (0.2, 0.55, 0.9, 1.0, 1.5):
        yield str(ratio), ratio


def plain(strategy, y):
    """imbalanced-learn 0.10 refuses "minority" before it looks at what it means."""
    if strategy != "minority":
        return strategy
    have = Counter(y)
    asked = check_sampling_strategy(strategy, y, "over-sampling")
    return {label: have[label] + count for label, count in asked.items()}


def counts(sampler, x, y):
    try:
        _, made = sampler.fit_resample(x, y)
    except ValueError:
        return None
    return [int(n) for _, n in sorted(Counter(made).items())]


def danger(x, y, label, m, rows, kind):
    sampler = BorderlineSMOTE()
    nearest = NearestNeighbors(n_neighbors=m + 1).fit(x)
    return sampler._in_danger_noise(nearest, x[rows], label, y, kind=kind)


def adasyn_times(x, y, label):
    """How often each row of the class is a base; np.repeat is where the numbers are used."""
    seen = []
    repeat = np.repeat
    np.repeat = lambda rows, times: (seen.append(times), repeat(rows, times))[1]
    try:
        wanted = max(Counter(y).values()) + 50
        ADASYN(sampling_strategy={label: wanted}, random_state=0).fit_resample(x, y)
    finally:
        np.repeat = repeat
    assert len(seen) == 1
    return [int(t) for t in seen[0]]


def support(x, y, label):
    rows = SVC(gamma="scale").fit(x, y).support_
    rows = np.sort(rows[y[rows] == label])
    noise = danger(x, y, label, 10, rows, "noise")
    rows = rows[~noise]
    risky = danger(x, y, label, 10, rows, "danger") if len(rows) else np.zeros(0, bool)
    return {"danger": rows[risky].tolist(), "safe": rows[~risky].tolist()}


class InTurn(np.random.RandomState):
    def choice(self, a, size, replace):
        return np.asarray(a)


def smoten_rows(x, y, label):
    """For bases whose neighbours are clear (no ties at the border): place in the class, and row."""
    categories = np.floor(2 * x).astype(int)
    codes = categories - categories.min(axis=0)
    k = 5
    sampler = SMOTEN(k_neighbors=k, random_state=InTurn(0))
    sampler._validate_estimator()
    used = [np.unique(codes[:, j], return_inverse=True) for j in range(codes.shape[1])]
    encoded = np.stack([inverse for _, inverse in used], axis=1)
    metric = ValueDifferenceMetric(n_categories=[len(u) for u, _ in used]).fit(encoded, y)
    members = encoded[y == label]
    distance = metric.pairwise(members)
    sampler.nn_k_.fit(distance)
    index = sampler.nn_k_.kneighbors(distance, return_distance=False)
    made, _ = sampler._make_samples(members, label, y.dtype, index, len(members))
    out = []
    for i, row in enumerate(made):
        near = np.sort(np.delete(distance[i], i))
        if near[0] > 1e-9 and near[k] - near[k - 1] > 1e-9:
            out.append([i] + [int(used[j][0][v] + categories[:, j].min()) for j, v in enumerate(row)])
    return out


def main():
    sets = []
    for number in range(30):
        x, y, sizes = data_set(number)
        table = []
        for text, strategy in strategies(sizes):
            row = {"strategy": text}
            strategy = plain(strategy, y)
            for name, sampler in (("random-over", RandomOverSampler), ("smote", SMOTE),
                                  ("borderline-1", BorderlineSMOTE), ("adasyn", ADASYN)):
                row[name] = counts(sampler(sampling_strategy=strategy, random_state=0), x, y)
            if number % 5 == 0:
                mixed = x.copy()
                mixed[:, 0] = np.floor(2 * x[:, 0])
                row["smote-nc"] = counts(
                    SMOTENC([0], sampling_strategy=strategy, random_state=0), mixed, y)
                row["smoten"] = counts(
                    SMOTEN(sampling_strategy=strategy, random_state=0), np.floor(2 * x).astype(int), y)
            table.append(row)
        classes = []
        for label in np.unique(y)[1:]:
            rows = np.flatnonzero(y == label)
            classes.append({
                "label": int(label),
                "danger": rows[danger(x, y, label, 10, rows, "danger")].tolist(),
                "adasyn": adasyn_times(x, y, label),
                "support": support(x, y, label),
                "smoten": smoten_rows(x, y, label),
            })
        sets.append({"sizes": sizes, "columns": x.shape[1], "strategies": table, "classes": classes})
    text = json.dumps({"sets": sets}, separators=(",", ":")).replace("},{", "},\n{")
    (pathlib.Path(__file__).parent / "oversampling.json").write_text(text + "\n")


main()
