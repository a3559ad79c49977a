#!/usr/bin/env bash
# The lift aggregates beside PostgreSQL's own: two arguments beside regr_slope and regr_r2 (aim: at most 1.3 times, serial
# and with workers), ten covariates beside sum() of the same columns (aim: at most 6 times, robust errors included), and
# beside statsmodels, which has the export of the rows to pay (aim: ahead).
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rows=$(pick 10000000 1000000)
wide=$(pick 2000000 200000)

sql "CREATE TABLE sold AS
     SELECT (20 + 6 * ((hashint8(n) & 15) < 5)::int + (hashint8(n + $rows) & 1023) / 100.0)::float8 AS sales,
            (hashint8(n) & 15) < 5 AS promo, ((hashint8(n) & 15) < 5)::int::float8 AS promo_number
     FROM generate_series(1, $rows) n" -c "VACUUM (ANALYZE, FREEZE) sold"
columns=$(for c in 1 2 3 4 5 6 7 8 9 10; do printf ', ((hashint8(n + %d00000000) & 4095) / 100.0)::float8 AS c%d' $c $c; done)
sql "CREATE TABLE wide AS
     SELECT n::int AS n, (n % 1000)::int AS store, ((n - 1) / 100)::int AS product, (20 + 6 * ((hashint8(n) & 15) < 5)::int + (hashint8(n + $rows) & 1023) / 100.0)::float8 AS sales,
            (hashint8(n) & 15) < 5 AS promo$columns
     FROM generate_series(1, $wide) n" -c "VACUUM (ANALYZE, FREEZE) wide"
sql "SELECT count(*) FROM sold" -c "SELECT count(*) FROM wide" >/dev/null

serial="SET max_parallel_workers_per_gather = 0"
workers="SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0"
list="c1, c2, c3, c4, c5, c6, c7, c8, c9, c10"
sums="sum(sales), sum(promo::int)$(for c in 1 2 3 4 5 6 7 8 9 10; do printf ', sum(c%d)' $c; done)"

regr_serial() { sql_seconds "$serial" "SELECT regr_slope(sales, promo_number), regr_r2(sales, promo_number) FROM sold"; }
lift_serial() { sql_seconds "$serial" "SELECT promoai.promo_lift_fit(sales, promo) FROM sold"; }
graded_serial() { sql_seconds "$serial" "SELECT promoai.promo_lift_fit(sales, promo_number) FROM sold"; }
regr_workers() { sql_seconds "$workers" "SELECT regr_slope(sales, promo_number), regr_r2(sales, promo_number) FROM sold"; }
lift_workers() { sql_seconds "$workers" "SELECT promoai.promo_lift_fit(sales, promo) FROM sold"; }
sum_wide() { sql_seconds "$serial" "SELECT $sums FROM wide"; }
lift_wide() { sql_seconds "$serial" "SELECT promoai.promo_lift_fit(sales, promo, ARRAY[$list]) FROM wide"; }
lift_clustered() { sql_seconds "$serial" "SELECT promoai.promo_lift_fit(sales, promo, ARRAY[$list], store) FROM wide"; }
regr_groups() { sql_seconds "$serial" "SELECT product, regr_slope(sales, c1), regr_r2(sales, c1) FROM wide GROUP BY product"; }
lift_groups() { sql_seconds "$serial" "SELECT product, promoai.promo_lift_fit(sales, promo) FROM wide GROUP BY product"; }
wide_groups() { sql_seconds "$serial" "SELECT product, promoai.promo_lift_fit(sales, promo, ARRAY[$list]) FROM wide GROUP BY product"; }

# The fit alone, the rows already in memory: its last line is seconds.
statsmodels()
{
	sql "COPY (SELECT sales, promo::int, $list FROM wide) TO STDOUT (FORMAT csv)" | "$python" -W ignore -c '
import sys, time
import numpy as np
import statsmodels.api as sm
rows = np.loadtxt(sys.stdin, delimiter=",")
began = time.perf_counter()
fit = sm.OLS(rows[:, 0], sm.add_constant(rows[:, 1:])).fit(cov_type="HC1")
fit.bse
print(time.perf_counter() - began)'
}

say "  $rows rows, sales and promo, no workers; medians of $rounds"
alternate "regr_slope, regr_r2" regr_serial "promo_lift_fit, boolean" lift_serial "promo_lift_fit, float8" graded_serial
beside "promo_lift_fit(sales, promo) of $rows rows" "promo_lift_fit, boolean" "regr_slope, regr_r2" "<= 1.3" yardstick
beside "the same, a graded promotion" "promo_lift_fit, float8" "regr_slope, regr_r2" "<= 1.3" yardstick
say "  the same, two workers allowed"
alternate "regr_slope, regr_r2" regr_workers "promo_lift_fit" lift_workers
beside "the same, two workers allowed" "promo_lift_fit" "regr_slope, regr_r2" "<= 1.3" yardstick
say "  $wide rows, ten covariates, no workers"
alternate "sum() of the twelve columns" sum_wide "promo_lift_fit, HC1" lift_wide "promo_lift_fit, 1,000 clusters" lift_clustered
beside "promo_lift_fit, ten covariates, HC1, $wide rows" "promo_lift_fit, HC1" "sum() of the twelve columns" "<= 6" yardstick
beside "the same, 1,000 clusters" "promo_lift_fit, 1,000 clusters" "sum() of the twelve columns" "" yardstick
say "  $((wide / 100)) groups of 100 rows"
alternate "regr_slope, regr_r2" regr_groups "promo_lift_fit" lift_groups "promo_lift_fit, ten covariates" wide_groups
beside "promo_lift_fit of $((wide / 100)) groups" "promo_lift_fit" "regr_slope, regr_r2" "" yardstick
if "$python" -c 'import statsmodels' 2>/dev/null; then
	say "  $wide rows, ten covariates; statsmodels with the rows in memory already, export not counted"
	alternate "statsmodels, HC1" statsmodels "promo_lift_fit, HC1" lift_wide
	beside "promo_lift_fit, ten covariates, HC1, from the table" "promo_lift_fit, HC1" "statsmodels, HC1" "<= 1"
else
	absent "statsmodels" "python3-statsmodels is not installed"
fi
sql "DROP TABLE sold, wide"
