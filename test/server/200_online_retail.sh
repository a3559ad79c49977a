#!/usr/bin/env bash
# Factor models on a real shop, by a split that anyone can repeat (test/data/holdout_md5.sql), against a plain NumPy
# implementation (test/core/reference_als.py): popularity 0.069, 64 factors 0.283, 128 factors 0.315, each recall@20
# with a standard error of 0.010.  Ours must lie within 0.005 of those, or above.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"

# at_least <figure> <floor> <name>
at_least()
{
	awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'
	ok $? "$3 ($1, at least $2)" || diag "got $1"
}

start_server -c maintenance_work_mem=256MB
sql "CREATE EXTENSION promoai"
"$(pg psql)" -Xq -v ON_ERROR_STOP=1 -f doc/demo/shop.sql >/dev/null
ok $? "the shop is loaded"
"$(pg psql)" -Xq -v ON_ERROR_STOP=1 -f test/data/holdout_md5.sql
is "$(sql "SELECT (SELECT count(*) FROM md5_split.pairs), (SELECT count(*) FROM md5_split.testers), (SELECT count(*) FROM md5_split.held_out)")" \
	"266802|800|9825" "the split has the sizes it must have"

recall()
{
	sql "SELECT round(value::numeric, 4) FROM promoai.evaluate('$1', 'md5_split.held_out', k => 20,
	     history => 'md5_split.history') WHERE metric = '${2:-}recall@20'"
}

sql "SELECT promoai.mf_train('default', 'md5_split.train')" >/dev/null
sql "SELECT promoai.mf_train('wide', 'md5_split.train', factors => 128, iterations => 15, unobserved_weight => 0.1,
     regularization => 0.01, holdout => 0)" >/dev/null
at_least "$(recall default popularity_)" 0.064 "popularity"
at_least "$(recall default)" 0.278 "64 factors, which are the defaults"
at_least "$(recall wide)" 0.310 "128 factors"

# What evaluate says is what the serving functions do.
by_hand=$(sql "
WITH served AS (
	SELECT h.customer_id, r.item
	FROM (SELECT customer_id, array_agg(product_id) AS items FROM md5_split.history GROUP BY customer_id) h,
	     promoai.cf_recommend_basket('default', h.items, k => 20) r)
SELECT round(avg(hits::numeric / least(20, n)), 4)
FROM (SELECT o.customer_id, count(*) AS n, count(s.item) AS hits
      FROM md5_split.held_out o LEFT JOIN served s ON (s.customer_id, s.item) = (o.customer_id, o.product_id)
      WHERE EXISTS (SELECT FROM md5_split.history h WHERE h.customer_id = o.customer_id)
      GROUP BY o.customer_id) c")
is "$by_hand" "$(recall default)" "evaluate gives what counting the answers of cf_recommend_basket gives"

done_testing
