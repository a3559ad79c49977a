"""Milliseconds a user of top-10 lists over given factors, by implicit and by faiss' exact index: the peers of rank_index.c.

    peer_rank.py FOLDER implicit-one|implicit-batch|faiss-one|faiss-batch [FACTORS]

FOLDER holds `items` and `users` as bench_rank writes them (floats, row by row).  One thread, the median of five runs over
1,024 users (one at a time: 200).  Nothing is excluded, which is less work than bench_rank does.  Exit code 3: not installed.
"""

import os
import statistics
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
folder, way = sys.argv[1:3]
factors = int(sys.argv[3]) if len(sys.argv) > 3 else 64
try:
    import numpy

    items = numpy.fromfile(folder + "/items", numpy.float32).reshape(-1, factors)
    users = numpy.fromfile(folder + "/users", numpy.float32).reshape(-1, factors)
    if way.startswith("implicit"):
        from implicit.cpu.als import AlternatingLeastSquares

        model = AlternatingLeastSquares(factors=factors, num_threads=1)
        model.user_factors = users
        model.item_factors = items

        def ask(ids):
            return model.recommend(ids, None, N=10, filter_already_liked_items=False)

    else:
        import faiss

        faiss.omp_set_num_threads(1)
        index = faiss.IndexFlatIP(factors)
        index.add(items)

        def ask(ids):
            return index.search(users[ids] if not isinstance(ids, int) else users[ids : ids + 1], 10)

except ImportError as error:
    print(error)
    sys.exit(3)

one = way.endswith("one")
seconds = []
for _ in range(5):
    begun = time.perf_counter()
    if one:
        for user in range(200):
            ask(user)
    else:
        ask(numpy.arange(len(users)))
    seconds.append((time.perf_counter() - begun) / (200 if one else len(users)))
print(1e3 * statistics.median(seconds))
