#!/usr/bin/python3
"""A linear head on the features of a trained run after resampling: a Markdown table.

The network is not trained again: its features of the training split are resampled by `ballast
resample`, a logistic regression (scikit-learn, l2, C fixed beforehand) is fitted to them, and the
test split is scored. Nothing is chosen by any result.

Use: feature_heads.py RUN [PROGRAM]     environment: SEEDS (1 2 3), METHODS, C (0.01)
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
from sklearn.linear_model import LogisticRegression

RARE = 3


def ballast(program, *args):
    subprocess.run([program, *args, "--quiet"], check=True, stdout=subprocess.DEVNULL)


def features(program, run, split, folder):
    x, y = f"{folder}/{split}-x.npy", f"{folder}/{split}-y.npy"
    ballast(program, "eval", run, "--split", split, "--bootstrap", "0", "--save-features", x,
            "--save-labels", y)
    return np.load(x), np.load(y)


def scores(x, y, test_x, test_y, rare, weight=None):
    mean, std = x.mean(0), x.std(0) + 1e-6
    head = LogisticRegression(C=float(os.environ.get("C", "0.01")), max_iter=2000,
                              class_weight=weight)
    said = head.fit((x - mean) / std, y).predict((test_x - mean) / std)
    recall = np.array([(said[test_y == c] == c).mean() for c in range(test_y.max() + 1)])
    return [recall.mean(), *recall[rare]]


def main():
    run, program = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "build/release/ballast"
    seeds = [int(s) for s in os.environ.get("SEEDS", "1 2 3").split()]
    methods = os.environ.get("METHODS", "random-over smote borderline-1 adasyn gaussian eos "
                             "random-under enn smote-enn smote-tomek").split()
    with tempfile.TemporaryDirectory() as folder:
        x, y = features(program, run, "train", folder)
        test_x, test_y = features(program, run, "test", folder)
        counts = np.bincount(y)
        rare = np.argsort(counts, kind="stable")[:RARE][::-1]
        print(f"{len(y)} training rows of {x.shape[1]} features; rare classes "
              + ", ".join(f"{c} ({counts[c]})" for c in rare), file=sys.stderr)
        rows = {"none": [scores(x, y, test_x, test_y, rare)],
                "none, weights n / (C n_j)": [scores(x, y, test_x, test_y, rare, "balanced")]}
        for method in methods:
            rows[method] = []
            for seed in seeds:
                out = [f"{folder}/out-x.npy", f"{folder}/out-y.npy"]
                ballast(program, "resample", "--method", method, "--seed", str(seed),
                        "--features", f"{folder}/train-x.npy", "--labels", f"{folder}/train-y.npy",
                        "--out-features", out[0], "--out-labels", out[1])
                rows[method].append(scores(np.load(out[0]), np.load(out[1]), test_x, test_y, rare))
    print("| head after | balanced accuracy |" + "".join(f" recall of class {c} ({counts[c]}) |"
                                                         for c in rare))
    print("|---|" + "---|" * (1 + RARE))
    for name, runs in rows.items():
        mean, spread = np.mean(runs, 0), np.ptp(runs, 0)
        cells = [f"{m:.3f}" + (f" ± {s / 2:.3f}" if s > 0 else "") for m, s in zip(mean, spread)]
        print(f"| {name} | " + " | ".join(cells) + " |")


main()
