#!/usr/bin/env bash
# Words and vectors of short titles in the server, on one core, by processor time: embed_text(doc) beside scikit-learn's
# HashingVectorizer with the same n-grams (aim: 50,000 titles a second), text_tokens by ICU and by simple rules.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/promoai-text-XXXXXX")
trap 'rm -rf "$work"' EXIT
load_shop
copies=$(pick 250 10)
sql "CREATE TABLE titles AS SELECT name FROM shop.products, generate_series(1, $copies) WHERE name ~ '[A-Z]'" -c "VACUUM (ANALYZE, FREEZE) titles"
sql "CREATE TABLE mixed AS SELECT name || ' 送餐很快，味道不错' AS name FROM titles" -c "VACUUM (ANALYZE, FREEZE) mixed"
sql "SELECT name FROM shop.products WHERE name ~ '[A-Z]'" >"$work/titles"
titles=$(sql "SELECT count(*) FROM titles")

# rate <table> <expression>: titles a second of the backend's processor time, what the scan takes included
rate()
{
	"$(pg psql)" -XAtq -v ON_ERROR_STOP=1 <<-SQL | awk 'NR % 2 { at = $1 } !(NR % 2) { seconds = ($1 - at) / hz } END { print n / seconds }' hz="$(getconf CLK_TCK)" n="$titles"
		SET max_parallel_workers_per_gather = 0;
		SELECT count($2) FROM (SELECT name FROM $1 LIMIT 100) few \\g /dev/null
		SELECT pg_backend_pid() AS pid \\gset
		\\setenv BACKEND :pid
		\\! awk '{ print \$14 + \$15 }' /proc/\$BACKEND/stat
		SELECT count($2) FROM $1 \\g /dev/null
		\\! awk '{ print \$14 + \$15 }' /proc/\$BACKEND/stat
	SQL
}
embed() { rate titles "promoai.embed_text(name)"; }
embed_mixed() { rate mixed "promoai.embed_text(name)"; }
tokens() { rate titles "promoai.text_tokens(name)"; }
tokens_mixed() { rate mixed "promoai.text_tokens(name)"; }
tokens_simple() { rate titles "promoai.text_tokens(name, 'simple')"; }
tokens_english() { rate titles "promoai.text_tokens(name, 'pg_catalog.english')"; }
to_tsvector() { rate titles "to_tsvector('pg_catalog.english', name)"; }
scikit() { "$python" -W ignore test/bench/peer_hashing.py "$work/titles"; }

unit=titles/s
say "  $titles titles of Online Retail, processor time of one backend"
contenders=("embed_text" embed "embed_text, Chinese added" embed_mixed "text_tokens" tokens "text_tokens, Chinese added" tokens_mixed
	"text_tokens, simple" tokens_simple "text_tokens, english" tokens_english "to_tsvector, english" to_tsvector)
present=$("$python" -c 'import sklearn' 2>/dev/null && echo yes || true)
if [ -n "$present" ]; then contenders+=("HashingVectorizer" scikit); else absent "scikit-learn" "python3-sklearn is not installed"; fi
alternate "${contenders[@]}"
beside "embed_text of titles, one core" "embed_text" "HashingVectorizer" ">= 2"
report "the same, and what is asked" titles/s "${median["embed_text"]}" "asked" 50000 ">= 1" yardstick
report "embed_text of titles with Chinese words, one core" titles/s "${median["embed_text, Chinese added"]}" "asked" 50000 ">= 1" yardstick
beside "text_tokens of titles by a text search configuration, one core" "text_tokens, english" "to_tsvector, english" ">= 1"
report "text_tokens of titles, one core" titles/s "${median["text_tokens"]}"
report "text_tokens of titles by simple rules, one core" titles/s "${median["text_tokens, simple"]}"
report "text_tokens of titles with Chinese words, one core" titles/s "${median["text_tokens, Chinese added"]}"
sql "DROP TABLE titles, mixed"
