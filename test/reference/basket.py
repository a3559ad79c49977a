#!/usr/bin/env python3
"""Association rules by plain Python sets, to hold basket_rules against; nothing but the standard library.

    basket.py PAIRS RULES MIN_SUPPORT MIN_CONFIDENCE MAX_ITEMS

PAIRS: lines of basket,item (CSV).  RULES: CSV of antecedent (items joined by "|"), consequent, baskets, support, confidence,
lift, lift_low, lift_high, leverage, conviction, p_value, as basket_rules gave them.  Prints how many rules both have and
the largest relative difference of a figure (of values below 1 the absolute one; p-values relative), and exits 1 when
rules differ or a difference passes 1e-9.  Frequent sets are found level by level (Apriori), Fisher's test in whole numbers.
"""
import csv
import math
import sys
from itertools import combinations


def frequent_sets(holders, least, most):
    """{frozenset of items: baskets that hold them}"""
    level = {frozenset([item]): held for item, held in holders.items() if len(held) >= least}
    found = dict(level)
    size = 1
    while level and size < most:
        size += 1
        following = {}
        singles = sorted({item for group in level for item in group})
        for group, held in level.items():
            for item in singles:
                if item <= max(group):
                    continue
                wider = group | {item}
                if all(wider - {part} in level for part in wider):
                    both = held & holders[item]
                    if len(both) >= least:
                        following[wider] = both
        found.update(following)
        level = following
    return {group: len(held) for group, held in found.items()}


def fisher(both, first, second, everything):
    """P(X >= both), exactly."""
    term = math.comb(second, both) * math.comb(everything - second, first - both)
    total = 0
    x = both
    while x <= min(first, second):
        total += term
        rest = everything - second - first + x + 1
        term = term * (second - x) * (first - x) // ((x + 1) * rest) if rest > 0 else 0
        x += 1
    return total / math.comb(everything, first)


def measures(both, first, second, n):
    support, confidence = both / n, both / first
    lift = confidence / (second / n)
    # Standard error of log lift from the multinomial covariance of the four cells, by the gradient.
    p = [both / n, (first - both) / n, (second - both) / n]
    row, column = p[0] + p[1], p[0] + p[2]
    gradient = [1 / p[0] - 1 / row - 1 / column, -1 / row, -1 / column]
    mean = sum(a * b for a, b in zip(p, gradient))
    error = math.sqrt(max(sum(a * b * b for a, b in zip(p, gradient)) - mean * mean, 0) / n)
    half = 1.959963984540054 * error
    conviction = math.inf if both == first else (1 - second / n) / (1 - confidence)
    return [support, confidence, lift, lift * math.exp(-half), lift * math.exp(half),
            support - first / n * (second / n), conviction, fisher(both, first, second, n)]


def difference(a, b, relative):
    if a == b or (relative and max(a, b) < 1e-300):  # near the smallest double there are no digits to compare
        return 0
    return abs(a - b) / (max(abs(a), abs(b)) if relative else max(1, abs(a), abs(b)))


def main():
    pairs, rules, min_support, min_confidence, max_items = sys.argv[1:]
    holders, baskets = {}, set()
    with open(pairs, newline="") as lines:
        for basket, item in csv.reader(lines):
            holders.setdefault(item, set()).add(basket)
            baskets.add(basket)
    n = len(baskets)
    least = min(c for c in range(1, n + 2) if c / n >= float(min_support))
    sets = frequent_sets(holders, least, int(max_items))
    expected = {}
    for group, both in sets.items():
        for item in group if len(group) > 1 else ():
            part = group - {item}
            if both / sets[part] >= float(min_confidence):
                expected[part, item] = [both] + measures(both, sets[part], sets[frozenset([item])], n)
    frequent = sum(1 for group in sets if len(group) == 1)
    tests = sum(frequent - len(group) for group in sets if len(group) < int(max_items))

    found, worst = 0, 0.0
    with open(rules, newline="") as lines:
        for row in csv.reader(lines):
            key = frozenset(row[0].split("|")), row[1]
            if key not in expected:
                sys.exit(f"not a rule: {row}")
            found += 1
            for i, (ours, theirs) in enumerate(zip(row[2:], expected[key])):
                worst = max(worst, difference(float(ours), theirs, i == 8))
    print(f"{found} of {len(expected)} rules, {tests} tests, "
          + ("all figures within 1e-9" if worst <= 1e-9 else f"a figure differs by {worst:g}"))
    sys.exit(found != len(expected) or worst > 1e-9)


if __name__ == "__main__":
    main()
