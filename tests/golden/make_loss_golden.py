#!/usr/bin/python3
"""Writes losses.json: batches of logits and what PyTorch in float64 says of their losses.

Values and gradients (by autograd) of every loss of include/ballast/loss.h, written here from the
papers' formulas on top of torch.nn.functional: hard labels, soft targets, label smoothing, class
weights, sample weights, both reductions, a batch of one, logits of 1e4, classes without images
where the loss has a meaning for them. Logits are whole numbers divided by `unit`, so that they are
exact in float32; draws are 64ths and norms of features eighths.
"""
import json
import math
import pathlib
import random

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def ce(z, j):
    """samples: cross entropy as if j were the label of all."""
    return F.cross_entropy(z, torch.full((len(z),), j), reduction="none")


def focal(case, z, j, n, extra):
    log_p = F.log_softmax(z, 1)[:, j]
    return -(1.0 - log_p.exp()) ** case["gamma"] * log_p


def ldam(case, z, j, n, extra):
    margin = case["max_m"] * (n[j] / n.min()) ** -0.25
    return ce(z - case["s"] * margin * F.one_hot(torch.tensor(j), len(n)), j)


def vs(case, z, j, n, extra):
    return ce(z * (n / n.max()) ** case["vs_gamma"] + case["tau"] * (n / n.sum()).log(), j)


def cdt(case, z, j, n, extra):
    return ce(z / (n.max() / n) ** case["cdt_gamma"], j)


def seql(case, z, j, n, extra):
    rare = (n / n.sum() < case["seql_lambda"]).double()
    beta = (extra["draws"] < case["seql_gamma"]).double()
    keep = 1.0 - beta * rare * (1.0 - F.one_hot(torch.tensor(j), len(n)))
    return torch.logsumexp(z.masked_fill(keep == 0.0, -torch.inf), 1) - z[:, j]


def asl(case, z, j, n, extra):
    classes = len(n)
    eps = case["label_smoothing"]
    label = F.one_hot(torch.tensor(j), classes).double()
    target = (1.0 - eps) * label + eps / classes
    log_p = F.log_softmax(z, 1)
    p = log_p.exp()
    # at the label's class 1 - p is a sum of the others: no digits are lost near 1
    rest = torch.logsumexp(log_p.masked_fill(label == 1.0, -torch.inf), 1).exp()[:, None]
    weight = torch.where(label == 1.0, rest ** case["gamma_pos"], p ** case["gamma_neg"])
    return -(target * weight * log_p).sum(1)


def las(case, z, j, n, extra):
    head, tail = case["las_head"], case["las_tail"]
    x = (n[j] - n.min()) / (n.max() - n.min()) if n.max() > n.min() else torch.tensor(1.0)
    shape = {"concave": torch.sin(math.pi / 2 * x), "linear": x,
             "convex": 1.0 + torch.sin(1.5 * math.pi + math.pi / 2 * x)}[case["las_shape"]]
    eps = tail + (head - tail) * shape
    return (1.0 - eps) * ce(z, j) - eps * F.log_softmax(z, 1).mean(1)


def seesaw(case, z, j, n, extra):
    seen = torch.tensor(case["state"]) + torch.bincount(torch.tensor(case["labels"]), minlength=len(n))
    seen = seen.clamp(min=1.0)
    log_p = F.log_softmax(z.detach(), 1)
    mitigation = (seen / seen[j]).clamp(max=1.0) ** case["seesaw_p"]
    own = log_p[:, j:j + 1].clamp(min=math.log(case["seesaw_eps"]))
    compensation = case["seesaw_q"] * (log_p - own).clamp(min=0.0)  # a log: p may be 0 in double
    shift = mitigation.log() + compensation
    return ce(z + shift * (1.0 - F.one_hot(torch.tensor(j), len(n))), j)


def ib(case, z, j, n, extra):
    log_p = F.log_softmax(z, 1)
    onehot = F.one_hot(torch.tensor(j), len(n)).double()
    rest = torch.logsumexp(log_p.masked_fill(onehot == 1.0, -torch.inf), 1).exp()
    distance = (log_p.exp() * (1.0 - onehot)).sum(1) + rest  # of p and onehot, without 1 - p
    influence = distance * extra["norms"]
    return -case["ib_alpha"] / (influence + case["ib_eps"]) * log_p[:, j]


def lade_batch(case, z, n, t, w, s):
    """The estimator of the authors' paper, for each class of the batch."""
    prior, classes = n / n.sum(), len(n)
    mass = (s[:, None] * t).sum(0)
    first = (s[:, None] * t * z).sum(0) / torch.where(mass > 0.0, mass, 1.0)
    u = z - prior.log() + math.log(1.0 / classes)
    second = torch.logsumexp(u + s.log()[:, None], 0) - s.sum().log()
    bound = first - second - case["lade_lambda"] * second ** 2
    return -case["lade_alpha"] * (w * prior * bound).sum()


def gcl(case, z, j, n, extra):
    size = n.log().max() - n.log()
    size = size / size.max() if size.max() > 0.0 else size
    noise = (extra["draws"] / 3.0).clamp(-1.0, 1.0).abs()
    return ce(z - case["s"] * case["gcl_noise"] * noise * size, j)


def sigmoid(case, z, j, n, extra, gamma=0.0):
    sign = 2.0 * F.one_hot(torch.tensor(j), len(n)) - 1.0
    log_q = F.logsigmoid(sign * z)
    return (-torch.exp(gamma * F.logsigmoid(-sign * z)) * log_q).sum(1)


# name: (l_j of the case for all samples, what its settings are drawn from)
LOSSES = {
    "ce": (lambda case, z, j, n, extra: ce(z, j), {}),
    # focal at p = 1 exactly has no gradient by autograd where the power is below 1
    "focal": (focal, {"gamma": [0.0, 0.5, 1.0, 2.0, 5.0]}),
    "ldam": (ldam, {"max_m": [0.3, 0.5], "s": [1.0, 16.0, 30.0]}),
    "balanced-softmax": (lambda case, z, j, n, extra: ce(z + n.log(), j), {}),
    "logit-adjusted": (lambda case, z, j, n, extra: ce(z + case["tau"] * (n / n.sum()).log(), j),
                       {"tau": [1.0, 1.5, 0.5]}),
    "vs": (vs, {"vs_gamma": [0.0, 0.15, 0.3], "tau": [0.0, 1.0, 1.25]}),
    "cdt": (cdt, {"cdt_gamma": [0.0, 0.2, 0.4]}),
    "seql": (seql, {"seql_gamma": [0.5, 0.9, 1.0], "seql_lambda": [0.005, 0.2, 1.0]}),
    "asl": (asl, {"gamma_pos": [0.0, 1.0, 2.0], "gamma_neg": [0.0, 2.0, 4.0]}),
    "las": (las, {"las_head": [0.3, 0.4], "las_tail": [0.0, 0.1],
                  "las_shape": ["concave", "linear", "convex"]}),
    "seesaw": (seesaw, {"seesaw_p": [0.0, 0.8, 1.0], "seesaw_q": [0.0, 1.0, 2.0],
                        "seesaw_eps": [0.01, 0.2]}),
    "ib": (ib, {"ib_alpha": [1.0, 1000.0], "ib_eps": [0.001, 0.25]}),
    "lade": (lambda case, z, j, n, extra: ce(z + n.log(), j),
             {"lade_alpha": [0.05, 0.1, 1.0], "lade_lambda": [0.0, 0.1]}),
    "gcl": (gcl, {"gcl_noise": [0.5, 1.0], "s": [16.0, 30.0]}),
    "sigmoid": (sigmoid, {}),
    "sigmoid-focal": (lambda case, z, j, n, extra: sigmoid(case, z, j, n, extra, case["gamma"]),
                      {"gamma": [0.0, 0.5, 2.0]}),
}
LABELS_ONLY = {"seesaw"}
NO_SMOOTHING = {"las", "seesaw"}
OWN_SMOOTHING = {"asl"}
DRAWS = {"seql": lambda rng: rng.randrange(64), "gcl": lambda rng: round(64.0 * rng.gauss(0.0, 2.0))}
FEATURES = {"ib"}
STATE = {"seesaw"}  # its batches are one sequence; where the classes change it begins anew
ABSENT = {"ce", "focal", "seql", "asl", "las", "seesaw", "ib", "sigmoid", "sigmoid-focal"}


def extras(case):
    classes = len(case["counts"])
    extra = {}
    if case.get("draws"):
        extra["draws"] = torch.tensor(case["draws"]).double().reshape(-1, classes) / 64.0
    if case.get("feature_norms"):
        norms = torch.tensor(case["feature_norms"]) / 8.0
        extra["norms"] = norms.requires_grad_()
    return extra


def judge(case):
    z = (torch.tensor(case["logits"], dtype=torch.float64) / case["unit"]).requires_grad_()
    samples, classes = z.shape
    n = torch.tensor(case["counts"], dtype=z.dtype)
    w = torch.tensor(case["weights"] or [1.0] * classes)
    s = torch.tensor(case["sample_weights"] or [1.0] * samples)
    if case["labels"]:
        t = F.one_hot(torch.tensor(case["labels"]), classes).to(z.dtype)
    else:
        t = torch.tensor(case["targets"]) / 8.0
    eps = 0.0 if case["loss"] in OWN_SMOOTHING else case["label_smoothing"]
    smooth = (1.0 - eps) * t + eps / classes
    extra = extras(case)
    formula = LOSSES[case["loss"]][0]
    plain = torch.stack([formula(case, z, j, n, extra) for j in range(classes)], 1)
    # what has no part in the target has no part in the gradient either, infinite or not
    per_sample = s * torch.where(smooth * w == 0.0, 0.0, smooth * w * plain).sum(1)
    divisor = (s * (t * w).sum(1)).sum() if case["weighted_mean"] else s.sum()
    value = per_sample.sum() / divisor
    if case["loss"] == "lade":
        value = value + lade_batch(case, z, n, t, w, s)
    value.backward()
    if case.get("state"):
        for y in case["labels"]:
            case["state_after"][y] += 1
    if case["loss"] == "ce" and not case["sample_weights"]:
        check_against_torch(case, z.detach(), t, w, value.item())
    case["value"] = value.item()
    case["per_sample"] = per_sample.tolist()
    case["gradient"] = [float(f"{g:.9g}") for g in z.grad.flatten().tolist()]
    if "norms" in extra:
        case["feature_slopes"] = extra["norms"].grad.tolist()
    case["logits"] = [v for row in case["logits"] for v in row]
    return {k: v for k, v in case.items() if v is not None}


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


def cases():
    for name, (_, choices) in LOSSES.items():
        rng = random.Random(name)  # one loss more leaves the others' cases as they are
        state = []
        for number in range(24):
            classes = rng.choice([2, 3, 5, 10]) if name not in STATE else [3, 5, 10][number // 8]
            samples = 1 if number % 4 == 0 else rng.randint(2, 6)
            extreme = number % 6 == 5
            soft = number % 3 == 2 and name not in LABELS_ONLY
            counts = sorted((rng.randint(1, 1000) for _ in range(classes)), reverse=True)
            if name in ABSENT and number % 5 == 4:
                counts[-1] = 0
            if number == 9:
                counts = [counts[0]] * classes
            settings = {key: rng.choice([v for v in values if not extreme or v not in (0.5,)]
                                        if key == "gamma" else values)
                        for key, values in choices.items()}

            if name in STATE and len(state) != classes:
                state = [0] * classes

            def target():
                parts = [0] * classes
                for _ in range(8):
                    parts[rng.randrange(min(classes, 3))] += 1
                return parts

            case = {
                "loss": name,
                **settings,
                "counts": counts,
                "weights": [rng.randint(1, 40) / 8 for _ in range(classes)]
                if number % 2 else None,
                "sample_weights": [rng.randint(0, 8) / 4 + 0.25 for _ in range(samples)]
                if number % 5 == 3 else None,
                "label_smoothing": 0.0 if name in NO_SMOOTHING
                else rng.choice([0.0, 0.0, 0.1, 0.98]),
                "weighted_mean": bool(number // 2 % 2),
                "labels": None if soft else [rng.randrange(classes) for _ in range(samples)],
                "targets": [target() for _ in range(samples)] if soft else None,
                "draws": [DRAWS[name](rng) for _ in range(samples * classes)]
                if name in DRAWS else None,
                "feature_norms": [rng.randint(0, 400) for _ in range(samples)]
                if name in FEATURES else None,
                "state": list(state) if name in STATE else None,
                "state_after": list(state) if name in STATE else None,
                "unit": 1 if extreme else 64,
                "logits": [[rng.choice([-10000, -300, 0, 1, 300, 10000]) if extreme
                            else rng.randint(-400, 400) for _ in range(classes)]
                           for _ in range(samples)],
            }
            case = judge(case)
            state = case.get("state_after", [])
            yield case


def main():
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases())
    out = {"made_by": "make_loss_golden.py", "pytorch": torch.__version__}
    path = pathlib.Path(__file__).with_name("losses.json")
    path.write_text(json.dumps(out)[:-1] + ', "cases": [\n' + lines + "\n]}\n")
    assert "NaN" not in path.read_text() and "Infinity" not in path.read_text()
    assert path.stat().st_size < 300e3


main()
