#!/usr/bin/env bash
# What a training takes at its peak, beside what it counted beforehand and beside the bound that it keeps:
# 2 x (interactions x 16 bytes + factors).  One process.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rows=$(pick 10000000 1000000)
users=70000
items=10700
sql "CREATE TABLE interaction AS
     SELECT (hashint8(n) & 2147483647) % $users AS user_id, (hashint8(n + $rows) & 2147483647) % $items AS item_id,
            (1 + n % 5)::real AS value
     FROM generate_series(1, $rows) n" -c "VACUUM ANALYZE interaction"

# counted <options>: megabytes that the error of a limit too low tells
counted()
{
	sql "SELECT promoai.mf_train('bench', 'interaction', memory => '1MB' $1)" 2>&1 | sed -nE 's/.*training needs ([0-9]+) MB.*/\1/p' || true
}

# peak <options>: megabytes of the backend's own memory at the most, looked at every few milliseconds.  (Its high-water mark
# would count the pages of shared_buffers that it touches, too.)
peak()
{
	local client pid
	PGAPPNAME=peak sql "SET max_parallel_maintenance_workers = 0" \
		-c "SELECT promoai.mf_train('bench', 'interaction', iterations => 2 $1)" >/dev/null &
	client=$!
	until pid=$(sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'peak'") && [ -n "$pid" ]; do :; done
	while kill -0 $client 2>/dev/null; do
		awk '/RssAnon/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true
		sleep 0.005
	done | sort -n | tail -n 1 | awk '{ printf("%d", $1 / 1024) }'
	wait $client
}

pairs=$(sql "SELECT count(DISTINCT (user_id, item_id)) FROM interaction")
for factors in 64 $(pick 128 ""); do
	bound=$(((2 * (pairs * 16 + (users + items) * factors * 4)) >> 20))
	for transform in binary none; do
		options=", factors => $factors, value_transform => '$transform'"
		peak=$(peak "$options")
		counted=$(counted "$options")
		printf '  %d pairs, %d factors, %-8s peak %4d MB, counted %4d MB, bound %4d MB\n' "$pairs" "$factors" "$transform," \
			"$peak" "$counted" "$bound"
		report "peak of mf_train on $pairs pairs, $factors factors, $transform" MB "$peak" "counted beforehand" "$counted" "<= 1" yardstick
		report "the same beside its bound, $factors factors, $transform" MB "$peak" "twice the pairs and factors" "$bound" "<= 1" yardstick
	done
done
sql "SELECT promoai.model_drop('bench')" -c "DROP TABLE interaction" >/dev/null
