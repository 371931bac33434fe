#!/usr/bin/env python3
"""Writes augment.json and augment.npy: what Pillow makes of pictures that test_augment_golden.c makes too.

Run with Python 3, NumPy and Pillow in this folder. Made with Pillow 9.4.0. augment.json lists pictures and
cases; augment.npy holds the bytes of every case on every picture, one after the other.
"""
import json
import math

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

# height, width, channels, smooth (few, neighbouring values) or not
PICTURES = [(13, 17, 3, False), (19, 11, 1, False), (20, 25, 3, True), (21, 16, 1, True), (2, 5, 3, False)]


def picture(height, width, channels, smooth):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    if smooth:
        return (40 + 3 * x + 5 * y + 20 * c + (x * y) % 3).astype(np.uint8)
    return ((y * 37 + x * 101 + c * 59 + y * x * 7) % 256).astype(np.uint8)


def image_of(pixels):
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def affine(im, v, fill, bilinear):
    colour = fill if im.mode == "L" else (fill,) * 3
    how = Image.BILINEAR if bilinear else Image.NEAREST
    return im.transform(im.size, Image.AFFINE, v, how, fillcolor=colour)


def rotate(im, v, fill, bilinear):
    colour = fill if im.mode == "L" else (fill,) * 3
    # a centre that is given keeps Pillow from treating quarter turns apart, which swaps height and width
    return im.rotate(v[0], Image.BILINEAR if bilinear else Image.NEAREST,
                     center=(im.width / 2.0, im.height / 2.0), fillcolor=colour)


def move(im, v, fill, bilinear):
    """The matrix by inverting what torchvision documents: T(t) C R(a) Sy Sx S(s) C^-1."""
    degrees, scale, shear_x, shear_y, right, down = v
    a, sx, sy = (math.radians(d) for d in (degrees, shear_x, shear_y))
    cx, cy = im.width / 2, im.height / 2
    shift = lambda x, y: np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])
    turn = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    along_y = np.array([[1, 0, 0], [-math.tan(sy), 1, 0], [0, 0, 1]])
    along_x = np.array([[1, -math.tan(sx), 0], [0, 1, 0], [0, 0, 1]])
    forward = shift(right, down) @ shift(cx, cy) @ turn @ along_y @ along_x @ np.diag([scale, scale, 1]) \
        @ shift(-cx, -cy)
    return affine(im, np.linalg.inv(forward)[:2].reshape(-1).tolist(), fill, bilinear)


def hue(im, v, *_):
    if im.mode == "L":
        return im
    h, s, val = im.convert("HSV").split()
    turned = (np.array(h, dtype=np.int64) + int(v[0] * 255)) % 256
    return Image.merge("HSV", (Image.fromarray(turned.astype(np.uint8)), s, val)).convert("RGB")


def solarize_add(im, v, *_):
    added = np.clip(np.array(im).astype(int) + int(v[0]), 0, 255).astype(np.uint8)
    return ImageOps.solarize(Image.fromarray(added), 128)


def enhance(kind):
    return lambda im, v, *_: kind(im).enhance(v[0])


OPS = {
    "affine": affine, "rotate": rotate, "move": move, "hue": hue, "solarize_add": solarize_add,
    "mirror": lambda im, *_: ImageOps.mirror(im), "flip": lambda im, *_: ImageOps.flip(im),
    "invert": lambda im, *_: ImageOps.invert(im),
    "posterize": lambda im, v, *_: ImageOps.posterize(im, int(v[0])),
    "solarize": lambda im, v, *_: ImageOps.solarize(im, v[0]),
    "autocontrast": lambda im, *_: ImageOps.autocontrast(im),
    "equalize": lambda im, *_: ImageOps.equalize(im),
    "brightness": enhance(ImageEnhance.Brightness), "contrast": enhance(ImageEnhance.Contrast),
    "color": enhance(ImageEnhance.Color), "sharpness": enhance(ImageEnhance.Sharpness),
    "grayscale": lambda im, *_: im.convert("L").convert(im.mode),
    "smooth": lambda im, *_: im.filter(ImageFilter.SMOOTH),
    "detail": lambda im, *_: im.filter(ImageFilter.DETAIL),
    "edge_enhance": lambda im, *_: im.filter(ImageFilter.EDGE_ENHANCE),
    "blur": lambda im, v, *_: im.filter(ImageFilter.GaussianBlur(v[0])),
}

CASES = [("mirror", []), ("flip", []), ("invert", []), ("autocontrast", []), ("equalize", []), ("grayscale", []),
         ("smooth", []), ("detail", []), ("edge_enhance", [])]
CASES += [("posterize", [b]) for b in (1, 2, 4, 7, 8)]
CASES += [("solarize", [t]) for t in (0, 85.0, 127.5, 198.33333, 255, 256)]
CASES += [("solarize_add", [a]) for a in (0, 37, 110)]
CASES += [(op, [f]) for op in ("brightness", "contrast", "color", "sharpness") for f in (0.0, 0.1, 0.73, 1.0, 1.27, 1.9)]
CASES += [("hue", [h]) for h in (-0.5, -0.13, 0.02, 0.31, 0.5)]
CASES += [("blur", [s]) for s in (0.1, 0.5, 1.0, 2.0, 5.0)]
GEOMETRY = [("rotate", [12.0]), ("rotate", [-30.0]), ("rotate", [90.0]), ("rotate", [171.5]),
            ("affine", [1, 0.3, 0, 0, 1, 0]), ("affine", [1, 0, 0, -0.21, 1, 0]),
            ("affine", [1, 0, 3, 0, 1, 0]), ("affine", [1, 0, -2.6666666666666665, 0, 1, 0]),
            ("affine", [1, 0, 0, 0, 1, 40]), ("affine", [0.7, 0, 1.3, 0, 1.4, -2.2]),
            ("move", [0, 1, 0, 0, 3, -2]), ("move", [10, 1, 0, 0, 0, 0]), ("move", [-17, 0.8, 6, 0, 2, 1]),
            ("move", [33, 1.3, -8, 11, -3, 4]), ("move", [0, 1.27, 0, 0, 0, 0])]
CASES = [(op, v, 0, False) for op, v in CASES]
CASES += [(op, v, 0 if i % 2 else 128, False) for i, (op, v) in enumerate(GEOMETRY)]
CASES += [(op, v, 128 if i % 2 else 7, True) for i, (op, v) in enumerate(GEOMETRY)]

parts = []
for op, v, fill, bilinear in CASES:
    for shape in PICTURES:
        made = OPS[op](image_of(picture(*shape)), v, fill, bilinear)
        parts.append(np.asarray(made).reshape(-1))
        assert parts[-1].size == shape[0] * shape[1] * shape[2], (op, shape)
np.save("augment.npy", np.concatenate(parts))
with open("augment.json", "w") as f:
    rows = ",\n  ".join(json.dumps({"op": op, "values": v, "fill": fill, "bilinear": bilinear,
                                    # the matrix is inverted here and written out there, which differ in the last
                                    # bit, and Pillow's bilinear values are cut off, not rounded
                                    "tolerance": int(op == "move" and bilinear)})
                        for op, v, fill, bilinear in CASES)
    f.write('{"pictures": %s,\n "cases": [\n  %s\n ]}\n' % (json.dumps(PICTURES), rows))
