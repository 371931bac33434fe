#!/usr/bin/python3
"""Writes mix.json: batches whose images and labels are mixed, by NumPy and PyTorch from the papers.

Draws (partner, lambda, the middle of the box) are given; what they do to pictures and labels is worked
out here in another way than in src/balance/mix.c: boxes as masks over all pixels, the label of a box
by counting them, MAMix with numpy.interp, blends with torch.lerp in float64.
The byte p of image i is (37 i + 11 p + 3 p^2) mod 256, in the order height, width, channel; as a float
it is divided by 64.
"""
import json
import pathlib
import random

import numpy as np
import torch


def images(batch, height, width, channels):
    size = height * width * channels
    p = np.arange(size, dtype=np.int64)
    all_ = [((37 * i + 11 * p + 3 * p * p) % 256).reshape(height, width, channels)
            for i in range(batch)]
    return np.stack(all_).astype(np.float64)


def label_share(case, share, i, j):
    """The share of label i, whose class has n_i images, beside label j."""
    n = case["counts"]
    ni, nj = n[case["labels"][i]], n[case["labels"][j]]
    if case["mix"] == "remix":
        if ni / nj >= case["k"] and share < case["tau"]:
            return 0.0
        if ni / nj <= 1.0 / case["k"] and 1.0 - share < case["tau"]:
            return 1.0
    if case["mix"] == "mamix":
        margin_i, margin_j = ni ** case["f"], nj ** case["f"]
        return float(np.interp(share, [0.0, margin_j / (margin_i + margin_j), 1.0],
                               [0.0, 0.5, 1.0]))
    return share


def judge(case):
    h, w, c = case["height"], case["width"], case["channels"]
    batch = len(case["labels"])
    x = images(batch, h, w, c)
    bytes_, floats, targets = [], [], []
    for i, j in enumerate(case["partner"]):
        lam = case["lambda"][i]
        if case["mix"] in ("cutmix", "cmo"):
            half_h, half_w = int(h * np.sqrt(1 - lam)) // 2, int(w * np.sqrt(1 - lam)) // 2
            rows, columns = np.arange(h)[:, None], np.arange(w)[None, :]
            row, column = case["middle"][i]
            inside = ((rows >= row - half_h) & (rows < row + half_h)
                      & (columns >= column - half_w) & (columns < column + half_w))
            mixed = np.where(inside[:, :, None], x[j], x[i])
            as_bytes = mixed
            lam = 1.0 - inside.mean()
        else:
            mixed = torch.lerp(torch.tensor(x[j]), torch.tensor(x[i]), lam).numpy()
            as_bytes = np.floor(mixed + 0.5)
        share = label_share(case, lam, i, j)
        one_hot = torch.nn.functional.one_hot(torch.tensor(case["labels"]), len(case["counts"]))
        target = share * one_hot[i].double() + (1.0 - share) * one_hot[j].double()
        assert abs(target.sum().item() - 1.0) < 1e-12
        bytes_.append(as_bytes.astype(int).reshape(-1).tolist())
        # planes, as an engine takes them
        floats.append([round(v, 9) for v in (mixed / 64.0).transpose(2, 0, 1).reshape(-1).tolist()])
        targets.append([round(v, 12) for v in target.tolist()])
    return dict(case, bytes=bytes_, floats=floats, targets=targets)


def cases(rng):
    for name in ("none", "mixup", "cutmix", "remix", "mamix", "cmo", "manifold-mixup"):
        for number in range(4):
            classes = rng.choice([2, 3, 7])
            batch = rng.choice([1, 2, 3, 5])
            h, w = rng.choice([(3, 5), (6, 4), (7, 2)])
            partner = list(range(batch))
            rng.shuffle(partner)
            lams = [0.0, 1.0, 0.25, 0.5, 0.9]
            yield {
                "mix": name,
                "counts": sorted((rng.randint(1, 2000) for _ in range(classes)), reverse=True),
                "k": rng.choice([1.5, 3.0, 10.0]),
                "tau": rng.choice([0.5, 0.8, 1.0]),
                "f": rng.choice([-0.25, -1.0, 0.5]),
                "height": h,
                "width": w,
                "channels": rng.choice([1, 2, 3]),
                "labels": [rng.randrange(classes) for _ in range(batch)],
                "partner": list(range(batch)) if name == "none" else partner,
                "lambda": [1.0 if name == "none" else
                           lams[(number + i) % 5] if number < 2 else round(rng.random(), 6)
                           for i in range(batch)],
                "middle": [[rng.randrange(h), rng.randrange(w)] for _ in range(batch)],
            }


def main():
    rng = random.Random(11)
    lines = ",\n".join(json.dumps(judge(c), separators=(",", ":")) for c in cases(rng))
    out = {"made_by": "make_mix_golden.py", "pytorch": torch.__version__, "numpy": np.__version__}
    path = pathlib.Path(__file__).with_name("mix.json")
    path.write_text(json.dumps(out)[:-1] + ', "cases": [\n' + lines + "\n]}\n")


main()
