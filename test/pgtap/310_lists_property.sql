-- run as: promoai_tester
-- Whatever the catalogue, the filters, the rules and the customer: exactly k rows while k candidates satisfy the rules, and the
-- rules hold, for every method and every function that gives lists.
\set QUIET on
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(35);

-- Counted random numbers from 0 to 1.
CREATE FUNCTION pg_temp.u(stream int, i bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashint8extended(i, stream) & 1073741823) + 0.5) / 1073741824 $$;

-- Three shops of different sizes and kinds of ids; customer 3 of each had nearly everything.
CREATE FUNCTION pg_temp.named(i int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'item ' || i $$;
CREATE FUNCTION pg_temp.unique_of(i int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5('item' || i)::uuid $$;
CREATE TEMP TABLE shop (name text, customers int, items int, density float8);
INSERT INTO shop VALUES ('small', 12, 7, 0.3), ('middle', 60, 45, 0.12), ('wide', 40, 300, 0.03);
CREATE TEMP TABLE had AS
SELECT s.name, c AS customer, i AS item, timestamptz '2026-01-01 00:00+00' + make_interval(hours => (2000 * pg_temp.u(3, c * 1000 + i))::int) AS at
FROM shop s, generate_series(1, customers) c, generate_series(1, items) i
WHERE pg_temp.u(customers, c * 1000 + i) < CASE c WHEN 3 THEN 0.9 ELSE density * (0.3 + 2.0 * i / items) END;
CREATE INDEX ON had (name, item, customer);
ANALYZE had;
CREATE TEMP TABLE model (name text, shop text, diverse boolean);
DO $$
DECLARE
	s text;
	item text;
	m record;
BEGIN
	FOREACH s IN ARRAY ARRAY['small', 'middle', 'wide'] LOOP
		item := CASE s WHEN 'small' THEN 'item::bigint' WHEN 'middle' THEN 'pg_temp.named(item)' ELSE 'pg_temp.unique_of(item)' END;
		FOR m IN SELECT * FROM (VALUES ('ease', true), ('item_knn', true), ('user_knn', true), ('rp3beta', true), ('popular', false), ('buy_again', false)) v (method, diverse) LOOP
			PERFORM promoai.cf_train(s || ' ' || m.method, format('SELECT customer, %s, at FROM pg_temp.had WHERE name = %L', item, s), m.method, holdout => 0);
			INSERT INTO model VALUES (s || ' ' || m.method, s, m.diverse);
		END LOOP;
		PERFORM promoai.mf_train(s || ' mf', format('SELECT customer, %s FROM pg_temp.had WHERE name = %L', item, s), factors => 4, iterations => 3, holdout => 0);
		INSERT INTO model VALUES (s || ' mf', s, true);
	END LOOP;
END $$;

-- What is asked: ids as numbers of items, some of which no shop has.
CREATE TEMP TABLE asked AS
SELECT m.name AS model, m.shop, q, 1 + (pg_temp.u(10, n) * s.customers * 1.1)::int AS customer, 1 + (pg_temp.u(11, n) ^ 2 * s.items * 1.2)::int AS k,
	CASE WHEN pg_temp.u(12, n) < 0.7 THEN c.ids END AS candidates,
	CASE WHEN pg_temp.u(13, n) < 0.5 THEN e.ids END AS exclude,
	CASE WHEN pg_temp.u(12, n) < 0.7 AND pg_temp.u(14, n) < 0.6 THEN c.categories END AS categories,
	CASE WHEN pg_temp.u(12, n) < 0.7 AND pg_temp.u(14, n) < 0.5 THEN 1 + (pg_temp.u(15, n) * 3)::int END AS most,
	CASE WHEN pg_temp.u(12, n) < 0.7 AND pg_temp.u(16, n) < 0.5 THEN c.boosts END AS boosts,
	CASE WHEN m.diverse AND pg_temp.u(17, n) < 0.4 THEN pg_temp.u(18, n) ELSE 0 END AS diversity,
	CASE WHEN pg_temp.u(19, n) < 0.33 THEN true WHEN pg_temp.u(19, n) < 0.66 THEN false END AS exclude_seen
FROM model m JOIN shop s ON s.name = m.shop CROSS JOIN generate_series(1, 40) q CROSS JOIN LATERAL (SELECT hashtext(m.name)::bigint * 1000 + q AS n) number
	CROSS JOIN LATERAL (SELECT array_agg(i ORDER BY pg_temp.u(21, n + i)) AS ids,
		array_agg(CASE WHEN pg_temp.u(22, n + i) < 0.85 THEN 'category ' || (pg_temp.u(23, n + i) * 4)::int END ORDER BY pg_temp.u(21, n + i)) AS categories,
		array_agg(CASE WHEN pg_temp.u(24, n + i) < 0.9 THEN 0.1 + 3 * pg_temp.u(25, n + i) END ORDER BY pg_temp.u(21, n + i)) AS boosts
		FROM (SELECT i FROM generate_series(1, s.items + 5) i WHERE pg_temp.u(20, n + i) < pg_temp.u(26, n) UNION ALL SELECT 2) i) c
	CROSS JOIN LATERAL (SELECT array_agg(i) AS ids FROM generate_series(1, s.items + 5) i WHERE pg_temp.u(27, n + i) < 0.3) e;
ALTER TABLE asked ADD id serial;
CREATE FUNCTION pg_temp.id_of(shop text, i int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE shop WHEN 'small' THEN i::text WHEN 'middle' THEN pg_temp.named(i) ELSE pg_temp.unique_of(i)::text END $$;
ALTER TABLE asked ADD candidate_ids text[], ADD exclude_ids text[], ADD history text[];
UPDATE asked a SET candidate_ids = (SELECT array_agg(pg_temp.id_of(a.shop, i) ORDER BY o) FROM unnest(a.candidates) WITH ORDINALITY u (i, o)),
	exclude_ids = (SELECT array_agg(pg_temp.id_of(a.shop, i)) FROM unnest(a.exclude) i),
	history = (SELECT coalesce(array_agg(pg_temp.id_of(a.shop, h.item)), '{}') FROM had h WHERE h.name = a.shop AND h.customer = a.customer);

-- Answers, items as numbers again.  cf_recommend for the customer, cf_recommend_basket for his history.
CREATE TEMP TABLE answer (id int, function text, rank int, item int, score real, answered_by text, boosted real);
CREATE TEMP TABLE numbered AS SELECT s.name AS shop, i AS item, pg_temp.id_of(s.name, i) AS id FROM shop s, generate_series(1, 310) i;
INSERT INTO answer SELECT id, 'cf_recommend', r.rank, r.item::int, r.score, r.answered_by, r.boosted_score
FROM asked a, promoai.cf_recommend(a.model, a.customer, a.candidates::bigint[], a.k, a.exclude_seen, NULL, a.exclude::bigint[], a.categories, a.most, a.boosts, a.diversity) r
WHERE shop = 'small' AND candidates IS NOT NULL;
INSERT INTO answer SELECT a.id, 'cf_recommend', r.rank, n.item, r.score, r.answered_by, r.boosted_score
FROM asked a CROSS JOIN LATERAL promoai.cf_recommend(a.model, a.customer, a.k, a.exclude_seen, a.candidate_ids, NULL, a.exclude_ids, a.categories, a.most, a.boosts, a.diversity) r
	LEFT JOIN numbered n ON (n.shop, n.id) = (a.shop, r.item) WHERE a.shop <> 'small' OR candidates IS NULL;
INSERT INTO answer SELECT a.id, 'cf_recommend_basket', r.rank, n.item, r.score, r.answered_by, r.boosted_score
FROM asked a CROSS JOIN LATERAL promoai.cf_recommend_basket(a.model, a.history, NULL, a.k, a.exclude_seen, a.candidate_ids, NULL, a.exclude_ids, a.categories, a.most, a.boosts, a.diversity) r
	LEFT JOIN numbered n ON (n.shop, n.id) = (a.shop, r.item);

ANALYZE asked;

-- Which items may stand in each list, with their category: of a candidate given twice the first place counts.
CREATE TEMP TABLE eligible AS
SELECT a.id, i.item, i.category
FROM asked a CROSS JOIN LATERAL (
	SELECT DISTINCT ON (u.item) u.item, CASE WHEN a.categories IS NOT NULL THEN u.category END AS category
	FROM unnest(a.candidates, a.categories) WITH ORDINALITY u (item, category, place) WHERE a.candidates IS NOT NULL
	UNION ALL SELECT g, NULL FROM generate_series(1, 310) g WHERE a.candidates IS NULL
	ORDER BY 1) i
	JOIN (SELECT DISTINCT name, item FROM had) known ON (known.name, known.item) = (a.shop, i.item)
	LEFT JOIN had h ON (h.name, h.customer, h.item) = (a.shop, a.customer, i.item) AND coalesce(a.exclude_seen, a.model !~ 'buy_again')
WHERE h.item IS NULL AND i.item <> ALL (coalesce(a.exclude, '{}'));
CREATE TEMP TABLE room AS
SELECT a.id, a.model, a.k, coalesce(sum(CASE WHEN e.category IS NULL OR a.most IS NULL THEN e.n ELSE least(e.n, a.most) END), 0)::int AS possible
FROM asked a LEFT JOIN (SELECT id, category, count(*) AS n FROM eligible GROUP BY 1, 2) e USING (id) GROUP BY 1, 2, 3;

SELECT ok(bool_and(coalesce(n, 0) = least(r.k, r.possible)), r.model || ': as many rows as were asked for, while the rules let them')
FROM room r CROSS JOIN (VALUES ('cf_recommend'), ('cf_recommend_basket')) f (function) LEFT JOIN (SELECT id, function, count(*) AS n FROM answer GROUP BY 1, 2) a USING (id, function) GROUP BY r.model ORDER BY r.model;
SELECT ok(count(*) > 5000 AND count(*) FILTER (WHERE e.item IS NULL) = 0, 'only items that may') FROM answer a LEFT JOIN eligible e USING (id, item);
SELECT ok(bool_and(n = distinct_n AND n = most), 'each once, ranked from 1 without a gap') FROM (SELECT count(*) AS n, count(DISTINCT item) AS distinct_n, max(rank) AS most FROM answer GROUP BY id, function) a;
SELECT is((SELECT count(*) FROM (SELECT a.id, a.function FROM answer a JOIN eligible e USING (id, item) JOIN asked q USING (id) WHERE e.category IS NOT NULL AND q.most IS NOT NULL GROUP BY a.id, a.function, e.category, q.most HAVING count(*) > q.most) broken), 0::bigint, 'no category more often than allowed');
SELECT ok(count(*) > 1000 AND bool_and(a.boosted <= a.before), 'by boosted score, where nothing else was asked for')
FROM (SELECT id, boosted, lag(boosted) OVER (PARTITION BY id, function, answered_by = 'popularity' ORDER BY rank) AS before FROM answer) a JOIN asked q USING (id) WHERE q.diversity = 0 AND a.before IS NOT NULL;
SELECT ok(bool_and(NOT filled_before OR filled), 'what is filled in by popularity comes last') FROM (SELECT answered_by = 'popularity' AS filled, lag(answered_by = 'popularity', 1, false) OVER (PARTITION BY id, function ORDER BY rank) AS filled_before FROM answer) a;
SELECT ok(count(*) > 1000 AND bool_and(abs(a.boosted - CASE WHEN a.score >= 0 THEN a.score * b.boost ELSE a.score / b.boost END) <= 1e-5 * abs(a.boosted)), 'boosts count as they say')
FROM answer a JOIN asked q USING (id) CROSS JOIN LATERAL (SELECT coalesce((array_agg(boost ORDER BY place))[1], 1) AS boost FROM unnest(q.candidates, q.boosts) WITH ORDINALITY u (item, boost, place) WHERE u.item = a.item) b
WHERE q.boosts IS NOT NULL;
SELECT ok(count(*) > 1000 AND bool_and(a.boosted = a.score), 'and nothing counts where none are given') FROM answer a JOIN asked q USING (id) WHERE q.boosts IS NULL;

-- Lists for everybody are the lists of each.
CREATE TEMP TABLE everybody AS
SELECT DISTINCT ON (a.model) a.* FROM asked a WHERE shop = 'middle' AND cardinality(candidates) > 10 AND categories IS NOT NULL ORDER BY model, q;
SELECT ok(count(*) FILTER (WHERE e.rank IS NULL OR o.rank IS NULL) = 0 AND count(*) > 100, model || ': cf_recommend_all gives what cf_recommend does') FROM (
	SELECT a.model, r.customer_no, r.rank, r.item, r.answered_by FROM everybody a, promoai.cf_recommend_all(a.model, a.k, a.exclude_seen, a.candidate_ids, NULL, a.exclude_ids, a.categories, a.most, a.boosts, a.diversity) r) e
FULL JOIN (
	SELECT a.model, c.customer AS customer_no, r.rank, r.item, r.answered_by FROM everybody a CROSS JOIN generate_series(1, 60) c (customer) CROSS JOIN LATERAL promoai.cf_recommend(a.model, c.customer, a.k, a.exclude_seen, a.candidate_ids, NULL, a.exclude_ids, a.categories, a.most, a.boosts, a.diversity) r) o USING (model, customer_no, rank, item, answered_by)
GROUP BY model ORDER BY model;
SELECT * FROM finish();
ROLLBACK;
