#!/usr/bin/python3
"""Inertia of scikit-learn's best of ten k-means, five clusters, on log(1 + x) standardised columns; CSV on standard input.

Used by test/server/240_segment.sh with recency, frequency and monetary of Online Retail.
"""
import sys

import numpy as np
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

rows = np.loadtxt(sys.stdin, delimiter=",")[:, 1:]
scaled = StandardScaler().fit_transform(np.log1p(rows))
print(repr(float(KMeans(5, n_init=10, random_state=0).fit(scaled).inertia_)))
