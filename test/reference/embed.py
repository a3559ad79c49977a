#!/usr/bin/python3
"""5-nearest-neighbour accuracy on Banking77 (train -> test, cosine) of texts' vectors: promoai beside gensim and fastText.

  test/reference/embed.py <folder of banking77> [runs]    with psql's environment set to a server that has promoai

All learn from the texts of train.csv.xz alone, split into runs of letters and digits, at equal settings: 100 dimensions, window
5, 5 negatives, min_count 5, sample 1e-3, epochs 5 or 25, learning rate 0.05.  All vectors are weighed alike: smooth inverse
frequency with a = 1e-3 and the common component of the training texts removed (promoai does that itself, here NumPy does).
gensim and fastText run with one thread; figures are means over seeds.
"""
import collections, csv, lzma, os, re, subprocess, sys, tempfile

import numpy as np


def read(path):
    with lzma.open(path, "rt", encoding="utf8") as file:
        rows = list(csv.reader(file))[1:]
    return [" ".join(re.findall("[a-z0-9]+", text.lower())) for text, _ in rows], [label for _, label in rows]


def accuracy(train, train_labels, test, test_labels):
    def unit(m):
        return m / np.maximum(np.linalg.norm(m, axis=1, keepdims=True), 1e-12)

    scores = unit(test) @ unit(train).T
    right = 0
    for row, label in zip(scores, test_labels):
        votes = collections.defaultdict(lambda: [0, 0.0])
        for i in np.argsort(-row, kind="stable")[:5]:
            votes[train_labels[i]][0] += 1
            votes[train_labels[i]][1] += row[i]
        right += max(votes, key=lambda v: votes[v]) == label
    return right / len(test_labels)


def sif(vectors, texts, train):
    counts = collections.Counter(w for t in train for w in t.split() if w in vectors)
    total = sum(counts.values())
    dim = len(next(iter(vectors.values())))

    def embed(text):
        words = [w for w in text.split() if w in vectors]
        return sum((1e-3 / (1e-3 + counts[w] / total) * vectors[w] for w in words), np.zeros(dim)) / max(len(words), 1)

    x = np.array([embed(t) for t in train])
    u = np.linalg.svd(x, full_matrices=False)[2][0]
    y = np.array([embed(t) for t in texts])
    return x - np.outer(x @ u, u), y - np.outer(y @ u, u)


def gensim_vectors(train, sg, epochs, seed):
    from gensim.models import Word2Vec

    model = Word2Vec([t.split() for t in train], vector_size=100, window=5, negative=5, min_count=5, sample=1e-3,
                     alpha=0.05, sg=sg, epochs=epochs, seed=seed, workers=1)
    return {w: model.wv[w] for w in model.wv.index_to_key}


def fasttext_vectors(path, method, epochs, _seed):
    out = path + ".ft"
    subprocess.run(["fasttext", method, "-input", path, "-output", out, "-dim", "100", "-ws", "5", "-neg", "5", "-epoch",
                    str(epochs), "-minCount", "5", "-t", "1e-3", "-lr", "0.05", "-thread", "1", "-verbose", "0",
                    "-bucket", "200000"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(out + ".vec") as file:
        next(file)
        rows = [line.split() for line in file]
    return {r[0]: np.array(r[1:], dtype=float) for r in rows if r[0] != "</s>"}


def psql(*statements):
    args = [part for s in statements for part in ("-c", s)]
    return subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *args], check=True, capture_output=True,
                          text=True).stdout


def ours(folder, arguments):
    def table(name):
        return (f"CREATE TEMP TABLE {name} (n serial, doc text)", f"\\copy {name} (doc) from {folder}/{name}.txt")

    out = psql(*table("train_text"), *table("test_text"),
               f"SELECT 1 FROM promoai.embed_train('reference', 'SELECT doc FROM train_text', {arguments})",
               "SELECT promoai.embed_text('reference', doc) FROM train_text ORDER BY n",
               "SELECT promoai.embed_text('reference', doc) FROM test_text ORDER BY n",
               "SELECT promoai.model_drop('reference')")
    rows = [np.array([float(x) for x in line[1:-1].split(",")]) if line else np.zeros(100)
            for line in out.split("\n")[1:-2]]
    n = sum(1 for _ in open(f"{folder}/train_text.txt"))
    return np.array(rows[:n]), np.array(rows[n:])


def main():
    data, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    train, train_labels = read(os.path.join(data, "train.csv.xz"))
    test, test_labels = read(os.path.join(data, "test.csv.xz"))
    with tempfile.TemporaryDirectory() as folder:
        for name, texts in (("train_text", train), ("test_text", test)):
            with open(f"{folder}/{name}.txt", "w") as file:
                file.write("\n".join(texts) + "\n")
        path = f"{folder}/train_text.txt"
        os.chmod(folder, 0o755)

        def tell(name, figures):
            print(f"{name:<44} {np.mean(figures):.4f}   ({' '.join(f'{f:.4f}' for f in figures)})", flush=True)

        for epochs in (5, 25):
            for method in ("skipgram", "cbow"):
                tell(f"gensim {method}, {epochs} epochs", [
                    accuracy(*sum(zip(sif(gensim_vectors(train, int(method == "skipgram"), epochs, s), test, train),
                                      (train_labels, test_labels)), ())) for s in range(runs)])
                for subwords in ("false", "true"):
                    figures = []
                    for s in range(runs):
                        x, y = ours(folder, f"method => '{method}', epochs => {epochs}, seed => {s}, subwords => {subwords}")
                        figures.append(accuracy(x, train_labels, y, test_labels))
                    tell(f"promoai {method}, {epochs} epochs, subwords {subwords}", figures)
                tell(f"fastText {method}, {epochs} epochs, subwords", [
                    accuracy(*sum(zip(sif(fasttext_vectors(path, method, epochs, s), test, train),
                                      (train_labels, test_labels)), ())) for s in range(1)])
        x, y = ours(folder, "method => 'glove'")
        tell("promoai glove, 25 epochs", [accuracy(x, train_labels, y, test_labels)])
        x, y = ours(folder, "method => 'glove', x_max => 10")
        tell("promoai glove, 25 epochs, x_max 10", [accuracy(x, train_labels, y, test_labels)])


main()
