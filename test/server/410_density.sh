#!/usr/bin/env bash
# Clusters without centroids: against scikit-learn, SciPy and R where they are installed; memory that is counted, cancel.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"

python=/usr/bin/python3
start_server -c maintenance_work_mem=512MB -c jit=off
sql "CREATE EXTENSION promoai"

if "$python" -c 'import scipy, sklearn' 2>/dev/null; then
	"$python" test/reference/density.py "$(pg psql)" >"$server_dir/reference" 2>&1
	right=$?
	ok $right "labels and distances are those of scikit-learn, SciPy and R: $(grep -c ' ok$' "$server_dir/reference") comparisons" ||
		diag "$(grep -v ' ok$' "$server_dir/reference")"
else
	skip "scikit-learn and SciPy are not installed"
fi

# all <call> <rows> [columns]: how many rows of random numbers get a label
all()
{
	printf "SELECT count(label) FROM (SELECT promoai.%s OVER () AS label FROM (SELECT ARRAY[random()%s] AS f FROM generate_series(1, %d)) p) q" \
		"$1" "$(yes ', random()' | head -n $((${3:-2} - 1)) | tr -d '\n')" "$2"
}

# ---- memory ----

like "$(sql_error "SET maintenance_work_mem = '64MB'; $(all "hierarchical_segment(f, 3, 'average')" 20000)")" \
	"hierarchical_segment needs 1[0-9]{3} MB of memory, more than the allowed 64 MB.*Raise maintenance_work_mem to at least 1[0-9]{3} MB" "distances of all pairs are counted beforehand"
like "$(sql_error "SET maintenance_work_mem = '1MB'; $(all "dbscan_segment(f, 0.1)" 20000)")" \
	"dbscan_segment needs [0-9]+ MB of memory, more than the allowed 1 MB" "so is a tree"
like "$(sql_error "SELECT count(*) FROM promoai.hierarchical_tree('SELECT i, random() FROM generate_series(1, 20000) i', 'complete', memory => '64MB')")" \
	"hierarchical_tree needs 1[0-9]{3} MB of memory.*pass memory => '1[0-9]{3} MB'" "and a tree of merges"

# needed <limit> <query>: MB that the query says it needs under a limit
needed() { sql_error "SET maintenance_work_mem = '$1'; $2" | sed -n 's/.* needs \([0-9]*\) MB.*/\1/p'; }

# peak <query>: what the backend holds at most, in MB
peak()
{
	sql "SET maintenance_work_mem = '1GB'; $1; SELECT (regexp_match(pg_read_file('/proc/' || pg_backend_pid() || '/status'), 'VmHWM:\s+(\d+)'))[1]::int / 1024" | tail -n 1
}

if [ -r /proc/self/status ]; then
	base=$(peak "$(all "dbscan_segment(f, 1)" 10)")
	for call in "dbscan_segment(f, 0.001)" "hdbscan_segment(f, 20)" "hierarchical_segment(f, 3, 'single')"; do
		query=$(all "$call" 200000)
		# The matrix is counted first, and the work when it is known how many rows hold no NULL.
		first=$(needed 1MB "$query")
		whole=$(needed "${first}MB" "$query")
		held=$(($(peak "$query") - base))
		# The executor keeps the partition's rows in work_mem, and what malloc has freed it may still hold.
		ok "$([ "$held" -gt "$first" ] && [ "$held" -le $((whole + 24)) ]; echo $?)" "$call holds $held MB, $whole were counted"
	done
fi

# ---- cancel ----

LIMIT=1000
for call in "dbscan_segment(f, 0.4, 1000)" "dbscan_kdist(f, 20000)" "hdbscan_segment(f, 5000)" "hierarchical_segment(f, 3)" "hierarchical_segment(f, 3, 'single')"; do
	for after in 150 700; do
		begun=$(date +%s%3N)
		like "$(sql_error "SET maintenance_work_mem = '2GB'; SET statement_timeout = $after; $(all "$call" 60000 7)")" \
			"canceling statement due to statement timeout" "$call is stopped after $after ms"
		took=$(($(date +%s%3N) - begun - after))
		ok "$([ $took -lt $LIMIT ]; echo $?)" "within $LIMIT ms ($took, the client's start included)"
	done
done

done_testing
