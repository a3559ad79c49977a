"""From a table to the ten best items for every customer in a table, outside the database: implicit between two COPYs.

    peer_table.py SOURCE TARGET THREADS FACTORS ITERATIONS [train]

SOURCE has the columns (customer int4, item int4), which are taken as indices as they are; TARGET is made anew with
(customer_id int8, rank int4, item_id int8, score float4).  Rows travel by psql in binary COPY, straight into and out of NumPy
arrays: the fastest way that is known.  Prints the seconds of each part to standard error and their sum, without imports, as
the last line; with `train` the training's alone.  Exit code 3: implicit is not installed.
"""

import os
import subprocess
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
try:
    import numpy
    import scipy.sparse
    from implicit.cpu.als import AlternatingLeastSquares
except ImportError as error:
    print(error)
    sys.exit(3)

source, target = sys.argv[1:3]
threads, factors, iterations = map(int, sys.argv[3:6])
train_only = sys.argv[6:] == ["train"]
psql = [os.environ.get("PSQL", "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c"]
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
seconds = {}


def timed(part, work, *arguments):
    """Run work and keep how long it took."""
    began = time.perf_counter()
    answer = work(*arguments)
    seconds[part] = time.perf_counter() - began
    return answer


def read():
    """The pairs as a matrix of customers x items, repeated ones summed."""
    copied = subprocess.run(psql + [f"COPY {source} (customer, item) TO STDOUT (FORMAT binary)"], check=True, stdout=subprocess.PIPE)
    row = numpy.dtype([("n", ">i2"), ("l1", ">i4"), ("customer", ">i4"), ("l2", ">i4"), ("item", ">i4")])
    rows = numpy.frombuffer(copied.stdout, row, offset=len(HEADER), count=(len(copied.stdout) - len(HEADER) - 2) // row.itemsize)
    customer = rows["customer"].astype(numpy.int32)
    item = rows["item"].astype(numpy.int32)
    matrix = scipy.sparse.csr_matrix((numpy.ones(len(rows), numpy.float32), (customer, item)))
    matrix.data[:] = 1
    return matrix


def train(matrix):
    """A model by implicit's default solver."""
    model = AlternatingLeastSquares(
        factors=factors, regularization=0.01, iterations=iterations, num_threads=threads, dtype=numpy.float32, random_state=1
    )
    model.fit(matrix, show_progress=False)
    return model


def recommend(model, matrix):
    """Lists of ten for everybody, without what they bought."""
    return model.recommend(numpy.arange(matrix.shape[0]), matrix, N=10, filter_already_liked_items=True)


def write(ids, scores):
    """The lists into a table."""
    row = numpy.dtype(
        [("n", ">i2"), ("l1", ">i4"), ("customer", ">i8"), ("l2", ">i4"), ("rank", ">i4"), ("l3", ">i4"), ("item", ">i8")]
        + [("l4", ">i4"), ("score", ">f4")]
    )
    rows = numpy.empty(ids.size, row)
    rows["n"], rows["l1"], rows["l2"], rows["l3"], rows["l4"] = 4, 8, 4, 8, 4
    rows["customer"] = numpy.repeat(numpy.arange(len(ids)), ids.shape[1])
    rows["rank"] = numpy.tile(numpy.arange(1, ids.shape[1] + 1), len(ids))
    rows["item"] = ids.ravel()
    rows["score"] = scores.ravel()
    make = f"CREATE TABLE {target} (customer_id int8, rank int4, item_id int8, score float4)"
    # In one transaction with the table, so that no row has to wait for its visibility.
    subprocess.run(
        psql[:-1] + ["-1", "-c", make, "-c", f"COPY {target} FROM STDIN (FORMAT binary)"],
        check=True,
        input=HEADER + rows.tobytes() + b"\xff\xff",
    )


matrix = timed("read", read)
model = timed("train", train, matrix)
if train_only:
    print(seconds["train"])
    sys.exit()
ids, scores = timed("recommend", recommend, model, matrix)
timed("write", write, ids, scores)
print(" ".join(f"{part} {spent:.2f}" for part, spent in seconds.items()), file=sys.stderr)
print(sum(seconds.values()))
