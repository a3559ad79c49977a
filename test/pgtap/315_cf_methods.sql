-- run as: promoai_tester
-- Every method of cf_train against plain NumPy on 200 customers x 100 items (test/reference/cf.py, whose sums stand in
-- test/reference/cf_scores.csv), and the functions that rest on scores against one another and against plain SQL.
\set QUIET on
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(76);

-- The table of cf.py.  Rows come in no order that anything could lean on.
CREATE FUNCTION pg_temp.mixed(x bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT ((x >> 16) # x) * 73244475 % 4294967296 $$;
CREATE FUNCTION pg_temp.draw(c bigint, i bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT (x >> 16) # x FROM pg_temp.mixed(pg_temp.mixed(c * 1000 + i)) x $$;
CREATE TEMP TABLE purchase AS
SELECT c AS customer, i AS item, (1 + x / 30000 % 5)::float8 AS quantity,
	timestamptz '2026-01-01 00:00+00' - make_interval(hours => (24 * ((x / 7 + 41 * r) % 300))::int) AS bought_at
FROM generate_series(1, 200) c, generate_series(1, 100) i, pg_temp.draw(c, i) x, generate_series(0, x / 10000 % 3) r
WHERE x % 10000 < 500 + i * i / 3 ORDER BY hashint4(c * 1000 + i), r;
CREATE TEMP TABLE expected (model text, customer int, n int, total float8, weighted float8);
\copy expected FROM 'test/reference/cf_scores.csv' (FORMAT csv)
SELECT is((SELECT array_agg(n ORDER BY customer) FROM expected WHERE model = 'buy_again'), (SELECT array_agg(n ORDER BY customer) FROM (SELECT customer, count(DISTINCT item)::int AS n FROM purchase GROUP BY 1) p), 'the table is the one that the reference was made for');

\set had '$$SELECT customer, item FROM pg_temp.purchase$$'
\set valued '$$SELECT customer, item, quantity FROM pg_temp.purchase$$'
\set rated '$$SELECT DISTINCT customer, item, quantity FROM pg_temp.purchase$$'
\set timed '$$SELECT customer, item, bought_at FROM pg_temp.purchase$$'
CREATE TEMP TABLE trained AS
SELECT * FROM promoai.cf_train('ease', :had, 'ease', regularization => 50, neighbours => 100, holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('ease_log1p', :valued, 'ease', regularization => 20, neighbours => 10, value_transform => 'log1p', holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('item_knn', :had, 'item_knn', holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('item_cosine', :had, 'item_knn', weighting => 'none', shrinkage => 5, neighbours => 10, holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('item_none', :valued, 'item_knn', weighting => 'none', value_transform => 'none', neighbours => 15, holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('item_bm25', :had, 'item_knn', weighting => 'bm25', bm25_k1 => 1.2, bm25_b => 0.75, neighbours => 15, holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('item_pearson', :valued, 'item_knn', similarity => 'pearson', weighting => 'none', value_transform => 'none', shrinkage => 3, neighbours => 5, holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('user_knn', :had, 'user_knn', holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('user_tfidf', :had, 'user_knn', weighting => 'tfidf', shrinkage => 2, neighbours => 15, holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('user_bm25', :valued, 'user_knn', weighting => 'bm25', bm25_k1 => 1.2, bm25_b => 0.75, value_transform => 'log1p', neighbours => 15, holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('user_log1p', :valued, 'user_knn', value_transform => 'log1p', neighbours => 15, holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('user_none', :valued, 'user_knn', value_transform => 'none', neighbours => 15, holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('rated_pearson', :rated, 'user_knn', feedback => 'explicit', similarity => 'pearson', shrinkage => 3, neighbours => 15, holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('rated_cosine', :rated, 'user_knn', feedback => 'explicit', neighbours => 25, holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('rp3beta', :had, 'rp3beta', holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('rp3beta_none', :valued, 'rp3beta', alpha => 0.9, beta => 0.5, neighbours => 10, value_transform => 'none', holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('popular', :timed, 'popular', holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('popular_recent', :timed, 'popular', half_life => 60, holdout => 0)
UNION ALL SELECT * FROM promoai.cf_train('buy_again', :timed, 'buy_again')
UNION ALL SELECT * FROM promoai.cf_train('buy_again_slow', :timed, 'buy_again', half_life => 500);

-- All scores of all customers; what is filled in by popularity is no score of the model's.
CREATE TEMP TABLE scored AS
SELECT t.model, r.customer_no AS customer, r.item_no AS item, r.score::float8 AS score
FROM trained t, promoai.cf_recommend_all(t.model, k => 100, exclude_seen => false) r
WHERE answered_by <> 'popularity' OR t.model LIKE 'popular%';
CREATE TEMP TABLE got AS
SELECT model, customer, count(*) AS n, sum(score) AS total, sum(score * item / 100.0) AS weighted FROM scored GROUP BY 1, 2;
SELECT ok(count(*) = 200 AND bool_and(g.n = e.n AND abs(g.total - e.total) < 1e-6 * greatest(abs(e.total), 1) AND abs(g.weighted - e.weighted) < 1e-6 * greatest(abs(e.weighted), 1)),
	e.model || ' equals NumPy to 1e-6') FROM expected e LEFT JOIN got g USING (model, customer) GROUP BY e.model ORDER BY e.model;

-- Popularity with a half-life is the same for everybody: for a stranger, nobody, a history of nothing and one of unknown items.
SELECT ok(t.list = c.list AND cardinality(t.list) = 30 AND b.list = c.list AND n.list = c.list AND h.list = c.list, m || ': strangers get the list of everybody')
FROM unnest(ARRAY['popular', 'popular_recent']) m
	CROSS JOIN LATERAL (SELECT array_agg(r ORDER BY rank) AS list FROM promoai.cf_recommend(m, 1, k => 30, exclude_seen => false) r) c
	CROSS JOIN LATERAL (SELECT array_agg(r ORDER BY rank) AS list FROM promoai.cf_recommend(m, 99999, k => 30) r) t
	CROSS JOIN LATERAL (SELECT array_agg(r ORDER BY rank) AS list FROM promoai.cf_recommend(m, NULL::bigint, k => 30) r) n
	CROSS JOIN LATERAL (SELECT array_agg(r ORDER BY rank) AS list FROM promoai.cf_recommend_basket(m, '{}'::bigint[], k => 30) r) b
	CROSS JOIN LATERAL (SELECT array_agg(r ORDER BY rank) AS list FROM promoai.cf_recommend_basket(m, '{99999}'::bigint[], k => 30) r) h ORDER BY m;
SELECT is((SELECT array_agg(item_no ORDER BY rank) FROM promoai.cf_recommend('popular_recent', 99999, k => 30)),
	(SELECT array_agg(item ORDER BY score DESC, item) FROM (SELECT item::bigint, sum(2 ^ (extract(epoch FROM latest - newest) / 86400 / 60)) AS score
		FROM (SELECT customer, item, max(bought_at) AS latest FROM purchase GROUP BY 1, 2) l, (SELECT max(bought_at) AS newest FROM purchase) n GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 30) s),
	'which is what customers had of late, each purchase halved by its age');

-- cf_predict gives the score that cf_recommend ranks by, NULL where there is none.
SELECT ok(count(*) = 200 AND bool_and(abs(p - s.score) < 1e-5 * greatest(abs(p), 1) IS NOT false AND (p IS NULL) = (s.score IS NULL)), t.model || ': cf_predict gives the score that is ranked by')
FROM trained t CROSS JOIN generate_series(1, 200, 10) c CROSS JOIN generate_series(3, 100, 10) i LEFT JOIN scored s ON (s.model, s.customer, s.item) = (t.model, c, i),
	promoai.cf_predict(t.model, c::bigint, i::bigint) p GROUP BY t.model ORDER BY t.model;

-- Why: the parts and the score.  Of ratings the customer's mean belongs to no item.
CREATE TEMP TABLE explained AS
SELECT t.model, c AS customer, i AS item, p.score AS predicted, e.parts, e.score, m.mean
FROM trained t CROSS JOIN generate_series(1, 200, 10) c CROSS JOIN generate_series(3, 100, 10) i
	CROSS JOIN LATERAL (SELECT promoai.cf_predict(t.model, c::bigint, i::bigint) AS score) p
	CROSS JOIN LATERAL (SELECT sum(part::float8) AS parts, max(score) AS score FROM promoai.cf_explain(t.model, c::bigint, i::bigint, k => 1000)) e
	CROSS JOIN LATERAL (SELECT CASE WHEN t.model LIKE 'rated%' THEN avg(quantity) ELSE 0 END AS mean FROM (SELECT DISTINCT item, quantity FROM purchase WHERE customer = c) r) m
WHERE t.model !~ 'popular|buy_again';
SELECT ok(count(score) > 100 AND bool_and(abs(mean + parts - score) < 1e-5 * greatest(abs(score), 1)), model || ': the parts sum to the score that cf_explain tells') FROM explained GROUP BY model HAVING model IN ('ease', 'item_bm25', 'rp3beta', 'rated_pearson', 'user_log1p') ORDER BY model;
SELECT ok(bool_and(abs(score - predicted) < 1e-5 * greatest(abs(score), 1)) AND count(*) FILTER (WHERE score IS NULL AND predicted IS NOT NULL) = 0, 'and that is what cf_predict says, for every method that can explain')
FROM explained WHERE model NOT LIKE 'rated%' ;
SELECT ok(bool_and(abs(score - predicted) < 1e-5), 'of ratings too') FROM explained WHERE model LIKE 'rated%' AND score IS NOT NULL;

-- A factor model's parts sum to the prediction for a customer with that history, folded in, whatever its values weigh.
SELECT promoai.mf_train('mf_' || t, :valued, factors => 8, iterations => 8, value_transform => t, holdout => 0) FROM unnest(ARRAY['binary', 'log1p', 'none']) t \g /dev/null
SELECT ok(count(*) = 50 AND bool_and(abs(e.score - r.score) < 1e-4 AND abs(e.parts - r.score) < 1e-4), 'mf, ' || t || ': the parts sum to the folded-in prediction')
FROM unnest(ARRAY['binary', 'log1p', 'none']) t, generate_series(1, 200, 40) c
	CROSS JOIN LATERAL (SELECT array_agg(item::bigint ORDER BY item) AS items, array_agg(quantity ORDER BY item) AS weights
		FROM (SELECT item, sum(quantity) AS quantity FROM purchase WHERE customer = c GROUP BY 1) p) h
	CROSS JOIN LATERAL promoai.cf_recommend_basket('mf_' || t, h.items, weights => h.weights, k => 100, exclude_seen => false) r
	CROSS JOIN LATERAL (SELECT sum(part::float8) AS parts, max(score) AS score FROM promoai.cf_explain('mf_' || t, c::bigint, r.item_no, k => 1000)) e
WHERE r.item_no % 10 = 3 GROUP BY t ORDER BY t;

-- Whom for what: the customers with the best scores for it, buyers left out or not.
CREATE TEMP TABLE targets AS
SELECT t.model, i AS item, b.buyers, array_agg(u.customer_no ORDER BY u.rank) AS customers, array_agg(u.score::float8 ORDER BY u.rank) AS scores
FROM trained t CROSS JOIN generate_series(5, 100, 30) i CROSS JOIN (VALUES (false), (true)) b (buyers)
	CROSS JOIN LATERAL promoai.cf_target_users(t.model, i::bigint, k => 15, exclude_buyers => NOT b.buyers) u GROUP BY 1, 2, 3;
SELECT ok(bool_and(found.same AND whom.right), 'cf_target_users gives the best customers by cf_predict, by every method')
FROM targets t CROSS JOIN LATERAL (
	SELECT count(*) = cardinality(t.scores) AND bool_and(abs(p - t.scores[place]) < 1e-5 * greatest(abs(p), 1)) AS same
	FROM (SELECT p, row_number() OVER (ORDER BY p DESC) AS place FROM generate_series(1, 200) c, promoai.cf_predict(t.model, c::bigint, t.item::bigint) p
		WHERE p IS NOT NULL AND (t.buyers OR NOT EXISTS (SELECT FROM purchase q WHERE (q.customer, q.item) = (c, t.item))) ORDER BY p DESC LIMIT 15) best) found
	CROSS JOIN LATERAL (SELECT bool_and(abs(promoai.cf_predict(t.model, c, t.item::bigint) - s) < 1e-5 * greatest(abs(s), 1)) AS right FROM unnest(t.customers, t.scores) AS u (c, s)) whom;
SELECT cmp_ok((SELECT count(DISTINCT model) FROM targets WHERE NOT buyers), '=', 18::bigint, 'all but repeats have somebody for an item who has not had it');
SELECT is((SELECT array_agg(customer_no ORDER BY rank) FROM promoai.cf_target_users('ease', 80::bigint, ARRAY[7, 9, 8, 500]::bigint[], exclude_buyers => false)),
	(SELECT array_agg(c ORDER BY promoai.cf_predict('ease', c, 80::bigint) DESC) FROM unnest(ARRAY[7, 8, 9]::bigint[]) c), 'candidates of cf_target_users');

-- A history that is none of the customers': by a model that never saw customer 7 what he had gives the list that a model that did gives him.
SELECT promoai.cf_train('less_' || m, format('SELECT DISTINCT customer, item, quantity FROM pg_temp.purchase WHERE customer <> 7 AND %L <> ''''', m), 'user_knn', feedback => CASE m WHEN 'knn' THEN 'implicit' ELSE 'explicit' END,
	similarity => CASE m WHEN 'pearson' THEN 'pearson' ELSE 'cosine' END, shrinkage => CASE m WHEN 'pearson' THEN 3 ELSE 0 END, neighbours => CASE m WHEN 'knn' THEN 100 WHEN 'pearson' THEN 15 ELSE 25 END, holdout => 0)
FROM unnest(ARRAY['knn', 'pearson', 'cosine']) m \g /dev/null
SELECT ok(count(*) > 50 AND bool_and(abs(b.score - s.score) < 1e-5 * greatest(abs(s.score), 1) IS NOT false AND (b.score IS NULL) = (s.score IS NULL)), m || ': a history by a model that does not know its customer')
FROM unnest(ARRAY['knn', 'pearson', 'cosine']) m CROSS JOIN LATERAL (SELECT array_agg(item::bigint) AS items, array_agg(quantity) AS ratings FROM (SELECT DISTINCT item, quantity FROM purchase WHERE customer = 7) h) h
	CROSS JOIN LATERAL (SELECT item_no AS item, score::float8 AS score FROM promoai.cf_recommend_basket('less_' || m, h.items, CASE WHEN m <> 'knn' THEN h.ratings END, k => 100, exclude_seen => false) WHERE answered_by <> 'popularity') b
	FULL JOIN (SELECT CASE model WHEN 'user_knn' THEN 'knn' ELSE substr(model, 7) END AS kind, item, score FROM scored WHERE customer = 7 AND model IN ('user_knn', 'rated_pearson', 'rated_cosine')) s ON (s.kind, s.item) = (m, b.item) GROUP BY m HAVING m IS NOT NULL ORDER BY m;
-- With room for everybody among the neighbours (customer 999 is nobody's) a customer's history finds himself too, as like as can be; its weights are those of the training.
SELECT promoai.cf_train('all_' || w, 'SELECT customer, item, quantity FROM pg_temp.purchase UNION ALL SELECT 999, 1000, 1', 'user_knn', weighting => w, value_transform => 'log1p', neighbours => 200, holdout => 0) FROM unnest(ARRAY['none', 'tfidf', 'bm25']) w \g /dev/null
SELECT ok(count(*) > 1000 AND bool_and(abs(b.score - p - coalesce(ln(1 + own.quantity), 0)) < 1e-5 * greatest(abs(p), 1)), w || ': histories are weighed as customers are')
FROM unnest(ARRAY['none', 'tfidf', 'bm25']) w CROSS JOIN generate_series(1, 200, 10) c CROSS JOIN LATERAL (SELECT array_agg(item::bigint) AS items, array_agg(quantity) AS quantities FROM purchase WHERE customer = c) h
	CROSS JOIN LATERAL promoai.cf_recommend_basket('all_' || w, h.items, h.quantities, k => 100, exclude_seen => false) b
	CROSS JOIN LATERAL (SELECT sum(quantity) AS quantity FROM purchase q WHERE (q.customer, q.item) = (c, b.item_no)) own
	CROSS JOIN LATERAL (SELECT coalesce(promoai.cf_predict('all_' || w, c::bigint, b.item_no), 0) AS p) p
WHERE b.answered_by <> 'popularity' GROUP BY w ORDER BY w;

-- cf_evaluate beside a count in SQL, by the next 31 days.
\set from '2025-12-01 00:00+00'
\set before '$$SELECT customer, item, bought_at FROM pg_temp.purchase WHERE bought_at < timestamptz \'2025-12-01 00:00+00\'$$'
CREATE TEMP TABLE compared AS
SELECT * FROM promoai.cf_evaluate(ARRAY['ease', 'item_knn', 'user_knn'], :timed, k => '{5,10}', from_time => :'from', test_days => 31);
SELECT promoai.cf_train('before_ease', :before, 'ease', regularization => 50, neighbours => 100, holdout => 0),
	promoai.cf_train('before_item_knn', :before, 'item_knn', holdout => 0), promoai.cf_train('before_user_knn', :before, 'user_knn', holdout => 0) \g /dev/null
CREATE TEMP TABLE past AS SELECT DISTINCT customer, item FROM purchase WHERE bought_at < :'from';
CREATE TEMP TABLE future AS SELECT DISTINCT customer, item, EXISTS (SELECT FROM past p WHERE (p.customer, p.item) = (f.customer, f.item)) AS repeat
FROM purchase f WHERE bought_at >= :'from' AND bought_at < timestamptz :'from' + interval '744 hours' AND customer IN (SELECT customer FROM past);
CREATE TEMP TABLE counted AS
SELECT m.model, s.targets, s.exclude_seen, k.k AS length, count(*)::int AS customers, avg(recall) AS recall, avg(hit) AS hit
FROM unnest(ARRAY['ease', 'item_knn', 'user_knn']) m (model) CROSS JOIN (VALUES ('all', false), ('all', true), ('new', true), ('repeats', false)) s (targets, exclude_seen) CROSS JOIN unnest(ARRAY[5, 10]) k (k)
	CROSS JOIN LATERAL (SELECT customer, array_agg(item::bigint) AS wanted FROM future WHERE s.targets = 'all' OR repeat = (s.targets = 'repeats') GROUP BY 1) w
	CROSS JOIN LATERAL (SELECT count(*)::float8 / least(k.k, cardinality(w.wanted)) AS recall, (count(*) > 0)::int AS hit
		FROM promoai.cf_recommend('before_' || m.model, w.customer, k => k.k, exclude_seen => s.exclude_seen) r WHERE r.item_no = ANY (w.wanted)) hits
GROUP BY 1, 2, 3, 4;
SELECT ok(count(*) = 24 AND bool_and(c.customers = e.customers AND abs(c.recall - e.value) < 1e-12), 'recall of cf_evaluate is what counting in SQL gives') FROM counted c LEFT JOIN compared e USING (model, targets, exclude_seen, length) WHERE e.metric = 'recall';
SELECT ok(count(*) = 24 AND bool_and(c.customers = e.customers AND abs(c.hit - e.value) < 1e-12), 'the hit rate too') FROM counted c LEFT JOIN compared e USING (model, targets, exclude_seen, length) WHERE e.metric = 'hit_rate';
SELECT ok(bool_and(low <= value + 1e-9 AND value <= high + 1e-9) AND count(DISTINCT model) = 6, 'intervals hold their values; the baselines stand beside') FROM compared WHERE metric <> 'coverage';
SELECT ok(bool_and(abs(c.difference - (c.value - f.value)) < 1e-12 AND c.difference_low <= c.difference AND c.difference <= c.difference_high AND c.p_value BETWEEN 0 AND 1), 'differences are to the first model named')
FROM compared c JOIN compared f USING (targets, exclude_seen, length, metric) WHERE f.model = 'ease' AND c.model <> 'ease' AND metric <> 'coverage';
SELECT is((SELECT array_agg(DISTINCT coalesce(difference::text, 'none')) FROM compared WHERE model = 'ease'), '{none}', 'the first has none');
SELECT results_eq($$SELECT * FROM promoai.cf_evaluate(ARRAY['ease'], 'SELECT customer, item, bought_at FROM pg_temp.purchase ORDER BY bought_at, item', from_time => '2025-12-01 00:00+00', test_days => 31)$$,
	$$SELECT * FROM promoai.cf_evaluate(ARRAY['ease'], 'SELECT customer, item, bought_at FROM pg_temp.purchase ORDER BY item DESC, customer', from_time => '2025-12-01 00:00+00', test_days => 31)$$, 'whatever the order of the rows');

-- cf_tune: what a trial says is what cf_evaluate says on the same rows; the best is published; a second call goes on.
SELECT promoai.cf_train('reg_' || r, :timed, 'ease', regularization => r, neighbours => 100, holdout => 0) FROM unnest(ARRAY[1, 30, 1000]) r \g /dev/null
CREATE TEMP TABLE first_call AS SELECT * FROM promoai.cf_tune('tuned', :timed, '{"method": "ease", "neighbours": 100, "regularization": [1, 1000]}', from_time => :'from', test_days => 31, metric => 'recall', k => 10);
CREATE TEMP TABLE second_call AS SELECT * FROM promoai.cf_tune('tuned', :timed, '{"method": "ease", "neighbours": 100, "regularization": [1, 30, 1000]}', from_time => :'from', test_days => 31, metric => 'recall', k => 10);
SELECT is((SELECT array_agg(seconds IS NULL ORDER BY trial) FROM second_call), ARRAY[true, false, true], 'trials of the call before are not run again');
SELECT is((SELECT array_agg((value, low, high, customers)::text ORDER BY trial) FROM second_call WHERE trial <> 2), (SELECT array_agg((value, low, high, customers)::text ORDER BY trial) FROM first_call), 'and say the same');
CREATE TEMP TABLE validated AS SELECT * FROM promoai.cf_evaluate(ARRAY['reg_1', 'reg_30', 'reg_1000'], :before, test_days => 31, k => '{10}', baselines => false) WHERE metric = 'recall' AND targets = 'all' AND NOT exclude_seen;
SELECT ok(count(*) = 3 AND bool_and(abs(t.value - v.value) < 1e-12 AND t.customers = v.customers AND abs(t.low - v.low) < 1e-12), 'a trial is judged by rows before the test alone')
FROM second_call t JOIN validated v ON v.model = 'reg_' || (t.arguments ->> 'regularization');
SELECT is((SELECT array_agg(selected ORDER BY value DESC, trial) FROM second_call), ARRAY[true, false, false], 'the best one is selected');
SELECT ok(abs(t.test_value - e.value) < 1e-12 AND abs(t.test_low - e.low) < 1e-12, 'its figure on the test is that of cf_evaluate')
FROM second_call t JOIN promoai.cf_evaluate(ARRAY['reg_1', 'reg_30', 'reg_1000'], :timed, from_time => :'from', test_days => 31, k => '{10}', baselines => false) e ON e.model = 'reg_' || (t.arguments ->> 'regularization')
WHERE t.selected AND e.metric = 'recall' AND e.targets = 'all' AND NOT e.exclude_seen;
SELECT is((SELECT count(*) FROM promoai.cf_recommend('tuned', 3, k => 7) a JOIN promoai.cf_recommend((SELECT 'reg_' || (arguments ->> 'regularization') FROM second_call WHERE selected), 3, k => 7) b USING (rank, item, score)), 7::bigint, 'and what is published learned from all rows by it');
SELECT is((SELECT array_agg(DISTINCT (test_value IS NULL)::text || selected::text) FROM second_call), ARRAY['falsetrue', 'truefalse'], 'no other trial was judged by the test');

SELECT * FROM finish();
ROLLBACK;
