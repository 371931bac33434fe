#!/usr/bin/env python3
"""Writes the seed files of corpus/idx, corpus/cifar, corpus/image, corpus/npy, corpus/npz, corpus/tar,
corpus/shard_index, corpus/csv, corpus/jsonl and corpus/calibration.

Run with Python 3, NumPy and Pillow in this folder. What a fuzzer finds later is added by hand.
"""
import gzip
import io
import json
import os
import struct
import tarfile
import zlib

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


def tar(members, form=tarfile.USTAR_FORMAT, end=True):
    """members: (name, bytes) of a file, (name, type, link) of something else."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as t:
        for name, *what in members:
            info = tarfile.TarInfo(name)
            if len(what) == 1:
                info.size = len(what[0])
                t.addfile(info, io.BytesIO(what[0]))
            else:
                info.type, info.linkname = what
                t.addfile(info)
        count = t.offset
    return out.getvalue()[: count + 1024 if end else count]


sample = [("a/1.cls", b"0"), ("a/1.jpg", b"picture"), ("a/2.jpg", b"x"), ("a/2.json", b'{"label": 3}')]
long = [("n" * 150 + ".cls", b"cat"), ("n" * 150 + ".jpg", b"y"), ("\xe4.png", b"z"), ("\xe4.cls", b"dog")]
sparse = bytearray(tar([("k.jpg", b"ab")]))
sparse[156] = ord("S")
for name, data in [
    ("sample", tar(sample)),
    ("pax", tar(long, tarfile.PAX_FORMAT)),
    ("gnu", tar(long, tarfile.GNU_FORMAT)),
    ("no-end", tar(sample, end=False)),
    ("cut", tar(sample)[:1500]),
    ("links", tar(sample + [("l.txt", tarfile.SYMTYPE, "/etc/passwd"), ("d", tarfile.DIRTYPE, "")])),
    ("hard", tar(sample + [("a/3.jpg", tarfile.LNKTYPE, "a/1.jpg")])),
    ("up", tar([("../../1.cls", b"0"), ("../../1.jpg", b"x")])),
    ("sparse", bytes(sparse)),
    ("empty", b""),
]:
    write("tar", name, data)


def text(value):
    return struct.pack("<H", len(value)) + value


def index(named, names, samples):
    body = struct.pack("<QqIQ", 5000, 17, 5, 5000) + text(b"s.tar") + bytes([named])
    body += struct.pack("<I", len(names)) + b"".join(text(n) for n in names)
    body += struct.pack("<Q", len(samples))
    body += b"".join(struct.pack("<QII", *s[:3]) + text(s[3]) for s in samples)
    head = b"BALSHARD" + struct.pack("<IIQI", 1, 0x01020304, 28 + len(body), zlib.crc32(body))
    return head + body


rows = [(512, 100, 0, b"a/1"), (2048, 9, 1, b"a/2")]
write("shard_index", "numbers", index(0, [], rows))
write("shard_index", "names", index(1, [b"cat", b"dog"], rows))
write("shard_index", "outside", index(0, [], [(4990, 100, 0, b"k")]))
write("shard_index", "cut", index(0, [], rows)[:-5])

# the first byte chooses comma (even) or tab
for name, data in [
    ("plain", "0path,label\na.png,x\nb.png,y\n"),
    ("all", "0path,label,split,weight,group\na,x,train,0.5,g\nb,y,val,,h\nc,x,test,1e3,\n"),
    ("quotes", '0\ufeffgroup,label,path,note\r\n,"x, ""y""","a\u00e4.png","1\r\n2"\r\n,z,b,\r\n'),
    ("tabs", "1path\tlabel\na b\t1\nc\t10\nd\t2\n"),
    ("open", '0path,label\na,"x\nb,y\n'),
    ("twice", "0path,label\na,x\na,x\na,y\n"),
    ("straddle", "0path,label,split,group\na,x,train,g\nb,y,test,g\n"),
]:
    write("csv", name, data.encode())

for name, data in [
    ("plain", '{"path": "a.png", "label": "x"}\n{"path": "b.png", "label": "y"}\n'),
    ("all", '{"path":"a","label":1,"split":"train","weight":0.5,"group":7}\r\n\n'
            '{"path":"b\\u00e4","label":"2","split":"val","weight":null,"group":"7b","n":[{}]}'),
    ("types", '{"path":1,"label":1.5}\n'),
    ("deep", '{"path":"a","label":"x","n":[[[[[[[[[[{"a":{"b":{}}}]]]]]]]]]]}\n'),
    ("cut", '{"path":"a","label":"x"}\n{"path":"b"'),
]:
    write("jsonl", name, data.encode())


def step(method, scale, offset, prior=None):
    report = {"items": 9, "effective_items": 8.5, "classes_without": 0, "measure": "nll",
              "larger_is_better": False, "before": 1.25, "after": 1, "crossed": 1.125, "gain_low": None,
              "gain_high": None, "iterations": 4, "helps": True}
    return {"method": method, "scale": scale, "offset": offset, "prior": prior, "report": report}


def calibration(steps, **other):
    root = {"what": "ballast calibration", "version": 1, "weights": "best.safetensors sha256:0", "classes": 3,
            "moved": False, "prior": [0.5, 0.25, 0.25], "steps": steps, **other}
    return json.dumps(root).encode()


warm = step("temperature", [0.5] * 3, [0] * 3, [0.5, 0.25, 0.25])
decide = step("offsets", [1] * 3, [0.5, -1e-3, 0])
write("calibration", "empty", calibration([]))
write("calibration", "chain", calibration([step("prior", [1] * 3, [0, 1, 2.5], [0.2, 0.3, 0.5]), warm, decide]))
write("calibration", "no_prior", calibration([step("vector", [1, 2, -3], [0, 1, 2.5])], prior=None))
write("calibration", "behind", calibration([decide, warm]))
write("calibration", "grows", calibration([step("vector", [1e11] * 3, [0] * 3)] * 9))
write("calibration", "classes", calibration([warm], classes=2))
write("calibration", "version", calibration([], version=2))
write("calibration", "cut", calibration([warm])[:-9])
