#!/usr/bin/env bash
# Which recommender is best on a real shop: cf_evaluate on Online Retail by each protocol, every method by its defaults, with 95 %
# intervals; and beside them, on the same parts and by the same measure, the library implicit and a plain NumPy EASE.
# A whole run (not --quick) puts its tables into doc/evaluate.md, between the lines <!-- protocols … -->; tables whose peers are not
# installed are left there as they are.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/promoai-protocols-XXXXXX")
trap 'rm -rf "$folder"' EXIT
lines=$(pick shop.order_items "(SELECT * FROM shop.order_items WHERE customer_id % 4 = 0) o")
source="SELECT customer_id, product_id, ordered_at FROM $lines"
methods=(ease item_knn)
[ -n "${BENCH_QUICK:-}" ] || methods+=(user_knn rp3beta)
models=("${methods[@]}" ease_whole mf mf_128 content)

load_shop
"$(pg psql)" -Xq -v ON_ERROR_STOP=1 -f test/data/holdout_md5.sql >/dev/null

# Definitions are what is compared: they are trained anew on each part.
define() { sql "SELECT promoai.$1" >/dev/null; }
for method in "${methods[@]}" buy_again; do
	define "cf_train('$method', '$source', '$method', holdout => 0)"
done
define "cf_train('recent', '$source', 'popular', half_life => 14, holdout => 0)"
define "cf_train('ease_whole', '$source', 'ease', neighbours => 10000, holdout => 0)"
define "mf_train('mf', '$source', holdout => 0)"
define "mf_train('mf_128', '$source', factors => 128, holdout => 0)"
define "content_train('content', 'SELECT product_id, name FROM shop.products', interactions => '$source', holdout => 0)"
if [ -z "${BENCH_QUICK:-}" ]; then
	define "hybrid_train('hybrid', ARRAY['ease', 'item_knn', 'mf', 'content', 'recent', 'buy_again'], source => '$source')"
	define "hybrid_train('hybrid_new', ARRAY['ease', 'item_knn', 'mf', 'content', 'recent'], source => '$source', targets => 'new')"
	models+=(hybrid hybrid_new)
fi

quoted=$(printf "'%s'," "${models[@]}")
sql "CREATE TABLE figure (protocol text, model text, kind text, targets text, exclude_seen boolean, metric text, length int,
	value float8, low float8, high float8, customers int,
	difference float8, difference_low float8, difference_high float8, p_value float8)"
protocols=(next_period leave_last_out strong_generalization sampled)
[ -z "${BENCH_QUICK:-}" ] || protocols=(next_period)
for protocol in "${protocols[@]}"; do
	sql "INSERT INTO figure SELECT '$protocol', e.* FROM promoai.cf_evaluate(ARRAY[${quoted%,}], '$source', '$protocol') e"
done

# show <name of the table>: the lines as they are read from standard input, printed, and kept for the page
show()
{
	mkdir -p "$folder/tables"
	tee "$folder/tables/$1" | sed 's/^/  /'
	say ""
}

# One row a model, best first by the first column: table <protocol> <column>…, a column being "heading:targets:exclude_seen:metric:length"
table()
{
	local protocol=$1 head='| model |' rule='| --- |' cells= order= column heading targets seen metric length
	shift
	for column in "$@"; do
		IFS=: read -r heading targets seen metric length <<<"$column"
		head+=" $heading |"
		rule+=' --- |'
		cells+=" || ' ' || max(to_char(value, 'FM0.000') || coalesce(' (' || to_char(low, 'FM0.000') || ' to ' || to_char(high, 'FM0.000') || ')', ''))
			FILTER (WHERE targets = '$targets' AND exclude_seen = $seen AND metric = '$metric' AND length = $length) || ' |'"
		order=${order:-"max(value) FILTER (WHERE targets = '$targets' AND exclude_seen = $seen AND metric = '$metric' AND length = $length)"}
	done
	say "$head"
	say "$rule"
	sql "SELECT '| ' || model || ' |' $cells FROM figure WHERE protocol = '$protocol' GROUP BY model ORDER BY $order DESC, model"
}

say "  next_period, the last 30 days; $(sql "SELECT string_agg(DISTINCT targets || ': ' || customers || ' customers', ', ') FROM figure WHERE protocol = 'next_period'")"
table next_period 'all, recall@20:all:false:recall:20' 'new, recall@20:new:true:recall:20' 'repeats, recall@20:repeats:false:recall:20' \
	'new, ndcg@20:new:true:ndcg:20' 'coverage@20 of lists of new items:new:true:coverage:20' | show next_period
{
	say '| model | new, recall@20: difference to ease | p |'
	say '| --- | --- | --- |'
	sql "SELECT format('| %s | %s (%s to %s) | %s |', model, to_char(difference, 'FMSG0.000'), to_char(difference_low, 'FMSG0.000'),
			to_char(difference_high, 'FMSG0.000'), CASE WHEN p_value < 0.0001 THEN '< 0.0001' ELSE to_char(p_value, 'FM0.0000') END)
		FROM figure WHERE protocol = 'next_period' AND targets = 'new' AND metric = 'recall' AND length = 20 AND difference IS NOT NULL
		ORDER BY difference DESC, model"
} | show differences
if [ -z "${BENCH_QUICK:-}" ]; then
	say "  leave_last_out"
	table leave_last_out 'all, hit_rate@20:all:false:hit_rate:20' 'new, hit_rate@20:new:true:hit_rate:20' \
		'repeats, hit_rate@20:repeats:false:hit_rate:20' 'all, ndcg@20:all:false:ndcg:20' | show leave_last_out
	say "  strong_generalization"
	table strong_generalization 'recall@20:new:true:recall:20' 'ndcg@20:new:true:ndcg:20' 'map@20:new:true:map:20' | show strong_generalization
	say "  sampled"
	table sampled 'hit_rate@10:all:false:hit_rate:10' 'ndcg@10:all:false:ndcg:10' | show sampled
fi

# ---- beside the peers ----

sql "CREATE TABLE cut AS SELECT max(ordered_at) - interval '30 days' AS at FROM $lines"
pairs() { sql "COPY (SELECT DISTINCT customer_id, product_id FROM $lines, cut WHERE $1) TO STDOUT"; }
pairs 'ordered_at <= at' >"$folder/train"
pairs 'ordered_at > at' >"$folder/test"
for part in train history held_out; do sql "COPY md5_split.$part TO STDOUT" >"$folder/md5_$part"; done

# Ours on the split by md5: trained on the other customers, histories given; evaluate leaves them out.
md5_figure()
{
	sql "SELECT promoai.$2" >/dev/null
	sql "SELECT '$1', 'new', value, low, high, n FROM promoai.evaluate('md5', 'SELECT * FROM md5_split.held_out', history => 'SELECT * FROM md5_split.history')
		WHERE metric = 'recall@20'" -F $'\t'
	sql "SELECT promoai.model_drop('md5')" >/dev/null
}

# best <name> <file of ours> <file of peers>: a figure for the table, the best of either side; rows as `beside_table` takes them
best()
{
	local peer peer_name ours ours_name
	IFS=$'\t' read -r ours_name _ ours _ < <(sort -t $'\t' -k 3,3gr "$2")
	if [ -n "${3-}" ]; then IFS=$'\t' read -r peer_name _ peer _ < <(sort -t $'\t' -k 3,3gr "$3"); fi
	report "recall@20, $1: the best is ${ours_name#promoai, }" recall "$ours" "${peer_name-implicit, EASE in NumPy}" "${peer-}" ">= 1"
}

# The rows "name, set, mean, low, high, customers" of files as a table of one figure, best first
beside_table()
{
	say "| $1 | recall@20 |"
	say '| --- | --- |'
	shift
	sort -t $'\t' -k 3,3gr "$@" | awk -F '\t' '{ printf("| %s | %.3f (%.3f to %.3f) |\n", $1, $3, $4, $5) }'
}

if missing=$("$python" -c 'import numpy, scipy.sparse, implicit' 2>&1); then
	"$python" -W ignore test/bench/peer_protocols.py "$folder/train" "$folder/test" "$folder/train" >"$folder/peers"
	for set in all new; do
		grep -P "\t$set\t" "$folder/peers" >"$folder/peers_$set"
		sql "SELECT 'promoai, ' || model, targets, value, low, high, customers FROM figure WHERE protocol = 'next_period' AND kind <> 'baseline'
			AND metric = 'recall' AND length = 20 AND targets = '$set' AND exclude_seen = ('$set' = 'new')" -F $'\t' >"$folder/ours_$set"
		best "next_period, $set" "$folder/ours_$set" "$folder/peers_$set"
		beside_table "next_period, $set" "$folder/peers_$set" "$folder/ours_$set" | show "peers_$set"
	done
	if [ -z "${BENCH_QUICK:-}" ]; then
		{
			for method in "${methods[@]}"; do
				md5_figure "promoai, $method" "cf_train('md5', 'SELECT * FROM md5_split.train', '$method', holdout => 0)"
			done
			md5_figure "promoai, mf" "mf_train('md5', 'SELECT * FROM md5_split.train', holdout => 0)"
			md5_figure "promoai, mf_128" "mf_train('md5', 'SELECT * FROM md5_split.train', factors => 128, holdout => 0)"
		} >"$folder/md5_ours"
		"$python" -W ignore test/bench/peer_protocols.py "$folder/md5_train" "$folder/md5_held_out" "$folder/md5_history" >"$folder/md5_peers"
		best 'split by md5' "$folder/md5_ours" "$folder/md5_peers"
		beside_table 'split by md5' "$folder/md5_ours" "$folder/md5_peers" | show peers_md5
	fi
else
	absent "implicit, NumPy's EASE" "$(tail -n 1 <<<"$missing")"
fi

# ---- into the page ----

if [ -z "${BENCH_QUICK:-}" ]; then
	for path in "$folder"/tables/*; do
		NAME=$(basename "$path") TABLE=$(cat "$path") perl -0777 -pi -e \
			's/(<!-- protocols $ENV{NAME} -->\n).*?(\n<!-- end -->)/$1$ENV{TABLE}$2/s' doc/evaluate.md
	done
	say "  doc/evaluate.md has these tables now"
fi
sql "DROP TABLE figure, cut; DROP SCHEMA md5_split CASCADE" 2>/dev/null
sql "SELECT promoai.model_drop(model) FROM promoai.models" >/dev/null
