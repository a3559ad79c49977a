#!/usr/bin/python3
"""The figures that test/core/test_scale.c holds: scikit-learn's scalers on seven rows of three features.

    /usr/bin/python3 test/reference/scale.py
"""
import numpy as np
from sklearn.preprocessing import RobustScaler, StandardScaler

rows = np.array([[1, 10.5, -3], [2, 0, 5], [30, 20.25, 0.5], [4, 7, -8], [500, 3, 2], [6, 1, 1], [7, 90, 4]], float)
logs = rows.copy()
logs[:, :2] = np.log1p(rows[:, :2])
for name, scaled in (("log_zscore", StandardScaler().fit_transform(logs)),
                     ("zscore", StandardScaler().fit_transform(rows)),
                     ("robust", RobustScaler().fit_transform(rows))):
    print(name)
    for row in scaled:
        print("\t{" + ", ".join(f"{value:.17g}" for value in row) + "},")
