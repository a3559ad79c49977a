#!/usr/bin/python3
"""Cosines of items by their attributes with scikit-learn and SciPy, as CSV (item, other, cosine).

    /usr/bin/python3 test/reference/content.py small     twelve items with every kind of attribute, all pairs
    /usr/bin/python3 test/reference/content.py retail    Online Retail's descriptions: five items with all others

Needs python3-sklearn (1.2.1 when the figures were last compared).  test/pgtap/330_content.sql holds promoai to them.
"""
import csv
import lzma
import re
import sys

import numpy as np
from scipy import sparse
from scipy.stats import rankdata
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import OneHotEncoder, normalize

# item, category, price, on sale, description, embedding: the rows of 330_content.sql
SMALL = [
    ("a1", "tea", 3.5, True, "Red tea cup, porcelain", [1, 0, 0.5]),
    ("a2", "tea", 4, False, "Blue tea cup", [0.9, 0.1, 0.4]),
    ("a3", "tea", 12, None, "Tea pot with two cups", None),
    ("b1", "garden", 30, False, "Garden chair, wood", [-1, 0.2, 0]),
    ("b2", "garden", 45, False, "Garden table, wood and steel", [-0.8, 0.4, 0.1]),
    ("b3", "garden", None, True, None, [-0.9, 0.3, 0]),
    ("c1", None, 3.5, True, "红色陶瓷杯", [0.7, 0, 0.6]),
    ("c2", None, 4, True, "蓝色陶瓷杯 tea", None),
    ("c3", "garden", 45, None, "木椅 wood chair", [0, 0, 0]),
    ("d1", None, None, None, None, None),
    ("d2", "tea", 1000000, False, "cup cup cup", [0, 0, 1]),
    ("d3", "garden", 4, True, "steel", [1, 1, 1]),
]
WEIGHTS = {"category": 2, "price": 0.5, "on_sale": 1, "description": 1.5, "embedding": 3}


def words(text):
    for run in re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]+", text.lower()):
        if run[0] < "\u4e00" or len(run) == 1:
            yield run
        else:
            yield from (run[i : i + 2] for i in range(len(run) - 1))


def text_block(texts):
    return TfidfVectorizer(analyzer=lambda text: list(words(text))).fit_transform([text or "" for text in texts])


def level_block(values):
    known = [value is not None for value in values]
    block = OneHotEncoder().fit_transform([[str(value)] for value in values])
    return sparse.diags(np.array(known, float)) @ block


def number_block(values):
    numbers = np.array([np.nan if value is None else value for value in values], float)
    known = ~np.isnan(numbers)
    block = np.zeros((len(numbers), 2))
    angle = np.pi * (rankdata(numbers[known]) - 0.5) / known.sum()
    block[known] = np.column_stack([np.cos(angle), np.sin(angle)])
    return block


def vector_block(values):
    return normalize(np.array([value or [0, 0, 0] for value in values], float))


def small():
    columns = list(zip(*SMALL))
    blocks = [
        np.sqrt(WEIGHTS["category"]) * level_block(columns[1]),
        np.sqrt(WEIGHTS["price"]) * number_block(columns[2]),
        np.sqrt(WEIGHTS["on_sale"]) * level_block(columns[3]),
        np.sqrt(WEIGHTS["description"]) * text_block(columns[4]),
        np.sqrt(WEIGHTS["embedding"]) * vector_block(columns[5]),
    ]
    return columns[0], cosine_similarity(sparse.hstack(blocks).tocsr())


def retail():
    names = {}
    with lzma.open("test/data/online_retail.csv.xz", "rt") as lines:
        for row in csv.DictReader(lines):
            name = row["Description"].strip(" ").encode()
            code = row["StockCode"]
            if name and (code not in names or name < names[code]):
                names[code] = name
    items = sorted(names, key=str.encode)
    block = text_block([names[item].decode() for item in items])
    chosen = ["22423", "85123A", "POST", "84879", "47566"]
    cosines = cosine_similarity(block[[items.index(item) for item in chosen]], block)
    return chosen, items, cosines


def main():
    out = csv.writer(sys.stdout)
    if sys.argv[1] == "small":
        items, cosines = small()
        chosen = items
    else:
        chosen, items, cosines = retail()
    for i, item in enumerate(chosen):
        for j, other in enumerate(items):
            if item != other:
                out.writerow([item, other, repr(float(cosines[i, j]))])


main()
