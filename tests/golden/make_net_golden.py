#!/usr/bin/python3
"""Writes nets.json: what PyTorch in float64 says of small networks and of their training.

Weights and images are a formula (`units` below, the same in test_net_golden.c), so the file holds
results alone: logits in inference mode; losses, parameters and running statistics after some steps
of SGD; a whole run on a folder of images. Of a parameter the file keeps PLACES values and, so that
no other value is free, its sum of products with a formula.
"""
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.set_default_dtype(torch.float64)
PLACES = 12
CLASSES = 5


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


def fill(name, tensor):
    """Starting values: He's variance, uniform; nothing is exactly 0 or 1."""
    u = units(name, tensor.numel())
    if tensor.dim() > 1:
        u = u * math.sqrt(6.0 / tensor[0].numel())
    elif name.endswith("running_var"):
        u = 1.0 + 0.5 * u
    elif name.endswith("weight"):
        u = 1.0 + 0.25 * u
    else:
        u = 0.25 * u
    tensor.copy_(torch.from_numpy(u.astype(np.float32).astype(np.float64)).reshape(tensor.shape))


def images(name, shape):
    return torch.from_numpy(units(name, math.prod(shape)).astype(np.float32).astype(np.float64)
                            ).reshape(shape)


class Block(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.stride = 1 if before == after else 2
        self.grown = (after - before) // 2
        self.conv1 = nn.Conv2d(before, after, 3, self.stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        short = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.grown, self.grown))
        return F.relu(y + short)


class ResNet(nn.Module):
    def __init__(self, depth, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        width = 16
        for layer in range(3):
            blocks = []
            for _ in range((depth - 2) // 6):
                blocks.append(Block(width, 16 << layer))
                width = 16 << layer
            setattr(self, f"layer{layer + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


class LeNetCosine(nn.Module):
    def __init__(self, shape, classes, scale):
        super().__init__()
        self.scale = scale
        self.conv1 = nn.Conv2d(shape[0], 16, 5, 1, 2)
        self.conv2 = nn.Conv2d(16, 32, 5, 1, 2)
        self.fc1 = nn.Linear(32 * (shape[1] // 4) * (shape[2] // 4), 128)
        self.fc = nn.Linear(128, classes, bias=False)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.scale * F.linear(F.normalize(x), F.normalize(self.fc.weight))


def started(net):
    with torch.no_grad():
        for name, tensor in named(net):
            fill(name, tensor)
    return net


def named(net):
    return [(n, t) for n, t in net.state_dict().items() if not n.endswith("num_batches_tracked")]


def rounded(values):
    return [float(f"{v:.9g}") for v in values]


def judge(net):
    """Every parameter: PLACES values evenly spread, the sum of products, the root mean square."""
    rows = {}
    for name, tensor in named(net):
        flat = tensor.reshape(-1)
        places = [i * flat.numel() // PLACES for i in range(PLACES)]
        product = float((flat * torch.from_numpy(units("product", flat.numel()))).sum())
        rows[name] = rounded([float(flat[i]) for i in places]
                             + [product, float((flat * flat).mean().sqrt())])
    return rows


MODELS = [
    {"model": "resnet8", "head": "linear", "input": [3, 11, 9], "batch": 3},
    {"model": "resnet20", "head": "linear", "input": [1, 7, 10], "batch": 2},
    {"model": "lenet", "head": "cosine", "input": [3, 10, 9], "batch": 4},
]
TRAININGS = [
    {"model": 0, "batch": 6, "momentum": 0.0, "nesterov": False, "lr": 0.05, "lr_head": 0.05,
     "decay": 0.0, "decay_norm": False},
    {"model": 0, "batch": 6, "momentum": 0.9, "nesterov": False, "lr": 0.02, "lr_head": 0.1,
     "decay": 5e-3, "decay_norm": True},
    {"model": 0, "batch": 5, "momentum": 0.9, "nesterov": True, "lr": 0.02, "lr_head": 0.02,
     "decay": 5e-3, "decay_norm": False},
    {"model": 2, "batch": 7, "momentum": 0.8, "nesterov": True, "lr": 0.02, "lr_head": 0.1,
     "decay": 1e-3, "decay_norm": False},
]
STEPS = 3
RUN = {"counts": [9, 6, 4], "input": [3, 8, 8], "epochs": 4, "lr": 0.05, "drop_after": 2,
       "factor": 0.1, "momentum": 0.9, "decay": 1e-3}


def build(case, classes=CLASSES):
    if case["head"] == "cosine":
        return started(LeNetCosine(case["input"], classes, 4.0))
    return started(ResNet(int(case["model"][6:]), case["input"][0], classes))


def optimizer(net, c):
    groups = []
    for name, p in net.named_parameters():
        groups.append({"params": [p], "lr": c["lr_head"] if name.startswith("fc.") else c["lr"],
                       "weight_decay": c["decay"] if p.dim() > 1 or c["decay_norm"] else 0.0})
    return torch.optim.SGD(groups, lr=c["lr"], momentum=c["momentum"], nesterov=c["nesterov"])


def inference(case):
    net = build(case).eval()
    with torch.no_grad():
        logits = net(images("inference", [case["batch"]] + case["input"]))
    return rounded(logits.reshape(-1).tolist())


def training(c):
    case = MODELS[c["model"]]
    net = build(case).train()
    sgd = optimizer(net, c)
    losses = []
    for step in range(STEPS):
        x = images(f"step{step}", [c["batch"]] + case["input"])
        y = torch.tensor([(2 * i + step) % CLASSES for i in range(c["batch"])])
        sgd.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        logits = net(images("inference", [case["batch"]] + case["input"]))
    return {"losses": rounded(losses), "params": judge(net),
            "logits": rounded(logits.reshape(-1).tolist())}


def folder_images(c):
    """The images of the folder, normalised, and their labels."""
    pixels, labels = [], []
    for label, count in enumerate(c["counts"]):
        for i in range(count):
            u = units(f"c{label}/{i}.png", math.prod(c["input"]))
            hwc = np.floor((u + 1.0) * 128.0).reshape(c["input"][1], c["input"][2], -1)
            pixels.append(torch.from_numpy(hwc).permute(2, 0, 1))
            labels.append(label)
    x, y = torch.stack(pixels) / 255.0, torch.tensor(labels)
    mean = x.mean((0, 2, 3), keepdim=True)
    return (x - mean) / ((x - mean) ** 2).mean((0, 2, 3), keepdim=True).sqrt(), y


def run(c):
    """All images in one batch, so that their order does not matter: an epoch is a step."""
    x, y = folder_images(c)
    net = started(ResNet(8, c["input"][0], len(c["counts"]))).train()
    sgd = optimizer(net, {**c, "lr_head": c["lr"], "decay_norm": False, "nesterov": True})
    shift = torch.tensor(c["counts"], dtype=x.dtype).log()
    losses = []
    for epoch in range(c["epochs"]):
        for group in sgd.param_groups:
            group["lr"] = c["lr"] * (c["factor"] if epoch >= c["drop_after"] else 1.0)
        sgd.zero_grad()
        loss = F.cross_entropy(net(x) + shift, y)  # balanced softmax
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    return {"losses": rounded(losses), "params": judge(net)}


def main():
    golden = {
        "places": PLACES,
        "models": [{**c, "logits": inference(c)} for c in MODELS],
        "trainings": [{**c, **training(c)} for c in TRAININGS],
        "run": {**RUN, **run(RUN)},
    }
    text = json.dumps(golden, separators=(",", ":"))
    text = text.replace('],"', '],\n"').replace("},{", "},\n{")
    (pathlib.Path(__file__).parent / "nets.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
