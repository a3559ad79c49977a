#!/usr/bin/env bash
# Fits over a source: 2 million rows of ten covariates, beside a sum over the same columns and statsmodels (which gets its arrays
# for nothing: no export), and the same rows with two fixed effects absorbed.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rows=$(pick 2000000 200000)

sql "CREATE TABLE sale AS
     SELECT (hashint8extended(n, 1) & 2147483647) % 5000 AS store, (hashint8extended(n, 2) & 2147483647) % 500 AS week,
            (hashint8extended(n, 3) & 65535) / 655.36 AS sales, (hashint8extended(n, 4) & 3) = 0 AS promo,
            $(for i in $(seq 10); do printf '(hashint8extended(n, %d) & 65535) / 65536.0::float8 AS x%d%s' $((10 + i)) "$i" "$([ "$i" = 10 ] || echo ,)"; done)
     FROM generate_series(1, $rows) n" -c "VACUUM (ANALYZE, FREEZE) sale" -c "SELECT count(*) FROM sale" >/dev/null

xs=$(for i in $(seq 10); do printf ', x%d' "$i"; done)
settings="SET max_parallel_workers_per_gather = 0; SET maintenance_work_mem = '2GB'"
looking() { sql_seconds "$settings" "SELECT sum(sales), count(promo)$(for i in $(seq 10); do printf ', sum(x%d)' "$i"; done) FROM sale"; }
fitting() { sql_seconds "$settings" "SELECT n FROM promoai.promo_lift_fit_source('SELECT sales::float8, promo$xs FROM sale')"; }
clustered() { sql_seconds "$settings" "SELECT n FROM promoai.promo_lift_fit_source('SELECT sales::float8, promo$xs, store FROM sale', cluster => 'store')"; }
panel() { sql_seconds "$settings" "SELECT n FROM promoai.promo_panel_fit('SELECT store, week, sales::float8, promo$xs FROM sale')"; }
statsmodels()
{
	OPENBLAS_NUM_THREADS=1 "$python" - "$rows" <<-'PY'
		import sys, time
		import numpy as np
		import statsmodels.api as sm
		n = int(sys.argv[1])
		r = np.random.default_rng(1)
		x = sm.add_constant(np.column_stack([r.random(n) < 0.25, r.random((n, 10))]))
		y = r.random(n)
		began = time.time()
		sm.OLS(y, x).fit(cov_type="HC1").bse
		print(time.time() - began)
	PY
}

say "  $rows rows, promo and 10 covariates; medians of $rounds"
peers=("sums of the columns" looking)
if has_function 'promoai.promo_panel_fit(text,text,text,text,float8,int,text)'; then
	peers+=("promo_lift_fit_source, HC1" fitting "the same by store" clustered "promo_panel_fit, store and week" panel)
else
	absent "promo_panel_fit" "this build has no such function"
fi
if "$python" -c 'import statsmodels' 2>/dev/null; then peers+=("statsmodels, HC1, no export" statsmodels); else absent "statsmodels" "not installed"; fi
alternate "${peers[@]}"
beside "promo_lift_fit_source of $rows rows, ten covariates, HC1" "promo_lift_fit_source, HC1" "statsmodels, HC1, no export" "<= 1"
report "the same, clustered by store" s "${median["the same by store"]}" "a scan, sums of the columns" "${median["sums of the columns"]}" "" yardstick
report "promo_panel_fit, two fixed effects" s "${median["promo_panel_fit, store and week"]}" "a scan, sums of the columns" "${median["sums of the columns"]}" "" yardstick
sql "DROP TABLE sale"
