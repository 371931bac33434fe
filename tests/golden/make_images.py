#!/usr/bin/env python3
"""Writes images/: small image files of every kind, and images.npy: their pixels as Pillow reads them.

Run with Python 3, NumPy and Pillow in this folder. Made with Pillow 9.4.0 (libjpeg-turbo 2.1.5, libwebp 1.2.4).
The pixels of 16-bit PNGs are computed here (round(value * 255 / 65535)), because Pillow cuts them off.
test_images.c has the same list, in the same order.
"""
import io
import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

HEIGHT, WIDTH = 11, 14
parts = []
os.makedirs("images", exist_ok=True)


def smooth(channels, height=HEIGHT, width=WIDTH):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    return (20 + y * 9 + x * 6 + c * 35).astype(np.uint8)


def put(name, data, want):
    with open(f"images/{name}", "wb") as f:
        f.write(data)
    print(f'    {{"{name}", {{{1 if want.ndim == 2 else 3}, {want.shape[0]}, {want.shape[1]}}}}},')
    parts.append(want.reshape(-1))


def encode(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def read(data):
    """As our decoders hand it out: turned, without alpha, grey or RGB."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    return np.asarray(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))


def both(name, image, form, **options):
    data = encode(image, form, **options)
    put(name, data, read(data))


def exif(orientation, order):
    """A directory with a tag before the orientation and one after it."""
    entries = [(0x0110, 2, 4, b"cam\0"), (0x0112, 3, 1, struct.pack(order + "HH", orientation, 0)),
               (0x0128, 3, 1, struct.pack(order + "HH", 2, 0))]
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    rows = b"".join(struct.pack(order + "HHI", t, k, n) + v for t, k, n, v in entries)
    return head + struct.pack(order + "H", len(entries)) + rows + struct.pack(order + "I", 0)


def png(depth, kind, rows, extra=b""):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    height = len(rows)
    header = struct.pack(">IIBBBBB", WIDTH, height, depth, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


rgb, grey = Image.fromarray(smooth(3)), Image.fromarray(smooth(1)[:, :, 0])
alpha = np.concatenate([smooth(3), 255 - 16 * smooth(1) % 256], axis=2).astype(np.uint8)
rgba = Image.fromarray(alpha)

for orientation in range(1, 9):
    block = b"Exif\0\0" + exif(orientation, "<" if orientation % 2 else ">")
    both(f"turned-{orientation}.jpg", rgb, "JPEG", quality=95, subsampling=0, exif=block)
both("turned-6.png", grey, "PNG", exif=exif(6, ">"))
both("turned-7.webp", rgb, "WEBP", lossless=True, exif=exif(7, "<"))
both("turned-8.webp", rgb, "WEBP", lossless=True, exif=b"Exif\0\0" + exif(8, "<"))

both("grey.jpg", grey, "JPEG", quality=90)
both("steps.jpg", rgb, "JPEG", quality=90, progressive=True)
both("cmyk.jpg", rgb.convert("CMYK"), "JPEG", quality=95)

both("grey.png", grey, "PNG")
both("grey-alpha.png", rgba.convert("LA"), "PNG")
both("alpha.png", rgba, "PNG")
both("bits.png", grey.convert("1"), "PNG")
both("palette.png", rgb.quantize(40), "PNG")
both("palette-2.png", rgb.quantize(3), "PNG", bits=2)
both("palette-clear.png", rgb.quantize(16), "PNG", transparency=3)
both("clear.png", rgb, "PNG", transparency=tuple(int(v) for v in smooth(3)[2, 3]))
nibbles = [bytes((smooth(1)[y, x, 0] // 16 << 4 | smooth(1)[y, x + 1, 0] // 16) for x in range(0, WIDTH, 2))
           for y in range(HEIGHT)]
put("grey-4.png", png(4, 0, nibbles), (smooth(1)[:, :, 0] // 16 * 17))
for name, kind, channels, keep in [("sixteen.png", 2, 3, 3), ("sixteen-grey.png", 0, 1, 1),
                                   ("sixteen-alpha.png", 6, 4, 3)]:
    y, x, c = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), np.arange(channels), indexing="ij")
    words = (y * 5003 + x * 811 + c * 9001 + y * x * 37) % 65536
    want = np.floor(words[:, :, :keep] * 255 / 65535 + 0.5).astype(np.uint8)
    put(name, png(16, kind, [words[i].astype(">u2").tobytes() for i in range(HEIGHT)]),
        want[:, :, 0] if keep == 1 else want)

both("lossless.webp", rgb, "WEBP", lossless=True)
# exact keeps the colours below what cannot be seen, and reading them needs them unmixed
data = encode(rgba, "WEBP", lossless=True, exact=True)
put("lossless-alpha.webp", data, np.asarray(Image.open(io.BytesIO(data)))[:, :, :3])
both("lossy.webp", rgb, "WEBP", quality=90)
frames = [rgb, Image.fromarray(255 - smooth(3))]
with open("images/moving.webp", "wb") as f:
    f.write(encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100))

np.save("images.npy", np.concatenate(parts))
