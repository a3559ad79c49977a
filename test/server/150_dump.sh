#!/usr/bin/env bash
# Models go through pg_dump and pg_restore, with versions, metrics, grants and owners, into any cluster.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

start_server
sql "CREATE ROLE seller LOGIN; CREATE ROLE analyst LOGIN; CREATE ROLE keeper LOGIN; CREATE ROLE \"Odd \"\"Name\"\" ü\" LOGIN"
sql "CREATE DATABASE shop OWNER keeper"
export PGDATABASE=shop
shop_create
sql "GRANT USAGE ON SCHEMA promoai TO PUBLIC; GRANT SELECT ON purchases TO PUBLIC; CREATE SCHEMA of_seller AUTHORIZATION seller"
PGUSER=seller sql "SET search_path = of_seller, public; $train_shop" >/dev/null
is "$(PGUSER=seller sql "$retrain_shop; $retrain_shop; SELECT (promoai.model_publish('shop', 2)).version; SELECT promoai.model_prune('shop', 1)" | tail -1)" 1 \
	"a model of seller has versions 2 and 3, of which 2 is published"
PGUSER=seller sql "SELECT promoai.model_grant('shop', 'analyst'); SELECT promoai.model_grant('shop', 'Odd \"Name\" ü')" >/dev/null
PGUSER=analyst sql "SELECT promoai.mf_train('texts', 'SELECT ''c-'' || customer || repeat(''é'', customer % 5), item::text FROM purchases', factors => 3, iterations => 1)" >/dev/null
PGUSER=analyst sql "SELECT promoai.model_grant('texts', 'public')" >/dev/null
sql "SELECT promoai.mf_train('uuids', 'SELECT md5(customer::text)::uuid, item::numeric FROM purchases', factors => 3, iterations => 1)" >/dev/null

# All that can be asked of the models.
everything="SELECT * FROM promoai.models; SELECT * FROM promoai.model_versions; SELECT * FROM promoai.model_metrics; SELECT * FROM promoai.model_grants;
	$answers; SELECT md5(string_agg(r::text, ' ')) FROM promoai.cf_recommend_all('texts', 5) r;
	SELECT md5(string_agg(r::text, ' ')) FROM promoai.cf_recommend_all('uuids', 5) r;
	SELECT promoai.model_definition(model) FROM promoai.models ORDER BY model; SELECT * FROM promoai.evaluate('shop', 'SELECT customer, (item + 1) % 90 FROM purchases')"
expected=$(sql "$everything" | sort)
registered=$(sql "$registry")
is "$(sql "SELECT count(*) FROM promoai.models")" 3 "three models are there"

# same_in <database> <how>: all is there, works, and obeys the same rights
same_in()
{
	local PGDATABASE=$1 how=$2
	is "$(sql "$registry")" "$registered" "$how: the registry is the same, row for row"
	is "$(sql "$everything" | sort)" "$expected" "$how: views, answers, definitions and evaluation are the same"
	is "$(sql "$strays")" "" "$how: nothing is left over"
	is "$(PGUSER=seller sql "SELECT string_agg(model, ',' ORDER BY model) FROM promoai.models")" "shop,texts" "$how: seller sees what it saw"
	is "$(PGUSER=analyst sql "SELECT count(*) FROM promoai.cf_recommend('shop', 1)")" 10 "$how: a grantee is served"
	is "$(PGUSER='Odd "Name" ü' sql "SELECT count(*) FROM promoai.cf_recommend('shop', 1)")" 10 "$how: whatever its name"
	like "$(PGUSER=analyst sql_error "SELECT promoai.retrain('shop')")" "must be owner" "$how: but does not train"
	like "$(PGUSER=keeper sql_error "SELECT * FROM promoai.cf_recommend('shop', 1)" -v VERBOSITY=verbose)" "ERROR:  42704: .*no right" "$how: others are not served"
	like "$(PGUSER=seller sql_error "SELECT * FROM promoai.registry_models" -v VERBOSITY=verbose)" "ERROR:  42501" "$how: the tables are closed"
	is "$(PGUSER=seller sql "SELECT (promoai.retrain('shop')).version")" 4 "$how: its owner trains it again, under the stored search_path"
	is "$(sql "$answers")" "$(PGDATABASE=shop sql "$answers")" "$how: and it learns the same"
	is "$(sql "SELECT string_agg(version::text, ',' ORDER BY version) FROM promoai.model_versions WHERE model = 'shop'")" "2,3,4" "$how: version by version"
}

sql "CREATE DATABASE custom TEMPLATE template0"
"$(pg pg_dump)" -Fc -f "$server_dir/custom" && "$(pg pg_restore)" --exit-on-error -d custom "$server_dir/custom"
ok $? "pg_dump -Fc and pg_restore"
same_in custom custom

sql "CREATE DATABASE plain TEMPLATE template0"
"$(pg pg_dump)" -f "$server_dir/plain" && PGDATABASE=plain sql "\\i $server_dir/plain" >/dev/null
ok $? "a plain dump and psql"
same_in plain plain

sql "CREATE DATABASE jobs TEMPLATE template0"
"$(pg pg_dump)" -Fd -j 2 -f "$server_dir/jobs" && "$(pg pg_restore)" --exit-on-error -j 2 -d jobs "$server_dir/jobs"
ok $? "a directory, in two jobs"
same_in jobs jobs

# Data alone, into a database where the extension has been created: the registry's rows, table by table in whatever order.
sql "CREATE DATABASE data_only TEMPLATE template0"
PGDATABASE=data_only sql "CREATE EXTENSION promoai"
for table in payload grants metrics versions models; do
	"$(pg pg_restore)" --exit-on-error --data-only --schema promoai --table "registry_$table" -d data_only "$server_dir/custom" || bail_out "no data"
done
is "$(PGDATABASE=data_only sql "$registry")" "$registered" "data alone, children first: row for row"
is "$(PGDATABASE=data_only sql "$strays")" "" "and complete"

# Once more what came out of a restore.
sql "CREATE DATABASE twice TEMPLATE template0"
"$(pg pg_dump)" -Fc -f "$server_dir/again" custom && "$(pg pg_restore)" --exit-on-error -d twice "$server_dir/again"
ok $? "what was restored can be dumped and restored"
is "$(PGDATABASE=twice sql "$registry")" "$(PGDATABASE=custom sql "$registry")" "and is the same, row for row"

# ---- roles that are not there ----

sql "CREATE DATABASE homeless TEMPLATE template0"
"$(pg pg_dump)" -Fc --no-owner --no-acl -f "$server_dir/homeless" && "$(pg pg_restore)" --exit-on-error --no-owner -d homeless "$server_dir/homeless"
ok $? "without owners and grants"
(
	export PGDATABASE=homeless
	sql "UPDATE promoai.registry_models SET owner_name = 'gone', owner_cluster = 0 WHERE model = 'shop'"
)
is "$(PGDATABASE=homeless sql "SELECT owner, owner_exists FROM promoai.models WHERE model = 'shop'")" "gone|f" "a model whose owner is not there says so"
is "$(PGDATABASE=homeless sql "$answers")" "$(sql "$answers")" "it serves"
like "$(PGDATABASE=homeless sql_error "$retrain_shop" -v VERBOSITY=verbose)" "ERROR:  55000: .*\"gone\", does not exist any more" "it is not trained"
is "$(PGDATABASE=homeless sql "SELECT promoai.model_owner('shop', 'postgres'); $retrain_shop" | tail -1)" 4 "handed over, it is"

# ---- by the database's owner, who is no superuser ----

like "$(PGUSER=keeper "$(pg pg_dump)" -Fc -f "$server_dir/keeper" 2>&1)" "permission denied for table registry_" \
	"the owner of the database cannot dump models of others, and is told so"
sql "GRANT pg_read_all_data TO keeper"
sql "CREATE DATABASE by_reader TEMPLATE template0"
PGUSER=keeper "$(pg pg_dump)" -Fc -f "$server_dir/keeper"
ok $? "with pg_read_all_data he can"
"$(pg pg_restore)" --exit-on-error -d by_reader "$server_dir/keeper"
ok $? "and a superuser restores it"
is "$(PGDATABASE=by_reader sql "$registry")" "$registered" "row for row"

done_testing
