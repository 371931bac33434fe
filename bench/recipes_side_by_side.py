#!/usr/bin/python3
"""Recipes under the same budget and seeds: trains what is missing, and prints a Markdown table.

    recipes_side_by_side.py DATA --longtail exp:100 --model resnet8 --epochs 60 --seeds 1 2 3 \\
        --recipes ce balanced-softmax mixup-drw --runs FOLDER

A run is a folder RECIPE-SEED below --runs; one that is there is not trained again, one that was
stopped goes on. The figures are those of the test split with the weights that were best on the
validation split, as `ballast train` leaves them in summary.json: mean and standard deviation over
the seeds. Without --recipes, all built-in ones."""
import argparse
import json
import os
import statistics
import subprocess
import sys

RARE = 3


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("data")
    p.add_argument("--program", default="build/release/ballast")
    p.add_argument("--longtail")
    p.add_argument("--model", default="resnet8")
    p.add_argument("--epochs", type=int, required=True)
    p.add_argument("--seeds", type=int, nargs="+", default=[1])
    p.add_argument("--recipes", nargs="+")
    p.add_argument("--runs", required=True)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--table-only", action="store_true", help="of the runs that are there")
    return p.parse_args()


def all_recipes(program):
    said = subprocess.run([program, "methods", "recipes", "--json", "-"], check=True,
                          capture_output=True, text=True).stdout
    return [row["name"] for row in json.loads(said)["recipes"]]


def train(a, recipe, seed, folder):
    """The message of a run that fails, else None."""
    words = [a.program, "train", a.data, "--model", a.model, "--recipe", recipe, "--epochs",
             str(a.epochs), "--seed", str(seed), "--output", folder, "--quiet", "--workers",
             str(a.workers)]
    words += ["--longtail", a.longtail] if a.longtail else []
    words += ["--threads", str(a.threads)] if a.threads else []
    words += ["--resume"] if os.path.exists(os.path.join(folder, "state.safetensors")) else \
        ["--overwrite"] if os.path.exists(folder) else []
    said = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return None if said.returncode == 0 else said.stderr.strip().splitlines()[-1]


def result(folder):
    with open(os.path.join(folder, "summary.json"), encoding="utf-8") as file:
        summary = json.load(file)
    with open(os.path.join(folder, "data.json"), encoding="utf-8") as file:
        classes = json.load(file)["classes"]
    rare = sorted(range(len(classes)), key=lambda c: (classes[c]["train"], c))[:RARE]
    test = summary["test"]
    return {"accuracy": test["balanced_accuracy"], "worst": test["worst_class_recall"],
            "ece": test["ece"], "epoch": summary["best_epoch"],
            "rare": statistics.mean(test["per_class"][c]["recall"] for c in rare),
            "seconds": summary["seconds"]}


def spread(rows, key):
    values = [100 * r[key] for r in rows]
    text = f"{statistics.mean(values):.1f}"
    return text + (f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else "")


def main():
    a = arguments()
    rows, failures = {}, {}
    for recipe in a.recipes or all_recipes(a.program):
        for seed in a.seeds:
            folder = os.path.join(a.runs, f"{recipe}-{seed}")
            done = os.path.exists(os.path.join(folder, "summary.json"))
            if not done and not a.table_only:
                print(f"{recipe}, seed {seed}", file=sys.stderr, flush=True)
                failures[recipe] = train(a, recipe, seed, folder) or failures.get(recipe)
                done = os.path.exists(os.path.join(folder, "summary.json"))
            if done:
                rows.setdefault(recipe, []).append(result(folder))
    print("| recipe | seeds | balanced accuracy, % | recall of the three rarest, % | worst class, % "
          "| ECE, % | best epochs |")
    print("|---|---|---|---|---|---|---|")
    order = sorted(rows, key=lambda r: -statistics.mean(x["accuracy"] for x in rows[r]))
    for recipe in order:
        runs = rows[recipe]
        epochs = ", ".join(str(r["epoch"]) for r in runs)
        print(f"| `{recipe}` | {len(runs)} | {spread(runs, 'accuracy')} | {spread(runs, 'rare')} | "
              f"{spread(runs, 'worst')} | {spread(runs, 'ece')} | {epochs} |")
    for recipe, why in failures.items():
        if why:
            print(f"\n{recipe}: {why}")


main()
