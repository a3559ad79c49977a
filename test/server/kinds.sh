# shellcheck shell=bash
# kinds.sh - every kind of model: how it is trained, and what it answers; used together with lib.sh, shop.sh and jobs.sh
#
# A further kind is a line `kind <model> <trainer's call> <query of its answers>`, with its rows in kinds_tables; tests of
# schedules, dumps, standbys and crashes then have it too.  In the query VERSION stands for the argument that asks for a
# version.
#
# Sources see the rows of a generation: generation_set makes one current, rows_read tells by which a version was trained, and
# its answers are the same whenever it is trained by that one.
# shellcheck disable=SC2034 # for those who use this

kinds=()
declare -A kind_trainer kind_answers
kind()
{
	kinds+=("$1")
	kind_trainer[$1]="promoai.$2"
	kind_answers[$1]=$3
}

generations=3

kinds_tables()
{
	timed_shop
	sql "CREATE TABLE generation (g int PRIMARY KEY);
		INSERT INTO generation VALUES (0);
		CREATE TABLE more AS SELECT g, c AS customer, (c * 7 + i * 13 + g * 5) % 90 AS item, timestamptz '2026-01-01' + g * interval '1 hour' AS at
			FROM generate_series(1, $generations) g, generate_series(1, 300, 2) c, generate_series(1, 2) i;
		CREATE VIEW timed_now AS SELECT customer, item, at FROM timed
			UNION ALL SELECT customer, item, at FROM more, generation WHERE more.g <= generation.g;
		CREATE TABLE articles AS SELECT i AS item, 'thing ' || i % 7 || ' colour ' || i % 5 AS title FROM generate_series(0, 89) i;
		CREATE TABLE orders AS SELECT c AS customer, timestamptz '2026-01-01' + ((c * 37 + i * i * 11) % 300) * interval '1 day' AS at, 10 + (c + i) % 20 AS amount
			FROM generate_series(1, 200) c, generate_series(1, 6) i WHERE (c + i) % 3 > 0;
		CREATE VIEW orders_now AS SELECT * FROM orders
			UNION ALL SELECT 200 + c, timestamptz '2026-02-01' + c * i * interval '1 day', 7 + i FROM generate_series(1, 20) c, generate_series(1, 5) i, generation WHERE c <= 5 * g;
		CREATE TABLE shape AS SELECT c AS customer, (c % 3 * 10 + c % 7)::float8 AS x, (c % 3 * 5 + c % 4)::float8 AS y FROM generate_series(1, 300) c;
		CREATE VIEW shape_now AS SELECT * FROM shape
			UNION ALL SELECT 300 + c, c % 3 * 9 + g * 2, c % 3 * 6 FROM generate_series(1, 100) c, generation WHERE c <= 30 * g;
		CREATE TABLE questions AS SELECT format('%s %s number %s', (ARRAY['refund', 'track', 'pay for'])[1 + i % 3], (ARRAY['my order', 'the parcel', 'these shoes', '我的快递'])[1 + i % 4], i) AS doc,
			(ARRAY['return', 'delivery', 'payment'])[1 + i % 3] AS intent, 1 + 4 * (i % 2) AS stars FROM generate_series(1, 240) i;
		CREATE VIEW questions_now AS SELECT doc, intent, stars FROM questions
			UNION ALL SELECT format('%s later %s', intent, i), intent, stars FROM questions, generation, generate_series(1, g) i WHERE doc LIKE '%7';
		SELECT promoai.mf_train('fixed_mf', 'timed', factors => 4, iterations => 2, holdout => 0);
		SELECT promoai.cf_train('fixed_knn', 'timed', method => 'item_knn', holdout => 0)" >/dev/null
}

generation_set() { sql "UPDATE generation SET g = $1"; }

lists() { printf "SELECT c, r FROM generate_series(1, 310, 7) c, promoai.cf_recommend('%s', c, k => 5 VERSION) r" "$1"; }

kind mf "mf_train('mf', 'timed_now', factors => 4, iterations => 2)" "$(lists mf)"
kind ratings "mf_train('ratings', 'SELECT customer, item, (customer + item) % 5 + 1, at FROM timed_now', feedback => 'explicit', factors => 4, iterations => 2)" "$(lists ratings)"
for method in ease item_knn user_knn rp3beta popular buy_again; do
	kind $method "cf_train('$method', 'timed_now', method => '$method')" "$(lists $method)"
done
kind basket "basket_train('basket', 'SELECT customer, item FROM timed_now')" "SELECT i, r FROM generate_series(0, 89, 5) i, promoai.basket_recommend('basket', ARRAY[i, (i + 11) % 90]::bigint[], k => 5 VERSION) r"
kind content "content_train('content', 'articles', interactions => 'SELECT customer, item FROM timed_now')" "$(lists content)"
kind hybrid "hybrid_train('hybrid', ARRAY['fixed_mf', 'fixed_knn'], 'SELECT customer, item FROM timed_now')" "$(lists hybrid)"
kind mixed "hybrid_train('mixed', ARRAY['fixed_mf', 'fixed_knn'], weights => ARRAY[0.5, 0.5])" "$(lists mixed)"
# By distances alone: a version keeps the numbers of the segments that it follows, whichever those were.
kind segment "kmeans_train('segment', 'shape_now', 3)" "SELECT i, array_agg(d.distance ORDER BY d.distance) FROM generate_series(1, 25) i, promoai.segment_distances('segment', ARRAY[i, i % 9]::float8[] VERSION) d GROUP BY i"
kind clv "clv_train('clv', 'orders_now')" "SELECT r.customer, r FROM promoai.clv_predict('clv', units => 4 VERSION) r"
kind classify "text_classify_train('classify', 'SELECT doc, intent FROM questions_now')" "SELECT doc, r FROM questions, promoai.text_classify_top('classify', doc, k => 2 VERSION) r WHERE doc LIKE '%3'"
kind sentiment "sentiment_train('sentiment', 'SELECT doc, stars FROM questions_now')" "SELECT doc, promoai.sentiment('sentiment', doc VERSION) FROM questions WHERE doc LIKE '%3'"
kind embed "embed_train('embed', 'SELECT doc FROM questions_now', dim => 8, epochs => 2, min_count => 2)" "SELECT doc, promoai.embed_text('embed', doc VERSION) FROM questions WHERE doc LIKE '%3'"

# answers_of <model> [version, an SQL expression]: what it answers, as an expression of one checksum
answers_of()
{
	local asked=${2:+, version => $2}
	printf "(SELECT md5(string_agg(a::text, ' ' ORDER BY a::text)) FROM (%s) a)" "${kind_answers[$1]//VERSION/$asked}"
}

# Every kept version of all kinds with the checksum of its answers: a query of (model, version, published, rows_read, answers)
versions_answers()
{
	local model cases=
	for model in "${kinds[@]}"; do cases+=" WHEN '$model' THEN $(answers_of "$model" v.version)"; done
	printf "SELECT v.model, v.version, v.published, v.rows_read, CASE v.model%s END AS answers FROM promoai.model_versions v WHERE v.model = ANY ('{%s}')" \
		"$cases" "$(IFS=,; printf %s "${kinds[*]}")"
}
