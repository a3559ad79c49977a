-- Hybrids: sums of standardised scores, members that differ in what they know, versions that are gone, rights, errors.
\set QUIET on
SET client_min_messages = warning;
BEGIN;
SELECT plan(48);

CREATE TABLE sold AS
SELECT c AS customer, i AS item, 1 + (c + i) % 3 AS quantity,
	'2024-01-01'::timestamptz + (abs(hashint4(c * 977 + i + n * 31)) % 300) * interval '1 day' AS at
FROM generate_series(1, 200) c, generate_series(1, 60) i, generate_series(1, 2) n
WHERE CASE WHEN c % 3 = i % 3 THEN hashint4(c * 1000 + i) % 3 = 0 ELSE hashint4(c * 1000 + i) % 30 = 0 END;
CREATE VIEW goods AS SELECT i AS item, 'kind ' || i % 3 AS kind, 'thing no ' || i AS name FROM generate_series(1, 70) i;

SELECT promoai.cf_train('ease', 'SELECT * FROM sold', 'ease', regularization => 10, holdout => 0);
SELECT promoai.cf_train('again', 'SELECT * FROM sold', 'buy_again', half_life => 60);
SELECT promoai.cf_train('pop', 'SELECT * FROM sold', 'popular', half_life => 30, holdout => 0);
SELECT promoai.mf_train('mf', 'SELECT * FROM sold', factors => 8, iterations => 8, holdout => 0);
SELECT promoai.content_train('con', 'SELECT * FROM goods', interactions => 'SELECT * FROM sold', holdout => 0);

-- ---- given weights ----

SELECT is(r.kind || ' ' || r.customers || ' ' || r.items || ' ' || r.rows_read || ' ' || r.metrics::text, 'hybrid 200 70 0 {}', 'no source is needed')
FROM promoai.hybrid_train('h', '{ease,again,mf,con}', weights => '{1,2,0.5,0.5}') r;
SELECT is((SELECT sizes #>> '{members,again,weight}' FROM promoai.model_versions WHERE model = 'h'), '0.5', 'weights add up to one');

-- The sum by hand: each member's scores, 0 where it has none, standardised over all 70 items.
CREATE TEMP TABLE score AS
SELECT m.model, m.weight, c, i, coalesce(promoai.cf_predict(m.model, c, i), 0)::float8 AS score
FROM (VALUES ('ease', 0.25), ('again', 0.5), ('mf', 0.125), ('con', 0.125)) m (model, weight), generate_series(1, 200, 9) c, generate_series(1, 70) i;
CREATE TEMP TABLE standard AS
SELECT *, coalesce((score - avg(score) OVER w) / nullif(stddev_pop(score) OVER w, 0), 0) AS z FROM score WINDOW w AS (PARTITION BY model, c);
SELECT ok(count(*) = 23 * 70 AND max(abs(z - promoai.cf_predict('h', c, i))) < 1e-4, format('scores are the sum, off by at most %s', max(abs(z - promoai.cf_predict('h', c, i)))))
FROM (SELECT c, i, sum(weight * z) AS z FROM standard GROUP BY 1, 2) s;
SELECT is((SELECT array_agg(item_no ORDER BY rank) FROM promoai.cf_recommend('h', 10, k => 12)),
	(SELECT array_agg(i ORDER BY z DESC, i) FROM (SELECT i::bigint, sum(weight * z) AS z FROM standard WHERE c = 10 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 12) s),
	'lists are ranked by it, repeats among them');
SELECT ok(NOT EXISTS (SELECT FROM promoai.cf_recommend('h', 10, k => 12, exclude_seen => true) r JOIN sold s ON s.customer = 10 AND s.item = r.item_no), 'or without repeats');
SELECT is((SELECT string_agg(DISTINCT answered_by, ',') FROM promoai.cf_recommend('h', 10, k => 5)), 'hybrid', 'answered by');
SELECT is((SELECT string_agg(DISTINCT answered_by, ',') FROM promoai.cf_recommend('h', 9999, k => 5)), 'popularity', 'strangers get what is popular');
SELECT ok((SELECT count(*) FROM promoai.cf_recommend('h', 10, k => 70)) = 70, 'exactly k');
SELECT is((SELECT count(*)::int FROM promoai.cf_recommend_basket('h', '{3,6}'::bigint[], k => 9)), 9, 'a basket');
SELECT ok((SELECT count(*) FILTER (WHERE item_no % 3 = 0) FROM promoai.cf_recommend_basket('h', '{3,6}'::bigint[], k => 6)) >= 5, 'gets its kind');
SELECT ok(max(abs(t.score - promoai.cf_predict('h', t.customer_no, 65))) < 1e-5 AND count(*) = 200, 'the same scores from the item''s side')
FROM promoai.cf_target_users('h', 65, k => 300, exclude_buyers => false) t;
SELECT ok(max(abs(promoai.cf_predict(v, c, 7) - promoai.cf_predict('h', c, 7))) = 0, 'the same from a value')
FROM (SELECT promoai.model_value('h') AS v) m, generate_series(1, 200, 7) c;
SELECT ok(abs(h.similarity - (0.25 * e.similarity + 0.125 * m.similarity + 0.125 * c.similarity) / 0.5) < 1e-5, 'similarity is the members'' mean')
FROM promoai.cf_similar_items('h', 3, candidates => '{6}'::bigint[]) h, promoai.cf_similar_items('ease', 3, candidates => '{6}'::bigint[]) e,
	promoai.cf_similar_items('mf', 3, candidates => '{6}'::bigint[]) m, promoai.cf_similar_items('con', 3, candidates => '{6}'::bigint[]) c;
SELECT ok(h.similarity = c.similarity, 'of an item that one member knows it is that one''s')
FROM promoai.cf_similar_items('h', 65, candidates => '{68}'::bigint[]) h, promoai.cf_similar_items('con', 65, candidates => '{68}'::bigint[]) c;

-- Parts: what content alone says of an item that no other member knows, on its scale.
SELECT promoai.hybrid_train('two', '{con,pop}', weights => '{1,0}');
SELECT ok(count(*) > 3 AND max(abs(t.part - c.part / s.deviation)) < 1e-4, 'parts are the members'' parts on their scales')
FROM promoai.cf_explain('two', 10, 65, k => 100) t JOIN promoai.cf_explain('con', 10, 65, k => 100) c USING (because_no),
	(SELECT stddev_pop(promoai.cf_predict('con', 10, i)) AS deviation FROM generate_series(1, 70) i) s;
SELECT ok(count(*) = 10, 'reasons of a hybrid') FROM promoai.cf_explain('h', 10, 13, k => 10);

-- A member that ranks alike for everybody needs no history that it knows.
SELECT promoai.cf_train('few', 'SELECT * FROM sold WHERE item < 20', 'popular', half_life => 30, holdout => 0);
SELECT promoai.hybrid_train('seasonal', '{ease,few}', weights => '{1,1000}');
SELECT is((SELECT array_agg(item_no ORDER BY rank) FROM promoai.cf_recommend_basket('seasonal', '{30}'::bigint[], k => 5)),
	(SELECT array_agg(item_no ORDER BY rank) FROM promoai.cf_recommend('few', 1, k => 5, exclude_seen => false)), 'a popular member answers a history of items it does not know');

-- Items of which no member knows a likeness are not put first: a touch of diversity leaves the list as it is.
SELECT promoai.cf_train('low', 'SELECT * FROM sold WHERE item < 30', 'item_knn', holdout => 0);
SELECT promoai.cf_train('high', 'SELECT * FROM sold WHERE item >= 30', 'item_knn', holdout => 0);
SELECT promoai.hybrid_train('sparse', '{low,high}', weights => '{1,1}');
SELECT is((SELECT array_agg(item ORDER BY rank) FROM promoai.cf_recommend('sparse', 10, k => 10, exclude_seen => true, diversity => 1e-9)),
	(SELECT array_agg(item ORDER BY rank) FROM promoai.cf_recommend('sparse', 10, k => 10, exclude_seen => true)), 'a likeness not known counts as none');

-- Members may go: the hybrid holds their versions.
CREATE FUNCTION pg_temp.answers(name text) RETURNS text LANGUAGE sql AS
$$SELECT md5(string_agg(a::text, ' ' ORDER BY c, a.rank)) FROM generate_series(1, 205, 3) c, promoai.cf_recommend(name, c, k => 7) a$$;
CREATE TEMP TABLE before AS SELECT pg_temp.answers('h') AS answers;
SELECT promoai.cf_train('ease', 'SELECT * FROM sold WHERE item < 20', 'ease', holdout => 0);
SELECT promoai.model_prune('ease', 1);
SELECT promoai.model_drop('pop');
SELECT is(pg_temp.answers('h'), (SELECT answers FROM before), 'members are retrained, pruned, dropped: the hybrid answers as before');
SELECT is((promoai.retrain('h')).version, 2, 'retrained it takes the members of today');
SELECT isnt(pg_temp.answers('h'), (SELECT answers FROM before), 'and answers otherwise');
SELECT is((SELECT sizes #>> '{members,ease,version}' FROM promoai.model_versions WHERE model = 'h' AND version = 2), '2', 'with the version said');
SELECT promoai.cf_train('ease', 'SELECT * FROM sold', 'ease', regularization => 10, holdout => 0);
SELECT promoai.cf_train('pop', 'SELECT * FROM sold', 'popular', half_life => 30, holdout => 0);

-- ---- fitted weights ----

SELECT is(r.kind || ' ' || (r.rows_read = (SELECT count(*) FROM sold)), 'hybrid true', 'the first member''s source serves') FROM promoai.hybrid_train('fitted', '{ease,again,pop,mf,con}') r;
SELECT is(round((SELECT sum((value ->> 'weight')::float8) FROM promoai.model_versions, jsonb_each(sizes -> 'members') WHERE model = 'fitted')::numeric, 9), 1::numeric, 'weights add up to one');
SELECT ok(h.value >= 0.95 * max(m.value), 'ranks no worse than the best member, on customers it was not fitted on')
FROM promoai.model_metrics h, promoai.model_metrics m
WHERE h.model = 'fitted' AND h.metric = 'ndcg@20' AND m.model = 'fitted' AND m.metric LIKE '%\_ndcg@20' GROUP BY h.value;
SELECT ok(bool_and(split LIKE 'rows after 2024-%; all items%'), 'the newest rows are the validation') FROM promoai.model_metrics WHERE model = 'fitted' AND metric LIKE '%@20';
SELECT is((SELECT count(*)::int FROM promoai.model_metrics WHERE model = 'fitted' AND metric LIKE '%ndcg@20'), 6, 'the hybrid beside its members');
SELECT promoai.hybrid_train('new', '{ease,con}', 'SELECT customer, item FROM sold', holdout => 0.2, metrics_k => 5);
SELECT is((SELECT DISTINCT split FROM promoai.model_metrics WHERE model = 'new' AND metric = 'ease_recall@5'), '0.2 of the pairs, seed 42; new items only', 'without times pairs are drawn');
SELECT promoai.hybrid_train('judged', '{ease,con}', 'SELECT * FROM sold', weights => '{1,1}', metrics_k => 10, targets => 'new', holdout_after => '2024-09-01');
SELECT is((SELECT count(*)::int FROM promoai.model_metrics WHERE model = 'judged' AND metric = 'recall@10'), 1, 'given weights are judged when there is a source');
SELECT ok((SELECT count(*) FROM promoai.cf_evaluate('{fitted,ease}', 'SELECT * FROM sold', test_days => 30) WHERE model = 'fitted' AND metric = 'recall') > 0, 'refitted by cf_evaluate');
SELECT ok(count(*) > 5, 'evaluate') FROM promoai.evaluate('fitted', 'SELECT customer, item FROM sold WHERE customer < 30');
SELECT is(a.v, b.v, 'fitted again: the same weights')
FROM (SELECT sizes -> 'members' AS v FROM promoai.model_versions WHERE model = 'fitted' AND version = 1) a,
	(SELECT (promoai.retrain('fitted')).sizes -> 'members' AS v) b;
SELECT is(r.items, 70::bigint, 'a hybrid of a hybrid') FROM promoai.hybrid_train('outer', '{fitted,ease}', weights => '{1,1}') r;
SELECT ok((SELECT count(*) FROM promoai.cf_recommend('outer', 3, k => 5)) = 5, 'answers too');

-- ---- what goes wrong ----

CREATE FUNCTION pg_temp.fails(arguments text, state text, message text, what text) RETURNS text LANGUAGE sql AS
$$ SELECT throws_ok('SELECT promoai.hybrid_train(''wrong'', ' || arguments || ')', state, message, what) $$;
SELECT promoai.mf_train('stars', 'SELECT customer, item, quantity FROM sold', feedback => 'explicit', factors => 2, holdout => 0);
SELECT pg_temp.fails($$'{ease}'$$, '22023', 'argument "models" must name 2 to 8 models, got 1', 'one member');
SELECT pg_temp.fails($$'{a,b,c,d,e,f,g,h,i}'$$, '22023', 'argument "models" must name 2 to 8 models, got 9', 'nine members');
SELECT pg_temp.fails($$NULL$$, '22004', 'argument "models" must not be null', 'no members');
SELECT pg_temp.fails($$'{ease,ease}'$$, '22023', 'argument "models" names "ease" twice', 'a member twice');
SELECT pg_temp.fails($$'{ease,wrong}'$$, '22023', 'model "wrong" cannot be a member of itself', 'itself');
SELECT pg_temp.fails($$'{ease,none}'$$, '42704', NULL, 'an unknown member');
SELECT pg_temp.fails($$'{ease,stars}'$$, '0A000', 'model "stars" predicts ratings, which have no place in a hybrid', 'a model of ratings');
SELECT pg_temp.fails($$'{ease,con}', weights => '{1}'$$, '2202E', 'arguments "models" and "weights" must be of the same length', 'too few weights');
SELECT pg_temp.fails($$'{ease,con}', weights => '{0,0}'$$, '22023', 'argument "weights" must have a weight above 0', 'weights of zero');
SELECT pg_temp.fails($$'{ease,con}', weights => '{1,NaN}'$$, '22023', NULL, 'a weight that is no number');
SELECT pg_temp.fails($$'{ease,con}', weights => '{{1,1}}'$$, '2202E', NULL, 'a matrix of weights');
SELECT throws_ok($$SELECT promoai.hybrid_train('ease', '{mf,con}', weights => '{1,1}')$$, '42809', NULL, 'a name that is another kind''s');

-- Rights: using is enough to embed, fitting takes the owner.
CREATE ROLE hybrid_user;
GRANT USAGE ON SCHEMA promoai TO hybrid_user;
GRANT SELECT ON sold TO hybrid_user;
SELECT promoai.model_grant('ease', 'hybrid_user');
SELECT promoai.model_grant('con', 'hybrid_user');
SET LOCAL ROLE hybrid_user;
SELECT promoai.hybrid_train('theirs', '{ease,con}', weights => '{1,1}');
SELECT pg_temp.fails($$'{ease,con}', 'SELECT customer, item FROM sold'$$, '42501', 'must be owner of model "ease" to fit weights', 'fitting another''s models');
SELECT pg_temp.fails($$'{ease,mf}', weights => '{1,1}'$$, '42704', NULL, 'a model without a grant');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
