#!/usr/bin/env bash
# Customers: rfm and customer_features over 10 million order rows beside the same in plain SQL and in pandas (which gets its
# columns for nothing: no export); clv_train beside the same likelihood maximised by SciPy (which gets x, t_x and age for nothing).
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rows=$(pick 10000000 300000)
rounds=${BENCH_ROUNDS:-3}
customers=$((rows / 20))

sql "CREATE TABLE purchase AS
     SELECT ((hashint8extended(n, 1) & 1073741823) % $customers)::int AS customer,
            timestamp '2023-01-01' + interval '1 minute' * (hashint8extended(n, 2) & 1048575) AS ordered_at,
            ((hashint8extended(n, 3) & 65535) / 655.36)::float8 AS amount, ((hashint8extended(n, 4) & 1048575) % 20)::int AS category
     FROM generate_series(1, $rows) n" -c "VACUUM (ANALYZE, FREEZE) purchase" -c "SELECT count(*) FROM purchase" >/dev/null

pandas=$("$python" -c 'import pandas' 2>/dev/null && echo yes || true)
scipy=$("$python" -c 'import scipy' 2>/dev/null && echo yes || true)
settings="SET max_parallel_workers_per_gather = 0; SET maintenance_work_mem = '4GB'; SET work_mem = '1GB'"
summing() { sql_seconds "$settings" "SELECT sum(customer), max(ordered_at), sum(amount) FROM purchase"; }
rfm() { sql_seconds "$settings" "SELECT count(*), sum(r + f + m) FROM promoai.rfm('SELECT customer, ordered_at, amount FROM purchase')"; }
rfm_sql()
{
	sql_seconds "$settings" "SELECT count(*), sum(r + f + m) FROM (
		SELECT customer, ceil(5 * cume_dist() OVER (ORDER BY days DESC)) AS r, ceil(5 * cume_dist() OVER (ORDER BY orders)) AS f,
		       ceil(5 * cume_dist() OVER (ORDER BY paid)) AS m
		FROM (SELECT customer, date '2025-01-01' - max(ordered_at)::date AS days, count(DISTINCT ordered_at) AS orders, sum(amount) AS paid
		      FROM purchase GROUP BY customer) c) s"
}
features()
{
	sql_seconds "$settings" "SELECT count(*), sum(gap_spread_days), sum(category_entropy)
		FROM promoai.customer_features('SELECT customer, ordered_at, amount, category FROM purchase')"
}
# some of the same columns
features_sql()
{
	sql_seconds "$settings" "SELECT count(*), sum(o.spread), sum(c.entropy) FROM
		(SELECT customer, count(*), sum(paid), avg(gap) AS mean, stddev_samp(gap) AS spread, min(ordered_at), max(ordered_at),
		        avg((extract(isodow FROM ordered_at) > 5)::int) AS weekend, mode() WITHIN GROUP (ORDER BY extract(hour FROM ordered_at)) AS hour
		 FROM (SELECT customer, ordered_at, sum(amount) AS paid,
		              extract(epoch FROM ordered_at - lag(ordered_at) OVER (PARTITION BY customer ORDER BY ordered_at))::float8 AS gap
		       FROM purchase GROUP BY customer, ordered_at) g GROUP BY customer) o
		JOIN (SELECT customer, -sum(share * ln(share)) AS entropy FROM (
			SELECT customer, count(*) / (sum(count(*)) OVER (PARTITION BY customer))::float8 AS share FROM purchase GROUP BY customer, category) s
			GROUP BY customer) c USING (customer)"
}
pandas_rfm()
{
	"$python" - "$rows" "$customers" <<-'PY'
		import sys, time
		import numpy as np, pandas as pd
		n, c = int(sys.argv[1]), int(sys.argv[2])
		r = np.random.default_rng(1)
		d = pd.DataFrame({"customer": r.integers(0, c, n), "at": np.datetime64("2023-01-01") + r.integers(0, 1048576, n).astype("m8[m]"),
		                  "amount": r.random(n) * 100})
		began = time.time()
		g = d.groupby("customer").agg(last=("at", "max"), orders=("at", "nunique"), paid=("amount", "sum"))
		days = (d["at"].max() - g["last"]).dt.days
		s = sum(np.ceil(5 * v.rank(method="max", pct=True)) for v in (-days, g.orders, g.paid))
		print(s.sum(), file=sys.stderr)
		print(time.time() - began)
	PY
}

say "  $rows rows of $customers customers; medians of $rounds"
peers=("sums of the columns" summing)
if has_function 'promoai.rfm(text,timestamptz,text,text,text)'; then
	peers+=("rfm" rfm "the same in SQL" rfm_sql "customer_features" features "some of them in SQL" features_sql)
else
	absent "rfm" "this build has no such function"
fi
if [ -n "$pandas" ]; then peers+=("RFM in pandas, no export" pandas_rfm); else absent "pandas" "not installed"; fi
alternate "${peers[@]}" 2>/dev/null
beside "rfm of $rows rows" rfm "RFM in pandas, no export" "<= 1"
report "the same beside SQL" s "${median[rfm]}" "the same in SQL" "${median["the same in SQL"]}" "<= 1"
report "customer_features of $rows rows" s "${median[customer_features]}" "some of the columns in SQL" "${median["some of them in SQL"]}" "<= 1"

# Lifetime values: what clv_train reads and derives is in its time, and not in SciPy's.
# Customers as the models think of them: rates Gamma(1, 20 weeks), chances of leaving Beta(1, 3), known for 100 to 200 weeks.
buyers=$(pick 50000 5000)
u() { printf '((hashint8extended(%s) & 1048575) + 0.5) / 1048576' "$1"; }
sql "CREATE TABLE visit AS
     WITH customer AS (SELECT i, -ln($(u 'i, 1')) / 20 AS rate, 1 - ($(u 'i, 2')) ^ (1 / 3.0) AS leaves, 700 + 700 * $(u 'i, 3') AS age
                       FROM generate_series(1, $buyers) i),
     walk AS (SELECT i, age, sum(-7 * ln($(u 'i, 100 + j')) / rate) OVER w AS at,
                     coalesce(bool_or($(u 'i, 500 + j') < leaves) OVER (PARTITION BY i ORDER BY j ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS gone
              FROM customer, generate_series(1, 60) j WINDOW w AS (PARTITION BY i ORDER BY j))
     SELECT customer, timestamp '2025-01-01' - interval '1 day' * days AS ordered_at,
            20 * exp(0.5 * sin(customer)) / -ln($(u 'customer, (days * 1000)::bigint')) AS amount
     FROM (SELECT i AS customer, age AS days FROM customer UNION ALL SELECT i, age - at FROM walk WHERE NOT gone AND at < age) v" -c "ANALYZE visit"
training() { sql_seconds "$settings" "SELECT promoai.clv_train('bench', 'SELECT customer, ordered_at, amount FROM visit', as_of => '2025-01-01', holdout => 0)"; }
file=$(mktemp)
trap 'rm -f "$file"' EXIT
scipy_fit() { OPENBLAS_NUM_THREADS=1 "$python" test/reference/clv.py time "$file"; }
if has_function 'promoai.clv_train(text,text,text,timestamptz,float8,timestamptz,float8,text,text)'; then
	training >/dev/null 2>&1
	sql "SELECT c.x, c.t_x, c.age, coalesce(v.mean, 1) FROM promoai.clv_predict('bench', units => 1) c
	     LEFT JOIN (SELECT customer, avg(paid) FILTER (WHERE n > 1) AS mean FROM (
	         SELECT customer, sum(amount) AS paid, row_number() OVER (PARTITION BY customer ORDER BY ordered_at::date) AS n
	         FROM visit GROUP BY customer, ordered_at::date) d GROUP BY customer) v ON v.customer = c.customer_no" -F , >"$file"
	peers=("clv_train, reading included" training)
	if [ -n "$scipy" ]; then peers+=("SciPy's maximum, no reading" scipy_fit); else absent "SciPy" "not installed"; fi
	say "  $(sql "SELECT count(*) FROM visit") orders of $buyers customers"
	alternate "${peers[@]}" 2>/dev/null
	beside "clv_train of $buyers customers" "clv_train, reading included" "SciPy's maximum, no reading" "<= 1"
	sql "SELECT promoai.model_drop('bench')" >/dev/null
fi
sql "DROP TABLE purchase, visit"
