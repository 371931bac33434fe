#!/usr/bin/env python3
"""Writes policy.json: what the policies must draw, by torchvision's documentation and the table of Cubuk et al. 2019.

Run with Python 3 and NumPy in this folder. How often each operation comes per image, and the mean of its value's
distance from doing nothing, are summed over the published table; ranges are those of torchvision's spaces.
"""
import json

import numpy as np

HEIGHT, WIDTH = 24, 40
# Table 7 of Cubuk et al. 2019 (AutoAugment), CIFAR-10: operation, probability, magnitude, twice
TABLE = """
Invert .1 7 Contrast .2 6 | Rotate .7 2 TranslateX .3 9 | Sharpness .8 1 Sharpness .9 3 | ShearY .5 8 TranslateY .7 9
AutoContrast .5 8 Equalize .9 2 | ShearY .2 7 Posterize .3 7 | Color .4 3 Brightness .6 7
Sharpness .3 9 Brightness .7 9 | Equalize .6 5 Equalize .5 1 | Contrast .6 7 Sharpness .6 5
Color .7 7 TranslateX .5 8 | Equalize .3 7 AutoContrast .4 8 | TranslateY .4 3 Sharpness .2 6
Brightness .9 6 Color .2 8 | Solarize .5 2 Invert 0 3 | Equalize .2 0 AutoContrast .6 0
Equalize .2 8 Equalize .6 4 | Color .9 9 Equalize .6 6 | AutoContrast .8 4 Solarize .2 8
Brightness .1 3 Color .7 0 | Solarize .4 5 AutoContrast .9 3 | TranslateY .9 9 TranslateY .7 9
AutoContrast .9 2 Solarize .8 3 | Equalize .8 8 Invert .1 3 | TranslateY .7 9 AutoContrast .9 1
"""
OPS = ["ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness",
       "Posterize", "Solarize", "AutoContrast", "Equalize", "Invert", "Identity"]
SIGNED = OPS[:9]


def space(bins, wide):
    """The values of each operation at each bin; factors as they are used, 1 + magnitude."""
    line = lambda end: np.linspace(0, end, bins)
    colour = 1 + line(.99 if wide else .9)
    out = {"ShearX": line(.99 if wide else .3), "ShearY": line(.99 if wide else .3),
           "TranslateX": np.trunc(line(32 if wide else 150 / 331 * WIDTH)),
           "TranslateY": np.trunc(line(32 if wide else 150 / 331 * HEIGHT)),
           "Rotate": line(135 if wide else 30), "Brightness": colour, "Color": colour, "Contrast": colour,
           "Sharpness": colour, "Posterize": 8 - np.round(np.arange(bins) / ((bins - 1) / (6 if wide else 4))),
           "Solarize": np.linspace(255, 0, bins)}
    return {op: out.get(op, np.zeros(bins)).tolist() for op in OPS}


pairs = [p.split() for line in TABLE.strip().splitlines() for p in line.split("|")]
assert len(pairs) == 25
usual = space(10, False)
rate, total = {op: 0.0 for op in OPS}, {op: 0.0 for op in OPS}
for p in pairs:
    for op, prob, magnitude in (p[:3], p[3:]):
        rate[op] += float(prob) / 25
        total[op] += float(prob) / 25 * usual[op][int(magnitude)]
with open("policy.json", "w") as f:
    json.dump({"height": HEIGHT, "width": WIDTH, "ops": OPS, "signed": SIGNED,
               "autoaugment": {op: [rate[op], total[op]] for op in OPS},
               "usual31": space(31, False), "wide31": space(31, True)}, f, indent=1)
    f.write("\n")
