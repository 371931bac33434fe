#!/usr/bin/env python3
"""Turns the lines that side_by_side.sh collects into a Markdown table of medians and ratios."""
import json
import platform
import statistics
import sys


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            for line in info:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def main():
    rounds = {}
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            rounds.setdefault(one["name"], []).append(one["result"])

    def column(name, key):
        return [result[key] for result in rounds[name]]

    def median(name, key):
        return statistics.median(column(name, key))

    best = max(("nchw", "nhwc"), key=lambda name: median(name, "images_per_second"))
    ours = rounds["ballast"][0]
    titles = {"ballast": "ballast, engine " + ours["engine"]}
    for name in ("nchw", "nhwc"):
        titles[name] = "%s, %s%s" % (rounds[name][0]["program"], name, " (counted)" if name == best else "")

    print("%s, batch %d, %d threads, %s; medians of %d rounds, lowest to highest in brackets" % (
        ours["model"], ours["batch_size"], ours["threads"], processor(), len(rounds["ballast"])))
    print()
    print("| | images/s | step, ms | peak memory, MiB |")
    print("|---|---|---|---|")
    for name, title in titles.items():
        speeds = column(name, "images_per_second")
        print("| %s | %.0f (%.0f to %.0f) | %.1f | %.0f |" % (
            title, median(name, "images_per_second"), min(speeds), max(speeds), median(name, "step_ms"),
            median(name, "peak_memory_mb")))
    ratios = [a / b for a, b in zip(column("ballast", "images_per_second"), column(best, "images_per_second"))]
    print()
    print("- speed: %.2f times PyTorch's (median of the rounds; %.2f to %.2f)" % (
        statistics.median(ratios), min(ratios), max(ratios)))
    print("- peak memory: %.0f %% of PyTorch's process" % (
        100 * median("ballast", "peak_memory_mb") / median(best, "peak_memory_mb")))
    if ours.get("floor_ms") is not None:
        floors = [result["step_ms"] / result["floor_ms"] for result in rounds["ballast"]]
        print("- step: %.2f times its floor of %.1f ms, the same step's convolutions and batch norms each alone" % (
            statistics.median(floors), median("ballast", "floor_ms")))
    print("- %.0f GFLOP/s in the step; a large matrix product reaches %.0f here" % (
        median("ballast", "gflops"), median("ballast", "matmul_gflops")))


if __name__ == "__main__":
    main()
