#!/usr/bin/python3
"""Figures of NumPy and SciPy for test_resample.c and test_ridge_explain.c.

    reference_recommend.py          prints recommend_reference.h

Data follow from the counted random numbers of src/core/rng.h; rows, weights and queries are in single precision, as the C code has them.
"""
import numpy as np
import scipy.stats

from reference_neighbours import hash3

OBSERVED, WIDTH = 12, 5


def uniform(seed, stream, n):
    return np.array([((hash3(seed, stream, i) >> 12) + 0.5) * 2.0**-52 for i in range(n)])


def t_tests():
    """Recalls of 200 customers by two models, the second better by `shift`; then few, and differences without spread."""
    a = uniform(11, 0, 200)
    for shift in (0.0, 0.02, 0.2):
        b = 0.5 * a + 0.5 * uniform(11, 1, 200) + shift
        yield scipy.stats.ttest_rel(a, b).pvalue
        yield scipy.stats.ttest_rel(a[:3], b[:3]).pvalue


def parts(weighted, targeted):
    rows = (uniform(12, 0, OBSERVED * WIDTH) - 0.5).astype(np.float32).astype(float).reshape(OBSERVED, WIDTH)
    half = (uniform(12, 1, WIDTH * WIDTH) - 0.5).reshape(WIDTH, WIDTH)
    base = half @ half.T + 0.1 * np.eye(WIDTH)
    query = (uniform(12, 2, WIDTH) - 0.5).astype(np.float32).astype(float)
    weights = (1 + uniform(12, 3, OBSERVED)).astype(np.float32).astype(float) if weighted else np.ones(OBSERVED)
    targets = (4 * uniform(12, 4, OBSERVED) - 2).astype(np.float32).astype(float) if targeted else np.ones(OBSERVED)
    inverse = np.linalg.inv(base + rows.T @ np.diag(weights) @ rows)
    return weights * targets * (rows @ inverse @ query)


def line(values):
    return ", ".join(f"{v:.15g}" for v in values)


if __name__ == "__main__":
    print("/* clang-format off */")
    print("/* What reference_recommend.py prints. */")
    print(f"static const double reference_t_tests[6] = {{{line(t_tests())}}};")
    for name, weighted, targeted in (("plain", 0, 0), ("weighted", 1, 0), ("rated", 0, 1), ("both", 1, 1)):
        print(f"static const double reference_parts_{name}[{OBSERVED}] = {{{line(parts(weighted, targeted))}}};")
