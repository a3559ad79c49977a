-- model_seeds.sql - a small model of every kind, as values: kind and hexadecimal digits, a line each; nothing of it stays
--
-- Small, since the fuzzer cuts what is long.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS promoai;
BEGIN;
CREATE TEMP TABLE bought ON COMMIT DROP AS
SELECT c AS customer, (c * i * 7 + i) % 9 AS item, 1 + (c + i) % 3 AS quantity, timestamptz '2025-01-01' + (c * 5 + i * 11) * interval '1 day' AS at
FROM generate_series(1, 12) c, generate_series(1, 5) i;
CREATE TEMP TABLE words ON COMMIT DROP AS
SELECT (ARRAY['where is my parcel', 'it has not arrived', 'I want my money back', 'great quality, thank you', '快递什么时候到'])[1 + i % 5] || ' ' || i % 3 AS text,
       (ARRAY['delivery', 'delivery', 'refund', 'praise', 'delivery'])[1 + i % 5] AS label, (ARRAY[3, 2, 1, 5, 1])[1 + i % 5] AS stars
FROM generate_series(1, 60) i;
SELECT FROM promoai.mf_train('mf', 'SELECT customer, item FROM bought', factors => 2, iterations => 1, holdout => 0);
SELECT FROM promoai.mf_train('mf text', $$SELECT 'c' || customer, 'i' || item FROM bought$$, factors => 2, iterations => 1, holdout => 0);
SELECT FROM promoai.mf_train('mf ratings', 'SELECT customer, item, 1 + (customer + item) % 5 FROM bought', feedback => 'explicit', factors => 2, iterations => 1, holdout => 0);
SELECT FROM unnest(ARRAY['ease', 'item_knn', 'user_knn', 'rp3beta', 'popular', 'buy_again']) m, promoai.cf_train('cf ' || m, 'SELECT customer, item, at FROM bought', m, holdout => 0);
SELECT FROM promoai.basket_train('basket', 'SELECT customer, item FROM bought', min_support => 0.1);
SELECT FROM promoai.content_train('content', $$SELECT i, 'thing ' || i % 3, i FROM generate_series(0, 8) i$$, interactions => 'SELECT customer, item FROM bought', holdout => 0);
SELECT FROM promoai.hybrid_train('hybrid', ARRAY['cf popular', 'cf item_knn'], 'SELECT customer, item FROM bought');
SELECT FROM promoai.kmeans_train('segment', 'SELECT c, c % 3, c % 4 FROM generate_series(1, 20) c', 2);
SELECT FROM promoai.clv_train('clv', $$SELECT 'c' || customer, at, quantity::float8 FROM bought$$, holdout => 0);
SELECT FROM promoai.embed_train('embed', 'SELECT text FROM words', dim => 2, min_count => 1, epochs => 1, buckets => 64);
SELECT FROM promoai.embed_train('embed whole', 'SELECT text FROM words', dim => 2, min_count => 1, epochs => 1, subwords => false, stop_words => true, stemmer => 'english');
SELECT FROM promoai.text_classify_train('classify', 'SELECT text, label FROM words', holdout => 0);
SELECT FROM promoai.sentiment_train('sentiment', 'SELECT text, stars FROM words', holdout => 0);
SELECT replace(model, ' ', '_'), ltrim(encode(promoai.model_bytes_send(promoai.model_value(model)), 'hex'), '\x') FROM promoai.models;
ROLLBACK;
