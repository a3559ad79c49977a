#!/usr/bin/python3
"""Plain NumPy iALS and popularity on UCI Online Retail: the figures the C kernel is held to.

The model is that of src/core/recommend/als.h (Hu, Koren & Volinsky 2008 in the form of Rendle et al. 2021), written
as plainly as possible in double precision.

Protocol: distinct (customer, stock code) pairs of the rows that have a customer, an invoice that does not start with C
and a quantity above 0.  Test customers are the 800 with the smallest md5(customer, as in '17850') among those with 5 or
more items.  Of each one's n items the max(1, n // 5) with the smallest md5(customer || '/' || item) are held out; the
rest is the history, which is folded in.  recall@20 is hits / min(20, held out), items of the history excluded.

    reference_als.py DATA                         popularity, and iALS under both readings of the protocol
    reference_als.py DATA --explore               recall over a grid of settings (trains on others and histories)
    reference_als.py DATA --write PAIRS           pairs for bench_als: users items pairs, then lines of user item part,
                                                  part 0: of other customers, 1: history, 2: held out
"""
import argparse
import csv
import hashlib
import io
import lzma
import time

import numpy as np

TEST_CUSTOMERS = 800
K = 20


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def read_pairs(path):
    """{customer: sorted list of stock codes}"""
    items = {}
    with lzma.open(path) as raw:
        for row in csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8")):
            if row["CustomerID"] and not row["InvoiceNo"].startswith("C") and float(row["Quantity"]) > 0:
                items.setdefault(str(int(float(row["CustomerID"]))), set()).add(row["StockCode"])
    return {customer: sorted(codes) for customer, codes in sorted(items.items())}


def split(pairs):
    """Dense ids, and for each user (the others', the history, the held out) item ids."""
    codes = sorted({code for bought in pairs.values() for code in bought})
    ids = {code: i for i, code in enumerate(codes)}
    eligible = sorted((customer for customer in pairs if len(pairs[customer]) >= 5), key=md5)
    test = set(eligible[:TEST_CUSTOMERS])
    parts = []
    for customer, bought in pairs.items():
        if customer not in test:
            parts.append(([ids[code] for code in bought], [], []))
            continue
        order = sorted(bought, key=lambda code: md5(customer + "/" + code))
        n_held = max(1, len(bought) // 5)
        held = {ids[code] for code in order[:n_held]}
        parts.append(([], [ids[c] for c in bought if ids[c] not in held], sorted(held)))
    return len(codes), parts


def solve_rows(rows, other, reg, a0):
    """The exact row for each list of columns."""
    factors = other.shape[1]
    gram = a0 * other.T @ other
    out = np.zeros((len(rows), factors))
    for r, columns in enumerate(rows):
        if len(columns) > 0:
            block = other[columns]
            ridge = reg * (len(columns) + a0 * len(other))
            out[r] = np.linalg.solve(gram + block.T @ block + ridge * np.eye(factors), block.sum(axis=0))
    return out


def transpose(rows, n):
    columns = [[] for _ in range(n)]
    for r, row in enumerate(rows):
        for c in row:
            columns[c].append(r)
    return [np.array(column, dtype=int) for column in columns]


def train(rows, n_items, factors, reg, a0, iterations, seed):
    """Item factors."""
    rng = np.random.default_rng(seed)
    items = rng.normal(0, 0.1 / np.sqrt(factors), (n_items, factors))
    by_item = transpose(rows, n_items)
    for _ in range(iterations):
        users = solve_rows(rows, items, reg, a0)
        items = solve_rows(by_item, users, reg, a0)
    return items


def recall(scores, histories, held):
    """scores: [test users x items], changed.  Returns mean and standard error."""
    values = []
    for u, items in enumerate(held):
        scores[u, histories[u]] = -np.inf
        top = np.argsort(-scores[u], kind="stable")[:K]
        values.append(len(set(top) & set(items)) / min(K, len(items)))
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values))


class Protocol:
    def __init__(self, n_items, parts):
        self.n_items = n_items
        self.others = [np.array(part[0], dtype=int) for part in parts if part[0]]
        tests = [part for part in parts if part[2]]
        self.histories = [np.array(part[1], dtype=int) for part in tests]
        self.held = [part[2] for part in tests]

    def rows(self, with_histories):
        return self.others + self.histories if with_histories else self.others

    def popularity(self, with_histories):
        counts = np.zeros(self.n_items)
        for row in self.rows(with_histories):
            counts[row] += 1
        return recall(np.tile(counts, (len(self.held), 1)), self.histories, self.held)

    def ials(self, with_histories, factors, reg=0.01, a0=0.1, iterations=15, seed=1):
        items = train(self.rows(with_histories), self.n_items, factors, reg, a0, iterations, seed)
        users = solve_rows(self.histories, items, reg, a0)
        return recall(users @ items.T, self.histories, self.held)


def write_pairs(path, n_items, parts):
    with open(path, "w", encoding="ascii") as out:
        n = sum(len(items) for part in parts for items in part)
        print(len(parts), n_items, n, file=out)
        for user, part in enumerate(parts):
            for number, items in enumerate(part):
                for item in items:
                    print(user, item, number, file=out)


def explore(protocol):
    for factors in (64, 128):
        for reg in (0.001, 0.003, 0.01, 0.03):
            for a0 in (0.03, 0.1, 0.3, 1.0):
                begun = time.time()
                mean, error = protocol.ials(True, factors, reg, a0)
                print(f"factors {factors} regularization {reg} unobserved_weight {a0}: recall@{K} {mean:.4f} "
                      f"+- {error:.4f}  ({time.time() - begun:.0f} s)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="online_retail.csv.xz")
    parser.add_argument("--write", metavar="PAIRS")
    parser.add_argument("--explore", action="store_true")
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    options = parser.parse_args()
    n_items, parts = split(read_pairs(options.data))
    protocol = Protocol(n_items, parts)
    print(f"{len(parts)} customers, {n_items} items, {sum(len(i) for p in parts for i in p)} pairs, "
          f"{sum(map(len, protocol.held))} held out of {len(protocol.held)} customers", flush=True)
    if options.write:
        write_pairs(options.write, n_items, parts)
        return
    if options.explore:
        explore(protocol)
        return
    for with_histories in (False, True):
        name = "others and histories" if with_histories else "others only"
        mean, error = protocol.popularity(with_histories)
        print(f"trained on {name}: popularity recall@{K} {mean:.4f} +- {error:.4f}", flush=True)
        for factors in options.factors:
            for seed in options.seeds:
                mean, error = protocol.ials(with_histories, factors, seed=seed)
                print(f"trained on {name}: iALS {factors} factors, seed {seed}: recall@{K} {mean:.4f} +- {error:.4f}",
                      flush=True)


if __name__ == "__main__":
    main()
