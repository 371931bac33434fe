#!/usr/bin/python3
"""Writes autoencoder.json: a small autoencoder in PyTorch (float64) after steps of AdamW on the mean
squared error. Weights and images are a formula, the same in test_autoencoder_golden.c.
eps is large, so that a step follows the gradient's size: with 1e-8 the sign of rounding errors would
decide where a gradient is almost 0."""
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.set_default_dtype(torch.float64)
SHAPE, LATENT, WIDTH, BATCH, STEPS = (3, 12, 20), 5, 4, 6, 3
LR, DECAY, BETAS, EPS = 0.01, 0.02, (0.9, 0.99), 1e-3


def units(name, count):
    """count numbers in [-1, 1), a function of the name and the place."""
    h = 2166136261
    for c in name.encode():
        h = (h ^ c) * 16777619 & 0xFFFFFFFF
    x = (np.arange(count, dtype=np.uint64) * np.uint64(7919) + np.uint64(h)) & np.uint64(0xFFFFFFFF)
    for _ in range(2):
        x = ((x ^ (x >> np.uint64(16))) * np.uint64(0x45D9F3B)) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(16)
    return x.astype(np.float64) / 2.0**31 - 1.0


def tensor(name, shape, scale=1.0):
    u = units(name, math.prod(shape)) * scale
    return torch.from_numpy(u.astype(np.float32).astype(np.float64)).reshape(shape)


class Autoencoder(nn.Module):
    """12 x 20 is halved twice: 3 x 5."""

    def __init__(self):
        super().__init__()
        c, h, w = SHAPE
        numbers = 2 * WIDTH * (h // 4) * (w // 4)
        self.encoder = nn.ModuleDict({
            "conv1": nn.Conv2d(c, WIDTH, 3, 2, 1, bias=False), "bn1": nn.BatchNorm2d(WIDTH),
            "conv2": nn.Conv2d(WIDTH, 2 * WIDTH, 3, 2, 1, bias=False),
            "bn2": nn.BatchNorm2d(2 * WIDTH), "fc": nn.Linear(numbers, LATENT)})
        self.decoder = nn.ModuleDict({
            "fc": nn.Linear(LATENT, numbers, bias=False), "bn0": nn.BatchNorm2d(2 * WIDTH),
            "conv1": nn.Conv2d(2 * WIDTH, WIDTH, 3, 1, 1, bias=False), "bn1": nn.BatchNorm2d(WIDTH),
            "conv_out": nn.Conv2d(WIDTH, c, 3, 1, 1)})

    def forward(self, x):
        e, d = self.encoder, self.decoder
        x = F.relu(e["bn1"](e["conv1"](x)))
        x = F.relu(e["bn2"](e["conv2"](x)))
        latent = e["fc"](x.flatten(1))
        y = d["fc"](latent).unflatten(1, (2 * WIDTH, SHAPE[1] // 4, SHAPE[2] // 4))
        y = F.relu(d["bn0"](y))
        y = F.relu(d["bn1"](d["conv1"](F.interpolate(y, scale_factor=2, mode="nearest"))))
        return latent, d["conv_out"](F.interpolate(y, scale_factor=2, mode="nearest"))


def main():
    net = Autoencoder()
    with torch.no_grad():
        for name, p in net.named_parameters():
            p.copy_(tensor(name, tuple(p.shape), 0.5))
    adam = torch.optim.AdamW(net.parameters(), lr=LR, betas=BETAS, eps=EPS, weight_decay=DECAY)
    losses = []
    for step in range(STEPS):
        x = tensor(f"step{step}", (BATCH,) + SHAPE)
        adam.zero_grad()
        loss = ((net(x)[1] - x) ** 2).mean()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        latent, made = net(tensor("inference", (2,) + SHAPE))
    rounded = lambda t: [float(f"{v:.9g}") for v in t.reshape(-1).tolist()]
    golden = {"shape": SHAPE, "latent": LATENT, "width": WIDTH, "batch": BATCH, "steps": STEPS,
              "lr": LR, "decay": DECAY, "beta1": BETAS[0], "beta2": BETAS[1], "eps": EPS,
              "losses": losses, "codes": rounded(latent), "made": rounded(made),
              "params": {n: rounded(p) for n, p in net.named_parameters()}}
    text = json.dumps(golden, separators=(",", ":")).replace('],"', '],\n"')
    (pathlib.Path(__file__).parent / "autoencoder.json").write_text(text + "\n")


main()
