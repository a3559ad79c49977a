#!/usr/bin/python3
"""Texts as vectors of 256 numbers by scikit-learn's HashingVectorizer, beside promoai's embed_text.

    peer_hashing.py FILE    texts, one a line; texts per processor second

With the same features: words and pairs of neighbours, and 3 to 5 characters within words.
"""
import sys
import time

from sklearn.feature_extraction.text import HashingVectorizer

docs = open(sys.argv[1], encoding="utf-8").read().split("\n")[:-1]
kinds = [HashingVectorizer(analyzer="word", ngram_range=(1, 2), n_features=256, norm=None),
         HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=256, norm=None)]
start = time.process_time()
for kind in kinds:
    kind.transform(docs)
print(len(docs) / (time.process_time() - start))
