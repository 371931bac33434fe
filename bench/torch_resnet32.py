#!/usr/bin/env python3
"""One training step of a CIFAR ResNet in PyTorch on the CPU, timed: the peer of `ballast bench train`.

Prints one JSON line. The network is that of He et al. 2015, section 4.2: 6n + 2 layers, three stages of
n blocks with 16, 32 and 64 channels, and the shortcut without parameters (every second pixel, new
channels zero). Needs torch (Debian: python3-torch).
"""
import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.missing = channels - channels_in

    def shortcut(self, x):
        if self.stride == 1 and self.missing == 0:
            return x
        half = self.missing // 2
        return functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, half))

    def forward(self, x):
        inner = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        return functional.relu(self.bn2(self.conv2(inner)) + self.shortcut(x), inplace=True)


def cifar_resnet(depth, channels, classes):
    layers = [nn.Conv2d(channels, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    before = 16
    for width in (16, 32, 64):
        for index in range((depth - 2) // 6):
            layers.append(Block(before, width, 2 if index == 0 and width != 16 else 1))
            before = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes)]
    return nn.Sequential(*layers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layout", choices=("nchw", "nhwc"), default="nchw", help="memory order of activations")
    parser.add_argument("--depth", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=12, help="timed steps, after three that are not")
    options = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    model = cifar_resnet(options.depth, 3, 10)
    images = torch.randn(options.batch_size, 3, 32, 32)
    labels = torch.randint(0, 10, (options.batch_size,))
    if options.layout == "nhwc":
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)

    def step():
        begin = time.perf_counter()
        sgd.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        sgd.step()
        return time.perf_counter() - begin

    for _ in range(3):
        step()
    median = statistics.median(step() for _ in range(options.steps))
    print(json.dumps({
        "program": "torch " + torch.__version__,
        "layout": options.layout,
        "threads": options.threads,
        "images_per_second": options.batch_size / median,
        "step_ms": median * 1e3,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


if __name__ == "__main__":
    main()
