"""Lists of the library implicit and of a plain NumPy EASE, judged as promoai.cf_evaluate judges its own.

    peer_protocols.py TRAIN TEST SHOWN      each a file of lines customer<tab>item

Learned from TRAIN; the lists of 20 are made for the customers of SHOWN by what SHOWN says of them (the same file as TRAIN:
known customers; another: customers that are taken in afterwards), and TEST is to be found.  recall@20 is hits / min(20, to be
found), the mean over the customers who have anything to be found, with 1.96 standard errors on either side.  Prints, tab-separated,
name, set (all: the whole list, bought before or not; new: what was not bought before), mean, low, high, customers.
Exit code 3: NumPy, SciPy or implicit is not installed.
"""

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
try:
    import numpy
    import scipy.sparse
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
except ImportError as error:
    print(error)
    sys.exit(3)

K = 20


def read(path):
    """Pairs of texts."""
    with open(path, encoding="utf-8") as file:
        return [tuple(line.rstrip("\n").split("\t")) for line in file]


def index(values):
    """Numbers for the distinct values, in their order."""
    return {value: number for number, value in enumerate(sorted(set(values)))}


def matrix(pairs, rows, columns):
    """Customers x items, 1 where there is a pair."""
    place = [(rows[customer], columns[item]) for customer, item in set(pairs)]
    row, column = numpy.array(place).T
    return scipy.sparse.csr_matrix(
        (numpy.ones(len(place), numpy.float32), (row, column)), shape=(len(rows), len(columns))
    )


class Ease:
    """Steck 2019, every weight kept."""

    def __init__(self, regularization=100):
        self.regularization = regularization
        self.weights = None

    def fit(self, train, show_progress=False):
        """Closed form."""
        del show_progress
        dense = train.toarray().astype(numpy.float64)
        inverse = numpy.linalg.inv(dense.T @ dense + self.regularization * numpy.eye(dense.shape[1]))
        self.weights = -inverse / numpy.diag(inverse)
        numpy.fill_diagonal(self.weights, 0)

    def recommend(self, user, shown, N, filter_already_liked_items, recalculate_user):
        """Item numbers and scores, best first."""
        del user, recalculate_user
        scores = shown @ self.weights
        scores = numpy.asarray(scores).ravel()
        if filter_already_liked_items:
            scores[shown.indices] = -numpy.inf
        best = numpy.argsort(-scores, kind="stable")[:N]
        return best, scores[best]


def judge(model, strangers, shown, wanted, new):
    """recall@20 of each customer who has something to be found."""
    recalls = []
    for user in range(shown.shape[0]):
        known = set(shown[user].indices)
        targets = set(wanted[user].indices)
        if new:
            targets -= known
        if not known or not targets:
            continue
        items, _ = model.recommend(
            user, shown[user], N=K, filter_already_liked_items=new, recalculate_user=strangers
        )
        recalls.append(len(targets.intersection(items[:K])) / min(K, len(targets)))
    return numpy.array(recalls)


def main():
    """All models on both sets of targets."""
    train, test, shown = map(read, sys.argv[1:4])
    strangers = sys.argv[3] != sys.argv[1]
    items = index(item for _, item in train + test + shown)
    learners = index(customer for customer, _ in train)
    asked = index(customer for customer, _ in shown) if strangers else learners
    learned = matrix(train, learners, items)
    told = matrix(shown, asked, items)
    wanted = matrix([pair for pair in test if pair[0] in asked], asked, items)
    models = {
        "implicit, item-item cosine": CosineRecommender(K=K, num_threads=1),
        "implicit, item-item TF-IDF": TFIDFRecommender(K=K, num_threads=1),
        "implicit, item-item BM25": BM25Recommender(K=K, num_threads=1),
        "NumPy, EASE": Ease(),
    }
    for factors in 64, 128:
        models[f"implicit, ALS, {factors} factors"] = AlternatingLeastSquares(
            factors=factors, regularization=0.01, alpha=10, iterations=15, num_threads=1, random_state=1
        )
    for name, model in models.items():
        model.fit(learned, show_progress=False)
        for new in (True,) if strangers else (False, True):
            recalls = judge(model, strangers, told, wanted, new)
            error = 1.96 * recalls.std(ddof=1) / len(recalls) ** 0.5
            mean = recalls.mean()
            print(name, "new" if new else "all", mean, mean - error, mean + error, len(recalls), sep="\t")


main()
