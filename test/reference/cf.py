#!/usr/bin/env python3
"""Scores of every method of cf_train by plain NumPy, for a table of 200 customers x 100 items, to hold cf_predict against.

    cf.py            prints test/reference/cf_scores.csv: case, customer, and of his scores over the items how many there are, their
                     sum, and their sum weighted by item / 100

test/pgtap/315_cf_methods.sql makes the same table by the same whole numbers (function `has` there is `draw` here) and reads
the file.  Lists keep their strongest entries in single precision, as the server does; equal ones go by the smaller id.  A score
that nothing speaks for is none.
"""
import sys

import numpy as np

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/../core")
from reference_neighbours import bm25, cosine, ease, keep, pearson, rp3beta, tfidf  # noqa: E402

CUSTOMERS, ITEMS = 200, 100
DAYS = 300


def draw(customer, item):
    x = customer * 1000 + item
    for _ in range(2):
        x = ((x >> 16) ^ x) * 73244475 % 2**32
    return (x >> 16) ^ x


def table():
    """Value summed over repeats, one value, and days before the end of each purchase, newest first."""
    value = np.zeros((CUSTOMERS, ITEMS))
    rating = np.zeros((CUSTOMERS, ITEMS))
    days = {}
    for c in range(1, CUSTOMERS + 1):
        for i in range(1, ITEMS + 1):
            x = draw(c, i)
            if x % 10000 >= 500 + i * i // 3:
                continue
            repeats = 1 + x // 10000 % 3
            rating[c - 1, i - 1] = 1 + x // 30000 % 5
            value[c - 1, i - 1] = repeats * rating[c - 1, i - 1]
            days[c - 1, i - 1] = [(x // 7 + 41 * r) % DAYS for r in range(repeats)]
    return value, rating, days


def seen(scores):
    """Nothing speaks for a score of zero."""
    return np.where(scores == 0, np.nan, scores)


def by_items(history, lists):
    """lists: per target its sources."""
    return seen(history @ lists.T)


def predicted(x, similar):
    """The classical user-based formula; none where no neighbour has rated."""
    means = x.sum(axis=1) / (x > 0).sum(axis=1)
    centred = np.where(x > 0, x - means[:, None], 0)
    support = np.abs(similar) @ (x > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(support > 0, means[:, None] + similar @ centred / support, np.nan)


def popular(value, days, half_life):
    out = np.zeros(ITEMS)
    for (_, i), ages in days.items():
        out[i] += 2.0 ** (-min(ages) / half_life)
    return np.tile(seen(out / CUSTOMERS), (CUSTOMERS, 1))


def buy_again(value, days, half_life):
    out = np.full(value.shape, np.nan)
    buyers = (value > 0).sum(axis=0)
    for (c, i), ages in days.items():
        out[c, i] = sum(2.0 ** (-age / half_life) for age in ages) + 1e-4 * buyers[i] / CUSTOMERS
    return out


def cases():
    value, rating, days = table()
    ones = (value > 0).astype(float)
    log = np.log1p(value)
    newest = min(min(ages) for ages in days.values())
    days = {pair: [age - newest for age in ages] for pair, ages in days.items()}
    yield "ease", by_items(ones, ease(ones, 50, ITEMS))
    yield "ease_log1p", by_items(log, ease(log, 20, 10))
    yield "item_knn", by_items(ones, cosine(tfidf(ones.T), 0, 20))
    yield "item_cosine", by_items(ones, cosine(ones.T, 5, 10))
    yield "item_none", by_items(value, cosine(value.T, 0, 15))
    yield "item_bm25", by_items(ones, cosine(bm25(ones.T, 1.2, 0.75), 0, 15))
    yield "item_pearson", by_items(value, pearson(value.T, 3, 5))  # few: correlations of next to nothing are left out
    yield "user_knn", seen(cosine(ones, 0, 100) @ ones)
    yield "user_tfidf", seen(cosine(tfidf(ones), 2, 15) @ ones)
    yield "user_bm25", seen(cosine(bm25(log, 1.2, 0.75), 0, 15) @ log)
    yield "user_log1p", seen(cosine(log, 0, 15) @ log)
    yield "user_none", seen(cosine(value, 0, 15) @ value)
    yield "rated_pearson", predicted(rating, pearson(rating, 3, 15))
    yield "rated_cosine", predicted(rating, cosine(rating, 0, 25))
    yield "rp3beta", by_items(ones, rp3beta(ones, 0.7, 0.3, 20, True))
    yield "rp3beta_none", by_items(value, rp3beta(value, 0.9, 0.5, 10, True))
    yield "popular", np.tile(seen(ones.mean(axis=0)), (CUSTOMERS, 1))
    yield "popular_recent", popular(value, days, 60)
    yield "buy_again", buy_again(value, days, 120)
    yield "buy_again_slow", buy_again(value, days, 500)


if __name__ == "__main__":
    places = np.arange(1, ITEMS + 1) / ITEMS
    for name, scores in cases():
        for c, row in enumerate(scores):
            there = ~np.isnan(row)
            print(f"{name},{c + 1},{there.sum()},{row[there].sum():.9g},{(row * places)[there].sum():.9g}")
