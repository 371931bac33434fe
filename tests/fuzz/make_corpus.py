#!/usr/bin/env python3
"""Writes the seed files of corpus/idx, corpus/cifar, corpus/image, corpus/npy and corpus/npz.

Run with Python 3, NumPy and Pillow in this folder. What a fuzzer finds later is added by hand.
"""
import gzip
import io
import os
import struct

import numpy as np
from PIL import Image


def write(folder, name, data):
    os.makedirs(f"corpus/{folder}", exist_ok=True)
    with open(f"corpus/{folder}/{name}", "wb") as f:
        f.write(data)


# the first byte says what follows: bit 0 labels, bit 1 gzip
images = struct.pack(">IIII", 0x803, 3, 2, 2) + bytes(range(12))
labels = struct.pack(">II", 0x801, 3) + bytes([0, 1, 2])
for name, kind, data in [("images", 0, images), ("labels", 1, labels)]:
    write("idx", name, bytes([kind]) + data)
    write("idx", name + "-gz", bytes([kind | 2]) + gzip.compress(data, mtime=0))
    write("idx", name + "-cut", bytes([kind]) + data[:-1])
write("idx", "images-huge", bytes([0]) + struct.pack(">IIII", 0x803, 2**32 - 1, 8192, 8192))
write("idx", "zeros-gz", bytes([2]) + gzip.compress(bytes(100000), mtime=0))

write("cifar", "ten", bytes([9]) + bytes(3072))
write("cifar", "hundred", bytes([19, 99]) + bytes(3072))
write("cifar", "bad-label", bytes([200]) + bytes(3072))
write("cifar", "cut", bytes([1]) + bytes(100))
write("cifar", "empty", b"")


def encode(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


y, x = np.mgrid[0:9, 0:7]
exif = Image.Exif()
exif[0x0112] = 6
rgb = Image.fromarray(np.stack([y * 20, x * 30, y * x * 4], axis=2).astype(np.uint8))
for name, data in [
    ("rgb.jpg", encode(rgb, "JPEG")),
    ("steps.jpg", encode(rgb, "JPEG", progressive=True)),
    ("grey.jpg", encode(rgb.convert("L"), "JPEG")),
    ("cmyk.jpg", encode(rgb.convert("CMYK"), "JPEG")),
    ("large.jpg", encode(rgb.resize((90, 70)), "JPEG", quality=20)),
    ("rgb.png", encode(rgb, "PNG")),
    ("alpha.png", encode(rgb.convert("RGBA"), "PNG")),
    ("palette.png", encode(rgb.convert("P"), "PNG", transparency=1)),
    ("grey.png", encode(rgb.convert("L"), "PNG")),
    ("bits.png", encode(rgb.convert("1"), "PNG")),
    ("sixteen.png", encode(Image.fromarray((y * 5000 + x).astype(np.uint16)), "PNG")),
    ("turned.jpg", encode(rgb, "JPEG", exif=exif)),
    ("turned.png", encode(rgb, "PNG", exif=exif)),
    ("turned.webp", encode(rgb, "WEBP", lossless=True, exif=exif)),
    ("lossy.webp", encode(rgb, "WEBP", quality=50)),
    ("large.webp", encode(rgb.resize((90, 70)), "WEBP", quality=20)),
    ("lossy-alpha.webp", encode(rgb.convert("RGBA").rotate(30), "WEBP", quality=50)),
    ("lossless.webp", encode(rgb, "WEBP", lossless=True)),
    ("palette.webp", encode(rgb.quantize(4).convert("RGB"), "WEBP", lossless=True)),
    ("moving.webp", encode(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(90)])),
    ("cut.webp", encode(rgb, "WEBP")[:-9]),
    ("cut.jpg", encode(rgb, "JPEG")[:-40]),
    ("cut.png", encode(rgb, "PNG")[:-20]),
]:
    write("image", name, data)

for name, array in [
    ("floats.npy", np.arange(6, dtype=np.float32).reshape(2, 3)),
    ("big-endian.npy", np.arange(3, dtype=">i8")),
    ("bytes.npy", np.arange(4, dtype=np.uint8).reshape(1, 2, 1, 2)),
    ("fortran.npy", np.asfortranarray(np.ones((2, 3)))),
    ("fortran-3d.npy", np.asfortranarray(np.arange(24).reshape(2, 3, 4).astype(">f8"))),
    ("scalar.npy", np.float64(1.0)),
    ("short.npy", np.arange(3, dtype=np.int16)),
    ("objects.npy", np.array([1, "a"], dtype=object)),
]:
    out = io.BytesIO()
    np.save(out, array)
    write("npy", name, out.getvalue())


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npz(save, **arrays):
    out = io.BytesIO()
    save(out, **arrays)
    return out.getvalue()


# the first byte is 0 before an archive, else lengths and contents of members follow
images = np.arange(6 * 3 * 2, dtype=np.uint8).reshape(6, 3, 2)
labels = np.array([[0], [1], [2], [1], [0], [2]], dtype=np.uint8)
layout = dict(train_images=images, train_labels=labels, test_images=images[:3],
              test_labels=labels[:3].astype(np.int64))
colour = dict(train_images=np.arange(4 * 2 * 3 * 3, dtype=np.uint8).reshape(4, 2, 3, 3),
              train_labels=np.array([0, 1, 1, 0], dtype=np.uint16))
for name, data in [
    ("stored", npz(np.savez, **layout)),
    ("packed", npz(np.savez_compressed, **layout)),
    ("colour", npz(np.savez, **colour)),
    ("cut", npz(np.savez, **layout)[:-100]),
    ("objects", npz(np.savez, train_images=np.array([None]), train_labels=labels)),
]:
    write("npz", name, bytes([0]) + data)
for kind, name in [(1, "members-stored"), (2, "members-packed")]:
    parts = [npy(a) for a in (images, labels, images[:2], labels[:2])]
    write("npz", name, bytes([kind]) + b"".join(struct.pack("<H", len(p)) + p for p in parts))
