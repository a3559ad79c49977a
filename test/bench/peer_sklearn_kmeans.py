#!/usr/bin/python3
"""k-means of scikit-learn beside promoai's, on the same rows from the same centroids.

    peer_sklearn_kmeans.py write FILE ROWS FEATURES K    rows in float32 and centroids to begin with
    peer_sklearn_kmeans.py fit FILE ROWS FEATURES K ITERATIONS    inertia, and last the processor seconds of fit
    peer_sklearn_kmeans.py train FILE K ITERATIONS    FILE: a binary COPY of float8; from one k-means++ start, each feature brought
                                           to deviation 1, in float32; inertia, and last the seconds of fit

Clouds overlap, so that no algorithm can leave most distances out.  One thread: OMP_NUM_THREADS and OPENBLAS_NUM_THREADS
are to be 1.
"""
import sys
import time

import numpy as np


def write(name, rows, features, k):
    random = np.random.default_rng(1)
    centers = 2 * random.standard_normal((k, features), dtype=np.float32)
    with open(name, "wb") as file:
        for begin in range(0, rows, 1 << 18):
            count = min(1 << 18, rows - begin)
            part = random.standard_normal((count, features), dtype=np.float32)
            part += centers[random.integers(0, k, count)]
            if begin == 0:
                start = part[:k].copy()
            part.tofile(file)
        start.tofile(file)


def fit(name, rows, features, k, iterations):
    from sklearn.cluster import KMeans

    data = np.fromfile(name, np.float32)
    x = data[:rows * features].reshape(rows, features)
    start = data[rows * features:].reshape(k, features)
    began = time.process_time()
    model = KMeans(k, init=start, n_init=1, max_iter=iterations, tol=0, algorithm="lloyd", copy_x=False).fit(x)
    seconds = time.process_time() - began
    print(f"inertia {model.inertia_:.10g} after {model.n_iter_} iterations\n{seconds:.4f}")


def train(name, k, iterations):
    from sklearn.cluster import KMeans

    copied = np.fromfile(name, np.uint8)[19:-2]
    features = int.from_bytes(copied[:2].tobytes(), "big")
    row = np.dtype([("n", ">i2")] + [(f"{c}{i}", t) for i in range(features) for c, t in (("l", ">i4"), ("f", ">f8"))])
    rows = np.frombuffer(copied.tobytes(), row)
    x = np.column_stack([rows[f"f{i}"] for i in range(features)])
    x = np.ascontiguousarray((x - x.mean(axis=0)) / x.std(axis=0), dtype=np.float32)
    began = time.perf_counter()
    model = KMeans(k, n_init=1, max_iter=iterations, tol=0, random_state=1).fit(x)
    seconds = time.perf_counter() - began
    print(f"inertia {model.inertia_:.10g}\n{seconds:.4f}")


if __name__ == "__main__":
    {"write": write, "fit": fit, "train": train}[sys.argv[1]](sys.argv[2], *map(int, sys.argv[3:]))
