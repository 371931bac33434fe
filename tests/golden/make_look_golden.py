#!/usr/bin/python3
"""Writes look.json: perceptual hashes of pictures of 32 x 32 that are a formula (tests/helpers/formula.c).

The whole picture by SciPy's DCT, the crops by a sum over a fine grid. A bit whose coefficient is
almost 0 is left out (`sure` is a mask)."""
import json
import math
import pathlib

import numpy as np
from scipy.fft import dctn

SIDE, N, FINE = 32, 8, 256
CROPS = (0.0, 0.02, 0.04)


def units(name, count):
    h = 2166136261
    for c in name.encode():
        h = (h ^ c) * 16777619 & 0xFFFFFFFF
    x = (np.arange(count, dtype=np.uint64) * np.uint64(7919) + np.uint64(h)) & np.uint64(0xFFFFFFFF)
    for _ in range(2):
        x = ((x ^ (x >> np.uint64(16))) * np.uint64(0x45D9F3B)) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(16)
    return x.astype(np.float64) / 2.0**31 - 1.0


def coefficients(picture, crop):
    if crop == 0.0:
        return dctn(picture, type=2)[:N, :N]
    # midpoints of a grid over what the crop keeps; rows are y
    at = crop + (np.arange(SIDE * FINE) + 0.5) / (SIDE * FINE) * (1.0 - 2.0 * crop)
    waves = np.cos(math.pi * np.arange(N)[:, None] * (at - crop) / (1.0 - 2.0 * crop))
    cells = np.minimum((at * SIDE).astype(int), SIDE - 1)
    return waves @ picture[np.ix_(cells, cells)] @ waves.T / FINE**2


def word(bits):
    value = sum(1 << (l * N + k - 1) for l in range(N) for k in range(N) if (l or k) and bits[l, k])
    return f"{value:016x}"


def main():
    pictures = []
    for number in range(12):
        picture = 128.0 + 100.0 * units(f"look{number}", SIDE * SIDE).reshape(SIDE, SIDE)
        rows = []
        for crop in CROPS:
            c = coefficients(picture, crop)
            rows.append({"hash": word(c > 0), "sure": word(np.abs(c) > 4e-4 * np.abs(c[0, 0]))})
        pictures.append(rows)
    text = json.dumps({"pictures": pictures}).replace("]], [", "]],\n[").replace("}], [", "}],\n[")
    (pathlib.Path(__file__).parent / "look.json").write_text(text + "\n")


main()
