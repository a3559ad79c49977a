#!/usr/bin/env bash
# One iteration of exact implicit ALS inside the server, one process, beside implicit's (https://github.com/benfred/implicit)
# conjugate gradient and Cholesky solvers: 1 M pairs, 6,040 x 3,706, 64 factors.  Aim: at most its conjugate gradient's time.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

draws=$(pick 1090000 200000)
folder=$(mktemp -d "${TMPDIR:-/tmp}/promoai-als-XXXXXX")
trap 'rm -rf "$folder"' EXIT

sql "SELECT setseed(0.5)" -c "CREATE TABLE pair AS
     SELECT DISTINCT (6040 * power(random(), 1.6))::int AS customer, (3706 * power(random(), 2.2))::int AS item
     FROM generate_series(1, $draws)" -c "VACUUM ANALYZE pair" >/dev/null
sql "COPY pair TO STDOUT" >"$folder/pairs"

# ours <factors> <workers> [solver]: the difference between 4 and 14 iterations is ten of them, without reading and writing
ours()
{
	local seconds=() iterations
	for iterations in 4 14; do
		seconds+=("$(sql_seconds "SET max_parallel_maintenance_workers = $2" "SELECT promoai.mf_train('bench', 'pair',
		             factors => $1, iterations => $iterations, holdout => 0, solver => '${3:-als}')")")
	done
	awk -v few="${seconds[0]}" -v many="${seconds[1]}" 'BEGIN { print (many - few) / 10 }'
}
ours_64() { ours 64 0; }
ours_64_team() { ours 64 1; }
ours_128() { ours 128 0; }
cg_ours_64() { ours 64 0 cg; }
cg_ours_128() { ours 128 0 cg; }
cg_64() { "$python" test/bench/peer_implicit.py "$folder/pairs" 64 cg; }
cg_128() { "$python" test/bench/peer_implicit.py "$folder/pairs" 128 cg; }
cholesky_64() { "$python" test/bench/peer_implicit.py "$folder/pairs" 64 cholesky; }

report_64()
{
	beside "an iteration of mf_train, exact, 64 factors" "mf_train, 64 factors" "implicit, CG" "<= 1"
	report "the same beside the exact solver" s "${median["mf_train, 64 factors"]}" "implicit, Cholesky" "${median["implicit, Cholesky"]-}" "<= 1"
	report "the same with one worker" s "${median["mf_train, 64 factors, one worker"]}" "without" "${median["mf_train, 64 factors"]}" "<= 0.75" yardstick
	beside "an iteration of mf_train, CG, 64 factors" "mf_train CG, 64 factors" "implicit, CG" "<= 1"
}
report_128()
{
	beside "an iteration of mf_train, exact, 128 factors" "mf_train, 128 factors" "implicit, CG"
	beside "an iteration of mf_train, CG, 128 factors" "mf_train CG, 128 factors" "implicit, CG" "<= 1"
}

say "  $(sql "SELECT count(*) FROM pair") pairs; seconds an iteration, medians of $rounds"
if missing=$("$python" test/bench/peer_implicit.py "$folder/pairs" 8 cg 2>&1); then
	alternate "implicit, CG" cg_64 "mf_train, 64 factors" ours_64 "mf_train, 64 factors, one worker" ours_64_team \
		"mf_train CG, 64 factors" cg_ours_64 "implicit, Cholesky" cholesky_64
	report_64
	alternate "implicit, CG" cg_128 "mf_train, 128 factors" ours_128 "mf_train CG, 128 factors" cg_ours_128
	report_128
else
	alternate "mf_train, 64 factors" ours_64 "mf_train, 64 factors, one worker" ours_64_team "mf_train CG, 64 factors" cg_ours_64
	report_64
	alternate "mf_train, 128 factors" ours_128 "mf_train CG, 128 factors" cg_ours_128
	report_128
	absent "implicit" "$(tail -n 1 <<<"$missing")"
fi
sql "SELECT promoai.model_drop('bench')" -c "DROP TABLE pair" >/dev/null
