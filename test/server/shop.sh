# shellcheck shell=bash
# shop.sh - a shop to train on, and what must hold whatever happened to a training; used together with lib.sh

# shop_create: 300 customers, 90 items, purchases in no particular order
shop_create()
{
	sql "CREATE EXTENSION IF NOT EXISTS promoai;
		CREATE TABLE purchases AS
		SELECT c AS customer, (c * 7 + i * i * (1 + c % 3)) % 90 AS item, 1 + (c + i) % 4 AS quantity
		FROM generate_series(1, 300) c, generate_series(1, 9) i ORDER BY hashint4(c * 10 + i)"
}

# shop_large <rows>: so much that parallel workers are worth their start, and a training lasts for seconds
shop_large()
{
	sql "CREATE TABLE purchases_large AS
		SELECT hashint8(i) & 16383 AS customer,
			((hashint8(i + 100000000) & 2047)::bigint * (hashint8(i + 7777777) & 2047) / 2048)::int AS item
		FROM generate_series(1, $1) i;
		ANALYZE purchases_large"
}

train_shop="SELECT (promoai.mf_train('shop', 'SELECT customer, item, quantity FROM purchases', factors => 8, iterations => 3)).version"
retrain_shop="SELECT (promoai.retrain('shop')).version"

# What every customer is recommended, scores included, as one checksum.
answers="SELECT md5(string_agg(a::text, ' ' ORDER BY c, a.rank))
	FROM generate_series(1, 310) c, promoai.cf_recommend('shop', c, k => 7) a"

# All that the registry holds, as one checksum.
registry="SELECT md5(coalesce((SELECT string_agg(m::text, ' ' ORDER BY model) FROM promoai.registry_models m), '')
	|| coalesce((SELECT string_agg(v::text, ' ' ORDER BY version_id) FROM promoai.registry_versions v), '')
	|| coalesce((SELECT string_agg(x::text, ' ' ORDER BY version_id, metric, split) FROM promoai.registry_metrics x), '')
	|| coalesce((SELECT string_agg(md5(p::text), ' ' ORDER BY version_id, chunk) FROM promoai.registry_payload p), '')
	|| coalesce((SELECT string_agg(g::text, ' ' ORDER BY model_id, role_name) FROM promoai.registry_grants g), ''))"

# Rows of the registry that belong to nothing, and models and versions that lack a part: none, that is an empty answer.
# No foreign key sees to that.
strays="SELECT 'version without model' FROM promoai.registry_versions v
		WHERE NOT EXISTS (SELECT FROM promoai.registry_models m WHERE m.model_id = v.model_id)
	UNION ALL SELECT 'metric without version' FROM promoai.registry_metrics x
		WHERE NOT EXISTS (SELECT FROM promoai.registry_versions v WHERE v.version_id = x.version_id)
	UNION ALL SELECT 'payload without version' FROM promoai.registry_payload p
		WHERE NOT EXISTS (SELECT FROM promoai.registry_versions v WHERE v.version_id = p.version_id)
	UNION ALL SELECT 'grant without model' FROM promoai.registry_grants g
		WHERE NOT EXISTS (SELECT FROM promoai.registry_models m WHERE m.model_id = g.model_id)
	UNION ALL SELECT 'schedule without model' FROM promoai.registry_schedules s
		WHERE NOT EXISTS (SELECT FROM promoai.registry_models m WHERE m.model_id = s.model_id)
	UNION ALL SELECT 'run without model' FROM promoai.registry_runs r
		WHERE NOT EXISTS (SELECT FROM promoai.registry_models m WHERE m.model_id = r.model_id)
	UNION ALL SELECT 'claim without run' FROM promoai.registry_schedules s
		WHERE run_id IS NOT NULL AND NOT EXISTS (SELECT FROM promoai.registry_runs r WHERE r.run_id = s.run_id)
	UNION ALL SELECT 'model without its published version' FROM promoai.registry_models m
		WHERE NOT EXISTS (SELECT FROM promoai.registry_versions v WHERE v.version_id = m.current_version)
	UNION ALL SELECT 'version without its whole payload' FROM promoai.registry_versions v
		WHERE payload_bytes IS DISTINCT FROM
			(SELECT sum(length(bytes)) FROM promoai.registry_payload p WHERE p.version_id = v.version_id)"

# The payload of a model's published version as one checksum: payload_md5 <model>
payload_md5()
{
	sql "SELECT md5(string_agg(bytes, ''::bytea ORDER BY chunk)) FROM promoai.registry_payload
		JOIN promoai.registry_models ON version_id = current_version WHERE model = '$1'"
}

# stop_at <point> <statement> [settings]: run it in the background (sets session) until it sleeps at that test point
stop_at()
{
	sql_start "SET promoai.test_action = 'sleep'; SET promoai.test_point = '$1'; ${3:-} $2"
	wait_for "SELECT count(*) FROM pg_stat_activity WHERE query = 'promoai test point: $1' AND backend_type = 'client backend'" 1
}

# end_stopped: cancel whoever sleeps at a test point and wait for its client
end_stopped()
{
	sql "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'promoai test point:%'" >/dev/null
	wait "$session"
}
