#!/usr/bin/python3
"""Writes losses.json: batches of logits and what PyTorch in float64 says of their losses.

Values and gradients (by autograd) of every loss of include/ballast/loss.h, written here from the
papers' formulas on top of torch.nn.functional: hard labels, soft targets, label smoothing, class
weights, sample weights, both reductions, a batch of one, logits of 1e4. Logits are whole numbers
divided by `unit`, so that they are exact in float32.
"""
import json
import pathlib
import random

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def plain_losses(case, z):
    """samples x C: l_j(z) of every class j as if it were the label."""
    classes = z.shape[1]
    name = case["loss"]
    n = torch.tensor(case["counts"], dtype=z.dtype)
    columns = []
    for j in range(classes):
        y = torch.full((len(z),), j)
        if name == "ce":
            columns.append(F.cross_entropy(z, y, reduction="none"))
        elif name == "focal":
            log_p = F.log_softmax(z, 1)[:, j]
            columns.append(-(1.0 - log_p.exp()) ** case["gamma"] * log_p)
        elif name == "ldam":
            margin = case["max_m"] * (n[j] / n.min()) ** -0.25
            moved = z - case["s"] * margin * F.one_hot(y, classes)
            columns.append(F.cross_entropy(moved, y, reduction="none"))
        elif name == "balanced-softmax":
            columns.append(F.cross_entropy(z + n.log(), y, reduction="none"))
        elif name == "logit-adjusted":
            prior = n / n.sum()
            columns.append(F.cross_entropy(z + case["tau"] * prior.log(), y, reduction="none"))
    return torch.stack(columns, 1)


def judge(case):
    z = (torch.tensor(case["logits"], dtype=torch.float64) / case["unit"]).requires_grad_()
    samples, classes = z.shape
    w = torch.tensor(case["weights"] or [1.0] * classes)
    s = torch.tensor(case["sample_weights"] or [1.0] * samples)
    if case["labels"]:
        t = F.one_hot(torch.tensor(case["labels"]), classes).to(z.dtype)
    else:
        t = torch.tensor(case["targets"]) / 8.0
    eps = case["label_smoothing"]
    smooth = (1.0 - eps) * t + eps / classes
    per_sample = s * (smooth * w * plain_losses(case, z)).sum(1)
    divisor = (s * (t * w).sum(1)).sum() if case["weighted_mean"] else s.sum()
    value = per_sample.sum() / divisor
    value.backward()
    if case["loss"] == "ce" and not case["sample_weights"]:
        check_against_torch(case, z.detach(), t, w, value.item())
    case["value"] = value.item()
    case["per_sample"] = per_sample.tolist()
    case["gradient"] = [float(f"{g:.9g}") for g in z.grad.flatten().tolist()]
    case["logits"] = [v for row in case["logits"] for v in row]
    return case


def check_against_torch(case, z, t, w, value):
    """PyTorch's own mean: over the weights drawn for labels, over the batch for soft targets."""
    if case["labels"] and case["weighted_mean"]:
        y = torch.tensor(case["labels"])
    elif not case["labels"] and not case["weighted_mean"]:
        y = t
    else:
        return
    theirs = F.cross_entropy(z, y, weight=w, label_smoothing=case["label_smoothing"]).item()
    assert abs(theirs - value) <= 1e-12 * max(1.0, abs(value)), (theirs, value)


def cases(rng):
    for name in ("ce", "focal", "ldam", "balanced-softmax", "logit-adjusted"):
        for number in range(24):
            classes = rng.choice([2, 3, 5, 10])
            samples = 1 if number % 4 == 0 else rng.randint(2, 6)
            extreme = number % 6 == 5
            soft = number % 3 == 2

            def target():
                parts = [0] * classes
                for _ in range(8):
                    parts[rng.randrange(min(classes, 3))] += 1
                return parts

            # focal at p = 1 exactly has no gradient by autograd where the power is below 1
            gamma = rng.choice([1.0, 2.0, 5.0] if extreme else [0.0, 0.5, 1.0, 2.0, 5.0])
            yield {
                "loss": name,
                "gamma": gamma,
                "max_m": rng.choice([0.3, 0.5]),
                "s": rng.choice([1.0, 16.0, 30.0]),
                "tau": rng.choice([1.0, 1.5, 0.5]),
                "counts": sorted((rng.randint(1, 1000) for _ in range(classes)), reverse=True),
                "weights": [rng.randint(1, 40) / 8 for _ in range(classes)]
                if number % 2 else None,
                "sample_weights": [rng.randint(0, 8) / 4 + 0.25 for _ in range(samples)]
                if number % 5 == 3 else None,
                "label_smoothing": rng.choice([0.0, 0.0, 0.1, 0.98]),
                "weighted_mean": bool(number // 2 % 2),
                "labels": None if soft else [rng.randrange(classes) for _ in range(samples)],
                "targets": [target() for _ in range(samples)] if soft else None,
                "unit": 1 if extreme else 64,
                "logits": [[rng.choice([-10000, -300, 0, 1, 300, 10000]) if extreme
                            else rng.randint(-400, 400) for _ in range(classes)]
                           for _ in range(samples)],
            }


def main():
    rng = random.Random(7)
    lines = ",\n".join(json.dumps(judge(c), separators=(",", ":")) for c in cases(rng))
    out = {"made_by": "make_loss_golden.py", "pytorch": torch.__version__}
    path = pathlib.Path(__file__).with_name("losses.json")
    path.write_text(json.dumps(out)[:-1] + ', "cases": [\n' + lines + "\n]}\n")
    assert "NaN" not in path.read_text() and "Infinity" not in path.read_text()


main()
