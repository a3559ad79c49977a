"""Seconds an iteration of implicit's ALS takes on the pairs in a file: the peer of mf_train.

    peer_implicit.py PAIRS FACTORS cg|cholesky       (PAIRS: lines of user<tab>item, numbered from 0)

One thread, single precision, the median of the iterations after the first.  Exit code 3: implicit is not installed.
"""

import os
import statistics
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
try:
    import numpy
    import scipy.sparse
    from implicit.cpu.als import AlternatingLeastSquares
except ImportError as error:
    print(error)
    sys.exit(3)

pairs = numpy.loadtxt(sys.argv[1], dtype=numpy.int32, delimiter="\t")
matrix = scipy.sparse.csr_matrix((numpy.ones(len(pairs), numpy.float32), (pairs[:, 0], pairs[:, 1])))
model = AlternatingLeastSquares(
    factors=int(sys.argv[2]),
    regularization=0.01,
    use_cg=sys.argv[3] == "cg",
    iterations=6,
    num_threads=1,
    dtype=numpy.float32,
    random_state=1,
)
seconds = []
model.fit(matrix, show_progress=False, callback=lambda iteration, elapsed, *more: seconds.append(elapsed))
print(statistics.median(seconds[1:]))
