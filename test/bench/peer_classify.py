#!/usr/bin/env python3
"""Peers of text classifiers on (text, label) in CSV files: accuracy on standard error, seconds as the last line.

    peer_classify.py sklearn|fasttext TRAIN.csv TEST.csv

scikit-learn: TF-IDF of words (1-2) and characters within words (2-5), LinearSVC; fastText: 50 epochs, pairs of words, two threads.
"""
import csv
import subprocess
import sys
import tempfile
import time

peer, train, test = sys.argv[1:]


def read(path):
    with open(path, newline="", encoding="utf8") as file:
        rows = list(csv.reader(file))
    return [row[0] for row in rows], [row[1] for row in rows]


(x, y), (u, v) = read(train), read(test)
began = None
if peer == "sklearn":
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    began = time.time()
    vectorizers = [
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    ]
    model = LinearSVC().fit(hstack([each.fit_transform(x) for each in vectorizers]).tocsr(), y)
    seconds = time.time() - began
    labels = model.predict(hstack([each.transform(u) for each in vectorizers]).tocsr())
    right = sum(a == b for a, b in zip(labels, v))
else:
    with tempfile.TemporaryDirectory() as folder:

        def write(name, texts, labels):
            with open(folder + name, "w", encoding="utf8") as file:
                for text, label in zip(texts, labels):
                    file.write("__label__%s %s\n" % (label, " ".join(text.lower().split())))

        write("/train", x, y)
        write("/test", u, v)
        began = time.time()
        subprocess.run(
            ["fasttext", "supervised", "-input", folder + "/train", "-output", folder + "/model", "-epoch", "50", "-lr", "0.5"]
            + ["-wordNgrams", "2", "-thread", "2", "-verbose", "0"],
            check=True, capture_output=True)
        seconds = time.time() - began
        told = subprocess.run(["fasttext", "predict", folder + "/model.bin", folder + "/test"], check=True, capture_output=True, text=True)
        right = sum(a == "__label__" + b for a, b in zip(told.stdout.split("\n"), v))
print("%s: accuracy %.4f" % (peer, right / len(v)), file=sys.stderr)
print("%.3f" % seconds)
