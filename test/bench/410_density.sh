#!/usr/bin/env bash
# DBSCAN of 50,000 points of two columns beside scikit-learn's k-d tree: the whole query here (reading the table, handing out
# labels), the fit alone there.  Then what has no such peer: HDBSCAN*, k-distances; and hierarchies beside SciPy, whose
# distances of all pairs hold it to fewer points.  Aim: DBSCAN no slower than scikit-learn.
# shellcheck source=test/bench/lib.sh
. "$(dirname "$0")/lib.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/promoai-density-XXXXXX")
trap 'rm -rf "$folder"' EXIT
n=$(pick 50000 10000)
small=$(pick 10000 3000)

# Twelve clusters of differing spread and a fifth of the points anywhere; the same points in every run.
sql "CREATE TABLE density_points AS
	SELECT i, CASE WHEN i % 5 = 0 THEN ARRAY[u1 * 24, u2 * 24]
		ELSE ARRAY[i % 12 * 7 % 24 + s * cos(2 * pi() * u2), i % 12 * 2 + s * sin(2 * pi() * u2)] END AS f
	FROM (SELECT i, u1, u2, (0.15 + 0.05 * (i % 12)) * sqrt(-2 * ln(u1)) AS s
		FROM (SELECT i, ((hashint8extended(i, 1) & 1073741823) + 0.5) / 1073741824 AS u1,
			((hashint8extended(i, 2) & 1073741823) + 0.5) / 1073741824 AS u2 FROM generate_series(1, $n) i) u) s;
	ANALYZE density_points"
sql "COPY (SELECT f[1], f[2] FROM density_points) TO STDOUT" >"$folder/points"
head -n "$small" "$folder/points" >"$folder/small"

ours() { sql_seconds "SET maintenance_work_mem = '1GB'" "SELECT count(label) FROM (SELECT promoai.$1 OVER () AS label FROM density_points WHERE i <= $2) q"; }
dbscan() { ours "dbscan_segment(f, $1, 10)" "$n"; }
dbscan_narrow() { dbscan 0.1; }
dbscan_wide() { dbscan 0.3; }
kdist() { ours "dbscan_kdist(f, 10)" "$n"; }
hdbscan() { ours "hdbscan_segment(f, 50, 10)" "$n"; }
ward() { ours "hierarchical_segment(f, 12, 'ward', 'none')" "$small"; }
ward_all() { ours "hierarchical_segment(f, 12, 'ward', 'none')" "$n"; }
single() { ours "hierarchical_segment(f, 12, 'single', 'none')" "$small"; }
average() { ours "hierarchical_segment(f, 12, 'average', 'none')" "$small"; }

if missing=$("$python" test/bench/peer_density.py "$folder/small" single 2>&1); then
	peer() { "$python" test/bench/peer_density.py "$@"; }
	sk_narrow() { peer "$folder/points" dbscan 0.1 10; }
	sk_wide() { peer "$folder/points" dbscan 0.3 10; }
	scipy_ward() { peer "$folder/small" ward; }
	scipy_single() { peer "$folder/small" single; }
	scipy_average() { peer "$folder/small" average; }
	alternate "scikit-learn" sk_narrow "dbscan_segment, $n, eps 0.1" dbscan_narrow
	beside "dbscan_segment of $n points, eps 0.1" "dbscan_segment, $n, eps 0.1" "scikit-learn" "<= 1"
	alternate "scikit-learn" sk_wide "dbscan_segment, $n, eps 0.3" dbscan_wide
	beside "dbscan_segment of $n points, eps 0.3" "dbscan_segment, $n, eps 0.3" "scikit-learn" "<= 1"
	for linkage in ward single average; do
		alternate "SciPy" scipy_$linkage "hierarchical_segment, $linkage, $small" $linkage
		beside "hierarchical_segment of $small points, $linkage" "hierarchical_segment, $linkage, $small" "SciPy" "<= 1"
	done
else
	absent "scikit-learn, SciPy" "$(tail -n 1 <<<"$missing")"
	alternate "dbscan_segment, $n, eps 0.1" dbscan_narrow "dbscan_segment, $n, eps 0.3" dbscan_wide
	beside "dbscan_segment of $n points, eps 0.1" "dbscan_segment, $n, eps 0.1" "scikit-learn" "<= 1"
	beside "dbscan_segment of $n points, eps 0.3" "dbscan_segment, $n, eps 0.3" "scikit-learn" "<= 1"
fi
alternate "dbscan_kdist, $n" kdist "hdbscan_segment" hdbscan
report "dbscan_kdist of $n points" s "${median["dbscan_kdist, $n"]}"
report "hdbscan_segment of $n points" s "${median[hdbscan_segment]}"
rounds=1
alternate "hierarchical_segment, ward, $n" ward_all
report "hierarchical_segment of $n points, ward" s "${median["hierarchical_segment, ward, $n"]}"
sql "DROP TABLE density_points"
