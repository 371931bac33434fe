#!/usr/bin/python3
"""Writes calibration.json: small random sets of logits and what calibration methods make of them.

Independent of the C code: temperature is the root of the derivative (SciPy's brentq), vector scaling
goes through PyTorch's derivatives and SciPy's trust-exact, EM is NumPy's plain iteration, and the
best offsets of two or three classes come from all cells of the plane of offsets. Logits are whole
numbers over `unit`, so that they are exact in float32.
"""
import json
import math
import pathlib
import random

import numpy as np
import torch
from scipy import optimize
from scipy.special import log_softmax, softmax

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def make_items(rng, classes, items, spread, absent=(), unit=4096):
    present = [c for c in range(classes) if c not in absent]
    weights = [0.6 ** k for k in range(len(present))]
    labels = rng.choices(present, weights, k=items)
    rows = []
    for y in labels:
        row = [rng.gauss(0.0, 1.0) for _ in range(classes)]
        row[y] += 1.3 - 0.15 * y
        rows.append([int(round(v * spread * unit)) for v in row])
    return {"classes": classes, "unit": unit, "labels": labels, "scores": [v for r in rows for v in r]}


def arrays(case):
    z = np.array(case["scores"], float).reshape(-1, case["classes"]) / case["unit"]
    return z, np.array(case["labels"])


def weights_for(y, classes, prior):
    """1/n each, or so that the classes present count as the prior says."""
    n = np.bincount(y, minlength=classes)
    if prior is None:
        return np.full(len(y), 1.0 / len(y))
    w = np.array([prior[c] / n[c] for c in y])
    return w / w.sum()


def nll(z, y, w):
    return float(-(w * log_softmax(z, axis=1)[np.arange(len(y)), y]).sum())


def temperature(z, y, w):
    def slope(beta):
        p = softmax(beta * z, axis=1)
        return float((w * ((p * z).sum(1) - z[np.arange(len(y)), y])).sum())
    low, high = 1e-9, 1e-9
    while slope(high) < 0:
        high *= 4
    beta = optimize.brentq(slope, low, high, xtol=1e-300, rtol=1e-15, maxiter=1000)
    return 1.0 / beta


def vector(z, y, w, ridge):
    tz, ty, tw = torch.tensor(z), torch.tensor(y), torch.tensor(w)
    classes = z.shape[1]
    effective = 1.0 / float((w ** 2).sum())

    def loss(x):
        a, b = x[:classes], x[classes:]
        fit = -(tw * torch.log_softmax(a * tz + b, 1)[torch.arange(len(y)), ty]).sum()
        return fit + ridge / (2 * effective) * (((a - 1) ** 2).sum() + (b ** 2).sum())

    def value(x):
        t = torch.tensor(x, requires_grad=True)
        v = loss(t)
        v.backward()
        return v.item(), t.grad.numpy()

    def hessian(x):
        return torch.autograd.functional.hessian(loss, torch.tensor(x)).numpy()
    x = np.concatenate([np.ones(classes), np.zeros(classes)])
    found = optimize.minimize(value, x, jac=True, hess=hessian, method="trust-exact",
                              options={"gtol": 1e-13, "maxiter": 500})
    x = found.x
    for _ in range(3):  # last digits
        x = x - np.linalg.solve(hessian(x), value(x)[1])
    assert np.abs(value(x)[1]).max() < 1e-12
    return x[:classes], x[classes:]


def em(z, prior, rounds=200000):
    ratio = softmax(z, axis=1) / prior
    q = prior.copy()
    for _ in range(rounds):
        joint = q * ratio
        q = (joint / joint.sum(1, keepdims=True)).mean(0)
    return q


def score(objective, y, predicted, classes, cost, w):
    if objective == "cost":
        return -sum(w[i] * cost[y[i]][predicted[i]] for i in range(len(y)))
    parts = []
    for c in range(classes):
        support, named = w[y == c].sum(), w[predicted == c].sum()
        right = w[(y == c) & (predicted == c)].sum()
        if objective == "balanced_accuracy" and support > 0:
            parts.append(right / support)
        if objective == "macro_f1" and support + named > 0:
            parts.append(2 * right / (support + named))
    return sum(parts) / len(parts)


def middles(values):
    v = sorted(set(values))
    return [v[0] - 1] + [(a + b) / 2 for a, b in zip(v, v[1:])] + [v[-1] + 1]


def best_offsets(z, y, objective, cost, w):
    """The largest score over all cells of offsets; of class 0 it is 0."""
    classes = z.shape[1]
    best = -math.inf
    if classes == 2:
        pairs = [(d,) for d in middles(z[:, 0] - z[:, 1])]
    else:
        vertical = list(z[:, 0] - z[:, 1])
        level = list(z[:, 0] - z[:, 2])
        slant = list(z[:, 1] - z[:, 2])  # d2 = d1 + slant
        crossings = vertical + [h - s for h in level for s in slant]
        pairs = [(d1, d2) for d1 in middles(crossings)
                 for d2 in middles(level + [d1 + s for s in slant])]
    for pair in pairs:
        predicted = (z + np.array((0.0,) + pair)).argmax(1)
        best = max(best, score(objective, y, predicted, classes, cost, w))
    return best


def fits():
    rng = random.Random(41)
    out = []
    for classes, items, spread, absent in [(2, 30, 1.5, ()), (3, 41, 0.4, ()), (5, 160, 3.0, ()),
                                           (4, 90, 1.0, (2,)), (7, 220, 40.0, ()), (10, 300, 2.0, (0, 9))]:
        case = make_items(rng, classes, items, spread, absent)
        z, y = arrays(case)
        w = weights_for(y, classes, None)
        t = temperature(z, y, w)
        case["temperature"] = {"T": t, "before": nll(z, y, w), "after": nll(z / t, y, w)}
        case["vector"] = []
        for ridge in (0.1, 3.0):
            a, b = vector(z, y, w, ridge)
            case["vector"].append({"ridge": ridge, "scale": list(a), "offset": list(b),
                                   "after": nll(a * z + b, y, w)})
        # to equal shares first: then the fits are weighted
        before = [rng.uniform(0.2, 2.0) for _ in range(classes)]
        total = sum(before)
        prior = np.array(before) / total
        target = np.array([1.0 / classes] * classes)
        moved = z + np.log(target) - np.log(prior)
        shifted = weights_for(y, classes, target)
        t = temperature(moved, y, shifted)
        a, b = vector(moved, y, shifted, 0.5)
        case["moved"] = {"prior": list(prior), "first": list(softmax(moved[0])), "T": t,
                         "before": nll(moved, y, shifted), "after": nll(moved / t, y, shifted),
                         "effective": 1.0 / float((shifted ** 2).sum()),
                         "ridge": 0.5, "scale": list(a), "offset": list(b)}
        counts = [rng.randint(1, 5000) for _ in range(classes)]
        pi = np.array(counts) / sum(counts)
        case["adjusted"] = {"counts": counts, "tau": 0.7,
                            "first": list(softmax(z[0] - 0.7 * np.log(pi)))}
        case["em"] = list(em(z, prior))
        out.append(case)
    return out


def searches():
    rng = random.Random(43)
    out = []
    for number in range(36):
        classes = 2 + number % 2
        case = make_items(rng, classes, rng.randint(8, 11), 1.0)
        z, y = arrays(case)
        objective = ["balanced_accuracy", "macro_f1", "cost"][number // 2 % 3]
        cost = [[0 if a == b else rng.randint(1, 9) for b in range(classes)] for a in range(classes)]
        w = weights_for(y, classes, None)
        case.update({"objective": objective, "cost": [v for r in cost for v in r],
                     "before": score(objective, y, z.argmax(1), classes, cost, w),
                     "best": best_offsets(z, y, objective, cost, w)})
        out.append(case)
    return out


def main():
    out = {"made_by": "make_calibration_golden.py", "fits": fits(), "searches": searches()}
    path = pathlib.Path(__file__).with_name("calibration.json")
    path.write_text(json.dumps(out, separators=(",", ":")).replace('{"classes"', '\n{"classes"') + "\n")


main()
