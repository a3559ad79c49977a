-- Models of attributes and hybrids on a shelf small enough to follow.
SET client_min_messages = warning;
SET search_path = public;
CREATE TABLE shelf (item text, category text, price numeric, description text);
INSERT INTO shelf VALUES
('cup', 'tea', 4, 'red cup'), ('pot', 'tea', 20, 'red tea pot'), ('tin', 'tea', 6, 'tea tin'),
('rake', 'garden', 18, 'steel rake'), ('spade', 'garden', 22, 'steel spade'), ('glove', 'garden', 5, 'garden glove');
CREATE TABLE basket AS SELECT * FROM (VALUES (1, 'cup'), (1, 'pot'), (2, 'rake'), (2, 'spade'), (3, 'cup'), (3, 'tin')) b (customer, item);

SELECT model, version, kind, rows_read, customers, items, interactions
FROM promoai.content_train('shelf', 'shelf', interactions => 'basket', holdout => 0);
SELECT sizes -> 'columns' AS columns FROM promoai.model_versions WHERE model = 'shelf';
SELECT rank, item, round(similarity::numeric, 3) AS similarity FROM promoai.cf_similar_items('shelf', 'cup', k => 3);
SELECT rank, item, round(score::numeric, 3) AS score, answered_by FROM promoai.cf_recommend('shelf', 2, k => 2);
SELECT because, round(part::numeric, 3) AS part, reason FROM promoai.cf_explain('shelf', 2, 'glove');

SELECT kind FROM promoai.cf_train('shelf_again', 'basket', 'buy_again');
SELECT model, version, kind, customers, items, interactions, metrics
FROM promoai.hybrid_train('shelf_both', '{shelf,shelf_again}', weights => '{1,3}');
SELECT rank, item, answered_by FROM promoai.cf_recommend('shelf_both', 2, k => 3);

SELECT promoai.content_train('shelf', 'shelf', holdout => 0.5);
SELECT promoai.hybrid_train('shelf_both', '{shelf,shelf_again}', weights => '{1,-3}');
SELECT promoai.model_drop(model) FROM unnest('{shelf,shelf_again,shelf_both}'::text[]) model;
DROP TABLE shelf, basket;
