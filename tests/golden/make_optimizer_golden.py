#!/usr/bin/python3
"""Writes optimizer.json: whole runs of AdamW, clipping, SAM, its imbalanced form, EMA and SWA in
PyTorch, float64, on the images and starting values of make_net_golden.py.

All images are one batch where the network has batch norm, so that their order does not matter; an
epoch is then a step. The imbalanced SAM is written from the paper's objective (Zhou et al. 2023): the
loss of the common classes at w plus that of the rare ones at w + e. AdamW divides gradients by their
own size, so one that is nothing but rounding would become a step; eps is large enough to prevent that.
"""
import json
import pathlib

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn

import make_net_golden as nets

SHARED = {"model": "resnet8", "head": "linear", "counts": [9, 6, 4], "input": [3, 8, 8], "epochs": 5,
          "batch": 19, "decay": 1e-2}
SGD = {"lr": 0.05, "momentum": 0.9, "nesterov": True}
RUNS = [
    {"kind": "adamw", "optimizer": "name: adamw, lr: 0.004, beta1: 0.8, beta2: 0.95, eps: 1e-6",
     "lr": 0.004, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6},
    {"kind": "adamw, clipped", "optimizer": "name: adamw, lr: 0.01, eps: 1e-3, clip_grad: 0.3",
     "lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-3, "clip": 0.3},
    {"kind": "sgd, clipped", "optimizer": "clip_grad: 0.5", **SGD, "clip": 0.5},
    {"kind": "accumulated", "optimizer": "grad_accum_steps: 4, clip_grad: 2", **SGD, "clip": 2.0,
     "model": "lenet", "head": "cosine", "batch": 5, "input": [3, 10, 9]},
    {"kind": "sam", "optimizer": "sam_rho: 0.3", **SGD, "rho": 0.3},
    {"kind": "sam, clipped", "optimizer": "sam_rho: 0.05, clip_grad: 1", **SGD, "rho": 0.05,
     "clip": 1.0},
    {"kind": "imbalanced sam", "optimizer": "sam_rho: 0.3, sam_eta: 6", **SGD, "rho": 0.3, "eta": 6},
    {"kind": "ema", "optimizer": "ema_decay: 0.45", **SGD, "ema": 0.45, "warmup": True},
    {"kind": "ema, no warm-up", "optimizer": "ema_decay: 0.7, ema_warmup: false", **SGD, "ema": 0.7,
     "warmup": False},
    {"kind": "swa", "optimizer": "swa_start: 40%, swa_lr: 0.02", **SGD, "swa": 2, "swa_lr": 0.02},
]


def start(c):
    if c["model"] == "lenet":
        return nets.started(nets.LeNetCosine(c["input"], len(c["counts"]), 4.0))
    return nets.started(nets.ResNet(8, c["input"][0], len(c["counts"])))


def optimizer(net, c):
    groups = [{"params": [p], "weight_decay": c["decay"] if p.dim() > 1 else 0.0}
              for p in net.parameters()]
    if "beta1" in c:
        return torch.optim.AdamW(groups, lr=c["lr"], betas=(c["beta1"], c["beta2"]), eps=c["eps"])
    return torch.optim.SGD(groups, lr=c["lr"], momentum=c["momentum"], nesterov=c["nesterov"])


def set_statistics(net, on):
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.momentum = 0.1 if on else 0.0


def gradient_at(net, x, losses_of, e):
    """The gradient of losses_of(logits) at w + e; running statistics stay."""
    params = list(net.parameters())
    set_statistics(net, False)
    with torch.no_grad():
        kept = [p.clone() for p in params]
        for p, d in zip(params, e):
            p.add_(d)
    g = torch.autograd.grad(losses_of(net(x)), params)
    with torch.no_grad():
        for p, k in zip(params, kept):
            p.copy_(k)
    set_statistics(net, True)
    return g


def uphill(g, rho):
    length = torch.sqrt(sum((v * v).sum() for v in g))
    return [rho * v / length for v in g]


def gradient(net, x, y, c):
    params = list(net.parameters())
    per_image = F.cross_entropy(net(x), y, reduction="none")
    loss = per_image.mean()
    counts = torch.tensor(c["counts"])
    rare = (counts[y] < c.get("eta", 10**9)).to(x.dtype)

    def rare_loss(logits):
        return (F.cross_entropy(logits, y, reduction="none") * rare).mean()

    if "rho" not in c:
        return loss, torch.autograd.grad(loss, params)
    common = torch.autograd.grad((per_image * (1 - rare)).mean(), params, retain_graph=True)
    g = torch.autograd.grad((per_image * rare).mean(), params)
    beside = gradient_at(net, x, rare_loss, uphill(g, c["rho"]))
    return loss, [a + b for a, b in zip(common, beside)]


def lerp_all(average, net, decay):
    for (_, a), (_, w) in zip(nets.named(average), nets.named(net)):
        a.copy_(decay * a + (1 - decay) * w)


def run(c):
    x, y = nets.folder_images(c)
    net = start(c).train()
    steps = optimizer(net, c)
    average, swa = start(c), None
    losses = []
    for epoch in range(c["epochs"]):
        for group in steps.param_groups:
            group["lr"] = c["swa_lr"] if "swa" in c and epoch >= c["swa"] else c["lr"]
        loss, grads = gradient(net, x, y, c)
        for p, g in zip(net.parameters(), grads):
            p.grad = g.clone()
        if "clip" in c:
            nn.utils.clip_grad_norm_(net.parameters(), c["clip"])
        steps.step()
        losses.append(loss.item())
        with torch.no_grad():
            if "ema" in c:
                rising = 1 - (1 + epoch) ** (-2 / 3)
                decay = min(c["ema"], rising) if c["warmup"] else c["ema"]
                lerp_all(average, net, decay if epoch else 0.0)
        if "swa" in c and epoch >= c["swa"]:
            swa = swa or AveragedModel(net)
            swa.update_parameters(net)
    if swa:
        update_bn([x], swa)
    kept = swa.module if swa else average if "ema" in c else net
    return {"losses": nets.rounded(losses), "params": nets.judge(kept)}


def main():
    golden = [{**SHARED, **r, **run({**SHARED, **r})} for r in RUNS]
    text = json.dumps(golden, separators=(",", ":")).replace('],"', '],\n"').replace("},{", "},\n{")
    (pathlib.Path(__file__).parent / "optimizer.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
