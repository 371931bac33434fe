#!/usr/bin/python3
"""What the decisions for a class rest on when it is rare and when it is not: trains twins, explains
them, and prints the tables of docs/fragility.md as Markdown.

    fragility.py --runs FOLDER [--sets cifar10 fashion-mnist FOLDER_OF_IMAGES] [--seeds 1 2 3]

A twin is the same network, recipe and seed on the data cut by exp:100 and on all of it; both see the
same number of images, so that the balanced one has fewer epochs. A set whose classes differ in size
by themselves (a ratio above 1.5) has no balanced twin and is not cut. Runs and explanations that are
there are not made again. Nothing is chosen by a result; figures are of the test split, with the
weights that were best on the validation split. --pictures FOLDER also draws, with matplotlib."""
import argparse
import json
import os
import statistics
import subprocess
import sys

RECIPES = ["ce", "ldam-drw", "cb-focal"]
CUT = "exp:100"
PAIRED = [("recall", "recall"), ("peak", "largest CE"), ("magnitude", "mean CE of the top"),
          ("share_positive", "share of the top"), ("needed", "features needed")]
TWO = [("needed", "needed_wrong", "features needed"), ("magnitude", "magnitude_wrong", "mean CE"),
       ("share_positive", "share_wrong", "share of the top")]
TITLES = {"cifar10": "CIFAR-10", "cifar-10-batches-bin": "CIFAR-10",
          "fashion-mnist": "Fashion-MNIST", "bccd-cells": "Blood cells"}
FEWEST = 6  # classes for a rank correlation to say anything
TRENDS = [("gap", "train/test gap"), ("gap_signed", "the same, signed"), ("peak", "largest CE"),
          ("needed", "features needed"), ("share_positive", "share of the top"),
          ("effective_rank", "effective rank"), ("cosine", "cosine distance"),
          ("range_gap", "range gap")]


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--program", default="build/release/ballast")
    p.add_argument("--runs", required=True)
    p.add_argument("--sets", nargs="+", default=["cifar10", "fashion-mnist"])
    p.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    p.add_argument("--recipes", nargs="+", default=RECIPES)
    p.add_argument("--model", default="resnet8")
    p.add_argument("--images", type=int, default=330000, help="shown in a run")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--img-size", type=int, default=32, help="of folders of images")
    p.add_argument("--pictures", help="folder of PNG files to write")
    p.add_argument("--table-only", action="store_true", help="of what is there")
    return p.parse_args()


def call(a, *words):
    threads = ["--threads", str(a.threads)] if a.threads else []
    return subprocess.run([a.program, *words, *threads, "--quiet"], check=True,
                          capture_output=True, text=True).stdout


def options(a, data, cut):
    return (["--longtail", cut] if cut else []) + \
        (["--img-size", str(a.img_size)] if os.path.isdir(data) and not is_packed(data) else [])


def is_packed(folder):
    return not any(os.path.isdir(os.path.join(folder, f)) for f in os.listdir(folder))


def counts_of(a, data):
    said = json.loads(call(a, "data", "info", data, "--json", "-"))
    return [c["train"] for c in said["classes"]]


def twins(a, data):
    """(name, cut): the imbalanced one first."""
    counts = counts_of(a, data)
    balanced = max(counts) <= 1.5 * min(counts)
    return [("imbalanced", CUT), ("balanced", None)] if balanced else [("as it is", None)]


def shown_by_epoch(a, data, cut):
    counts = counts_of(a, data)
    if cut:
        ratio = float(cut.split(":")[1])
        counts = [int(min(counts) * ratio ** (-j / (len(counts) - 1))) for j in range(len(counts))]
    return sum(counts)


def explain(a, data, twin, cut, recipe, seed):
    """The explanation of a run as JSON; trains where it has to. None: not there."""
    run = os.path.join(a.runs, "-".join([os.path.basename(data.rstrip('/')),
                                          twin.replace(' ', '-'), recipe, str(seed)]))
    file = run + ".json"
    if not os.path.exists(file):
        if a.table_only:
            return None
        if not os.path.exists(os.path.join(run, "summary.json")):
            epochs = max(2, round(a.images / shown_by_epoch(a, data, cut)))
            print(f"{os.path.basename(run)}, {epochs} epochs", file=sys.stderr, flush=True)
            resume = ["--resume"] if os.path.exists(os.path.join(run, "state.safetensors")) else \
                ["--overwrite"] if os.path.exists(run) else []
            call(a, "train", data, *options(a, data, cut), "--model", a.model, "--recipe", recipe,
                 "--epochs", str(epochs), "--seed", str(seed), "--output", run, *resume)
        call(a, "explain", run, "--bootstrap", "0", "--json", file)
    with open(file, encoding="utf-8") as f:
        return json.load(f)


def value(said, side, c, key):
    return (said[side]["classes"][c]["figures"].get(key) or {}).get("value")


def mean(values, places=2):
    values = [v for v in values if v is not None]
    if not values:
        return "n/a"
    text = f"{statistics.mean(values):.{places}f}"
    return text + (f" ± {statistics.stdev(values):.{places}f}" if len(values) > 1 else "")


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def paired_table(by_twin):
    """by_twin: name -> list of explanations (seeds) of one recipe."""
    names = list(by_twin)
    first = by_twin[names[0]][0]
    rows = []
    for c, k in enumerate(first["test"]["classes"]):
        row = [k["name"], str(k["train_count"])]
        for key, _ in PAIRED:
            row += [mean([value(s, "test", c, key) for s in by_twin[n]]) for n in names]
        rows.append(row)
    table(["class", "training images"] + [f"{t}, {n}" for _, t in PAIRED for n in names], rows)


def wrong_table(said):
    rows = []
    for c, k in enumerate(said[0]["test"]["classes"]):
        row = [k["name"], str(k["train_count"])]
        for right, wrong, _ in TWO:
            row += [mean([value(s, "test", c, key) for s in said]) for key in (right, wrong)]
        rows.append(row)
    table(["class", "training images"] + [f"{t}, {w}" for *_, t in TWO for w in ("TP", "FN")], rows)


def seeds_of(values):
    """Mean and deviation over the seeds, and how many lie on the side of the mean."""
    values = [v for v in values if v is not None]
    if not values:
        return "n/a"
    side = sum((v > 0) == (statistics.mean(values) > 0) for v in values)
    return f"{mean(values)} ({side} of {len(values)})"


def mean_difference(pairs):
    pairs = [(a, b) for a, b in pairs if a is not None and b is not None]
    return statistics.mean(a - b for a, b in pairs) if pairs else None


def change_table(by_recipe):
    """The same class imbalanced and balanced: differences, of the rare half of the classes and of the
    frequent half. A class without a TP in one of the two has none."""
    rows = []
    for recipe, by_twin in by_recipe.items():
        (first, imbalanced), (_, balanced) = by_twin.items()
        classes = by_twin[first][0]["test"]["classes"]
        order = sorted(range(len(classes)), key=lambda c: classes[c]["train_count"])
        halves = order[:len(order) // 2], order[len(order) // 2:]
        for key, title in PAIRED:
            rows.append([f"`{recipe}`", title] + [seeds_of(
                [mean_difference([(value(i, "test", c, key), value(b, "test", c, key)) for c in half])
                 for i, b in zip(imbalanced, balanced)]) for half in halves])
    table(["recipe", "figure", "rare half: imbalanced - balanced", "frequent half"], rows)


def wrong_change_table(by_recipe):
    rows = []
    for recipe, by_twin in by_recipe.items():
        for twin, said in by_twin.items():
            row = [f"`{recipe}`", twin]
            for right, wrong, _ in TWO:
                row.append(seeds_of([mean_difference(
                    [(value(s, "test", c, right), value(s, "test", c, wrong))
                     for c in range(len(s["test"]["classes"]))]) for s in said]))
            rows.append(row)
    table(["recipe", "twin"] + [f"{t}, TP - FN" for *_, t in TWO], rows)


def trend(said, figure, key):
    return mean([t[key] for s in said for t in s["trends"]
                 if t["figure"] == figure and t["side"] == "test"])


def trend_table(by_recipe):
    rows = []
    for recipe, by_twin in by_recipe.items():
        said, *others = by_twin.values()
        for key, title in TRENDS:
            rows.append([f"`{recipe}`", title] + [trend(said, key, k) for k in (
                "size", "recall", "recall_given_size", "common_recall")] +
                [trend(other, key, "recall") for other in others])
    table(["recipe", "figure", "with size", "with recall", "with recall, size held",
           "with recall, at a common size"] +
          [f"{t} twin, with recall" for t in list(next(iter(by_recipe.values())))[1:]], rows)


# ---- pictures ----

COLOURS = {"imbalanced": "#b5367a", "balanced": "#3b528b", "as it is": "#b5367a"}
MARKS = ["o", "s", "^", "D", "v"]


def profiles(name, by_twin, folder):
    """The largest class-mean CE of every class, the most frequent first; a thin line is a seed."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    first = by_twin[list(by_twin)[0]][0]["test"]["classes"]
    order = sorted(range(len(first)), key=lambda c: -first[c]["train_count"])
    columns = min(5, len(order))
    lines = (len(order) + columns - 1) // columns
    figure, axes = plt.subplots(lines, columns, figsize=(2.1 * columns, 2.2 * lines + 0.4),
                                sharex=True, sharey=True, squeeze=False)
    named = {}
    for axis, c in zip(axes.flat, order):
        for twin, said in by_twin.items():
            tops = [[k["magnitude"] for k in s["test"]["classes"][c]["top"]] for s in said]
            tops = [t for t in tops if t and None not in t]
            for t in tops:
                axis.plot(range(1, len(t) + 1), t, color=COLOURS[twin], alpha=0.3, linewidth=1)
            if tops:
                middle = [statistics.mean(v) for v in zip(*tops)]
                named[twin], = axis.plot(range(1, len(middle) + 1), middle, color=COLOURS[twin],
                                         marker="o", markersize=3)
        axis.set_title(f"{first[c]['name']} ({first[c]['train_count']:,})", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
    axes[0][0].set_ylim(bottom=0)
    figure.supxlabel("rank of the feature", fontsize=9)
    figure.supylabel("class-mean CE", fontsize=9)
    figure.legend(named.values(), named.keys(), fontsize=8, loc="upper right", ncol=len(named))
    figure.tight_layout(rect=(0, 0, 1, 0.95))
    figure.savefig(os.path.join(folder, f"fragility-{name}-profiles.png"), dpi=90)
    plt.close(figure)


def scatters(name, by_recipe, folder):
    """Train/test gap and effective rank of each class beside its recall; shade: its size."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    for axis, key, title in zip(axes, ("gap", "effective_rank"),
                                ("train/test gap of the top features",
                                 "effective rank, as many images of each class")):
        for mark, (recipe, said) in zip(MARKS, by_recipe.items()):
            found = []
            for s in said:
                for c, k in enumerate(s["test"]["classes"]):
                    one = k["figures"].get(key) or {}
                    at = one.get("common" if key == "effective_rank" else "value")
                    recall = value(s, "test", c, "recall")
                    if at is not None and recall is not None:
                        found.append((at, recall, k["train_count"]))
            if not found:
                continue
            x, y, size = zip(*found)
            points = axis.scatter(x, y, c=size, cmap="viridis", marker=mark, s=22, label=recipe,
                                  norm=matplotlib.colors.LogNorm())
        axis.set_xlabel(title, fontsize=9)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("recall on the test split", fontsize=9)
    for handle in axes[0].legend(fontsize=8).legendHandles:
        handle.set_array(None)
        handle.set_facecolor("#444444")
    figure.colorbar(points, ax=axes, label="training images of the class")
    figure.savefig(os.path.join(folder, f"fragility-{name}-recall.png"), dpi=90,
                   bbox_inches="tight")
    plt.close(figure)


def main():
    a = arguments()
    for data in a.sets:
        name = os.path.basename(data.rstrip("/"))
        said = {}
        for twin, cut in twins(a, data):
            for recipe in a.recipes:
                made = [explain(a, data, twin, cut, recipe, seed) for seed in a.seeds]
                said.setdefault(recipe, {})[twin] = [m for m in made if m]
        said = {r: {t: m for t, m in by.items() if m} for r, by in said.items()}
        said = {r: by for r, by in said.items() if by}
        title = TITLES.get(name, name)
        print(f"## {title}\n")
        for recipe, by_twin in said.items():
            print(f"### {title}: `{recipe}`\n")
            paired_table(by_twin)
            wrong_table(by_twin[list(by_twin)[0]])
        rare = {r: by[list(by)[0]] for r, by in said.items()}
        classes = len(next(iter(rare.values()))[0]["test"]["classes"]) if rare else 0
        if all(len(by) == 2 for by in said.values()):
            print(f"### {title}: the same class imbalanced and balanced\n")
            change_table(said)
        print(f"### {title}: right and wrong, mean over the classes\n")
        wrong_change_table(said)
        if classes >= FEWEST:
            print(f"### {title}: rank correlations over the classes\n")
            trend_table(said)
        if a.pictures and said:
            os.makedirs(a.pictures, exist_ok=True)
            file = title.lower().replace(" ", "-")
            profiles(file, next(iter(said.values())), a.pictures)
            if classes >= FEWEST:
                scatters(file, rare, a.pictures)


main()
