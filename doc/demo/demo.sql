-- demo.sql - a shop's recommendations, from invoice lines to names on a page, without leaving the database
--
-- `make demo` runs this in a throwaway server.  By hand: psql -d DATABASE -f doc/demo/demo.sql, from the project's top
-- folder, in a database that may lose its schema "shop".

\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
SET client_min_messages = warning;
CREATE TEMP TABLE demo_step (n int GENERATED ALWAYS AS IDENTITY, step text, at timestamptz DEFAULT clock_timestamp());
INSERT INTO demo_step(step) VALUES ('start');
\set QUIET off

\echo
\echo == The extension
\echo
CREATE EXTENSION IF NOT EXISTS promoai;
\set step 'CREATE EXTENSION'
\ir took.sql

\echo
\echo == The shop: half a million invoice lines of a gift shop (UCI Online Retail)
\echo
\ir shop.sql
SELECT (SELECT count(*) FROM shop.customers)       AS customers,
       (SELECT count(*) FROM shop.products)        AS products,
       (SELECT count(*) FROM shop.orders)          AS orders,
       (SELECT count(*) FROM shop.order_items)     AS order_items,
       (SELECT count(*) FROM shop.cancelled_items) AS cancelled_items,
       (SELECT count(*) FROM shop.anonymous_items) AS anonymous_items;
\set step 'Loading the shop'
\ir took.sql

\echo
\echo == Train a model on what known customers bought, and publish it
\echo
SELECT model, version, kind, rows_read, rows_skipped, rows_merged, customers, items, interactions, seconds
FROM promoai.mf_train('shop', $$SELECT customer_id, product_id, quantity FROM shop.order_items$$);
\set step 'Training and evaluating'
\ir took.sql

\echo
\echo == How good is it? Purchases held out of the training, found among the first 20, beside plain popularity
\echo
SELECT m.metric,
       round(m.value::numeric, 4) AS model,
       round(m.low::numeric, 4)   AS low,
       round(m.high::numeric, 4)  AS high,
       round(p.value::numeric, 4) AS popularity,
       m.n
FROM promoai.model_metrics m
JOIN promoai.model_metrics p
  ON (p.model, p.version, p.metric) = (m.model, m.version, 'popularity_' || m.metric)
WHERE m.model = 'shop' AND m.version = (SELECT max(version) FROM promoai.model_metrics WHERE model = 'shop')
ORDER BY m.metric;
\set step 'Reading the metrics'
\ir took.sql

\echo
\echo == Three customers: what they bought (up to eight articles of each)
\echo
SELECT customer_id, string_agg(name, E'\n' ORDER BY name) AS bought
FROM (SELECT customer_id, name, row_number() OVER (PARTITION BY customer_id ORDER BY sum(quantity) DESC, name) AS n
      FROM shop.order_items JOIN shop.products USING (product_id)
      WHERE customer_id IN (16034, 17038, 18251)
      GROUP BY customer_id, product_id, name) b
WHERE n <= 8
GROUP BY customer_id ORDER BY customer_id;

\echo == ... and what they are recommended
\echo
SELECT c.customer_id, r.rank, r.item, p.name, round(r.score::numeric, 3) AS score, r.answered_by
FROM shop.customers c,
     promoai.cf_recommend('shop', c.customer_id, k => 5) r
JOIN shop.products p ON p.product_id = r.item
WHERE c.customer_id IN (16034, 17038, 18251)
ORDER BY c.customer_id, r.rank;
\set step 'Recommending'
\ir took.sql

\echo
\echo == Articles like the white hanging heart T-light holder (85123A) and the cake stand (22423)
\echo
SELECT q.name AS like_this, s.rank, s.item, p.name, round(s.similarity::numeric, 3) AS similarity
FROM shop.products q,
     promoai.cf_similar_items('shop', q.product_id, k => 5) s
JOIN shop.products p ON p.product_id = s.item
WHERE q.product_id IN ('85123A', '22423')
ORDER BY q.name, s.rank;
\set step 'Finding similar articles'
\ir took.sql

\echo
\echo == A visitor whom the model has never seen, with these two in the basket
\echo
SELECT r.rank, r.item, p.name, round(r.score::numeric, 3) AS score, r.answered_by
FROM promoai.cf_recommend_basket('shop', ARRAY['85123A', '22423'], k => 5) r
JOIN shop.products p ON p.product_id = r.item
ORDER BY r.rank;
\set step 'Answering a basket'
\ir took.sql

\echo
\echo == Which recommender is best here?  Trained on all but the last 30 days: what of these days stands among the first 20
\echo
\set QUIET on
-- The definition is what is compared: it is trained anew on the rows before.
SELECT promoai.cf_train('closed form', $$SELECT customer_id, product_id, ordered_at FROM shop.order_items$$, 'ease',
                        memory => '256MB', holdout => 0) \g /dev/null
CREATE TEMP TABLE compared AS
SELECT * FROM promoai.cf_evaluate(ARRAY['shop', 'closed form'],
                                  $$SELECT customer_id, product_id, ordered_at FROM shop.order_items$$);
SELECT promoai.model_drop('closed form') \g /dev/null
\set QUIET off
SELECT targets, model, round(value::numeric, 3) AS recall, round(low::numeric, 3) AS low, round(high::numeric, 3) AS high,
       customers, round(difference::numeric, 3) AS difference, round(p_value::numeric, 4) AS p
FROM compared
WHERE metric = 'recall' AND length = 20 AND NOT (targets = 'all' AND exclude_seen)
ORDER BY targets, value DESC;
\echo
\echo The difference is to the model "shop", customer by customer; p says how easily chance alone would give as much.
\echo Repeats are best guessed by what a customer had before, new items by none of the baselines.
\set step 'Comparing recommenders'
\ir took.sql

\echo
\echo == What did price cuts bring?  Days on which an article cost 15 % or more under its usual price, and the others
\echo
\set QUIET on
CREATE TEMP TABLE usual AS -- articles sold often, and the price at which they are sold most often
SELECT product_id, mode() WITHIN GROUP (ORDER BY unit_price)::float8 AS usual
FROM shop.order_items WHERE unit_price > 0 AND product_id ~ '^[0-9]{5}'
GROUP BY product_id HAVING count(*) >= 500;
CREATE TEMP TABLE price AS -- the price of small orders, on days with a sale; it holds until the next one
SELECT product_id, ordered_at::date AS day, percentile_disc(0.5) WITHIN GROUP (ORDER BY unit_price)::float8 AS price
FROM shop.order_items JOIN usual USING (product_id)
WHERE unit_price > 0 AND quantity < 100 GROUP BY 1, 2;
CREATE INDEX ON price (product_id, day);
-- Order lines know no day without a sale: promo_daily has every article on every day.
CREATE TEMP TABLE daily AS
SELECT d.item, d.day, d.quantity, extract(isodow FROM d.day) = 7 AS sunday, p.price <= 0.85 * u.usual AS cut
FROM promoai.promo_daily($$SELECT product_id, ordered_at, quantity
                           FROM shop.order_items JOIN usual USING (product_id) WHERE quantity < 100$$,
                         '2011-01-04', '2011-11-30') d
JOIN usual u ON u.product_id = d.item
CROSS JOIN LATERAL (SELECT price FROM price WHERE product_id = d.item AND day <= d.day ORDER BY day DESC LIMIT 1) p;
\set QUIET off
-- Days of one article hang together, so errors are by article; beside it, with each article's own level and each day's
-- ups and downs taken out, errors by article and by day.
SELECT 'all days alike' AS compared, n, round(extra_sales_per_row::numeric, 1) AS extra_a_day,
       round(std_error::numeric, 1) AS std_error, round(lift_percent) AS lift_percent,
       round(lift_low) AS lift_low, round(lift_high) AS lift_high, error_kind
FROM (SELECT (promoai.promo_lift_fit(quantity, cut, ARRAY[sunday::int], hashtextextended(item, 0))).* FROM daily) f
UNION ALL
SELECT 'within article and day', n, round(extra_sales_per_row::numeric, 1), round(std_error::numeric, 1),
       round(lift_percent), round(lift_low), round(lift_high), error_kind
FROM promoai.promo_panel_fit('SELECT item, day, quantity, cut FROM daily', cluster => 'item, day');
\echo
\echo Mind: nobody drew lots for these price cuts.  Buyers of larger quantities are given lower prices, and articles are
\echo cut when they are to go; the figures say how sales and prices went together, not what the cuts caused.
\set step 'Measuring price cuts'
\ir took.sql

\echo
\echo == Texts: articles whose names are most alike, by vectors that need no training
\echo
\set QUIET on
CREATE TEMP TABLE named AS
SELECT product_id, name, promoai.embed_text(name) AS vector FROM shop.products;
\set QUIET off
SELECT q.name AS like_this, s.name, round(s.similarity::numeric, 3) AS similarity
FROM named q
CROSS JOIN LATERAL (SELECT n.name, max(promoai.embed_similarity(q.vector, n.vector)) AS similarity
                    FROM named n WHERE n.name <> q.name GROUP BY n.name ORDER BY 2 DESC, 1 LIMIT 4) s
WHERE q.product_id IN ('85123A', '22423')
ORDER BY q.name DESC, s.similarity DESC, s.name;
\set step 'Comparing names'
\ir took.sql

\echo
\echo == Customers write: a classifier learns from ten thousand questions what they are about (Banking77)
\echo
\set QUIET on
CREATE TEMP TABLE question (doc text, intent text);
CREATE TEMP TABLE new_question (doc text, intent text);
\copy question from program 'xz -dc test/data/banking77/train.csv.xz' with (format csv, header)
\copy new_question from program 'xz -dc test/data/banking77/test.csv.xz' with (format csv, header)
\set QUIET off
SELECT documents, classes, word_features, char_features, seconds
FROM promoai.text_classify_train('intents', 'SELECT doc, intent FROM pg_temp.question');
SELECT q AS question, c.label, round(c.probability::numeric, 2) AS probability, c.out_of_scope
FROM (VALUES ('My new card has still not come'), ('Why was I charged twice?'), ('Do you sell garden furniture?')) v(q),
     promoai.text_classify('intents', q) c;
\echo == ... how often it is right on 3,080 questions that it has not seen, and which intents it finds hardest
\echo
SELECT metric, round(value::numeric, 3) AS value, round(low::numeric, 3) AS low, round(high::numeric, 3) AS high, n
FROM promoai.evaluate('intents', 'SELECT doc, intent FROM pg_temp.new_question')
WHERE metric IN ('accuracy', 'in_scope_kept', 'accuracy_kept', 'macro_f1');
SELECT label, rows, correct, round(precision::numeric, 2) AS precision, round(recall::numeric, 2) AS recall, round(f1::numeric, 2) AS f1
FROM promoai.text_classify_evaluate('intents', 'SELECT doc, intent FROM pg_temp.new_question')
ORDER BY f1, label LIMIT 5;
\echo == ... and its errors: what it takes for what
\echo
SELECT label, predicted, rows, left(example, 60) AS example
FROM promoai.text_confusions('intents', 'SELECT doc, intent FROM pg_temp.new_question', k => 6);
\set QUIET on
SELECT promoai.model_drop('intents') \g /dev/null
\set QUIET off
\set step 'Classifying questions'
\ir took.sql

\echo
\echo == How long each step took
\echo
SELECT step, to_char(extract(epoch FROM at - before), 'FM9990.00') AS seconds
FROM (SELECT n, step, at, lag(at) OVER (ORDER BY n) AS before FROM demo_step) s
WHERE before IS NOT NULL ORDER BY n;
