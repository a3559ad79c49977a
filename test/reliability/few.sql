-- A little of each capability: what the quick forms of valgrind.sh and asan.sh run.
CREATE EXTENSION promoai;
SELECT model FROM promoai.mf_train('m', 'SELECT c, c * i % 20 FROM generate_series(1, 30) c, generate_series(1, 6) i', factors => 4, iterations => 2);
SELECT count(*) FROM generate_series(1, 35) c, promoai.cf_recommend('m', c, k => 3);
SELECT model FROM promoai.kmeans_train('k', 'SELECT i, i % 7, i % 5 FROM generate_series(1, 60) i', 3);
SELECT count(promoai.segment_assign('k', ARRAY[i, 2])) FROM generate_series(1, 9) i;
SELECT (promoai.promo_lift_fit(10 + i % 7 + 3 * (i % 2), i % 2 = 1)).extra_sales_per_row FROM generate_series(1, 50) i;
SELECT promoai.model_drop('m');
