#!/usr/bin/python3
"""The classifiers' settings chosen on validation parts, and every method on the published test parts.

    /usr/bin/python3 test/reference/classify.py choose DATA [METHOD]   each setting on parts of the training parts
    /usr/bin/python3 test/reference/classify.py test DATA              the defaults on the test parts, the table in doc/classify.md

DATA is a folder with banking77/, and where they are at hand clinc150/ and waimai/.  A database with promoai is wanted (PGHOST,
PGPORT, PGUSER, PGDATABASE); tables reference_train, reference_valid and reference_test are made there and dropped.

A validation part is CLINC150's own, of the others a fifth of the training part by the texts' MD5.  Test parts are the published
ones; waimai_10k has none, so there a fifth of all texts, by MD5 too, was put aside first.
"""
import csv
import glob
import hashlib
import io
import json
import lzma
import subprocess
import sys


def psql(sql):
    out = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"],
                         input="SET client_min_messages = error; SET maintenance_work_mem = '1GB';\n" + sql + "\n",
                         text=True, encoding="utf-8", stdout=subprocess.PIPE, check=True).stdout
    return out.strip()


def fifth(text, salt):
    return int(hashlib.md5((salt + text).encode()).hexdigest(), 16) % 5 == 0


def parts(rows, salt):
    return [r for r in rows if not fifth(r[0], salt)], [r for r in rows if fifth(r[0], salt)]


def read_csv(path):
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        return [tuple(row[:2]) for row in csv.reader(file)][1:]


def corpora(data):
    """name, rows to learn from, to choose by, to test on, all (text, label)"""
    if glob.glob(data + "/banking77/train.csv.xz"):
        learn, valid = parts(read_csv(data + "/banking77/train.csv.xz"), "valid")
        yield "Banking77", learn, valid, read_csv(data + "/banking77/test.csv.xz")
    if glob.glob(data + "/clinc150/data_full.json.xz"):
        with lzma.open(data + "/clinc150/data_full.json.xz", "rt", encoding="utf-8") as file:
            full = json.load(file)
        yield "CLINC150", *([tuple(r) for r in full[part]] for part in ("train", "val", "test"))
        yield ("CLINC150, with questions out of scope",
               *([tuple(r) for r in full[part] + full["oos_" + part]] for part in ("train", "val", "test")))
    if glob.glob(data + "/waimai/waimai_10k.csv.xz"):
        rows = [(text, label) for label, text in read_csv(data + "/waimai/waimai_10k.csv.xz")]
        rest, test = parts(rows, "test")
        yield "waimai_10k", *parts(rest, "valid"), test


def load(table, rows):
    copy = io.StringIO()
    csv.writer(copy, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    psql("DROP TABLE IF EXISTS %s; CREATE TABLE %s (doc text, label text);\nCOPY %s FROM STDIN CSV;\n%s\\." % (table, table, table, copy.getvalue()))


def judged(method, arguments, train, test, metrics=("accuracy",)):
    given = "".join(", %s => %s" % pair for pair in arguments.items())
    wanted = "', '".join(metrics)
    values = psql("BEGIN; SELECT promoai.text_classify_train('reference', '%s', '%s'%s) \\g /dev/null\n"
                  "SELECT metric, value FROM promoai.evaluate('reference', '%s') WHERE metric IN ('%s'); ROLLBACK;" % (train, method, given, test, wanted))
    found = dict(line.split("|") for line in values.split("\n"))
    return [float(found.get(metric, "nan")) for metric in metrics]


RANGES = [{"char_min": low, "char_max": high} for low in (1, 2) for high in (3, 4, 5)]
SMOOTHING = [{"smoothing": s} for s in (0.003, 0.01, 0.03, 0.1, 0.3, 1)]
GRID = {
    "svm": RANGES + [{"c": c} for c in (0.25, 0.5, 2, 4)],
    "logistic": [{"c": c} for c in (3, 6, 10, 32, 64)],
    "bayes": [{"char_max": 0}, {"char_max": 5}] + SMOOTHING,
    "complement_bayes": [{"char_max": 0}, {"char_max": 5}] + SMOOTHING,
    "fasttext": [{"char_max": 4}, {"epochs": 25}, {"epochs": 100}, {"learning_rate": 0.25}, {"learning_rate": 1}, {"dim": 50}, {"dim": 200}],
}


def choose(data, only=None):
    for name, learn, valid, _ in corpora(data):
        if "out of scope" in name:
            continue
        load("reference_train", learn)
        load("reference_valid", valid)
        print("%s: %d to learn from, %d to choose by" % (name, len(learn), len(valid)), flush=True)
        for method, grid in GRID.items():
            if only not in (None, method):
                continue
            for arguments in [{}] + grid:
                told = ", ".join("%s %s" % pair for pair in arguments.items()) or "defaults"
                accuracy, = judged(method, dict(arguments, holdout=0), "reference_train", "reference_valid")
                print("  %-18s %-30s %.4f" % (method, told, accuracy), flush=True)


def test(data):
    for name, learn, valid, published in corpora(data):
        load("reference_train", learn + ([] if name.startswith("CLINC") else valid))
        load("reference_test", published)
        print("%s: %d to learn from, %d to test on" % (name, len(learn) + (0 if name.startswith("CLINC") else len(valid)), len(published)), flush=True)
        for method in GRID:
            if "out of scope" in name:
                figures = judged(method, {"out_of_scope": "'oos'"}, "reference_train", "reference_test",
                                 ("accuracy", "log_loss", "out_of_scope_recall", "in_scope_kept", "accuracy_kept"))
                print("  %-18s accuracy %.3f  log loss %.3f  out of scope found %.3f  others kept %.3f, kept and right %.3f" % (method, *figures), flush=True)
            else:
                print("  %-18s accuracy %.3f  log loss %.3f" % (method, *judged(method, {}, "reference_train", "reference_test", ("accuracy", "log_loss"))), flush=True)


if len(sys.argv) < 3 or sys.argv[1] not in ("choose", "test"):
    sys.exit(__doc__)
{"choose": choose, "test": test}[sys.argv[1]](*sys.argv[2:])
psql("DROP TABLE IF EXISTS reference_train, reference_valid, reference_test")
