#!/usr/bin/env python3
"""Writes resize.npy: what Pillow makes of pictures that test_resize.c makes too.

Run with Python 3, NumPy and Pillow in this folder. Made with Pillow 9.4.0.
"""
import numpy as np
from PIL import Image

# (height, width, channels, new height, new width); the same list stands in test_resize.c
CASES = [
    (7, 5, 3, 4, 9),
    (64, 48, 1, 8, 8),
    (9, 9, 3, 9, 4),
    (5, 7, 1, 13, 7),
    (33, 17, 3, 32, 32),
    (90, 70, 3, 7, 11),
    (1, 1, 3, 3, 2),
    (2, 300, 1, 1, 1),
]


def picture(height, width, channels):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    return ((y * 37 + x * 101 + c * 59 + y * x * 7) % 256).astype(np.uint8)


parts = []
for height, width, channels, new_height, new_width in CASES:
    pixels = picture(height, width, channels)
    image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    parts.append(np.asarray(image.resize((new_width, new_height), Image.BILINEAR)).reshape(-1))
# and the grey of one colour picture
parts.append(np.asarray(Image.fromarray(picture(33, 17, 3)).convert("L")).reshape(-1))
np.save("resize.npy", np.concatenate(parts))
