#!/usr/bin/python3
"""Resampling beside imbalanced-learn: time, processor time and peak memory, each run in a process of
its own, taking turns. Prints a Markdown table.

    bench/resample_side_by_side.py LIBRARY CIFAR [ROUNDS] [BLAS] [METHOD ...]

LIBRARY is the shared libballast.so, CIFAR the folder cifar-10-batches-bin. Both programs are given
arrays in memory and leave arrays in memory; loading them is not counted.

imbalanced-learn's neighbours are as fast as the system's BLAS. BLAS is a folder with another
libblas.so.3 for it: Debian's /usr/lib/x86_64-linux-gnu/blas has the one that python3-imblearn
brings where nobody installed a faster one. Without METHOD (smote, enn, ...) all cases are run."""
import ctypes
import glob
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

CASES = [  # title, method, imbalanced-learn's class, data
    ("SMOTE, 12,406 x 3,072 to 50,000", "smote", "SMOTE", "pixels"),
    ("SMOTE, 12,406 x 64 to 50,000", "smote", "SMOTE", "features"),
    ("ENN, 50,000 x 64", "enn", "EditedNearestNeighbours", "large"),
    ("Tomek links, 50,000 x 64", "tomek", "TomekLinks", "large"),
    ("NearMiss-1, 50,000 x 64", "near-miss-1", "NearMiss", "large"),
]


def make_data(cifar, folder):
    files = sorted(glob.glob(os.path.join(cifar, "data_batch_*.bin")))
    records = np.concatenate([np.fromfile(f, np.uint8).reshape(-1, 3073) for f in files])
    labels = records[:, 0].astype(np.int32)
    counts = [int(5000 * 0.01 ** (j / 9)) for j in range(10)]
    rows = np.sort(np.concatenate([np.flatnonzero(labels == j)[:n] for j, n in enumerate(counts)]))
    pixels = records[rows, 1:].astype(np.float32)
    np.savez(os.path.join(folder, "pixels.npz"), x=pixels, y=labels[rows])
    random = np.random.RandomState(0)
    features = pixels @ random.randn(3072, 64).astype(np.float32) / 100
    np.savez(os.path.join(folder, "features.npz"), x=features, y=labels[rows])
    many = np.repeat(np.arange(10), np.diff(np.round(50000 * np.linspace(0, 1, 11) ** 0.5).astype(int)))
    large = random.randn(50000, 64) + 0.7 * random.randn(10, 64)[many]
    np.savez(os.path.join(folder, "large.npz"), x=large.astype(np.float32), y=many.astype(np.int32))


def peak():
    """Of this program alone: getrusage would count what the process was before it."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def run_ballast(library, method, x, y):
    class Option(ctypes.Structure):
        _fields_ = [("name", ctypes.c_char_p), ("kind", ctypes.c_int), ("offset", ctypes.c_size_t),
                    ("min", ctypes.c_double), ("max", ctypes.c_double), ("value", ctypes.c_char_p),
                    ("choices", ctypes.c_char_p), ("about", ctypes.c_char_p)]

    class Settings(ctypes.Structure):  # larger than it is: the method is set by its option row
        _fields_ = [("room", ctypes.c_char * 1024)]

    class Data(ctypes.Structure):
        _fields_ = [("values", ctypes.c_void_p), ("labels", ctypes.c_void_p),
                    ("rows", ctypes.c_int64), ("columns", ctypes.c_int64)]

    lib = ctypes.CDLL(library, mode=os.RTLD_LAZY)
    lib.bal_resample_defaults.restype = Settings
    lib.bal_resample_options.restype = ctypes.POINTER(Option)
    lib.bal_resampled_count.restype = ctypes.c_int64
    lib.bal_error.restype = ctypes.c_char_p
    context, plan = ctypes.c_void_p(), ctypes.c_void_p()

    def must(status):
        if status != 0:
            sys.exit("ballast: " + lib.bal_error(context).decode())

    must(lib.bal_ctx_open(ctypes.byref(context), None))
    settings, text = lib.bal_resample_defaults(), method.encode()
    must(lib.bal_option_set(context, ctypes.byref(lib.bal_resample_options()[0]),
                            ctypes.byref(settings), b"", text))
    data = Data(x.ctypes.data, y.ctypes.data, *x.shape)
    start, spent = time.perf_counter(), time.process_time()
    must(lib.bal_resample_open(ctypes.byref(plan), context, ctypes.byref(data), ctypes.byref(settings)))
    planned = time.perf_counter()
    count = lib.bal_resampled_count(plan)
    values, labels = np.empty((count, x.shape[1]), np.float32), np.empty(count, np.int32)
    must(lib.bal_resampled_rows(plan, ctypes.c_int64(0), ctypes.c_int64(count),
                                values.ctypes.data_as(ctypes.c_void_p),
                                labels.ctypes.data_as(ctypes.c_void_p)))
    end = time.perf_counter()
    return {"seconds": end - start, "processor": time.process_time() - spent, "rows": count,
            "planning": planned - start}


def run_imblearn(name, x, y):
    import imblearn.over_sampling
    import imblearn.under_sampling
    sampler = getattr(imblearn.over_sampling, name, None) or getattr(imblearn.under_sampling, name)
    start, spent = time.perf_counter(), time.process_time()
    values, _ = sampler().fit_resample(x, y)
    return {"seconds": time.perf_counter() - start, "processor": time.process_time() - spent,
            "rows": len(values)}


def one(program, case, library, folder):
    _, method, name, data = CASES[int(case)]
    with np.load(os.path.join(folder, data + ".npz")) as arrays:
        x, y = arrays["x"], arrays["y"]
    if program == "ballast":
        result = run_ballast(library, method, x, y)
    else:
        result = run_imblearn(name, x, y)
    print(json.dumps({**result, "memory": peak()}))


def main():
    if sys.argv[1] == "--one":
        return one(*sys.argv[2:])
    library, cifar = os.path.abspath(sys.argv[1]), sys.argv[2]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    theirs = {**os.environ, **({"LD_LIBRARY_PATH": sys.argv[4]} if len(sys.argv) > 4 else {})}
    cases = [c for c, row in enumerate(CASES) if row[1] in (sys.argv[5:] or [row[1]])]
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        make_data(cifar, folder)
        for case in cases:
            for _ in range(rounds):
                for program in ("ballast", "imblearn"):
                    words = [sys.executable, __file__, "--one", program, str(case), library, folder]
                    got = json.loads(subprocess.run(
                        words, check=True, capture_output=True,
                        env=theirs if program == "imblearn" else None).stdout)
                    results.setdefault((case, program), []).append(got)
    print("| | imbalanced-learn, s | ballast, s | ratio | of processor time | imbalanced-learn, MiB "
          "| ballast, MiB |")
    print("|---|---|---|---|---|---|---|")
    for case in cases:
        title = CASES[case][0]
        other, ours = results[case, "imblearn"], results[case, "ballast"]

        def median(which, key):
            return statistics.median(r[key] for r in which)

        def ratio(key):
            return statistics.median(t[key] / o[key] for t, o in zip(other, ours))

        print("| %s | %.2f | %.3f | %.1f | %.1f | %.0f | %.0f |" % (
            title, median(other, "seconds"), median(ours, "seconds"), ratio("seconds"),
            ratio("processor"), median(other, "memory"), median(ours, "memory")))
    return None


main()
