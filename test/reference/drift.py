#!/usr/bin/env python3
# drift.py - the figures of test/core/test_drift.c and test_profile.c from NumPy and SciPy (Debian: python3-numpy, python3-scipy)
import numpy as np
from scipy import stats

before = np.arange(1, 1001.0)
now = before + 150
cuts = np.sort(before)[[1000 * d // 10 for d in range(1, 10)]]
was = np.bincount(np.searchsorted(cuts, before), minlength=10) / 1000
is_ = np.bincount(np.searchsorted(cuts, now), minlength=10) / 1000
was, is_ = np.maximum(was, 1e-4), np.maximum(is_, 1e-4)
print('index', ((is_ - was) * np.log(is_ / was)).sum())

was, is_ = np.array([1e-4, 1, 1e-4]), np.array([1e-4, .8, .2])  # below, the constant and above: a fifth of it rises
print('a fifth of a constant', ((is_ - was) * np.log(is_ / was)).sum())

a = np.array([.5, .6, .7, .2, .9, .4, .3, .8])
b = np.array([.4, .6, .5, .2, .8, .4, .1, .7])
for margin in (0, .1):
    print('worse beyond', margin, stats.ttest_1samp(b - a, -margin, alternative='less').pvalue)
