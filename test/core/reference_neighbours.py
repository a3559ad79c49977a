#!/usr/bin/python3
"""Plain NumPy EASE, neighbours, random walks and user-based predictions on a case of 200 x 100, and recall on Online Retail.

    reference_neighbours.py                 prints neighbours_reference.h, to which test_near_reference.c holds the C code
    reference_neighbours.py recall DATA     recall@20 on online_retail.csv.xz, by the protocol of reference_als.py

Of each list the header has, per row, the number of entries, the sum of the values and their sum weighted by (column + 1) / columns.
Equal values are ordered by column, values being compared in single precision, as the C code keeps them.
"""
import sys

import numpy as np

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def hash3(seed, a, b):
    state = mix((seed + GOLDEN) & MASK)
    state = mix(state ^ ((a + GOLDEN) & MASK))
    return mix((state + (b + 1) * GOLDEN) & MASK)


def case(users=200, items=100, density=0.5):
    """Ratings, 0 where there is none: near_case.h."""
    x = np.zeros((users, items))
    for u in range(users):
        for i in range(items):
            place = (i + 1.0) / items
            uniform = ((hash3(8, u, i) >> 12) + 0.5) * 2.0**-52
            if i != 17 and u != 23 and uniform < density * (0.1 + 0.9 * place * place):
                x[u, i] = 1 + (((hash3(9, u, i) >> 32) * 5) >> 32)
    return x


def keep(scores, k, magnitude=False):
    """Per row the k largest above zero (by magnitude: other than zero), elsewhere 0."""
    kept = np.zeros_like(scores)
    for r, row in enumerate(scores):
        key = np.abs(row) if magnitude else row
        order = np.argsort(-key.astype(np.float32), kind="stable")[:k]
        order = order[key[order] > 0]
        kept[r, order] = row[order]
    return kept


def ease(x, lam, k):
    """Per target (row) its sources."""
    p = np.linalg.inv(x.T @ x + lam * np.eye(x.shape[1]))
    b = -p / np.diag(p)
    np.fill_diagonal(b, 0)
    return keep(b.T, k, magnitude=True)


def cosine(rows, shrink, k):
    norms = np.sqrt((rows**2).sum(axis=1))
    with np.errstate(invalid="ignore"):
        s = np.nan_to_num((rows @ rows.T) / (np.outer(norms, norms) + shrink))
    np.fill_diagonal(s, 0)
    return keep(s, k)


def dot(rows, k):
    s = rows @ rows.T
    np.fill_diagonal(s, 0)
    return keep(s, k)


def pearson(rows, shrink, k):
    n = len(rows)
    s = np.zeros((n, n))
    for a in range(n):
        for b in range(n):
            both = (rows[a] > 0) & (rows[b] > 0)
            x, y = rows[a, both], rows[b, both]
            if a != b and both.sum() > 1 and x.std() > 0 and y.std() > 0:
                s[a, b] = np.corrcoef(x, y)[0, 1] * both.sum() / (both.sum() + shrink)
    return keep(s, k)


def idf(rows):
    return np.log(len(rows)) - np.log1p((rows > 0).sum(axis=0))


def tfidf(rows):
    return np.sqrt(rows) * idf(rows)


def bm25(rows, k1, b):
    length = rows.sum(axis=1)
    norm = 1 - b + b * length / length.mean()
    return rows * (k1 + 1) / (k1 * norm[:, None] + rows) * idf(rows)


def rp3beta(x, alpha, beta, k, per_target):
    """W, rows being sources or targets."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p_ui = np.nan_to_num(x / x.sum(axis=1, keepdims=True)) ** alpha
        p_iu = np.nan_to_num((x > 0).T / (x > 0).sum(axis=0)[:, None]) ** alpha
        p_ui[x == 0] = 0
        p_iu[(x == 0).T] = 0
        w = np.nan_to_num((p_iu @ p_ui) * (x > 0).sum(axis=0).astype(float) ** -beta, posinf=0)
    np.fill_diagonal(w, 0)
    return keep(w.T if per_target else w, k)


def predict(x, similar):
    """The classical user-based formula."""
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.nan_to_num(x.sum(axis=1) / (x > 0).sum(axis=1))
        centred = np.where(x > 0, x - means[:, None], 0)
        part = (similar @ centred) / (np.abs(similar) @ (x > 0))
    return means[:, None] + np.nan_to_num(part)


def cases():
    x = case()
    ones = (x > 0).astype(float)
    yield "ease_full", ease(ones, 5, 99)
    yield "ease_few", ease(x, 20, 7)
    yield "items_cosine", cosine(ones.T, 0, 10)
    yield "items_shrunk", cosine(x.T, 10, 10)
    yield "items_tfidf", cosine(tfidf(x.T), 0, 99)
    yield "items_bm25", dot(bm25(x.T, 1.2, 0.75), 10)
    yield "users_cosine", cosine(ones, 0, 15)
    yield "users_pearson", pearson(x, 3, 15)
    yield "walk_source", rp3beta(x, 0.7, 0.4, 10, False)
    yield "walk_target", rp3beta(ones, 0.8, 0.3, 10, True)
    yield "predicted", predict(x, pearson(x, 3, 15))


def header():
    print("/* clang-format off */")
    print("/* What reference_neighbours.py prints: per row count, sum, and sum weighted by (column + 1) / columns. */")
    for name, kept in cases():
        print(f"static const double reference_{name}[{len(kept)}][3] = {{")
        places = (np.arange(kept.shape[1]) + 1) / kept.shape[1]
        for row in kept:
            print(f"\t{{{np.count_nonzero(row)}, {row.sum():.10g}, {(row * places).sum():.10g}}},")
        print("};")


def recall(path):
    import reference_als

    n_items, parts = reference_als.split(reference_als.read_pairs(path))
    protocol = reference_als.Protocol(n_items, parts)
    x = np.zeros((len(protocol.others), n_items))
    for u, row in enumerate(protocol.others):
        x[u, row] = 1
    histories = np.zeros((len(protocol.histories), n_items))
    for u, row in enumerate(protocol.histories):
        histories[u, row] = 1

    def tell(name, scores):
        mean, error = reference_als.recall(scores, protocol.histories, protocol.held)
        print(f"{name}: recall@{reference_als.K} {mean:.4f} +- {error:.4f}", flush=True)

    tell("popularity", np.tile(x.sum(axis=0), (len(histories), 1)))
    tell("EASE, lambda 100, all neighbours", histories @ ease(x, 100, n_items - 1).T)
    tell("EASE, lambda 100, 50 neighbours per target", histories @ ease(x, 100, 50).T)
    tell("item-kNN, cosine, 50 neighbours per target", histories @ cosine(x.T, 0, 50).T)
    tell("item-kNN, cosine, 50 neighbours per source", histories @ cosine(x.T, 0, 50))
    tell("item-kNN, TF-IDF, 20 neighbours per target", histories @ cosine(tfidf(x.T), 0, 20).T)
    tell("RP3beta, 1 and 0.6, 100 neighbours per source", histories @ rp3beta(x, 1, 0.6, 100, False))
    tell("RP3beta, 0.8 and 0.3, 20 neighbours per target", histories @ rp3beta(x, 0.8, 0.3, 20, True).T)


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "recall":
        recall(sys.argv[2])
    else:
        header()
