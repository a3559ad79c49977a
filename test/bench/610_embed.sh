#!/usr/bin/env bash
# Word vectors beside fastText and gensim at equal settings, two threads of theirs against one process of ours: with subwords at
# least twice fastText's words a second, without at least gensim's; on long lines and on 200,000 short ones.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=${BENCH_ROUNDS:-3}
epochs=2
work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-words-XXXXXX")
chmod 0755 "$work"
trap 'rm -rf "$work"' EXIT
make -s -C test/core ../../build/core/plain/bench_words >/dev/null
bench=build/core/plain/bench_words
/usr/bin/python3 test/bench/peer_words.py texts "$work" "$(pick 50000 5000)" "$(pick 200000 20000)"

ours() { $bench "$text" skipgram 100 5 5 $epochs 5 "$1"; }
ours_subwords() { ours 1; }
ours_words() { ours 0; }
fast() # <maxn>: the clock over the whole program, the dictionary included
{
	local begun
	begun=$(date +%s.%N)
	fasttext skipgram -input "$text" -output "$work/out" -dim 100 -ws 5 -epoch $epochs -neg 5 -minCount 5 -minn 3 -maxn "$1" \
		-bucket 200000 -t 1e-3 -lr 0.05 -thread 2 -verbose 0 >/dev/null 2>&1
	awk -v a="$begun" -v b="$(date +%s.%N)" 'BEGIN { print b - a }'
}
fast_subwords() { fast 6; }
fast_words() { fast 0; }
gensim() { /usr/bin/python3 -W ignore test/bench/peer_words.py gensim "$text" $epochs; }

for text in "$work/long" "$work/short"; do
	say "  $(wc -l <"$text") lines of ${text##*/} text, $(wc -w <"$text") words, $epochs epochs, skipgram, 100 dimensions"
	if command -v fasttext >/dev/null; then
		alternate "fastText with subwords, 2 threads" fast_subwords "promoai with subwords, 1 process" ours_subwords
		beside "word vectors with subwords, ${text##*/} lines" "promoai with subwords, 1 process" "fastText with subwords, 2 threads" "<= 0.5"
		alternate "fastText without, 2 threads" fast_words "promoai without, 1 process" ours_words
	else
		absent fastText "fasttext is not installed"
	fi
	if /usr/bin/python3 -c 'import gensim' 2>/dev/null; then
		alternate "gensim without, 2 workers" gensim "promoai without, 1 process" ours_words
		beside "word vectors without subwords, ${text##*/} lines" "promoai without, 1 process" "gensim without, 2 workers" "<= 1"
	else
		absent gensim "python3-gensim is not installed"
	fi
	$bench "$text" skipgram 100 5 5 $epochs 5 1 | sed -n 's/words a second/& with subwords/p' | sed 's/^/  /'
	$bench "$text" skipgram 100 5 5 $epochs 5 0 | sed -n 's/words a second/& without/p' | sed 's/^/  /'
done
