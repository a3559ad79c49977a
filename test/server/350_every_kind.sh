#!/usr/bin/env bash
# Every kind of model is retrained by a schedule, though its training is two transactions there: reading, and the rest.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$(dirname "$0")/jobs.sh"
# shellcheck source=test/server/kinds.sh
. "$(dirname "$0")/kinds.sh"

start_server
kinds_tables
for model in "${kinds[@]}"; do
	sql "SELECT ${kind_trainer[$model]}; SELECT promoai.schedule_retrain('$model', every => '1 day', min_rows_ratio => NULL)" >/dev/null
	is "$(run_now "$model")" published "$model: $(last_message "$model")"
	is "$(sql "SELECT version FROM promoai.models WHERE model = '$model'")" 2 "$model: the new version serves"
done

# Each kind also stands in for itself where versions are compared.
sql "$more_purchases" && sleep 0.3 && sql "$more_purchases"
for model in mf ratings ease item_knn buy_again; do
	is "$(run_now "$model")" published "$model: compared: $(last_message "$model")$(sql "SELECT checks ->> 'measure' || ' ' || (checks ->> 'cases') FROM promoai.training_runs WHERE model = '$model' ORDER BY started_at DESC LIMIT 1")"
	isnt "$(sql "SELECT checks ->> 'measure' FROM promoai.training_runs WHERE model = '$model' ORDER BY started_at DESC LIMIT 1")" "" "$model: by its own measure"
done
is "$(sql "SELECT string_agg(DISTINCT kind || ' ' || regexp_replace(metric, '@.*', ''), ', ' ORDER BY kind || ' ' || regexp_replace(metric, '@.*', '')) FROM promoai.model_health")" \
	"basket recall, cf ndcg, clv auc, content ndcg, hybrid ndcg, kmeans silhouette, mf ndcg, mf rmse, sentiment accuracy, text_classify accuracy" "model_health shows how good each is"
is "$(sql "$strays")" "" "nothing is left over"

done_testing
