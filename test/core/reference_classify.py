#!/usr/bin/env python3
"""scikit-learn's classifiers on rows that test_classify.c makes the same way; prints classify_reference.h.

    /usr/bin/python3 reference_classify.py >classify_reference.h

scikit-learn 1.2.1 and its LIBLINEAR.
"""
import warnings

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.svm import LinearSVC

warnings.filterwarnings("ignore")
ROWS, FEATURES, CLASSES = 300, 40, 4


def rows():
    state = 1
    x = np.zeros((ROWS, FEATURES))
    y = []

    def draw():
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return state >> 8

    for i in range(ROWS):
        home = draw() % CLASSES
        for _ in range(6):
            f = (home * 10 + draw() % 10) if draw() % 3 else draw() % FEATURES
            x[i, f] = 1 + draw() % 8 / 4
        y.append(draw() % CLASSES if draw() % 7 == 0 else home)
    return x, np.array(y)


def put(name, numbers, kind="double"):
    print("static const %s %s[] = {" % (kind, name))
    numbers = list(numbers)
    for i in range(0, len(numbers), 10):
        print("\t" + ", ".join(("%d" if kind == "int" else "%.9g") % n for n in numbers[i : i + 10]) + ",")
    print("};")


x, y = rows()
print("/* Made by reference_classify.py. */")
for name, model in (
    ("bayes", MultinomialNB(alpha=0.5)),
    ("complement", ComplementNB(alpha=0.5)),
    ("squared_hinge", LinearSVC(C=0.7, tol=1e-10, max_iter=1000000)),
    ("hinge", LinearSVC(C=0.7, loss="hinge", tol=1e-10, max_iter=1000000)),
    ("logistic", LogisticRegression(C=0.7, solver="liblinear", dual=True, tol=1e-10, max_iter=100000, multi_class="ovr")),
):
    model.fit(x, y)
    put("reference_%s_label" % name, model.predict(x), "int")
    if hasattr(model, "feature_log_prob_"):
        sign = 1
        put("reference_%s_score" % name, (model.predict_joint_log_proba(x))[:10].ravel())
    else:
        put("reference_%s_score" % name, model.decision_function(x)[:10].ravel())

# n-grams within words, in no order: bytes joined by '|'.
vectorizer = CountVectorizer(analyzer="char_wb", ngram_range=(2, 4))
counts = vectorizer.fit_transform(["good food, 很好吃 a"])
print('static const char reference_ngrams[] =')
for word, column in sorted(vectorizer.vocabulary_.items()):
    print('\t"%s=%d|"' % (word, counts[0, column]))
print(";")
