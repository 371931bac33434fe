#!/usr/bin/python3
"""Writes explain.json: the measures of ballast/explain.h by NumPy and SciPy, each from its definition and
independently of the C code. Inputs are whole multiples of 1/64, so that sums are exact and ties are ties.

    python3 tests/golden/make_explain_golden.py
"""
import json
import math
import os

import numpy as np
from scipy.stats import rankdata

STEP = 64.0
NEIGHBOURS = 5


def nan_to_none(x):
    if isinstance(x, dict):
        return {k: nan_to_none(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [nan_to_none(v) for v in x]
    if isinstance(x, np.ndarray):
        return nan_to_none(x.tolist())
    if isinstance(x, (bool, np.bool_)):
        return bool(x)
    if isinstance(x, (int, np.integer)):
        return int(x)
    x = float(x)
    return None if math.isnan(x) else float(f"{x:.13g}")


def largest(values, count):
    return np.argsort(-np.asarray(values), kind="stable")[:count]


def needed_set(ce, bias, runner_up):
    """The indices of the least number of features that carry the decision."""
    order = np.argsort(-ce, kind="stable")
    rest = ce[ce < 0].sum() + bias
    for k in range(len(ce) + 1):
        if rest + ce[order[:k]].sum() >= runner_up:
            return order[:k]
    return order


def mean(rows, width=None):
    rows = np.asarray(rows, dtype=float)
    if len(rows) == 0:
        return np.full(width, np.nan) if width else np.nan
    return rows.mean(axis=0)


class Side:
    """All of one side that needs no other side."""

    def __init__(self, case, z, y, given):
        self.z = np.asarray(z, dtype=float)
        self.y = np.asarray(y)
        self.C, self.D, self.K = case["classes"], case["dim"], case["K"]
        self.W = case["W"]
        n = len(self.y)
        self.norm = np.sqrt((self.z**2).sum(axis=1))
        self.p, self.needed, self.sets = None, None, None
        if self.W is not None:
            if case["cosine"]:
                u = self.z / np.maximum(self.norm, 1e-12)[:, None]
                w = case["scale"] * self.W / np.sqrt((self.W**2).sum(axis=1))[:, None]
            else:
                u, w = self.z, self.W
            self.u, self.w = u, w
            logits = u @ w.T + case["b"]
            self.p = given if given is not None else logits.argmax(axis=1)
            self.ce = u * w[self.p]
            self.sets, self.needed = [], np.zeros(n, dtype=int)
            for i in range(n):
                others = np.delete(logits[i], self.p[i])
                s = needed_set(self.ce[i], case["b"][self.p[i]], others.max())
                self.sets.append(set(s.tolist()))
                self.needed[i] = len(s)
        elif given is not None:
            self.p = np.asarray(given)
        self.right = self.p == self.y if self.p is not None else np.zeros(n, dtype=bool)

    def items(self, c):
        return np.flatnonzero(self.y == c)

    def tp(self, c):
        return np.flatnonzero((self.y == c) & self.right)

    def fn(self, c):
        return np.flatnonzero((self.y == c) & ~self.right)

    def m(self, c):
        return mean(self.ce[self.tp(c)], self.D)

    def top(self, c):
        if self.W is None or len(self.tp(c)) == 0:
            return None
        return largest(self.m(c), self.K)


def share(numerator, denominator):
    return numerator / denominator if denominator != 0 else np.nan


def entropy(q):
    q = np.asarray(q, dtype=float)
    q = q[q > 0]
    return float(-(q * np.log(q)).sum())


def effective_rank(x):
    if len(x) < 2:
        return np.nan
    values = np.clip(np.linalg.eigvalsh(np.atleast_2d(np.cov(x.T))), 0, None)
    values = values[values > values.max() * 1e-13] if values.max() > 0 else values[:0]
    return np.exp(entropy(values / values.sum())) if len(values) else np.nan


def spread(x):
    if len(x) < 2:
        return np.nan
    mu = x.mean(axis=0)
    return share(x.var(axis=0, ddof=1).sum(), (mu**2).sum())


def cosine_distance(x):
    if len(x) < 2:
        return np.nan
    total, pairs = 0.0, 0
    for i in range(len(x)):
        for j in range(i):
            a, b = np.linalg.norm(x[i]), np.linalg.norm(x[j])
            total += 1 - (x[i] @ x[j] / (a * b) if a > 0 and b > 0 else 0.0)
            pairs += 1
    return total / pairs


def class_figures(s, c):
    """Figures and vectors of one class on one side."""
    f, v = {}, {}
    items, tp, fn = s.items(c), s.tp(c), s.fn(c)
    x = s.z[items]
    f["feature_norm"] = mean(s.norm[items])
    if s.p is not None and len(items):
        f["recall"] = len(tp) / len(items)
    v["feature_mean"] = mean(x, s.D)
    v["low"] = x.min(axis=0) if len(x) else np.full(s.D, np.nan)
    v["high"] = x.max(axis=0) if len(x) else np.full(s.D, np.nan)
    f["effective_rank"], f["spread"], f["cosine"] = effective_rank(x), spread(x), cosine_distance(x)
    if s.W is None:
        return f, v
    f["weight_norm"] = np.linalg.norm(s.W[c])
    f["needed"], f["needed_wrong"] = mean(s.needed[tp]), mean(s.needed[fn])
    f["needed_all"] = mean(s.needed[items])
    masks = np.array([[k in s.sets[i] for k in range(s.D)] for i in range(len(s.y))], dtype=float)
    v["ce_mean"] = s.m(c)
    v["wrong_ce_mean"] = mean(s.ce[fn], s.D)
    v["wrong_own_mean"] = mean(s.u[fn] * s.w[c], s.D)
    v["frequency"], v["frequency_all"] = mean(masks[tp], s.D), mean(masks[items], s.D)
    if len(fn):
        own = largest(v["wrong_ce_mean"], s.K)
        positive = v["wrong_ce_mean"].clip(0).sum()
        f["share_wrong"] = share(v["wrong_ce_mean"][own].sum(), positive)
    top = s.top(c)
    if top is None:
        return f, v
    m = s.m(c)
    conditional = []
    for k in top:
        who = [i for i in tp if k in s.sets[i]]
        conditional.append(mean(s.ce[who, k]) if who else np.nan)
    v["top"], v["magnitude"], v["conditional"] = top, m[top], np.array(conditional)
    f["magnitude"], f["peak"] = m[top].mean(), m.max()
    held = [x for x in conditional if not np.isnan(x)]
    f["magnitude_needed"] = np.mean(held) if held else np.nan
    f["share"], f["share_positive"] = share(m[top].sum(), m.sum()), share(m[top].sum(), m.clip(0).sum())
    f["distinct"] = len(set().union(*[s.sets[i] for i in tp]))
    counts = masks[tp].sum(axis=0)
    f["entropy"] = entropy(counts / counts.sum()) if counts.sum() > 0 else np.nan
    if len(fn):
        f["magnitude_wrong"] = v["wrong_own_mean"][top].mean()
    return f, v


def sides_figures(train, test, c):
    f = {}
    a, b = train.z[train.items(c)], test.z[test.items(c)]
    if len(a) and len(b):
        total = 0.0
        for k in range(train.D):
            lo, hi, tlo, thi = a[:, k].min(), a[:, k].max(), b[:, k].min(), b[:, k].max()
            inside = max(0.0, min(hi, thi) - max(lo, tlo))
            total += (thi - tlo) - inside
        f["range_gap"] = total
    top = train.top(c)
    if top is None:
        return f
    if test.top(c) is not None:
        f["overlap_sides"] = len(set(top) & set(test.top(c))) / train.K
    reference = train.m(c)
    for name, who in (("gap", test.tp(c)), ("gap_wrong", test.fn(c))):
        if not len(who):
            continue
        m = (test.u[who] * test.w[c]).mean(axis=0)
        d = [(m[k] - reference[k]) / abs(reference[k]) for k in top if reference[k] != 0]
        if d:
            f[name], f[name + "_signed"] = np.mean(np.abs(d)), np.mean(d)
    return f


def archetypes(s):
    n = len(s.y)
    k = min(NEIGHBOURS, n - 1)
    d = np.sqrt(((s.z[:, None, :] - s.z[None, :, :]) ** 2).sum(axis=2))
    kinds, near = np.zeros(n, dtype=int), np.zeros((n, k), dtype=int)
    for i in range(n):
        order = [j for j in np.argsort(d[i], kind="stable") if j != i][:k]
        near[i] = order
        own = sum(s.y[j] == s.y[i] for j in order)
        kinds[i] = 0 if own / k > 0.7 else 1 if own / k > 0.3 else 2 if own else 3
    return kinds, near, d


def collapse(s, f, groups):
    out = {}
    here = [c for c in range(s.C) if len(s.items(c))]
    n = len(here)
    mu = {c: s.z[s.items(c)].mean(axis=0) for c in here}
    centre = np.mean([mu[c] for c in here], axis=0)
    M = np.array([mu[c] - centre for c in here])
    SW = np.mean([np.cov(s.z[s.items(c)].T, ddof=0).reshape(s.D, s.D) for c in here], axis=0)
    SB = M.T @ M / n
    out["nc1"] = np.trace(SW @ np.linalg.pinv(SB, rcond=1e-10, hermitian=True)) / n if np.abs(SB).max() > 0 else np.nan
    var = {c: ((s.z[s.items(c)] - mu[c]) ** 2).sum(axis=1).mean() for c in here}
    cdnv = np.full((s.C, s.C), np.nan)
    for a in here:
        for b in here:
            apart = ((mu[a] - mu[b]) ** 2).sum()
            if a != b and apart > 0:
                cdnv[a, b] = (var[a] + var[b]) / (2 * apart)
    pairs = [cdnv[a, b] for a in here for b in here if a < b and not np.isnan(cdnv[a, b])]
    out["cdnv"] = np.mean(pairs) if pairs else np.nan
    for c in here:
        row = cdnv[c][~np.isnan(cdnv[c])]
        f[c]["cdnv"] = row.mean() if len(row) else np.nan

    def angles(rows, count):
        d = []
        for i in range(len(rows)):
            for j in range(i):
                both = np.linalg.norm(rows[i]) * np.linalg.norm(rows[j])
                if both > 0:
                    d.append(abs(rows[i] @ rows[j] / both + 1 / (count - 1)))
        return np.mean(d) if d else np.nan

    lengths = np.linalg.norm(M, axis=1)
    out["mean_norm_spread"] = share(lengths.std(), lengths.mean())
    out["mean_angle"] = angles(M, n)
    distances = np.array([[((z - mu[c]) ** 2).sum() for c in here] for z in s.z])
    nearest = np.array(here)[distances.argmin(axis=1)]
    for c in here:
        f[c]["mean_error"] = (nearest[s.items(c)] != c).mean()
    if s.p is not None:
        out["disagreement"] = (nearest != s.p).mean()
    if s.W is not None:
        wl = np.linalg.norm(s.W, axis=1)
        out["weight_norm_spread"] = wl.std() / wl.mean()
        out["weight_angle"] = angles(s.w, s.C)
        a, b = s.w[here] / np.linalg.norm(s.w[here]), M / np.linalg.norm(M)
        out["duality"] = ((a - b) ** 2).sum() if np.linalg.norm(M) > 0 else np.nan
        for name, group in (("tail_cosine", "few"), ("head_cosine", "many")):
            who = [c for c in range(s.C) if groups[c] == group]
            cos = [s.w[a] @ s.w[b] / (np.linalg.norm(s.w[a]) * np.linalg.norm(s.w[b]))
                   for a in who for b in who if a < b]
            out[name] = np.mean(cos) if cos else np.nan
    return out, cdnv


def spearman(x, y):
    x, y = rankdata(x), rankdata(y)
    if x.std() == 0 or y.std() == 0:
        return np.nan
    return np.corrcoef(x, y)[0, 1]


def trends(figures, recall, counts):
    out = {}
    for name in sorted({k for f in figures for k in f}):
        x = np.array([f.get(name, np.nan) for f in figures], dtype=float)
        ok = ~np.isnan(x)
        both = ok & ~np.isnan(recall)
        t = {"classes": int(ok.sum()), "size": np.nan, "recall": np.nan, "recall_given_size": np.nan}
        if ok.sum() < 3:
            continue
        t["size"] = spearman(x[ok], counts[ok])
        if name != "recall":
            if both.sum() >= 3:
                t["recall"] = spearman(x[both], recall[both])
            if both.sum() > 3:
                r, z, b = (spearman(x[both], recall[both]), spearman(x[both], counts[both]),
                           spearman(recall[both], counts[both]))
                rest = (1 - z * z) * (1 - b * b)
                if rest > 1e-12:
                    t["recall_given_size"] = (r - z * b) / np.sqrt(rest)
        out[name] = t
    return out


def measure_side(s, own_top, groups):
    out = {"items": len(s.y)}
    f, v = zip(*[class_figures(s, c) for c in range(s.C)])
    kinds, near, d = archetypes(s)
    out["archetypes"] = kinds
    out["medoids"], out["counts"] = [], []
    for c in range(s.C):
        items = s.items(c)
        medoids, counts = [], []
        for a in range(4):
            who = [i for i in items if kinds[i] == a]
            counts.append(len(who))
            sums = [d[i, who].sum() for i in who]
            medoids.append([i for i, t in zip(who, sums) if t <= min(sums) + 1e-9] if who else [-1])
        out["medoids"].append(medoids)
        out["counts"].append(counts)
        for name, count in zip(("safe", "borderline", "rare", "outlier"), counts):
            if len(items):
                f[c][name] = count / len(items)
    holds = np.zeros((s.C, s.D), dtype=int)
    for i in range(len(s.y)):
        for k in largest(s.z[i], min(own_top, s.D)):
            holds[s.y[i], k] += 1
    density = np.full((s.C, s.C), np.nan)
    for r in range(s.C):
        if not len(s.items(r)):
            continue
        top = largest(s.z[s.items(r)].mean(axis=0), s.K)
        rate = [holds[c, top].sum() / len(s.items(c)) if len(s.items(c)) else np.nan for c in range(s.C)]
        v[r]["feature_top"] = top
        if rate[r] > 0:
            density[r] = np.array(rate) / rate[r]
            others = [density[r, c] for c in range(s.C) if c != r and len(s.items(c))]
            f[r]["density"] = np.mean(others) if others else np.nan
    overlap = np.full((s.C, s.C), np.nan)
    for a in range(s.C):
        for b in range(s.C):
            if s.top(a) is not None and s.top(b) is not None:
                overlap[a, b] = len(set(s.top(a)) & set(s.top(b))) / s.K
        others = np.delete(overlap[a], a)
        if not np.isnan(others).all():
            f[a]["overlap_class"] = np.nanmax(others)
    out["collapse"], out["cdnv"] = collapse(s, f, groups)
    out["holds"], out["density"], out["overlap"] = holds, density, overlap
    if s.p is not None:
        confusion = np.zeros((s.C, s.C), dtype=int)
        for y, p in zip(s.y, s.p):
            confusion[y, p] += 1
        adversaries = np.full((s.C, s.C), np.nan)
        for c in range(s.C):
            if len(s.fn(c)):
                adversaries[c] = np.bincount(s.y[near[s.fn(c)]].ravel(), minlength=s.C) / near[s.fn(c)].size
        out["confusion"], out["adversaries"], out["predictions"] = confusion, adversaries, s.p
    if s.needed is not None:
        out["needed"] = s.needed
    return out, list(f), list(v)


def groups_of(counts):
    """many > 100, few < 20; thirds by frequency where one of the three would be empty."""
    names = ["many" if n > 100 else "few" if n < 20 else "medium" for n in counts]
    if {"many", "medium", "few"} <= set(names) or len(set(counts)) == 1:
        return names
    order = sorted(range(len(counts)), key=lambda c: (-counts[c], c))
    ends = (len(counts) + 1) // 3
    out = ["medium"] * len(counts)
    for i, c in enumerate(order):
        out[c] = "many" if i < ends else "few" if i >= len(counts) - ends else "medium"
    return out


def make_case(name, random, classes, dim, sizes, **how):
    """Features like those behind a ReLU: class means, noise, cut at 0; all in steps of 1/64."""
    coarse = how.get("coarse", 1)
    centres = random.gamma(1.0, 1.0, (classes, dim))
    arrays = {}
    for side, counts in zip(("train", "test"), sizes):
        y = random.permutation(np.repeat(np.arange(classes), counts))
        z = centres[y] + random.normal(0, how.get("noise", 0.8), (len(y), dim))
        z = np.round(z.clip(how.get("least", 0)) * STEP / coarse) * coarse
        arrays[side] = (z.astype(int), y)
    W = (centres - centres.mean(axis=0)) * how.get("pull", 0.6) + random.normal(0, 0.3, (classes, dim))
    W = np.round(W * STEP / coarse).astype(int) * coarse
    b = np.round(random.normal(0, 0.3, classes) * STEP / coarse).astype(int) * coarse
    for c, value in how.get("bias", {}).items():
        b[c] = value
    case = {"name": name, "classes": classes, "dim": dim, "top": how.get("top", 0),
            "own_top": how.get("own_top", 10), "cosine": how.get("cosine", False),
            "scale": how.get("scale", 30.0), "W": W, "b": None if how.get("cosine") or how.get("no_bias") else b}
    if how.get("no_head"):
        case["W"] = case["b"] = None
    for side, (z, y) in arrays.items():
        case[side] = {"z": z, "y": y}
        if how.get("given"):
            p = y.copy()
            wrong = random.random(len(y)) < 0.4
            p[wrong] = random.integers(0, classes, wrong.sum())
            case[side]["p"] = p
    if how.get("one_side"):
        del case["train"]
    return case


def solve(case):
    work = {"classes": case["classes"], "dim": case["dim"], "cosine": case["cosine"], "scale": case["scale"],
            "K": min(case["top"] or max(1, case["dim"] // 10), case["dim"]),
            "W": None if case["W"] is None else case["W"] / STEP,
            "b": np.zeros(case["classes"]) if case["b"] is None else case["b"] / STEP}
    sides = {s: Side(work, case[s]["z"] / STEP, case[s]["y"], case[s].get("p")) for s in ("train", "test") if s in case}
    first = sides.get("train") or sides["test"]
    counts = [len(first.items(c)) for c in range(case["classes"])]
    groups = groups_of(counts)
    want, figures = {}, {}
    for name, side in sides.items():
        want[name], f, v = measure_side(side, case["own_top"], groups)
        want[name]["vectors"], figures[name] = v, f
    if len(sides) == 2:
        for c in range(case["classes"]):
            figures["test"][c].update(sides_figures(sides["train"], sides["test"], c))
    recall = np.array([f.get("recall", np.nan) for f in figures["test"]])
    for name in sides:
        want[name]["trends"] = trends(figures[name], recall, np.array(counts, dtype=float))
        want[name]["figures"] = figures[name]
    return {**{k: x for k, x in case.items() if x is not None}, "want": want}


def main():
    random = np.random.default_rng(20261121)
    cases = [
        make_case("plain", random, 5, 23, ([40, 21, 14, 9, 6], [11, 13, 10, 12, 8]), top=3, own_top=4),
        make_case("ties", random, 4, 12, ([22, 15, 7, 4], [9, 8, 10, 6]), coarse=64, top=4, own_top=3),
        # class 2 is never predicted, class 3 has one item on either side, class 4 no training items, class 5
        # no test items
        make_case("edges", random, 6, 7, ([17, 12, 9, 1, 0, 6], [8, 6, 7, 1, 5, 0]), bias={2: -6400}, own_top=2,
                  noise=1.4),
        make_case("one feature", random, 3, 1, ([12, 7, 5], [6, 4, 5])),
        make_case("two classes", random, 2, 9, ([25, 6], [8, 9]), no_bias=True, top=2, least=-1.0),
        make_case("cosine", random, 4, 10, ([18, 11, 8, 5], [7, 6, 8, 9]), cosine=True, scale=16.0, top=3, own_top=3),
        make_case("no head", random, 3, 6, ([14, 9, 5], [6, 7, 5]), no_head=True, given=True, own_top=2),
        make_case("given", random, 3, 8, ([14, 9, 5], [6, 7, 5]), given=True, top=2, own_top=2),
        make_case("test alone", random, 4, 11, ([0, 0, 0, 0], [9, 8, 7, 6]), one_side=True, top=20),
    ]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "explain.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(nan_to_none_case(cases), out, separators=(",", ":"))
        out.write("\n")


def nan_to_none_case(cases):
    def convert(x):
        if isinstance(x, dict):
            return {k: convert(v) for k, v in x.items()}
        if isinstance(x, str):
            return x
        if isinstance(x, (list, tuple)):
            return [convert(v) for v in x]
        return nan_to_none(x)
    return {"cases": [convert(solve(c)) for c in cases]}


if __name__ == "__main__":
    main()
