#!/usr/bin/python3
"""The figures that test/core/test_kmeans.c holds, from scikit-learn on the same rows.

    /usr/bin/python3 test/reference/kmeans.py

Rows are made from the counted random numbers of src/core/rng.h, written again here: clouds around centers, apart or
overlapping.
"""
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_samples

U = np.uint64
GOLDEN = U(0x9E3779B97F4A7C15)


def mix(z):
    z = (z ^ (z >> U(30))) * U(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
    return z ^ (z >> U(31))


def hash3(seed, a, b):
    state = mix(U(seed) + GOLDEN)
    state = mix(state ^ (a + GOLDEN))
    return mix(state + (b + U(1)) * GOLDEN)


def uniform(seed, stream, index):
    return ((hash3(seed, stream, index) >> U(12)).astype(np.float64) + 0.5) * 2.0**-52


def normal(seed, stream, index):
    pair = index >> U(1)
    radius = np.sqrt(-2 * np.log(uniform(seed, stream, U(2) * pair)))
    angle = 2 * np.pi * uniform(seed, stream, U(2) * pair + U(1))
    return np.where(index & U(1), radius * np.sin(angle), radius * np.cos(angle))


def blobs(n, features, clouds, apart):
    i = np.arange(n, dtype=np.uint64)
    cloud = ((hash3(1, np.zeros(n, np.uint64), i) >> U(32)) * U(clouds)) >> U(32)
    f = np.arange(features, dtype=np.uint64)
    cells = i[:, None] * U(features) + f
    return (apart * normal(2, cloud[:, None] + 0 * f, f + 0 * cloud[:, None])
            + normal(3, np.zeros_like(cells), cells)).astype(np.float32)


def main():
    np.seterr(over="ignore")
    print("best inertia of ten; clouds x apart: n, features, clouds")
    for n, features, clouds, apart in ((3000, 4, 7, 3), (3000, 8, 20, 1), (5000, 2, 5, 2), (2000, 16, 40, 2)):
        x = blobs(n, features, clouds, apart).astype(np.float64)
        best = KMeans(clouds, n_init=10, random_state=0).fit(x)
        print(f"\t{{{n}, {features}, {clouds}, {apart}, {best.inertia_:.15g}}},")
    x = blobs(3000, 4, 7, 1).astype(np.float64)
    run = KMeans(7, init=x[:7], n_init=1, max_iter=300, tol=0).fit(x)
    labels = run.labels_
    silhouettes = silhouette_samples(x, labels)
    print(f"from the first seven rows of (3000, 4, 7, 1): inertia {run.inertia_:.15g}, sizes",
          sorted(np.bincount(labels), reverse=True))
    print(f"silhouette {silhouettes.mean():.15g} error {silhouettes.std(ddof=1) / np.sqrt(3000):.15g}")
    print(f"davies_bouldin {davies_bouldin_score(x, labels):.15g}")
    print(f"calinski_harabasz {calinski_harabasz_score(x, labels):.15g}")


main()
