#!/usr/bin/env bash
# Reading 10 million rows of (int, int, real) into dense columns, beside an aggregate that only looks at them.
# Aim: at most 1.5 times the aggregate.  No workers for either; the table is in memory.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rows=$(pick 10000000 1000000)
users=$((rows / 50))
items=$((rows / 500))

sql "CREATE TABLE interaction AS
     SELECT (hashint8(n) & 2147483647) % $users AS user_id,
            (hashint8(n + $rows) & 2147483647) % $items AS item_id,
            (1 + n % 5)::real AS value
     FROM generate_series(1, $rows) n" -c "VACUUM (ANALYZE, FREEZE) interaction"
sql "CREATE EXTENSION IF NOT EXISTS pg_prewarm" -c "SELECT pg_prewarm('interaction')" >/dev/null 2>&1 ||
	sql "SELECT count(*) FROM interaction" >/dev/null

serial="SET max_parallel_workers_per_gather = 0; SET max_parallel_maintenance_workers = 0"
looking() { sql_seconds "$serial" "SELECT count(user_id), count(item_id), sum(value) FROM interaction"; }
reading() { sql_seconds "$serial" "SELECT * FROM promoai.source_scan('SELECT user_id, item_id, value FROM interaction')"; }

say "  $rows rows, $users users, $items items; medians of $rounds"
if has_function 'promoai.source_scan(text)'; then
	alternate "count, count, sum" looking "promoai.source_scan" reading
	beside "source_scan of $rows rows (int, int, real)" promoai.source_scan "count, count, sum" "<= 1.5" yardstick
	sql "SELECT * FROM promoai.source_scan('SELECT user_id, item_id, value FROM interaction')" -x
else
	alternate "count, count, sum" looking
	absent "promoai.source_scan" "this build has no such function"
fi
sql "DROP TABLE interaction"
