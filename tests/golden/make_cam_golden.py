#!/usr/bin/python3
"""Writes cam.json: class activation maps by PyTorch's autograd in float64, of the networks and the
starting weights of make_net_golden.py, on images of bytes.

gradcam: the gradient of a logit with respect to a layer's output, averaged over the positions, times
the output, summed over the channels, cut off below 0. ce: the same sum with the weights of the head
instead, as the classification embedding has them, signed.
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

from make_net_golden import CLASSES, LeNetCosine, ResNet, rounded, started, units

torch.set_default_dtype(torch.float64)
MEAN, STD = [0.4, 0.45, 0.5], [0.25, 0.2, 0.3]
COUNT = 3
SCALE = 30.0  # of cosine heads, the default of bal_model_settings


class CosineResNet(ResNet):
    def __init__(self, depth, channels, classes):
        super().__init__(depth, channels, classes)
        self.fc = torch.nn.Linear(64, classes, bias=False)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        f = x.mean((2, 3))
        return SCALE * F.linear(F.normalize(f), F.normalize(self.fc.weight))


def pixels(name, shape):
    """COUNT images, height x width x channels bytes."""
    h, w, c = shape[1], shape[2], shape[0]
    u = units(name, COUNT * h * w * c)
    return np.floor((u + 1.0) * 128.0).reshape(COUNT, h, w, c)


def network(case):
    if case["model"] == "lenet":
        return started(LeNetCosine(case["input"], CLASSES, SCALE)).eval()
    make = CosineResNet if case["head"] == "cosine" else ResNet
    return started(make(int(case["model"][6:]), case["input"][0], CLASSES)).eval()


def find(net, layer):
    for part in layer.split("."):
        net = net[int(part)] if part.isdigit() else getattr(net, part)
    return net


def maps(case):
    net = network(case)
    channels = case["input"][0]
    x = torch.from_numpy(pixels("cam", case["input"])).permute(0, 3, 1, 2) / 255.0
    x = (x - torch.tensor(MEAN[:channels]).view(1, -1, 1, 1)) / torch.tensor(STD[:channels]).view(
        1, -1, 1, 1)
    kept = {}

    def keep(_, __, out):
        out = F.max_pool2d(F.relu(out), 2) if case.get("pooled") else out
        out.retain_grad()
        kept["a"] = out
        return None

    where = case["hook"]
    if case.get("pooled"):  # the second pooling has no module: run the network by hand
        a = F.max_pool2d(F.relu(net.conv1(x)), 2)
        a = F.max_pool2d(F.relu(net.conv2(a)), 2)
        a.retain_grad()
        kept["a"] = a
        y = F.relu(net.fc1(a.flatten(1)))
        z = net.scale * F.linear(F.normalize(y), F.normalize(net.fc.weight))
    else:
        find(net, where).register_forward_hook(keep)
        z = net(x)
    classes = [(2 * i + 1) % CLASSES for i in range(COUNT)]
    z[range(COUNT), classes].sum().backward()
    a = kept["a"]
    if case["kind"] == "gradcam":
        alpha = a.grad.mean((2, 3), keepdim=True)
        m = F.relu((alpha * a).sum(1))
    else:
        f = a.mean((2, 3))
        w = net.fc.weight[classes]
        if case["head"] == "cosine":
            w = SCALE * w / w.norm(dim=1, keepdim=True) / f.norm(dim=1, keepdim=True)
        take = torch.tensor([k % 3 != 1 for k in range(w.shape[1])]) if case.get("some") else None
        w = w * take if take is not None else w
        m = (w[:, :, None, None] * a).sum(1) / (a.shape[2] * a.shape[3])
    p = F.softmax(z, 1)[range(COUNT), classes]
    return {**{k: v for k, v in case.items() if k != "hook"}, "classes": classes,
            "predicted": z.argmax(1).tolist(), "probability": rounded(p.tolist()),
            "shape": list(a.shape[1:]), "maps": rounded(m.reshape(-1).tolist())}


CASES = [
    {"kind": "gradcam", "model": "resnet8", "head": "linear", "input": [3, 18, 13], "layer": None,
     "hook": "layer3.0"},
    {"kind": "gradcam", "model": "resnet8", "head": "linear", "input": [3, 18, 13],
     "layer": "layer2.0.conv1", "hook": "layer2.0.conv1"},
    {"kind": "gradcam", "model": "resnet8", "head": "cosine", "input": [1, 11, 9], "layer": "conv1",
     "hook": "conv1"},
    {"kind": "gradcam", "model": "lenet", "head": "cosine", "input": [3, 14, 9], "layer": None,
     "hook": "", "pooled": True},
    {"kind": "ce", "model": "resnet8", "head": "linear", "input": [3, 18, 13], "layer": None,
     "hook": "layer3.0"},
    {"kind": "ce", "model": "resnet20", "head": "cosine", "input": [1, 13, 10], "layer": None,
     "hook": "layer3.2"},
    {"kind": "ce", "model": "resnet8", "head": "linear", "input": [1, 18, 13], "layer": None,
     "hook": "layer3.0", "some": True},
]

if __name__ == "__main__":
    out = {"classes": CLASSES, "count": COUNT, "mean": MEAN, "std": STD,
           "cases": [maps(c) for c in CASES]}
    path = pathlib.Path(__file__).with_name("cam.json")
    path.write_text(json.dumps(out, indent=1) + "\n", encoding="ascii")
