#!/usr/bin/python3
"""Writes metrics.json: 200 small random test sets and their metrics by scikit-learn (1.2.1).

Scores are whole numbers divided by `unit`, so that they are exact in float32. Undefined values are
null. Where evaluate.h defines a metric otherwise than scikit-learn does (null instead of 0 or an
exception, averages over the classes where a value is defined, the lower class first among equal
scores), the rule is applied here to scikit-learn's numbers of each class.
"""
import json
import math
import pathlib
import random
import warnings

import numpy as np
import sklearn
from sklearn import metrics

warnings.simplefilter("ignore")
BINS = 15


def softmax(row):
    top = max(row)
    parts = [math.exp(z - top) for z in row]
    return [e / math.fsum(parts) for e in parts]


def make_case(rng, number):
    kind = ["logits", "probabilities", "absent", "constant", "perfect", "one-class", "rare",
            "wrong"][number % 8]
    classes = rng.randint(2, 9)
    items = 1 if number in (0, 1, 5) else rng.randint(2, 40)
    probabilities = kind == "probabilities" or rng.random() < 0.3
    allowed = list(range(classes))
    if kind == "absent":
        allowed = rng.sample(allowed, max(1, classes - rng.randint(1, 3)))
    if kind == "one-class":
        allowed = [rng.randrange(classes)]
    weights = [0.3 ** k for k in range(len(allowed))] if kind == "rare" else None
    labels = rng.choices(allowed, weights, k=items)
    unit = 64 if probabilities else 4096

    def row(label):
        if probabilities:  # few steps, so that ties and zeros are common
            cuts = sorted(rng.randint(0, 16) * 4 for _ in range(classes - 1))
            values = [b - a for a, b in zip([0] + cuts, cuts + [64])]
        else:
            values = [rng.randint(-5 * unit, 5 * unit) for _ in range(classes)]
        best = values.index(max(values))
        if kind == "perfect" or (kind in ("rare", "logits") and rng.random() < 0.5):
            values[best], values[label] = values[label], values[best]
        if kind == "wrong" and values[label] == max(values):
            other = (label + 1) % classes
            values[label], values[other] = min(values), max(values) if probabilities else 0
            if probabilities:
                values = [0] * classes
                values[other] = unit
        return values

    rows = [row(label) for label in labels]
    if kind == "constant":
        rows = [rows[0]] * items
    return {"kind": kind, "classes": classes, "labels": labels, "unit": unit,
            "probabilities": probabilities, "scores": rows}


def null(value):
    return None if value is None or math.isnan(value) else float(value)


def calibration_error(wrong_by, p):
    """Bins as sklearn.calibration.calibration_curve cuts them: (low, high]."""
    inner = np.linspace(0.0, 1.0, BINS + 1)[1:-1]
    return np.abs(np.bincount(np.searchsorted(inner, p), wrong_by, BINS)).sum() / len(p)


def judge(case):
    classes, y = case["classes"], np.array(case["labels"])
    raw = np.array(case["scores"]) / case["unit"]
    p = raw if case["probabilities"] else np.array([softmax(r) for r in raw])
    predicted = p.argmax(1)
    everyone = list(range(classes))
    support = np.bincount(y, minlength=classes)
    times = np.bincount(predicted, minlength=classes)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        y, predicted, labels=everyone, zero_division=0)
    per_class = []
    for c in everyone:
        is_c = y == c
        both = 0 < support[c] < len(y)
        per_class.append({
            "support": int(support[c]),
            "predicted": int(times[c]),
            "precision": null(precision[c]) if times[c] else None,
            "recall": null(recall[c]) if support[c] else None,
            "f1": null(f1[c]) if support[c] + times[c] else None,
            "auroc": null(metrics.roc_auc_score(is_c, p[:, c])) if both else None,
            "average_precision": null(metrics.average_precision_score(is_c, p[:, c]))
            if support[c] else None,
            "loss": null(metrics.log_loss(y[is_c], p[is_c], labels=everyone))
            if support[c] else None,
        })
    present = [c for c in everyone if support[c]]
    defined = lambda key: [m[key] for m in per_class if m[key] is not None]
    mean = lambda values: sum(values) / len(values) if values else None
    recalls = defined("recall")
    aurocs = defined("auroc")
    if len(present) == classes > 2:  # then scikit-learn's own average is the same
        assert math.isclose(mean(aurocs), metrics.roc_auc_score(
            y, p, multi_class="ovr", labels=everyone), rel_tol=1e-12)
    order = np.argsort(-raw, axis=1, kind="stable")[:, :5]  # equal scores: lower class first
    top5 = float((order == y[:, None]).any(1).mean())
    if classes > 5 and all(len(set(r)) == classes for r in case["scores"]):
        assert math.isclose(top5, metrics.top_k_accuracy_score(y, p, k=5, labels=everyone))
    top = p.max(1)
    average = lambda f, how: f(y, predicted, average=how, zero_division=0)
    named = int(((support + times) > 0).sum())
    case["metrics"] = {
        "accuracy": metrics.accuracy_score(y, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, predicted),
        "macro_precision": average(metrics.precision_score, "macro"),
        "macro_recall": average(metrics.recall_score, "macro"),
        "macro_f1": average(metrics.f1_score, "macro"),
        "weighted_f1": average(metrics.f1_score, "weighted"),
        "mcc": metrics.matthews_corrcoef(y, predicted),
        "kappa": null(metrics.cohen_kappa_score(y, predicted)),
        "gmean": float(np.prod(recalls)) ** (1.0 / len(recalls)),
        "auroc_macro": mean(aurocs),
        "average_precision_macro": mean(defined("average_precision")),
        "top5_accuracy": top5,
        "ece": calibration_error(top - (predicted == y), top),
        "classwise_ece": float(np.mean([calibration_error(p[:, c] - (y == c), p[:, c])
                                        for c in everyone])),
        "nll": metrics.log_loss(y, p, labels=everyone),
        "brier": sum(metrics.brier_score_loss(y == c, p[:, c], pos_label=True)
                     for c in everyone),
        "worst_class_recall": min(recalls),
        "class_recall_gap": max(recalls) - min(recalls),
        "group_recall_gap": None,  # no training counts
    }
    case["covered"] = {
        "balanced_accuracy": len(present), "gmean": len(present), "weighted_f1": len(present),
        "macro_precision": named, "macro_recall": named, "macro_f1": named,
        "auroc_macro": len(aurocs), "average_precision_macro": len(present),
        "classwise_ece": classes,
    }
    case["per_class"] = per_class
    case["confusion"] = metrics.confusion_matrix(y, predicted, labels=everyone).tolist()
    case["scores"] = [v for r in case["scores"] for v in r]
    return case


def main():
    rng = random.Random(20)
    cases = [judge(make_case(rng, number)) for number in range(200)]
    out = {"made_by": "make_metrics_golden.py", "scikit_learn": sklearn.__version__}
    lines = ",\n".join(json.dumps(c, separators=(",", ":"), default=float) for c in cases)
    path = pathlib.Path(__file__).with_name("metrics.json")
    path.write_text(json.dumps(out)[:-1] + ', "cases": [\n' + lines + "\n]}\n")


main()
