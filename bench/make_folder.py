#!/usr/bin/env python3
"""make_folder.py FOLDER IMAGES [SIDE]: a folder of small JPEGs of four classes, all different.

Runs with Python 3, NumPy and Pillow; what is there already is left as it is.
"""
import os
import sys

import numpy as np
from PIL import Image

folder, images = sys.argv[1], int(sys.argv[2])
side = int(sys.argv[3]) if len(sys.argv) > 3 else 32
for c in range(4):
    os.makedirs(f"{folder}/class{c}", exist_ok=True)
for i in range(images):
    path = f"{folder}/class{i % 4}/{i:07d}.jpg"
    if os.path.exists(path):
        continue
    noise = np.random.default_rng(i).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((side, side), Image.BILINEAR).save(path, "JPEG", quality=75)
