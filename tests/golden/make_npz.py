#!/usr/bin/env python3
"""Writes stored.npz and packed.npz, MedMNIST's layout as NumPy itself writes it.

Run with Python 3 and NumPy in this folder. What the test computes: byte p of the pixels of image i of
split s is (31 i + 7 p + 100 s) mod 256, label i is i mod 3 (s counts train, val, test from 0).
"""
import numpy as np


def split(s, count, *shape):
    size = int(np.prod(shape))
    i, p = np.arange(count)[:, None], np.arange(size)[None, :]
    images = ((31 * i + 7 * p + 100 * s) % 256).astype(np.uint8).reshape(count, *shape)
    return images, (np.arange(count) % 3)


def arrays(label_type, *shape):
    out = {}
    for s, (name, count) in enumerate([("train", 12), ("val", 5), ("test", 4)]):
        images, labels = split(s, count, *shape)
        out[name + "_images"] = images
        out[name + "_labels"] = labels.astype(label_type)[:, None]
    return out


np.savez("stored.npz", **arrays(np.uint8, 4, 5))
np.savez_compressed("packed.npz", **arrays(np.int64, 6, 4, 3))
