#!/usr/bin/python3
"""Words, embeddings and keywords of promoai, judged by scikit-learn and NumPy.

    /usr/bin/python3 test/reference/text.py words DATA        accuracy on the words of each tokenizer
    /usr/bin/python3 test/reference/text.py embeddings DATA   5 nearest neighbours by embed_text
    /usr/bin/python3 test/reference/text.py keywords          TF-IDF and PageRank, the figures in test/pgtap/610_keywords.sql

DATA is a folder with banking77/, clinc150/ and, where it is at hand, waimai/.  The first two need a database with promoai
(PGHOST, PGPORT, PGUSER, PGDATABASE) and python3-sklearn (1.2.1 when the figures were taken).
"""
import collections
import csv
import glob
import json
import lzma
import os
import subprocess
import sys
import time

import numpy as np


def psql(sql, rows=None):
    """The answer of one query as lines; rows go through a temporary table lines(n, doc)."""
    script = "SET client_min_messages = error;\n"
    if rows is not None:
        copy = "\n".join(f"{i}\t" + r.replace("\\", "\\\\").replace("\t", " ") for i, r in enumerate(rows))
        script += "CREATE TEMP TABLE lines (n int, doc text);\nCOPY lines FROM STDIN;\n" + copy + "\n\\.\n"
    out = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"], input=script + sql + ";\n", text=True,
                         encoding="utf-8", stdout=subprocess.PIPE, check=True).stdout
    return out.rstrip("\n").split("\n")


def clean(text):
    return " ".join(text.split())


def corpora(data):
    """name, training documents and labels, test documents and labels"""
    def table(name):
        path = glob.glob(os.path.join(data, "banking77", name + ".csv*"))[0]
        rows = list(csv.reader(lzma.open(path, "rt", encoding="utf-8")))[1:]
        return [clean(r[0]) for r in rows], [r[1] for r in rows]
    yield ("banking77", *table("train"), *table("test"))
    clinc = json.load(lzma.open(os.path.join(data, "clinc150", "data_full.json.xz"), "rt", encoding="utf-8"))
    yield ("clinc150", *([clean(r[i]) if i == 0 else r[i] for r in clinc[part]] for part in ("train", "test") for i in (0, 1)))
    path = os.path.join(data, "waimai", "waimai_10k.csv.xz")
    if not os.path.exists(path):
        print("waimai is not at hand: skipped")
        return
    rows = list(csv.reader(lzma.open(path, "rt", encoding="utf-8")))[1:]
    order = np.random.RandomState(0).permutation(len(rows))
    cut = int(0.8 * len(rows))
    parts = [[rows[i] for i in order[:cut]], [rows[i] for i in order[cut:]]]
    yield ("waimai_10k", *([clean(r[1]) if i == 1 else r[i] for r in part] for part in parts for i in (1, 0)))


def tokens(kind, docs):
    if kind == "friso":
        lines = subprocess.run(["build/friso"], input="\n".join(docs).lower() + "\n", text=True, encoding="utf-8",
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.rstrip("\n").split("\n")
        return [[w for w in line.split("\t") if any(c.isalnum() for c in w)] for line in lines]
    return [json.loads(line) for line in psql(f"SELECT to_json(promoai.text_tokens(doc, '{kind}')) FROM lines ORDER BY n", docs)]


def words(data):
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.naive_bayes import ComplementNB
    from sklearn.svm import LinearSVC
    kinds = ["icu", "simple"] + (["friso"] if os.path.exists("build/friso") else [])
    for name, train, train_labels, test, test_labels in corpora(data):
        for kind in kinds:
            start = time.time()
            both = tokens(kind, train + test)
            seconds = time.time() - start
            shape = {"analyzer": lambda t: t + [a + " " + b for a, b in zip(t, t[1:])]}
            tfidf = TfidfVectorizer(sublinear_tf=True, **shape)
            svm = LinearSVC().fit(tfidf.fit_transform(both[:len(train)]), train_labels)
            count = CountVectorizer(**shape)
            bayes = ComplementNB().fit(count.fit_transform(both[:len(train)]), train_labels)
            print(f"{name} {kind}: linear SVM {svm.score(tfidf.transform(both[len(train):]), test_labels):.4f}, "
                  f"naive Bayes {bayes.score(count.transform(both[len(train):]), test_labels):.4f}; "
                  f"{len(both) / seconds:.0f} documents/s with psql and Python", flush=True)


def nearest(a, labels, b, wanted, k=5):
    right = 0
    for i, row in enumerate(b @ a.T):
        votes = collections.defaultdict(float)
        for j in np.argpartition(-row, k)[:k]:
            votes[labels[j]] += row[j]
        right += max(votes, key=votes.get) == wanted[i]
    return right / len(wanted)


def embed(docs):
    return np.array([json.loads(line) for line in psql("SELECT to_json(promoai.embed_text(doc)) FROM lines ORDER BY n", docs)])


def embeddings(data):
    from sklearn.feature_extraction.text import HashingVectorizer
    peer = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=256)
    for name, train, train_labels, test, test_labels in corpora(data):
        ours = nearest(embed(train), train_labels, embed(test), test_labels)
        theirs = nearest(peer.transform(train).toarray(), train_labels, peer.transform(test).toarray(), test_labels)
        print(f"{name}: 5 nearest neighbours {ours:.4f}, scikit-learn's HashingVectorizer of as many places {theirs:.4f}", flush=True)


GROUPS = {1: "red mug dots red mug large handle mug", 2: "blue bag large dots bag mug", 3: "garden chair wood garden table wood"}


def keywords():
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
    count = CountVectorizer(token_pattern=r"\S+")
    scores = TfidfTransformer().fit_transform(count.fit_transform(GROUPS.values())).toarray()
    names = count.get_feature_names_out()
    for group, row in zip(GROUPS, scores):
        print(f"tfidf {group}:", ", ".join(f"{names[i]} {row[i]:.9f}" for i in np.argsort(-row, kind="stable") if row[i] > 0))
    for window in (2, 3):
        for group, text in GROUPS.items():
            sequence = text.split()
            word = sorted(set(sequence))
            weight = np.zeros((len(word), len(word)))
            for i, a in enumerate(sequence):
                for b in sequence[i + 1:i + window]:
                    if a != b:
                        weight[word.index(a), word.index(b)] += 1
                        weight[word.index(b), word.index(a)] += 1
            step = 0.85 * weight / weight.sum(axis=0) + 0.15 / len(word)
            values, vectors = np.linalg.eig(step)
            rank = np.abs(np.real(vectors[:, np.argmax(np.real(values))]))
            rank /= rank.sum()
            print(f"textrank {group} window {window}:", ", ".join(f"{word[i]} {rank[i]:.9f}" for i in np.argsort(-rank, kind="stable")))


if __name__ == "__main__":
    if sys.argv[1:] == ["keywords"]:
        keywords()
    elif len(sys.argv) == 3 and sys.argv[1] in ("words", "embeddings"):
        {"words": words, "embeddings": embeddings}[sys.argv[1]](sys.argv[2])
    else:
        sys.exit(__doc__)
