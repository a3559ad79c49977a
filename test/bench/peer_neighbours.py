"""Processor seconds that SciPy takes for the 50 nearest items by cosine: the sparse product, and per row the largest 50.

    peer_neighbours.py PAIRS [weighted]       (PAIRS: of bench_neighbours; weighted: TF-IDF as the library implicit has it)

One thread.  Prints the sum of all similarities kept, which bench_neighbours prints too, and last the seconds.  Exit code 3:
SciPy is not installed.
"""

import sys
import time

try:
    import numpy
    import scipy.sparse
except ImportError as error:
    print(error)
    sys.exit(3)

NEIGHBOURS = 50
BLOCK = 1000  # rows of the product at a time: the whole of it may not fit in memory

with open(sys.argv[1], encoding="ascii") as file:
    users, items, _ = map(int, file.readline().split())
    pairs = numpy.fromstring(file.read(), dtype=numpy.int32, sep=" ").reshape(-1, 3)
by_item = scipy.sparse.csr_matrix((numpy.ones(len(pairs)), (pairs[:, 1], pairs[:, 0])), shape=(items, users))
begun = time.process_time()
if len(sys.argv) > 2 and sys.argv[2] == "weighted":
    idf = numpy.log(items) - numpy.log1p(numpy.bincount(by_item.indices, minlength=users))
    by_item = by_item.copy()
    by_item.data = numpy.sqrt(by_item.data) * idf[by_item.indices]
norms = numpy.sqrt(numpy.asarray(by_item.multiply(by_item).sum(axis=1)).ravel())
unit = scipy.sparse.diags(1.0 / numpy.where(norms > 0, norms, 1.0)) @ by_item
other = unit.T.tocsr()
total = 0.0
for lo in range(0, items, BLOCK):
    product = (unit[lo : lo + BLOCK] @ other).tocsr()
    for r in range(product.shape[0]):
        row = slice(product.indptr[r], product.indptr[r + 1])
        values = product.data[row]
        values[product.indices[row] == lo + r] = 0.0
        if len(values) > NEIGHBOURS:
            best = numpy.argpartition(values, -NEIGHBOURS)[-NEIGHBOURS:]
        else:
            best = numpy.arange(len(values))
        total += values[best][values[best] > 0].sum()
seconds = time.process_time() - begun
print(f"{len(pairs)} pairs, sum of similarities {total:.3f}, seconds {seconds:.4f}")
