"""Texts for the benchmark of word vectors, and gensim's side of it.

  peer_words.py texts <folder> <long lines> <short lines>   long: words of made-up syllables by Zipf's law, 10 to 30 a line;
                                                            short: product names of Online Retail
  peer_words.py gensim <file> <epochs>                      seconds of training alone, two workers
"""
import csv, itertools, lzma, random, re, sys, time


def texts(folder, long_lines, short_lines):
    random.seed(1)
    syllables = [a + b for a in "bcdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]
    words = {}
    while len(words) < 50000:
        words["".join(random.choice(syllables) for _ in range(random.choice((1, 2, 2, 3, 3, 4))))] = True
    words = list(words)
    weights = list(itertools.accumulate(1 / (i + 2.7) for i in range(50000)))
    with open(f"{folder}/long", "w") as out:
        for _ in range(long_lines):
            out.write(" ".join(random.choices(words, cum_weights=weights, k=random.randint(10, 30))) + "\n")
    written = 0
    with open(f"{folder}/short", "w") as out:
        for row in csv.DictReader(lzma.open("test/data/online_retail.csv.xz", "rt", encoding="utf8")):
            text = " ".join(re.findall("[a-z0-9]+", row.get("Description", row.get("description", "")).lower()))
            if text and written < short_lines:
                out.write(text + "\n")
                written += 1


def gensim(path, epochs):
    from gensim.models import Word2Vec

    model = Word2Vec(vector_size=100, window=5, negative=5, min_count=5, sample=1e-3, alpha=0.05, sg=1, workers=2)
    model.build_vocab(corpus_file=path)
    began = time.perf_counter()
    model.train(corpus_file=path, epochs=epochs, total_examples=model.corpus_count, total_words=model.corpus_total_words)
    print(time.perf_counter() - began)


if sys.argv[1] == "texts":
    texts(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    gensim(sys.argv[2], int(sys.argv[3]))
