#!/usr/bin/python3
"""Writes the hardness_* files: measures of difficulty by scikit-learn (1.2.1), SciPy and NumPy.

Four cases on three sets: unequal classes with duplicates and ties (values in eighths, so that equal
distances are equal bits), a long tail of Fashion-MNIST reduced by PCA, and noise in more dimensions
than there are rows, once as it is and once reduced here by scikit-learn's PCA and there by ours.
Equal distances are ordered by row number, and edges of the spanning tree by (distance, from, to).
"""
import gzip
import json
import pathlib

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist, pdist
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_samples
from sklearn.neighbors import NearestNeighbors

HERE = pathlib.Path(__file__).parent
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
SAFE, BORDERLINE, RARE, OUTLIER = range(4)


def neighbours(rows):
    """All other rows of each row, nearest first, equal distances by number."""
    n = len(rows)
    search = NearestNeighbors(n_neighbors=n, algorithm="kd_tree").fit(rows)
    distance, index = search.kneighbors(rows)
    out = np.empty((n, n - 1), int)
    for i in range(n):
        order = np.lexsort((index[i], distance[i]))
        out[i] = [j for j in index[i][order] if j != i]
    return out


def example_types(near, labels):
    five = near[:, :5]
    own = (labels[five] == labels[:, None]).sum(axis=1)
    types = np.select([own >= 4, own >= 2, own == 1], [SAFE, BORDERLINE, RARE], OUTLIER)
    for i in np.flatnonzero(own == 1):
        kin = five[i][labels[five[i]] == labels[i]][0]
        alone = own[kin] == 0 or (own[kin] == 1 and i in five[kin])
        if not alone:
            types[i] = BORDERLINE
    return types


def joined_to_others(rows, labels):
    """Which rows the spanning tree joins to another class. The weights are ranks, so that the tree
    is unique and no edge has the weight 0, which SciPy takes for none."""
    n = len(rows)
    a, b = np.triu_indices(n, 1)
    order = np.lexsort((b, a, cdist(rows, rows)[a, b]))
    rank = np.empty(len(a))
    rank[order] = np.arange(1, len(a) + 1)
    tree = minimum_spanning_tree(csr_matrix((rank, (a, b)), shape=(n, n))).tocoo()
    assert tree.nnz == n - 1
    joined = np.zeros(n, int)
    for i, j in zip(tree.row, tree.col):
        if labels[i] != labels[j]:
            joined[i] = joined[j] = 1
    return joined


def fisher(rows, groups):
    """The largest over features of between / within, for rows in groups."""
    names = np.unique(groups)
    mean = rows.mean(axis=0)
    between = sum((groups == g).sum() * (rows[groups == g].mean(axis=0) - mean) ** 2 for g in names)
    within = sum(((rows[groups == g] - rows[groups == g].mean(axis=0)) ** 2).sum(axis=0) for g in names)
    varies = np.ptp(rows, axis=0) > 0
    return float((between[varies] / within[varies]).max())


def diversity(rows):
    if len(rows) < 2:
        return {"effective_rank": None, "spread": None, "cosine": None}
    covariance = np.cov(rows, rowvar=False)
    values = np.clip(np.linalg.eigvalsh(covariance), 0, None)
    share = values[values > 0] / values.sum()
    return {
        "effective_rank": float(np.exp(-(share * np.log(share)).sum())),
        "spread": float(np.trace(covariance) / (rows.mean(axis=0) ** 2).sum()),
        "cosine": float(pdist(rows, "cosine").mean()),
    }


def measure(name, rows, labels, classes, k, components=0):
    given = rows.astype(np.float64)
    rows, explained = given, 1.0
    if components:
        pca = PCA(components, svd_solver="full").fit(given)
        rows = pca.transform(given)
        explained = float(pca.explained_variance_ratio_.sum())
    near = neighbours(rows)
    other = labels[near] != labels[:, None]
    kdn = other[:, :k].mean(axis=1)
    n3 = other[:, 0].astype(int)
    n1 = joined_to_others(rows, labels)
    types = example_types(near, labels)
    width = silhouette_samples(cdist(rows, rows), labels, metric="precomputed")

    def figures(which):
        return {"kdn": float(kdn[which].mean()), "kdn_median": float(np.median(kdn[which])),
                "hard": float((kdn[which] > 0.5).mean()), "n1": float(n1[which].mean()),
                "n3": float(n3[which].mean()), "silhouette": float(width[which].mean()),
                "types": np.bincount(types[which], minlength=4).tolist()}

    of_class = []
    for c in range(classes):
        which = labels == c
        if not which.any():
            of_class.append(None)
            continue
        of_class.append({**figures(which), "items": int(which.sum()),
                         "chance": float((labels != c).sum() / (len(rows) - 1)),
                         "fisher": fisher(rows, which.astype(int)), **diversity(given[which])})
    near_count = np.zeros((classes, classes))
    np.add.at(near_count, (np.repeat(labels, k), labels[near[:, :k]].ravel()), 1)
    share = np.full((classes, classes), np.nan)
    for c in np.unique(labels):
        share[c] = np.bincount(labels[near[labels == c][:, :k]].ravel(), minlength=classes)
        share[c] /= share[c].sum()
    pairs = []
    for a in range(classes):
        for b in range(a + 1, classes):
            if np.nan_to_num(share[a, b]) + np.nan_to_num(share[b, a]) > 0:
                by_chance = k * (labels == a).sum() * (labels == b).sum() / (len(rows) - 1)
                two = (labels == a) | (labels == b)
                pairs.append({"a": a, "b": b, "share": float((share[a, b] + share[b, a]) / 2),
                              "a_in_b": float(share[a, b]), "b_in_a": float(share[b, a]),
                              "lift": float((near_count[a, b] + near_count[b, a]) / 2 / by_chance),
                              "fisher": fisher(rows[two], labels[two])})
    pairs.sort(key=lambda p: (-p["share"], p["a"], p["b"]))
    ratio = fisher(rows, labels)
    items = np.stack([kdn, width, types, n1, n3, near[:, 0]], axis=1)
    np.save(HERE / f"hardness_{name}_items.npy", items.astype(np.float32))
    return {"classes": classes, "neighbours": k, "components": components, "explained": explained,
            **figures(labels >= 0), "fisher": ratio, "f1": 1 / (1 + ratio), "class": of_class,
            "share": [[None if np.isnan(v) else float(v) for v in row] for row in share],
            "pairs": pairs}


def save_set(name, rows, labels):
    np.save(HERE / f"hardness_{name}_rows.npy", rows)
    np.save(HERE / f"hardness_{name}_labels.npy", labels.astype(np.int32))


def flowers(rng):
    """Classes of 50, 28, 9, 1, 0 and 12; one in five rows is another one again, perhaps of another
    class; the last feature never changes."""
    labels = rng.permutation(np.repeat(range(6), [50, 28, 9, 1, 0, 12]))
    centre = rng.normal(0, 1.2, (6, 4))
    rows = np.round((centre[labels] + rng.normal(0, 0.8, (100, 4))) * 8) / 8
    for i in rng.choice(100, 20, replace=False):
        rows[i] = rows[rng.integers(100)]
    rows[:, 3] = 0.625
    return rows.astype(np.float32), labels


def fashion(rng):
    with gzip.open(FASHION / "train-images-idx3-ubyte.gz") as f:
        images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(FASHION / "train-labels-idx1-ubyte.gz") as f:
        labels = np.frombuffer(f.read(), np.uint8, offset=8).astype(int)
    counts = [300, 200, 150, 110, 80, 60, 40, 30, 20, 10]
    chosen = np.concatenate([rng.choice(np.flatnonzero(labels == c), n, replace=False)
                             for c, n in enumerate(counts)])
    chosen = rng.permutation(chosen)
    reduced = PCA(24, svd_solver="full").fit_transform(images[chosen] / 255.0)
    return np.round(reduced, 3).astype(np.float32), labels[chosen]


def noise(rng):
    labels = rng.permutation(np.repeat(range(3), [70, 33, 17]))
    rows = rng.normal(0, 1, (120, 500)) + 0.35 * rng.normal(0, 1, (3, 500))[labels] + 0.2
    return rows.astype(np.float32), labels


def main():
    rng = np.random.default_rng(11)
    out = {}
    rows, labels = flowers(rng)
    save_set("flowers", rows, labels)
    out["flowers"] = measure("flowers", rows, labels, 6, 5)
    rows, labels = fashion(rng)
    save_set("fashion", rows, labels)
    out["fashion"] = measure("fashion", rows, labels, 10, 7)
    rows, labels = noise(rng)
    save_set("noise", rows, labels)
    out["noise"] = measure("noise", rows, labels, 3, 3)
    out["noise_pca"] = measure("noise_pca", rows, labels, 3, 9, components=30)
    text = json.dumps(out, indent=1)
    (HERE / "hardness.json").write_text(text + "\n")


main()
