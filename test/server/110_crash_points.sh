#!/usr/bin/env bash
# A training, a prune, a drop that fails, is killed, or dies with the whole server leaves the published version as it was.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

start_server
shop_create
is "$(sql "$train_shop")" 1 "version 1 is published"
kept=1
answer=$(sql "$answers")
before=$(sql "$registry")

# unharmed <what happened>: nothing has changed, and nothing is left over
unharmed()
{
	is "$(sql "$registry")" "$before" "$1: the registry is as it was"
	is "$(sql "$answers")" "$answer" "$1: so are the answers, to the last digit"
	is "$(sql "$strays")" "" "$1: nothing is left over"
}

# works_again <what happened>: a new training is possible at once; it gives the very same model under another number
works_again()
{
	kept=$((kept + 1))
	is "$(sql "$retrain_shop")" "$kept" "$1: a new training works at once"
	is "$(sql "$answers")" "$answer" "$1: and learns the same"
	is "$(sql "SELECT (promoai.model_publish('shop', 1)).version")" 1 "$1: version 1 is published again"
	before=$(sql "$registry")
}

# at <point> <call>: an error, kill -9 of the backend, kill -9 of the postmaster
at()
{
	local point=$1 call=$2

	like "$(sql_error "SET promoai.test_action = 'error'; SET promoai.test_point = '$point'; $call")" \
		"test point \"$point\" was reached" "$call fails at \"$point\""
	unharmed "error at \"$point\""

	like "$(sql_error "SET promoai.test_action = 'kill'; SET promoai.test_point = '$point'; $call")" \
		"closed the connection|connection to server was lost" "$call is killed at \"$point\""
	sleep 0.2
	wait_for "SELECT 1" 1
	unharmed "SIGKILL at \"$point\""

	stop_at "$point" "$call"
	ok $? "$call sleeps at \"$point\""
	crash
	wait "$session"
	start_server
	unharmed "end of the server at \"$point\""
	works_again "after \"$point\""
}

for point in reading solving "writing payload" "before publish" "after publish"; do
	at "$point" "$retrain_shop"
done
at pruning "SELECT promoai.model_prune('shop', 1)"
at dropping "SELECT promoai.model_drop('shop')"
at "after publish" "SELECT (promoai.model_publish('shop', 2)).version"

is "$(sql "SELECT promoai.model_prune('shop', 1)")" "$((kept - 2))" "versions between are pruned"
is "$(sql "$strays")" "" "and belongs to the versions that are kept"
is "$(sql "SELECT promoai.model_drop('shop')")" "" "the model is dropped"
is "$(sql "SELECT (SELECT count(*) FROM promoai.registry_versions) + (SELECT count(*) FROM promoai.registry_metrics)
	+ (SELECT count(*) FROM promoai.registry_payload)")" 0 "and leaves no row"

done_testing
