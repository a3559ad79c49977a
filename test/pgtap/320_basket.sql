-- run as: postgres promoai_tester
-- Basket rules on a table small enough to be counted in SQL, and a shop whose families of items are known.
-- Every rule and figure on a real shop is held against plain Python by test/server/230_basket.sh.
\set QUIET on
BEGIN;
SELECT plan(26);

CREATE FUNCTION pg_temp.u(i int, stream int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashint8extended(i, stream) & 1073741823) + 0.5) / 1073741824 $$;
-- 2,000 baskets of items 1 to 30; items of one family of three come together.
CREATE TEMP TABLE line AS
SELECT b AS basket, i AS item FROM generate_series(1, 2000) b, generate_series(1, 30) i
WHERE pg_temp.u(b, i) < CASE WHEN pg_temp.u(b, 1000 + i / 3) < 0.12 THEN 0.7 ELSE 0.03 END;
CREATE TEMP TABLE found AS SELECT * FROM promoai.basket_rules('SELECT basket, item FROM pg_temp.line', 0.02, 0.2, max_items => 3);

-- Rules of one item and of two on the left, by joins.
CREATE TEMP TABLE counted AS
WITH n AS (SELECT count(DISTINCT basket)::float8 AS n FROM line),
	single AS (SELECT item, count(*)::float8 AS held FROM line GROUP BY 1),
	pair AS (SELECT a.item AS a, b.item AS b, count(*)::float8 AS held FROM line a JOIN line b USING (basket) WHERE a.item <> b.item GROUP BY 1, 2),
	triple AS (SELECT a.item AS a, b.item AS b, c.item AS c, count(*)::float8 AS held FROM line a JOIN line b USING (basket) JOIN line c USING (basket)
		WHERE a.item < b.item AND c.item NOT IN (a.item, b.item) GROUP BY 1, 2, 3),
	rule AS (
		SELECT ARRAY[a]::bigint[] AS antecedent, b::bigint AS consequent, p.held AS held, s.held AS first FROM pair p JOIN single s ON s.item = a
		UNION ALL
		SELECT ARRAY[t.a, t.b], t.c, t.held, p.held FROM triple t JOIN pair p ON (p.a, p.b) = (t.a, t.b))
SELECT antecedent, consequent, r.held AS baskets, r.held / n AS support, r.held / first AS confidence, r.held * n / (first * s.held) AS lift,
	r.held / n - first / n * s.held / n AS leverage, (1 - s.held / n) / nullif(1 - r.held / first, 0) AS conviction
FROM rule r JOIN single s ON s.item = consequent CROSS JOIN n WHERE r.held / n >= 0.02 AND r.held / first >= 0.2;
SELECT cmp_ok((SELECT count(*) FROM counted WHERE array_length(antecedent, 1) = 2), '>', 10::bigint, 'there are rules of three items');
SELECT set_eq('SELECT antecedent_no, consequent_no, baskets FROM found', 'SELECT antecedent, consequent, baskets::bigint FROM counted', 'rules and counts are those of joins');
SELECT cmp_ok(max(greatest(abs(f.support - c.support), abs(f.confidence - c.confidence), abs(f.lift - c.lift), abs(f.leverage - c.leverage), abs(f.conviction - c.conviction))), '<', 1e-9::float8, 'measures too')
FROM found f JOIN counted c ON (f.antecedent_no, f.consequent_no) = (c.antecedent, c.consequent);
SELECT ok(bool_and(support = baskets::float8 / all_baskets AND antecedent_baskets >= baskets AND lift_low <= lift AND lift <= lift_high AND p_value BETWEEN 0 AND 1
	AND antecedent = antecedent_no::text[] AND consequent = consequent_no::text), 'columns agree with one another') FROM found;
SELECT is((SELECT count(*) FROM found WHERE array_length(antecedent, 1) = 1 AND p_value * tests < 0.05 AND antecedent_no[1] / 3 <> consequent_no / 3), 0::bigint, 'what comes together by chance does not pass the test');
SELECT is((SELECT count(*) FROM found WHERE array_length(antecedent, 1) = 1 AND p_value * tests < 0.05), (SELECT count(*) FROM found WHERE array_length(antecedent, 1) = 1 AND antecedent_no[1] / 3 = consequent_no / 3), 'every pair of a family does');
SELECT ok(bool_and(ordered), 'by lift, then baskets') FROM (SELECT (lift, baskets) <= lag((lift, baskets)) OVER () IS NOT false AS ordered FROM found) f;
SELECT results_eq('SELECT * FROM found LIMIT 7', $$SELECT * FROM promoai.basket_rules('SELECT basket, item FROM pg_temp.line ORDER BY item DESC, basket', 0.02, 0.2, max_items => 3, max_rules => 7)$$, 'max_rules keeps the first');
SELECT results_eq('SELECT * FROM found', $$SELECT * FROM promoai.basket_rules('SELECT basket, item FROM pg_temp.line UNION ALL SELECT basket, item FROM pg_temp.line UNION ALL SELECT NULL, 1', 0.02, 0.2, max_items => 3)$$, 'repeated rows and NULLs change nothing');
SELECT results_eq($$SELECT antecedent, consequent, lift FROM found WHERE lift >= 3$$, $$SELECT antecedent, consequent, lift FROM promoai.basket_rules('pg_temp.line', 0.02, 0.2, max_items => 3, min_lift => 3)$$, 'min_lift');
SELECT results_eq($$SELECT * FROM found$$, $$SELECT * FROM promoai.basket_rules('pg_temp.line', 0, 0.2, max_items => 3, min_baskets => ceil(0.02 * (SELECT count(DISTINCT basket) FROM line))::int)$$, 'min_baskets counts what min_support shares');

-- Returns take back; text and uuid ids.
SELECT is((SELECT count(*) FROM promoai.basket_rules($$VALUES (1, 'a', 2), (1, 'b', 1), (1, 'b', -1), (2, 'a', 1), (2, 'c', 1)$$, 0)), 2::bigint, 'what was returned is not in the basket');
SELECT results_eq($$SELECT antecedent, antecedent_no, consequent, consequent_no, baskets, confidence, lift, conviction FROM promoai.basket_rules($q$VALUES ('x', 'é'), ('x', 'b'), ('y', 'b')$q$, 0, 0)$$,
	$$VALUES (ARRAY['é'], NULL::bigint[], 'b', NULL::bigint, 1::bigint, 1::float8, 1::float8, NULL::float8), (ARRAY['b'], NULL, 'é', NULL, 1, 0.5, 1, 1)$$, 'text ids; conviction is NULL when every basket holds the consequent');
SELECT is((SELECT string_agg(conviction::text, ' ') FROM promoai.basket_rules('VALUES (1, 1), (1, 2), (2, 1), (2, 3), (3, 4)', 0, 0.9)), 'Infinity Infinity', 'and infinite when the rule never failed');
SELECT is((SELECT count(*) FROM promoai.basket_rules('SELECT i, i FROM generate_series(1, 100) i', 0)), 0::bigint, 'baskets of one item have no rules');

-- The model.
CREATE TEMP TABLE report AS SELECT * FROM promoai.basket_train('families', 'SELECT basket, item FROM pg_temp.line', min_support => 0.02, min_confidence => 0.2, max_items => 3);
SELECT results_eq('SELECT * FROM promoai.basket_model_rules(''families'')', 'SELECT * FROM found', 'a model holds the rules of all baskets');
SELECT ok((metrics->>'recall@20')::float8 > (metrics->>'popularity_recall@20')::float8, format('left-out items are found: %s, by popularity %s', metrics->>'recall@20', metrics->>'popularity_recall@20')) FROM report;
SELECT results_eq($$SELECT item_no, because_no, confidence, lift FROM promoai.basket_recommend('families', ARRAY[4, 5, 27], 3) WHERE answered_by = 'rule'$$,
	$$SELECT * FROM (SELECT DISTINCT ON (consequent_no) consequent_no, antecedent_no, confidence, lift FROM found
	  WHERE antecedent_no <@ '{4, 5, 27}' AND consequent_no <> ALL ('{4, 5, 27}') ORDER BY consequent_no, confidence DESC, lift DESC) b ORDER BY confidence DESC LIMIT 3$$, 'answers by the rule of the highest confidence');
SELECT is((SELECT count(*) FROM generate_series(1, 30) k, promoai.basket_recommend('families', ARRAY[4, 5, 27], k)), (SELECT sum(least(k, 27)) FROM generate_series(1, 30) k)::bigint, 'exactly k while so many items are left');
SELECT results_eq($$SELECT item_no, answered_by FROM promoai.basket_recommend('families', '{}'::bigint[], 5)$$,
	$$SELECT item::bigint, 'popularity' FROM line GROUP BY 1 ORDER BY count(*) DESC, item LIMIT 5$$, 'an empty basket is answered by popularity');
SELECT set_eq($$SELECT item_no FROM promoai.basket_recommend('families', ARRAY[4], 10, candidates => ARRAY[4, 5, 9, 9, NULL, 12345])$$, ARRAY[5, 9]::bigint[], 'candidates, of which the basket''s own are left out');
SELECT is((SELECT count(*) FROM promoai.retrain('families')), 1::bigint, 'it is retrained');
SELECT is((SELECT md5(string_agg(r::text, '')) FROM promoai.basket_model_rules('families') r), (SELECT md5(string_agg(r::text, '')) FROM promoai.basket_model_rules('families', version => 1) r), 'to the same rules');
SELECT ok(bool_and(value BETWEEN low AND high AND n > 1000) AND count(*) = 3, 'evaluate measures on any source') FROM promoai.evaluate('families', 'pg_temp.line', k => 5) WHERE low IS NOT NULL;

-- The same from a parallel worker.
SELECT md5(string_agg(r::text, ' ' ORDER BY i, r.rank)) AS serial FROM generate_series(1, 30) i, promoai.basket_recommend('families', ARRAY[i, i / 2], 7) r \gset
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'on', true) AS forced \gset
SELECT md5(string_agg(r::text, ' ' ORDER BY i, r.rank)) AS parallel FROM generate_series(1, 30) i, promoai.basket_recommend('families', ARRAY[i, i / 2], 7) r \gset
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'off', true) AS forced \gset
SELECT is(:'parallel'::text, :'serial'::text, 'a parallel worker gives the same answers');

-- A payload that claims to be rules.
SELECT throws_ok($$SELECT promoai.cf_predict(promoai.model_value('families'), 1, 2)$$, '42809', NULL, 'as a value it is checked, and predicts nothing');
SELECT * FROM finish();
ROLLBACK;
