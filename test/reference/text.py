#!/usr/bin/python3
"""Words, embeddings and keywords of promoai, judged by scikit-learn and NumPy.

    /usr/bin/python3 test/reference/text.py words DATA        accuracy on the words of each tokenizer
    /usr/bin/python3 test/reference/text.py embeddings DATA   5 nearest neighbours by embed_text
    /usr/bin/python3 test/reference/text.py weights DATA      how the weights of embed_text's features were chosen, on training parts alone
    /usr/bin/python3 test/reference/text.py titles            near-duplicates among test/data/online_retail.csv.xz's product names
    /usr/bin/python3 test/reference/text.py ascii [DATA]      ICU's words and those of the short way for ASCII, on every text
    /usr/bin/python3 test/reference/text.py keywords          TF-IDF and PageRank, the figures in test/pgtap/605_text_embedding.sql

DATA is a folder with banking77/, clinc150/ and, where it is at hand, waimai/.  words, embeddings, titles and ascii need a database with promoai
(PGHOST, PGPORT, PGUSER, PGDATABASE) and python3-sklearn (1.2.1 when the figures were taken).
"""
import collections
import csv
import glob
import json
import lzma
import os
import re
import subprocess
import sys
import time
from random import Random

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
        lines = subprocess.run(["build/word_breakers", "friso"], input="\n".join(docs).lower() + "\n", text=True, encoding="utf-8",
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.rstrip("\n").split("\n")
        return [[w for w in line.split("\t") if any(c.isalnum() for c in w)] for line in lines]
    return [json.loads(line) for line in psql(f"SELECT to_json(promoai.text_tokens(doc, '{kind}')) FROM lines ORDER BY n", docs)]


def words(data):
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.naive_bayes import ComplementNB
    from sklearn.svm import LinearSVC
    kinds = ["icu", "simple"] + (["friso"] if os.path.exists("build/word_breakers") else [])
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


# ---- weights ----

DENSE = r"\u3041-\u30fe\u3400-\u9fff\uf900-\ufaff"


def features(text, kind):
    """The features of one kind as src/core/text/hash_embedding.c has them, but for its own rules of lower case."""
    text = text.lower()
    found = re.findall(rf"[^\W_{DENSE}]+", text)
    if kind == "words":
        return found
    if kind == "pairs":
        return [a + " " + b for a, b in zip(found, found[1:])]
    if kind == "grams":
        return [m[i:i + n] for w in found for m in ["<" + w + ">"] for n in (3, 4, 5) for i in range(len(m) - n + 1)]
    runs = re.findall(rf"[{DENSE}]+", text)
    return [c for r in runs for c in r] if kind == "characters" else [r[i:i + 2] for r in runs for i in range(len(r) - 1)]


KINDS = ("words", "pairs", "grams", "characters", "pairs of characters")
CHOICES = {"letters": [(8, pairs, grams, 8, 8) for pairs in (0, 2, 4) for grams in (4, 6, 8, 10)],
           "characters": [(8, 2, 6, characters, pairs) for characters in (6, 8, 12) for pairs in (2, 4, 8)]}


def features_hashed(docs, salt):
    """For each kind [docs x 256] sums of signs, each feature with the square root of how often it comes; scikit-learn's hash, not ours."""
    from sklearn.feature_extraction.text import HashingVectorizer
    for kind in KINDS:
        counts = HashingVectorizer(analyzer=lambda t: [f"{salt}{kind}{f}" for f in features(t, kind)], n_features=2 ** 22,
                                   norm=None, dtype=np.float32).transform(docs).tocoo()
        folded = np.zeros((len(docs), 256), np.float32)
        np.add.at(folded, (counts.row, counts.col % 256), np.sign(counts.data) * np.sqrt(np.abs(counts.data)))
        yield folded


def weighted(parts, choice):
    mixed = sum(w * p for w, p in zip(choice, parts))
    return mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-9)


def weights(data):
    """Each choice on training parts alone, cut 80/20 five times, each time with other hashes; titles: on every other product."""
    for name, train, labels, _, _ in corpora(data):
        right = collections.defaultdict(list)
        choices = CHOICES["characters" if name.startswith("waimai") else "letters"]
        for salt in range(5):
            order = np.random.RandomState(salt).permutation(len(train))
            cut = int(0.8 * len(order))
            wanted = [labels[i] for i in order]
            parts = list(features_hashed([train[i] for i in order], salt))
            for choice in choices:
                mixed = weighted(parts, choice)
                right[choice].append(nearest(mixed[:cut], wanted[:cut], mixed[cut:], wanted[cut:]))
        show_weights(name, right)
    right = collections.defaultdict(list)
    for salt in range(5):
        base, questions = changed_titles(0, salt)
        parts = list(features_hashed(base, salt))
        for pairs in questions.values():
            wanted = [base.index(n) for _, n in pairs]
            asked = list(features_hashed([q for q, _ in pairs], salt))
            for choice in CHOICES["letters"]:
                right[choice].append(np.mean(np.argmax(weighted(asked, choice) @ weighted(parts, choice).T, axis=1) == wanted))
    show_weights("titles", right)


def show_weights(name, right):
    best = max(np.mean(shares) for shares in right.values())
    for choice, shares in right.items():
        print(f"{name}: " + ", ".join(f"{k} {w}" for k, w in zip(KINDS, choice)) +
              f": {np.mean(shares):.4f}{' the best' if np.mean(shares) == best else ''}", flush=True)


# ---- near-duplicates ----

def catalogue():
    """stock code: its descriptions, the most frequent first; notes of the warehouse, which are in lower case, left out"""
    counted = collections.defaultdict(collections.Counter)
    with lzma.open("test/data/online_retail.csv.xz", "rt", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            name = clean(row["Description"])
            if len(name) >= 8 and name.upper() == name and " " in name:
                counted[row["StockCode"].upper()][name] += 1
    return {code: sorted(names, key=lambda n: (-names[n], n)) for code, names in sorted(counted.items())}


def one_typo(random, name):
    at = 1 + random.randrange(len(name) - 2)
    return [name[:at] + name[at + 1:], name[:at] + name[at] + name[at:], name[:at] + name[at + 1] + name[at] + name[at + 2:],
            name[:at] + random.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + name[at + 1:]][random.randrange(4)]


def changed_titles(half, seed):
    """Every other product's title, and for each way of changing it pairs of the title changed and as it was."""
    random = Random(seed)
    codes = dict(list(catalogue().items())[half::2])
    base = list(dict.fromkeys(names[0] for names in codes.values()))
    known = set(base)

    def without_one(title):
        left = title.split()
        del left[random.randrange(len(left))]
        return " ".join(left)

    def typos(title, n):
        for _ in range(n):
            title = one_typo(random, title)
        return title

    return base, {
        "another description of the same stock code": [(n, names[0]) for names in codes.values() for n in names[1:] if n not in known],
        "one typo": [(typos(n, 1), n) for n in base],
        "three typos": [(typos(n, 3), n) for n in base],
        "words in another order": [(" ".join(random.sample(n.split(), len(n.split()))), n) for n in base],
        "a word left out": [(without_one(n), n) for n in base]}


def titles():
    """How often the nearest of all titles is the one that a changed title is of, on the products that weights does not look at."""
    from sklearn.feature_extraction.text import HashingVectorizer
    base, questions = changed_titles(1, 1)
    peer = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=256)
    ours, theirs = embed(base), peer.transform(base).toarray()
    for what, pairs in questions.items():
        wanted = np.array([base.index(n) for _, n in pairs])
        asked = [q for q, _ in pairs]
        shares = []
        for a, b in ((ours, embed(asked)), (theirs, peer.transform(asked).toarray())):
            order = np.argsort(-(b @ a.T), axis=1, kind="stable")[:, :5]
            shares += [np.mean(order[:, 0] == wanted), np.mean((order == wanted[:, None]).any(axis=1))]
        print(f"{what}: {len(pairs)} questions, {len(base)} titles; nearest {shares[0]:.3f}, among five {shares[1]:.3f}; "
              f"HashingVectorizer {shares[2]:.3f}, {shares[3]:.3f}", flush=True)


# ---- words in ASCII ----

def ascii_words(data=None):
    """A text behind a Chinese full stop goes through ICU, by itself through the rules for ASCII: both must give the same words."""
    texts = {"Online Retail": sorted({n for names in catalogue().values() for n in names})}
    if data:
        texts.update((name, train + test) for name, train, _, test, _ in corpora(data))
    wrong = 0
    for name, docs in texts.items():
        docs = [d for d in docs if d.isascii() and d]
        if not docs:
            continue
        different = psql("SELECT doc FROM lines WHERE promoai.text_tokens(doc) IS DISTINCT FROM promoai.text_tokens(doc || '\u3002')", docs)
        different = [d for d in different if d]
        wrong += len(different)
        print(f"{name}: {len(docs)} texts in ASCII, {len(different)} differ", *different[:5], sep="\n  " if different else "", flush=True)
    sys.exit(wrong > 0)


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
    elif sys.argv[1:] == ["titles"]:
        titles()
    elif len(sys.argv) in (2, 3) and sys.argv[1] == "ascii":
        ascii_words(*sys.argv[2:])
    elif len(sys.argv) == 3 and sys.argv[1] in ("words", "embeddings", "weights"):
        {"words": words, "embeddings": embeddings, "weights": weights}[sys.argv[1]](sys.argv[2])
    else:
        sys.exit(__doc__)
