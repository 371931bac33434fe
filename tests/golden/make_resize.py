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


# (height, width, channels, new height, new width, (left, top, right, bottom))
BOXES = [
    (33, 17, 3, 8, 9, (3, 5, 15, 30)),
    (33, 17, 1, 33, 17, (0.5, 1.25, 16, 32.75)),
    (40, 60, 3, 20, 20, (10, 0, 50, 40)),
    (40, 60, 3, 11, 7, (59, 39, 60, 40)),
    (9, 9, 1, 9, 9, (0, 3, 9, 9)),
]
# crop modes: (height, width, side, pixels of the resized side that are kept, mode)
MODES = [(40, 60, 20, 20, "center"), (60, 40, 21, 24, "center"), (40, 60, 20, 20, "border"),
         (63, 20, 21, 24, "border"), (40, 60, 21, 24, "squash"), (5, 300, 10, 10, "border")]


def crop(image, side, resized, mode):
    """timm's crop modes in one resampling; resized is floor(side / crop_pct)."""
    width, height = image.size
    scale = {"center": min, "border": max}.get(mode)
    kept = side / resized
    box = [scale(width, height) * kept] * 2 if scale else [width * kept, height * kept]
    new, edges = [], []
    for full, part in zip((width, height), box):
        fits = part <= full
        new.append(side if fits else max(1, int(side * full / part + 0.5)))
        edges.append(((full - part) / 2, (full + part) / 2) if fits else (0, full))
    small = image.resize(new, Image.BILINEAR, (edges[0][0], edges[1][0], edges[0][1], edges[1][1]))
    out = Image.new(image.mode, (side, side), (128, 128, 128))
    out.paste(small, ((side - new[0]) // 2, (side - new[1]) // 2))
    return out


parts = []
for height, width, channels, new_height, new_width in CASES:
    pixels = picture(height, width, channels)
    image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    parts.append(np.asarray(image.resize((new_width, new_height), Image.BILINEAR)).reshape(-1))
# and the grey of one colour picture
parts.append(np.asarray(Image.fromarray(picture(33, 17, 3)).convert("L")).reshape(-1))
for height, width, channels, new_height, new_width, box in BOXES:
    pixels = picture(height, width, channels)
    image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    parts.append(np.asarray(image.resize((new_width, new_height), Image.BILINEAR, box)).reshape(-1))
for height, width, side, resized, mode in MODES:
    parts.append(np.asarray(crop(Image.fromarray(picture(height, width, 3)), side, resized, mode)).reshape(-1))
np.save("resize.npy", np.concatenate(parts))
