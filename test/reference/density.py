#!/usr/bin/python3
"""Clusters without centroids held against scikit-learn (DBSCAN), SciPy (hierarchies) and R's dbscan (HDBSCAN*).

    PGHOST=... PGPORT=... PGUSER=... PGDATABASE=... /usr/bin/python3 test/reference/density.py [psql]

The database has the extension; psql is the client to call.  Debian: python3-sklearn, python3-scipy, r-cran-dbscan (without it,
HDBSCAN* is left out and said to be).  One line per comparison: data set, rows, what was compared, the rows that differ after
renaming clusters or the largest relative deviation, ok or not.  Exit code 1 when anything differs.

scikit-learn gives a border row to the first cluster that reaches it, so its rows are sorted by value first, which is the order
that dbscan_segment takes them in.  paper_hdbscan below does what the paper says, by looking at all pairs, and must agree in every
row.  R's hdbscan takes edges of equal weight one after the other where the paper takes them together, so up to HDBSCAN_SLACK of
the rows may differ from it, and sets made of ties are not held against it.  Ward's distances are updated there and computed
from centroids here, so ties fall otherwise in the last bit; how single linkage is cut among equal distances is not defined.
"""
import io
import subprocess
import sys
import tempfile

import numpy as np
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import cdist
from sklearn.cluster import DBSCAN
from sklearn.datasets import make_blobs, make_circles, make_moons

PSQL = sys.argv[1] if len(sys.argv) > 1 else "psql"
HDBSCAN_SLACK = 0.01
wrong = 0


def data_sets(n):
    """name, points, eps, min_points"""
    blobs = make_blobs(n, random_state=8)[0]
    varied = make_blobs(n, cluster_std=[1.0, 2.5, 0.5], random_state=170)[0]
    aniso = make_blobs(n, random_state=170)[0] @ [[0.6, -0.6], [-0.4, 0.8]]
    side = int(np.sqrt(n))
    grid = np.array([(float(i), float(j)) for i in range(side) for j in range(side) if (i * 7 + j * 3) % 5])
    return [
        ("moons", make_moons(n, noise=0.05, random_state=1)[0], 0.1 if n > 1000 else 0.2, 5),
        ("circles", make_circles(n, factor=0.5, noise=0.05, random_state=2)[0], 0.06 if n > 1000 else 0.15, 5),
        ("blobs", blobs, 0.5, 10),
        ("varied", varied, 0.4, 10),
        ("anisotropic", aniso, 0.2, 8),
        ("duplicates", np.round(blobs * 2) / 2, 0.6, 12),
        ("grid", grid, 1.0, 4),
        ("eight columns", make_blobs(n, n_features=8, random_state=3)[0], 2.5, 6),
    ]


def run(statements):
    done = subprocess.run([PSQL, "-XAtq", "-v", "ON_ERROR_STOP=1"], input=statements, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def ask(x, expression):
    """One number per row of x, in the order of x; NULL is 0."""
    lines = "".join("%d\t{%s}\n" % (i, ",".join(map(repr, row))) for i, row in enumerate(x.tolist()))
    out = run("CREATE TEMP TABLE points (id int, f float8[]);\nCOPY points FROM STDIN;\n" + lines + "\\.\n"
              + f"SELECT coalesce(label, 0) FROM (SELECT id, {expression} OVER () AS label FROM points) s ORDER BY id;")
    return np.array(out.split(), float)


def ask_tree(x, method):
    columns = x.shape[1]
    lines = "".join("%d\t%s\n" % (i, "\t".join(map(repr, row))) for i, row in enumerate(x.tolist()))
    out = run("CREATE TEMP TABLE points (id int, " + ", ".join(f"c{c} float8" for c in range(columns)) + ");\n"
              "COPY points FROM STDIN;\n" + lines + "\\.\n"
              "SELECT left_node - 1, right_node - 1, distance, size FROM promoai.hierarchical_tree("
              f"'SELECT * FROM pg_temp.points', '{method}', 'none') ORDER BY step;")
    return np.array([list(map(float, line.split("|"))) for line in out.split()])


def differing(a, b):
    """Rows that no renaming of clusters brings together (0, noise, keeps its name)."""
    pairs, counts = np.unique(np.stack([a, b]), axis=1, return_counts=True)
    same = 0
    used = set()
    for i in np.argsort(-counts, kind="stable"):
        p, q = pairs[:, i]
        if ((p == 0) == (q == 0)) and ("a", p) not in used and ("b", q) not in used:
            used |= {("a", p), ("b", q)}
            same += counts[i]
    return len(a) - same


def say(name, n, what, figure, right):
    global wrong
    wrong += not right
    print(f"{name:14} {n:6}  {what:34} {figure:12.4g}  {'ok' if right else 'NOT OK'}")


def numbered_by_size(labels):
    """Sizes of clusters 1, 2, ... never rise."""
    sizes = np.bincount(labels.astype(int))[1:]
    return bool(np.all(sizes > 0) and np.all(np.diff(sizes) <= 0))


def paper_hdbscan(x, size, least):
    """Campello et al. 2015 over all pairs, from the root down by removing all edges of the greatest weight at once."""
    n = len(x)
    d = cdist(x, x)
    core = np.sort(d, axis=1)[:, least - 1]
    reach = np.maximum(d, np.maximum(core[:, None], core[None, :]))
    np.fill_diagonal(reach, core)

    def parts(rows, below):
        """Connected rows under edges shorter than `below`; a row beyond its own core distance is no part at all."""
        left = [r for r in rows if reach[r, r] < below]
        todo = set(left)
        found = []
        for r in left:
            if r not in todo:
                continue
            todo.discard(r)
            part = [r]
            for at in part:
                near = [s for s in todo if reach[at, s] < below]
                todo.difference_update(near)
                part += near
            found.append(part)
        return found

    spanning = np.unique(mst_weights(reach))
    levels = np.unique(np.concatenate([spanning, core]))[::-1]
    least_level = levels[levels > 0][-1]  # density is capped there: piles of equal rows are not infinitely dense
    clusters = [{"rows": list(range(n)), "birth": 0.0, "stability": 0.0, "children": []}]
    live = [(clusters[0], list(range(n)))]
    for level in levels:
        following = []
        for cluster, rows in live:
            large = [p for p in parts(rows, level) if len(p) >= size]
            kept = sum(map(len, large))
            density = 1 / max(level, least_level)
            if len(large) == 1:
                cluster["stability"] += (len(rows) - kept) * (density - cluster["birth"])
                following.append((cluster, large[0]))
                continue
            cluster["stability"] += len(rows) * (density - cluster["birth"])
            for part in large:
                child = {"rows": part, "birth": density, "stability": 0.0, "children": []}
                cluster["children"].append(child)
                clusters.append(child)
                following.append((child, part))
        live = following
    labels = np.zeros(n)
    chosen = []

    def choose(cluster):
        below = sum((choose(c) for c in cluster["children"]), 0.0)
        if cluster is not clusters[0] and cluster["stability"] >= below:
            chosen.append(cluster)
            return cluster["stability"]
        return below

    choose(clusters[0])
    # Those chosen later contain those chosen before.
    for i, cluster in enumerate(chosen):
        labels[cluster["rows"]] = i + 1
    return labels


def mst_weights(reach):
    n = len(reach)
    done = np.zeros(n, bool)
    nearest = np.full(n, np.inf)
    at = 0
    weights = []
    for _ in range(n - 1):
        done[at] = True
        nearest = np.minimum(nearest, reach[at])
        at = int(np.argmin(np.where(done, np.inf, nearest)))
        weights.append(nearest[at])
    return weights


def r_numbers(x, call):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        np.savetxt(file.name, x, delimiter=",", fmt="%r")
        done = subprocess.run(
            ["Rscript", "-e", f"x <- as.matrix(read.csv('{file.name}', header = FALSE)); cat(format({call}, digits = 17), sep = '\\n')"],
            capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return np.loadtxt(io.StringIO(done.stdout))


def have_r():
    try:
        return subprocess.run(["Rscript", "-e", "library(dbscan)"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def compare_dbscan(name, x, eps, least):
    label = ask(x, f"promoai.dbscan_segment(f, {eps}, {least})")
    shuffle = np.random.default_rng(5).permutation(len(x))
    order = np.lexsort(x.T[::-1])
    theirs = np.empty(len(x))
    theirs[order] = DBSCAN(eps=eps, min_samples=least, algorithm="kd_tree").fit(x[order]).labels_ + 1
    say(name, len(x), "dbscan, rows unlike scikit-learn's", differing(label, theirs), differing(label, theirs) == 0)
    say(name, len(x), "dbscan, clusters", label.max(), label.max() == theirs.max() and numbered_by_size(label))
    again = ask(x[shuffle], f"promoai.dbscan_segment(f, {eps}, {least})")
    say(name, len(x), "dbscan, rows moved by shuffling", np.sum(again != label[shuffle]), np.all(again == label[shuffle]))


def compare_hierarchy(name, x):
    for method in ["ward", "complete", "average", "single"]:
        ties = name in ("grid", "duplicates")
        order = np.lexsort(x.T[::-1])
        theirs = linkage(x[order], method)
        ours = ask_tree(x[order], method)
        deviation = np.max(np.abs(ours[:, 2] - theirs[:, 2]) / np.maximum(theirs[:, 2], 1e-9))
        say(name, len(x), f"{method}, distances from SciPy's", deviation, deviation < 1e-9 or (ties and method == "ward"))
        for k in [3, 7]:
            label = ask(x, f"promoai.hierarchical_segment(f, {k}, '{method}', 'none')")
            cut = cut_tree(theirs, n_clusters=k)[:, 0]
            right = np.empty(len(x))
            right[order] = cut + 1
            off = differing(label, right)
            say(name, len(x), f"{method}, k = {k}, rows unlike SciPy's", off, (off == 0 or (ties and method in ("ward", "single")))
                and label.max() == k and numbered_by_size(label))


def compare_hdbscan(name, x, r):
    for size, least in [(5, 5), (15, 15), (20, 4)]:
        label = ask(x, f"promoai.hdbscan_segment(f, {size}, {least}, 'none')")
        if len(x) <= 500:
            off = differing(label, paper_hdbscan(x, size, least))
            say(name, len(x), f"hdbscan {size}, {least}, unlike the paper's", off, off == 0)
        if r and (size, least) == (15, 15) and name != "grid":
            off = differing(label, r_numbers(x, f"dbscan::hdbscan(x, minPts = {least})$cluster"))
            say(name, len(x), f"hdbscan {size}, rows unlike R's", off, off <= HDBSCAN_SLACK * len(x))


def compare_kdist(name, x):
    kdist = ask(x, "promoai.dbscan_kdist(f, 6)")
    right = np.sort(cdist(x, x), axis=1)[:, 5]
    deviation = np.max(np.abs(kdist - right) / np.maximum(right, 1e-9))
    say(name, len(x), "6-th distances from all pairs", deviation, deviation < 1e-12)


def main():
    r = have_r()
    if not r:
        print("absent: R's dbscan (Debian: r-cran-dbscan)")
    for n in [300, 2000]:
        for name, x, eps, least in data_sets(n):
            compare_dbscan(name, x, eps, least)
            compare_kdist(name, x)
            compare_hdbscan(name, x, r)
            if n <= 1000:
                compare_hierarchy(name, x)
    for name, x, eps, least in data_sets(20000)[3:]:
        compare_dbscan(name, x, eps / 4 if x.shape[1] == 2 and name != "grid" else eps, least)
    sys.exit(wrong > 0)


main()
