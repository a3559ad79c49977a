-- What calls with hostile values brought to light.
BEGIN;
SELECT plan(2);
SET LOCAL client_min_messages = warning;
CREATE TABLE public.rating AS SELECT c AS customer, (c * 7 + i * i) % 30 AS item, (c + i) % 5 + 1 AS stars FROM generate_series(1, 60) c, generate_series(1, 8) i;
SELECT promoai.mf_train('stars', 'public.rating', feedback => 'explicit', factors => 4, iterations => 20, holdout => 0);
SELECT cmp_ok((SELECT count(*) FROM promoai.cf_explain('stars', 3, 5, k => 100)), '=', (SELECT count(DISTINCT item) FROM public.rating WHERE customer = 3),
              'a predicted rating is explained by the ratings that the customer gave, which the model keeps');
SELECT ok(max(abs(score - promoai.cf_predict('stars', 3, 5))) < 0.2, 'and is about what it was') FROM promoai.cf_explain('stars', 3, 5);
SELECT * FROM finish();
ROLLBACK;
