"""Seconds of one clustering of the points in FILE (x and y per line, tabs) by scikit-learn and SciPy: the peers of dbscan_segment.

    peer_density.py FILE dbscan EPS MIN_POINTS | ward | single

One thread; reading FILE is not counted.  Exit code 3: not installed.
"""

import os
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
    os.environ.setdefault(name, "1")
file, way = sys.argv[1:3]
try:
    import numpy
    from scipy.cluster.hierarchy import linkage
    from sklearn.cluster import DBSCAN
except ImportError as missing:
    print(missing)
    sys.exit(3)

points = numpy.loadtxt(file, delimiter="\t")
begun = time.perf_counter()
if way == "dbscan":
    DBSCAN(eps=float(sys.argv[3]), min_samples=int(sys.argv[4]), algorithm="kd_tree", n_jobs=1).fit(points)
else:
    linkage(points, way)
print(time.perf_counter() - begun)
