#!/usr/bin/env bash
# Rules of a real shop's invoices at a support of 1 % and 0.5 %, from SQL, beside a count over the same columns, the pairs alone by a
# self-join in SQL, and R's arules where it is installed (which gets its transactions for nothing: no export, no parsing).
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

load_shop
sql "CREATE TABLE line AS SELECT order_id, product_id FROM shop.order_items $(pick '' "WHERE ordered_at < '2011-06-01'")" -c "VACUUM (ANALYZE, FREEZE) line"
baskets=$(sql "SELECT count(DISTINCT order_id) FROM line")
settings="SET max_parallel_workers_per_gather = 0; SET maintenance_work_mem = '256MB'"
arules=$(command -v Rscript >/dev/null && Rscript -e 'library(arules)' >/dev/null 2>&1 && echo yes || true)
[ -z "$arules" ] || sql "COPY (SELECT DISTINCT order_id, product_id FROM line) TO STDOUT (FORMAT csv)" >"${TMPDIR:-/tmp}/promoai-bench-pairs.csv"

counting() { sql_seconds "$settings" "SELECT count(order_id), count(product_id) FROM line"; }
rules() { sql_seconds "$settings" "SELECT count(*) FROM promoai.basket_rules('line', $support)"; }
training() { sql_seconds "$settings" "SELECT rules FROM promoai.basket_train('bench', 'line', holdout => 0)"; }
answering()
{
	sql_seconds "$settings" "SELECT count(*) FROM (SELECT array_agg(product_id) AS items FROM line GROUP BY order_id ORDER BY order_id LIMIT 1000) b,
		promoai.basket_recommend('bench', b.items) r"
}
join()
{
	sql_seconds "$settings; SET work_mem = '256MB'" "WITH pair AS (SELECT DISTINCT order_id, product_id FROM line),
		often AS (SELECT product_id FROM pair GROUP BY 1 HAVING count(*) >= $support * $baskets),
		kept AS MATERIALIZED (SELECT * FROM pair JOIN often USING (product_id))
		SELECT a.product_id, b.product_id, count(*) FROM kept a JOIN kept b USING (order_id)
		WHERE a.product_id < b.product_id GROUP BY 1, 2 HAVING count(*) >= $support * $baskets"
}
arules()
{
	Rscript - "$support" "${TMPDIR:-/tmp}/promoai-bench-pairs.csv" <<-'R'
		suppressMessages(library(arules))
		given <- commandArgs(TRUE)
		pairs <- read.csv(given[2], header = FALSE, colClasses = "character")
		baskets <- as(split(pairs$V2, pairs$V1), "transactions")
		began <- proc.time()[["elapsed"]]
		invisible(apriori(baskets, list(supp = as.numeric(given[1]), conf = 0.3, minlen = 2), control = list(verbose = FALSE)))
		cat(proc.time()[["elapsed"]] - began, "\n")
	R
}

for support in 0.01 0.005; do
	say "  $(sql "SELECT count(*) FROM line") rows, $baskets baskets, support $support: $(sql "SELECT count(*) FROM promoai.basket_rules('line', $support)") rules; medians of $rounds"
	peers=("count of both columns" counting "basket_rules" rules)
	if [ "$support" = 0.01 ]; then peers+=("pairs alone, by self-join" join); fi
	if [ -n "$arules" ]; then peers+=("R's arules, no export" arules); else absent "R's arules" "not installed"; fi
	alternate "${peers[@]}"
	beside "basket_rules, support $support, reading included" "basket_rules" "R's arules, no export" "<= 1"
	[ "$support" != 0.01 ] || report "the same beside a self-join" s "${median[basket_rules]}" "pairs alone, in SQL" "${median["pairs alone, by self-join"]}" "<= 1"
done
say "  a model with the defaults (support 0.2 %, pairs)"
alternate "count of both columns" counting "basket_train" training "1,000 answers of basket_recommend" answering
report "basket_train, defaults" s "${median[basket_train]}"
report "1,000 answers of basket_recommend" s "${median["1,000 answers of basket_recommend"]}"
rm -f "${TMPDIR:-/tmp}/promoai-bench-pairs.csv"
sql "DROP TABLE line; SELECT promoai.model_drop('bench')" >/dev/null
