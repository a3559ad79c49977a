# shellcheck shell=bash
# lib.sh - what the proofs of reliability share: a test's own server as in test/server/lib.sh, kinds of models, figures
#
# A proof is a TAP script like a server test.  With --quick it takes seconds; RELIABILITY_FIGURES names a file that its
# figures are added to, one line of Markdown each, for doc/reliability.md.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/server/lib.sh
. "$here/../server/lib.sh"
# shellcheck source=test/server/shop.sh
. "$here/../server/shop.sh"
# shellcheck source=test/server/jobs.sh
. "$here/../server/jobs.sh"
# shellcheck source=test/server/kinds.sh
. "$here/../server/kinds.sh"

# pick <full> <quick>
pick() { if [ -n "${quick:-}" ]; then printf %s "$2"; else printf %s "$1"; fi; }

figure()
{
	printf '# %s\n' "$*"
	[ -z "${RELIABILITY_FIGURES:-}" ] || printf '%s\n' "$*" >>"$RELIABILITY_FIGURES"
}

# What each kind answers when trained by each generation: the table known, which every later version is held to; and the metrics
# that its trainer told: the table told.  Those that it told each time every version must have; segments have more when they
# follow others.
learn_answers()
{
	local g
	sql "CREATE TABLE known (model text, rows_read bigint, answers text NOT NULL, PRIMARY KEY (model, rows_read));
		CREATE TABLE told (model text, version int, metric text)"
	for ((g = 0; g <= generations; g++)); do
		generation_set "$g"
		for model in "${kinds[@]}"; do sql "INSERT INTO told SELECT model, version, jsonb_object_keys(metrics) FROM ${kind_trainer[$model]}" 2>>"$server_dir/notices" || bail_out "$model is not trained: $(tail -n 3 "$server_dir/notices")"; done
	done
	sql "INSERT INTO known SELECT DISTINCT ON (model, rows_read) model, rows_read, answers FROM ($(versions_answers)) v" || bail_out "a kind of models gives no answers"
}

# Versions whose answers are not those of their generation, or that lack a metric: none, that is an empty answer.
wrong_answers()
{
	printf "SELECT v.model || ' ' || v.version || ' answers otherwise' FROM (%s) v LEFT JOIN known k USING (model, rows_read) WHERE k.answers IS DISTINCT FROM v.answers
		UNION ALL SELECT v.model || ' ' || v.version || ' has no ' || t.metric
		FROM promoai.model_versions v JOIN (SELECT model, metric FROM told GROUP BY 1, 2 HAVING count(*) = %s) t USING (model)
		WHERE NOT EXISTS (SELECT FROM promoai.model_metrics x WHERE x.model = v.model AND x.version = v.version AND x.metric = t.metric)" "$(versions_answers)" $((generations + 1))
}
