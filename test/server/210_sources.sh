#!/usr/bin/env bash
# Sources that misbehave: each has its error, none leaves a trace.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/server/shop.sh
. "$(dirname "$0")/shop.sh"

# With the SQLSTATE of every error in the log.
start_server -c 'log_line_prefix=%m [%p] %e %q%u@%d '
shop_create
sql "CREATE ROLE seller LOGIN; GRANT USAGE ON SCHEMA promoai TO seller; GRANT SELECT ON purchases TO seller;
	GRANT CREATE, USAGE ON SCHEMA public TO seller;
	CREATE TABLE written (n integer); GRANT ALL ON written TO PUBLIC;
	CREATE SEQUENCE counted; GRANT ALL ON counted TO PUBLIC"
is "$(PGUSER=seller sql "$train_shop")" 1 "a model of a role that is no superuser"
sql "SELECT promoai.model_grant('shop', 'postgres')" >/dev/null
before=$(sql "$registry")
answer=$(sql "$answers")

# What a source can call.  Each exists plain, and as a SECURITY DEFINER function of the superuser.
functions()
{
	sql "CREATE FUNCTION $1_write() RETURNS integer LANGUAGE plpgsql $2 AS \$\$ BEGIN INSERT INTO written VALUES (1); RETURN 1; END \$\$;
	CREATE FUNCTION $1_write_anyway() RETURNS integer LANGUAGE plpgsql $2 AS \$\$
		BEGIN SET transaction_read_only = off; INSERT INTO written VALUES (1); RETURN 1; END \$\$;
	CREATE FUNCTION $1_set_config() RETURNS integer LANGUAGE plpgsql $2 AS \$\$
		BEGIN PERFORM set_config('transaction_read_only', 'off', true); INSERT INTO written VALUES (1); RETURN 1; END \$\$;
	CREATE FUNCTION $1_caught() RETURNS integer LANGUAGE plpgsql $2 AS \$\$
		BEGIN INSERT INTO written VALUES (1); RETURN 1; EXCEPTION WHEN read_only_sql_transaction THEN
			INSERT INTO written VALUES (2); RETURN 2; END \$\$;
	CREATE FUNCTION $1_table() RETURNS integer LANGUAGE plpgsql $2 AS \$\$ BEGIN CREATE TABLE made (); RETURN 1; END \$\$;
	CREATE FUNCTION $1_train() RETURNS integer LANGUAGE plpgsql $2 AS \$\$
		BEGIN RETURN (promoai.mf_train('inner', 'purchases', iterations => 1)).version; END \$\$;
	CREATE FUNCTION $1_retrain() RETURNS integer LANGUAGE plpgsql $2 AS \$\$ BEGIN RETURN (promoai.retrain('shop')).version; END \$\$;
	CREATE FUNCTION $1_drop() RETURNS integer LANGUAGE plpgsql $2 AS \$\$ BEGIN PERFORM promoai.model_drop('shop'); RETURN 1; END \$\$;
	CREATE FUNCTION $1_fail(i integer) RETURNS integer LANGUAGE plpgsql $2 AS \$\$
		BEGIN IF i = 150 THEN RAISE EXCEPTION 'no more' USING ERRCODE = 'P0042'; END IF; RETURN 1; END \$\$;
	CREATE FUNCTION $1_commit() RETURNS integer LANGUAGE plpgsql $2 AS \$\$ BEGIN COMMIT; RETURN 1; END \$\$;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC"
	# From 16 on such a function cannot be made.
	[ "$optional" = f ] || sql "CREATE FUNCTION $1_option() RETURNS integer LANGUAGE plpgsql $2 SET transaction_read_only = off AS \$\$
		BEGIN INSERT INTO written VALUES (1); RETURN 1; END \$\$"
}
optional=$(sql "SELECT current_setting('server_version_num')::int < 160000")
functions plain ""
functions definer "SECURITY DEFINER"

# fails <who> <SQLSTATE> <third column of the source> <what>: the training, alone and in a transaction that catches it
fails()
{
	local who=$1 state=$2 column=$3 what=$4 said
	said=$(PGUSER=$who sql_error "SELECT promoai.mf_train('bad', 'SELECT customer, item, ${column//\'/\'\'} FROM purchases', iterations => 1)" -v VERBOSITY=verbose)
	like "$said" "^(ERROR|FATAL):  $state: " "$what ($who): SQLSTATE $state"
	# Caught, the transaction goes on, may write as before, and has nothing to commit but its own.
	is "$(PGUSER=$who sql "BEGIN; DO \$x\$ BEGIN PERFORM promoai.mf_train('bad', 'SELECT customer, item, ${column//\'/\'\'} FROM purchases', iterations => 1);
		RAISE 'no error'; EXCEPTION WHEN SQLSTATE '$state' THEN NULL; END \$x\$;
		SHOW transaction_read_only; INSERT INTO written VALUES (42); COMMIT; SELECT * FROM written; DELETE FROM written")" "off
42" "$what ($who): caught, the transaction is not read-only and has written nothing else"
}

# traceless <what>: nothing was written, trained, counted
traceless()
{
	is "$(sql "$registry; SELECT count(*) FROM written; SELECT is_called FROM counted; SELECT to_regclass('made'); $strays; $answers")" \
		"$before
0
f

$answer" "$1: no trace"
}

for kind in plain definer; do
	for who in postgres seller; do
		fails $who 25006 "${kind}_write()" "a $kind function that writes"
		fails $who 25006 "${kind}_caught()" "a $kind function that writes once more after its error"
		fails $who 25006 "${kind}_table()" "a $kind function that creates a table"
		fails $who 25001 "${kind}_write_anyway()" "a $kind function that makes the transaction writable"
		fails $who 25001 "${kind}_set_config()" "a $kind function that does so by set_config"
		[ "$optional" = f ] || fails $who 25001 "${kind}_option()" "a $kind function that has it as an option"
		fails $who 25006 "${kind}_train()" "a $kind function that trains"
		fails $who 25006 "${kind}_retrain()" "a $kind function that trains the model of somebody"
		fails $who 25006 "${kind}_drop()" "a $kind function that drops a model"
		fails $who P0042 "${kind}_fail(customer)" "a $kind function that raises on the way"
		fails $who 2D000 "${kind}_commit()" "a $kind function that commits"
	done
	traceless "$kind functions"
done
fails postgres 25006 "nextval('counted')" "nextval"
fails postgres 25006 "setval('counted', 7)" "setval"
fails postgres 22012 "1 / (quantity - 4)" "division by zero"
fails postgres 22003 "'NaN'::real" "NaN"
fails postgres 22023 "NULL::real" "nothing but NULL"
traceless "built-in functions"

# ---- whole sources ----

# source_fails <SQLSTATE> <source> <what>
source_fails()
{
	like "$(sql_error "SELECT promoai.mf_train('bad', \$src\$$2\$src\$, iterations => 1)" -v VERBOSITY=verbose)" "^ERROR:  $1: " "$3: SQLSTATE $1"
}
source_fails 22023 "SELECT 1, 2 WHERE false" "no rows"
source_fails 22023 "INSERT INTO written VALUES (1) RETURNING n, n" "an INSERT"
source_fails "(25006|0A000|22023)" "WITH w AS (INSERT INTO written VALUES (1) RETURNING n) SELECT n, n FROM w" "an INSERT in a WITH"
source_fails "(25006|22023)" "SELECT customer, item FROM purchases FOR UPDATE" "FOR UPDATE"
source_fails 22023 "SELECT 1 AS a, 2 AS b INTO made" "SELECT INTO"
source_fails 22023 "SELECT 1, 2; DROP TABLE written" "two statements"
source_fails "(22023|0A000)" "COPY purchases TO STDOUT" "COPY"
source_fails 22023 "EXPLAIN ANALYZE SELECT 1, 2" "EXPLAIN"
source_fails 22023 "SET transaction_read_only = off" "SET"
source_fails 22023 "BEGIN ISOLATION LEVEL SERIALIZABLE" "BEGIN"
source_fails 22023 "" "an empty source"
source_fails 22023 "   -- nothing" "a comment"
source_fails 42601 "SELECT FROM FROM" "a syntax error"
source_fails "(42P02|22023)" "SELECT customer, item FROM purchases WHERE customer = \$1" "a parameter"
source_fails 42P01 "nosuch" "a table that is not there"
source_fails 42804 "SELECT 'a'::text, point(1, 2)" "a column of another type"
traceless "whole sources"

# A training inside its own source's transaction state, serving included, may read what it likes.
is "$(sql "SELECT (promoai.mf_train('served', \$\$SELECT c, r.item_no FROM generate_series(1, 50) c, promoai.cf_recommend('shop', c) r\$\$,
	iterations => 1)).version")" 1 "a source may ask another model"
is "$(sql "SELECT (promoai.mf_train('served', \$\$SELECT c, r.item_no FROM generate_series(1, 50) c, promoai.cf_recommend('served', c) r\$\$,
	iterations => 1)).version")" 2 "and the published version of its own"
sql "SELECT promoai.model_drop('served')" >/dev/null

# ---- stored sources ----

PGUSER=seller sql "CREATE VIEW mine AS SELECT customer, item FROM purchases;
	CREATE FUNCTION who() RETURNS integer LANGUAGE plpgsql AS \$\$ BEGIN RETURN 1; END \$\$"
PGUSER=seller sql "SELECT promoai.mf_train('trap', 'SELECT customer, item, who() FROM purchases', iterations => 1)" >/dev/null
for body in "EXECUTE 'ALTER ROLE seller SUPERUSER'" "SET ROLE postgres" "RESET ROLE" "SET SESSION AUTHORIZATION postgres" "INSERT INTO written VALUES (1)" \
	"PERFORM pg_notify('x', 'y'); EXECUTE 'LISTEN x'" "CREATE TEMP TABLE trap ()" "PERFORM promoai.model_owner('trap', 'postgres')"; do
	PGUSER=seller sql "CREATE OR REPLACE FUNCTION who() RETURNS integer LANGUAGE plpgsql AS \$\$ BEGIN $body; RETURN 1; END \$\$"
	said=$(sql_error "SELECT promoai.retrain('trap')" -v VERBOSITY=verbose)
	like "$said" "^ERROR:  (25006|42501|25001|0A000|42804): " "retrained by a superuser, a stranger's source cannot: $body"
done
is "$(sql "SELECT rolsuper FROM pg_roles WHERE rolname = 'seller'")" f "and the stranger is no superuser"
PGUSER=seller sql "CREATE OR REPLACE FUNCTION who() RETURNS integer LANGUAGE plpgsql AS \$\$ BEGIN RETURN (current_user = 'seller')::int; END \$\$"
is "$(sql "SELECT (promoai.retrain('trap')).version; SELECT current_user; SHOW transaction_read_only; SHOW search_path" | tr '\n' ' ')" \
	"2 postgres off \"\$user\", public " "it runs as the owner, and the caller is who it was"
sql "SELECT promoai.model_drop('trap')" >/dev/null
traceless "stored sources"

# ---- slow ----

sql_start "SELECT promoai.mf_train('bad', 'SELECT 1, 2, 3 FROM pg_sleep(60)')"
wait_for "SELECT phase FROM promoai.training_progress" reading
sql "SELECT pg_cancel_backend(pid) FROM promoai.training_progress" >/dev/null
wait "$session"
like "$(cat "$server_dir/session.out")" "canceling statement due to user request" "a slow source is cancelled"
like "$(sql_error "BEGIN; SET LOCAL statement_timeout = 200; SELECT promoai.mf_train('bad', 'SELECT 1, 2 FROM pg_sleep(60)')" -v VERBOSITY=verbose)" \
	"ERROR:  57014: canceling statement due to statement timeout" "or times out in a transaction block"
traceless "slow sources"

# ---- parallel plans, with functions that lie about being safe ----

sql "CREATE FUNCTION liar(i integer) RETURNS integer LANGUAGE plpgsql PARALLEL SAFE AS \$\$ BEGIN INSERT INTO written VALUES (1); RETURN 1; END \$\$;
	CREATE FUNCTION raiser(i integer) RETURNS integer LANGUAGE plpgsql PARALLEL SAFE AS \$\$ BEGIN RETURN 1 / (i - 150); END \$\$;
	ALTER TABLE purchases SET (parallel_workers = 2)"
forced="SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;"
like "$(sql_error "$forced SELECT promoai.mf_train('bad', 'SELECT customer, item, liar(item) FROM purchases')" -v VERBOSITY=verbose)" \
	"ERROR:  (25000|25006): " "in a parallel plan a function that writes is refused"
like "$(sql_error "$forced SELECT promoai.mf_train('bad', 'SELECT customer, item, raiser(customer) FROM purchases')" -v VERBOSITY=verbose)" \
	"ERROR:  22012: " "and one that raises is an error of the training"
traceless "parallel plans"
is "$(sql "$forced SELECT promoai.retrain('shop')" | grep -c shop)" 1 "after all that the shop is trained again"
is "$(sql "BEGIN READ ONLY; SELECT count(*) FROM promoai.cf_recommend('shop', 1)")" 10 "it serves in a read-only transaction"
like "$(sql_error "BEGIN READ ONLY; SELECT promoai.retrain('shop')" -v VERBOSITY=verbose)" "ERROR:  25006: " "where it is not trained"
is "$(grep -c 'XX000\|server process .* was terminated\|PANIC' "$server_dir/log")" 0 "no internal error, no crash"

done_testing
