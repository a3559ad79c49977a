#!/usr/bin/env bash
# What training and answering cost in SQL.  EASE on 10,000 items, the whole call (reading, evaluation off, lists, publishing), beside
# LAPACK's dpotrf and dpotri alone: aim, at most 1.6 times.  Item neighbours of 3 M pairs beside SciPy's sparse product with the
# largest 50 of each row, which gets its pairs for nothing, and beside reading them: aim, without the reading, a fifth.  cf_explain
# for the customer with the longest history: aim, under 5 ms.  cf_recommend, one customer after the other, by method.  All in
# processor seconds of one process, which other programs do not change much.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/promoai-cf-XXXXXX")
trap 'rm -rf "$folder"' EXIT
program=$(core_program bench_ease)

# sql_processor_seconds <query> [warming query]: of the backend, by its own account (in hundredths)
sql_processor_seconds()
{
	local used="SELECT sum(t::float8) / 100 AS used FROM regexp_split_to_table(pg_read_file('/proc/self/stat'), ' ') WITH ORDINALITY s(t, n) WHERE n IN (14, 15)"
	"$(pg psql)" -XAtq -v ON_ERROR_STOP=1 <<-SQL | tail -n 1
		SET max_parallel_maintenance_workers = 0;
		SET max_parallel_workers_per_gather = 0;
		SET enable_memoize = off;
		${2:+$2 \\g /dev/null}
		$used \\gset before_
		$1 \\g /dev/null
		$used \\gset after_
		SELECT :after_used::float8 - :before_used;
	SQL
}

# generate <table> <customers> <items> <draws>: popularity falls as in a shop; the same pairs in every run
generate()
{
	sql "CREATE TABLE $1 AS SELECT DISTINCT (u1 * $2)::int AS customer, (u2 * u2 * ($3 - 1))::int AS item FROM (SELECT
		((hashint8extended(i, 1) & 1073741823) + 0.5) / 1073741824 AS u1, ((hashint8extended(i, 2) & 1073741823) + 0.5) / 1073741824 AS u2
		FROM generate_series(1, $4) i) d" -c "VACUUM ANALYZE $1"
}

items=$(pick 10000 2000)
generate ease_pair 50000 "$items" 1000000
lapack() { "$program" "$items" 1 | sed -E 's/.*dpotri ([0-9.]+) s.*/\1/'; }
ease() { sql_processor_seconds "SELECT promoai.cf_train('bench_ease', 'ease_pair', 'ease', holdout => 0)"; }
say "  EASE of $(sql "SELECT count(DISTINCT item) || ' items, ' || count(*) || ' pairs' FROM ease_pair"); processor seconds"
all=$rounds
rounds=$(pick "$(((rounds + 1) / 2))" "$rounds")
alternate "dpotrf + dpotri alone" lapack "cf_train, ease" ease
beside "cf_train by ease, $items items, processor time" "cf_train, ease" "dpotrf + dpotri alone" "<= 1.6" yardstick
rounds=$all

generate near_pair "$(pick 50000 10000)" "$(pick 10000 4000)" "$(pick 3200000 500000)"
near() { sql_processor_seconds "SELECT promoai.cf_train('bench_near', 'near_pair', 'item_knn', neighbours => 50, weighting => 'none', holdout => 0)"; }
reading() { sql_processor_seconds "SELECT promoai.source_scan('near_pair')"; }
say "  item neighbours of $(sql "SELECT count(DISTINCT item) || ' items, ' || count(*) || ' pairs' FROM near_pair"), 50 each; processor seconds"
if missing=$("$python" -c 'import numpy, scipy.sparse' 2>&1); then
	sql "SELECT max(customer) + 1, max(item) + 1, count(*) FROM near_pair" -F ' ' >"$folder/pairs"
	sql "SELECT customer, item, 0 FROM near_pair" -F ' ' >>"$folder/pairs"
	scipy() { "$python" test/bench/peer_neighbours.py "$folder/pairs" | sed 's/.* //'; }
	alternate "SciPy" scipy "cf_train, item_knn" near "of this, reading" reading
else
	alternate "cf_train, item_knn" near "of this, reading" reading
	absent "SciPy" "$(tail -n 1 <<<"$missing")"
fi
beside "cf_train by item_knn, reading included, processor time" "cf_train, item_knn" "SciPy" "<= 1"
report "the same without the reading" s "$(awk -v a="${median["cf_train, item_knn"]}" -v b="${median["of this, reading"]}" 'BEGIN { print (a > b ? a - b : 0.01) }')" \
	"SciPy" "${median[SciPy]-}" "<= 0.2"

# ---- answers, on a real shop ----

load_shop
source='SELECT customer_id, product_id, ordered_at FROM shop.order_items'
methods=(ease item_knn user_knn rp3beta popular buy_again)
for method in "${methods[@]}"; do sql "SELECT promoai.cf_train('$method', '$source', '$method', holdout => 0)" >/dev/null; done
sql "SELECT promoai.mf_train('mf', '$source', holdout => 0)" >/dev/null
repeats=$(pick 100 5)
calls=$(pick 4000 1000)
longest=$(sql "SELECT customer_id FROM shop.order_items GROUP BY 1 ORDER BY count(DISTINCT product_id) DESC, 1 LIMIT 1")

# per_call <name> <calls> <warming query> <query> [<bound in microseconds>]: the median of the rounds, in microseconds a call
per_call()
{
	local round taken="" figure
	for ((round = 0; round < rounds; round++)); do
		taken+="$(sql_processor_seconds "$4" "$3") "
	done
	# Processor time is told in hundredths of a second, so that one of them is the least that can be said.
	figure=$(tr ' ' '\n' <<<"$taken" | grep . | median_of | awk -v calls="$2" '{ printf("%.2f", ($1 > 0 ? $1 : 0.01) / calls * 1e6) }')
	printf '  %-40s %9.1f µs a call\n' "$1" "$figure"
	report "$1, processor time of a call" µs "$figure" ${5:+bound "$5" "<= 1" yardstick}
}
say "  the ten best, one customer of $calls after the other; processor time"
for method in "${methods[@]}" mf; do
	per_call "cf_recommend, $method" "$calls" "SELECT promoai.cf_recommend('$method', 12347)" \
		"SELECT count(*) FROM (SELECT customer_id FROM shop.customers ORDER BY customer_id LIMIT $calls) c, promoai.cf_recommend('$method', customer_id) r"
done
say "  why ten items are recommended to the customer with the longest history, $(sql "SELECT count(DISTINCT product_id) FROM shop.order_items WHERE customer_id = $longest") items, $repeats times; processor time"
for method in ease item_knn user_knn rp3beta mf; do
	per_call "cf_explain, $method" $((10 * repeats)) "SELECT promoai.cf_recommend('$method', $longest)" \
		"SELECT count(*) FROM generate_series(1, $repeats) g, promoai.cf_recommend('$method', $longest) r, promoai.cf_explain('$method', $longest + 0 * g, r.item) e" 5000
done
sql "DROP TABLE ease_pair, near_pair"
sql "SELECT promoai.model_drop(model) FROM promoai.models" >/dev/null
