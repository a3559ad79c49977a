#!/usr/bin/env bash
# Hybrids beside their members on Online Retail: trained before the last 30 days, judged by what customers bought in them, by
# cf_evaluate.  Aim: a hybrid ahead of the best single method on all targets and on new items (plain Python: repeats 0.362, EASE
# 0.126).  Prints the table of doc/hybrid.md.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

load_shop
lines="SELECT customer_id, product_id, quantity, ordered_at FROM shop.order_items$(pick '' ' WHERE customer_id % 4 = 0')"
"$(pg psql)" -XAtq -v ON_ERROR_STOP=1 <<-SQL | sed 's/^/  /'
	SET maintenance_work_mem = '1GB';
	SET client_min_messages = warning;
	CREATE TEMP TABLE trained AS
	SELECT (promoai.cf_train('ease', '$lines', 'ease', holdout => 0)).model
	UNION ALL SELECT (promoai.cf_train('neighbours', '$lines', 'item_knn', holdout => 0)).model
	UNION ALL SELECT (promoai.cf_train('again', '$lines', 'buy_again', half_life => 60)).model
	UNION ALL SELECT (promoai.cf_train('season', '$lines', 'popular', half_life => 14, holdout => 0)).model
	UNION ALL SELECT (promoai.mf_train('factors', '$lines', holdout => 0)).model
	UNION ALL SELECT (promoai.content_train('names', 'SELECT product_id, name FROM shop.products', interactions => '$lines', holdout => 0)).model;
	CREATE TEMP TABLE hybrids AS
	SELECT (promoai.hybrid_train('hybrid', '{ease,neighbours,again,season,factors,names}')).model
	UNION ALL SELECT (promoai.hybrid_train('hybrid_new', '{ease,neighbours,season,factors,names}', targets => 'new')).model;
	CREATE TABLE judged AS
	SELECT model, targets, value, low, high FROM promoai.cf_evaluate(
		'{hybrid,hybrid_new,ease,neighbours,again,season,factors,names}', '$lines', test_days => 30, k => '{20}', baselines => false)
	WHERE metric = 'recall' AND exclude_seen = (targets = 'new') AND targets IN ('all', 'new');
	SELECT '| model | all targets | new items only |';
	SELECT '| --- | --- | --- |';
	SELECT format('| %s | %s (%s – %s) | %s (%s – %s) |', model, round(a.value::numeric, 3), round(a.low::numeric, 3),
		round(a.high::numeric, 3), round(n.value::numeric, 3), round(n.low::numeric, 3), round(n.high::numeric, 3))
	FROM judged a JOIN judged n USING (model) WHERE a.targets = 'all' AND n.targets = 'new' ORDER BY a.value DESC;
SQL

# best_of <targets> <hybrid>: it and the best member, tab-separated
best_of()
{
	sql "SELECT (SELECT value FROM judged WHERE model = '$2' AND targets = '$1'), model, value FROM judged
		WHERE targets = '$1' AND model NOT LIKE 'hybrid%' ORDER BY judged.value DESC LIMIT 1" -F $'\t'
}
for pair in "all hybrid" "new hybrid_new"; do
	read -r targets hybrid <<<"$pair"
	IFS=$'\t' read -r ours member theirs < <(best_of "$targets" "$hybrid")
	report "recall@20 of a hybrid, $targets targets" recall "$ours" "its best member, $member" "$theirs" ">= 1" yardstick
done
sql "DROP TABLE judged" -c "SELECT promoai.model_drop(model) FROM promoai.models" >/dev/null
