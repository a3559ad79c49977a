-- run as: postgres promoai_tester
-- Classifiers of texts and sentiment: labels, probabilities, explanations that sum to the score, errors, bad input.
\set QUIET on
BEGIN;
SELECT plan(38);
CREATE TEMP TABLE asked AS
SELECT format('%s %s please %s', verb, noun, i) AS doc, intent AS label
FROM (VALUES ('refund', 'return'), ('lost', 'return'), ('track', 'delivery'), ('where is', 'delivery'), ('pay', 'payment')) v(verb, intent),
	(VALUES ('my order'), ('the parcel'), ('a card')) n(noun), generate_series(1, 12) i;
CREATE TEMP TABLE strange AS SELECT format('weather of day %s', i) AS doc, 'none' AS label FROM generate_series(1, 40) i;

SELECT lives_ok(format($$SELECT promoai.text_classify_train('tap_%1$s', 'SELECT doc, label FROM pg_temp.asked', '%1$s')$$, m), m || ' is trained')
FROM unnest(ARRAY['svm', 'logistic', 'bayes', 'complement_bayes', 'fasttext']) m;
SELECT is((SELECT count(*) FROM asked WHERE promoai.text_label('tap_' || m, doc) = label), 180::bigint, m || ' has learned what it was taught')
FROM unnest(ARRAY['svm', 'logistic', 'bayes', 'complement_bayes', 'fasttext']) m;

SELECT is((SELECT label FROM promoai.text_classify('tap_svm', 'REFUND  my Ｏｒｄｅｒ')), 'return', 'case and full width do not matter');
SELECT ok((SELECT abs(sum(probability) - 1) < 1e-5 AND count(*) = 3 FROM promoai.text_classify_top('tap_svm', 'track the parcel', 10)), 'probabilities sum to 1');
SELECT ok((SELECT abs((SELECT sum(contribution) FROM promoai.text_explain('tap_' || m, 'track the parcel')) - max(score)) < 1e-4
	FROM promoai.text_classify_top('tap_' || m, 'track the parcel')), m || ': contributions sum to the score')
FROM unnest(ARRAY['svm', 'bayes', 'fasttext']) m;
SELECT is((SELECT feature FROM promoai.text_explain('tap_svm', 'track', 'delivery') WHERE kind = 'words' LIMIT 1), 'track', 'the word that spoke');
SELECT throws_ok($$SELECT * FROM promoai.text_explain('tap_svm', 'track', 'nothing')$$, '42704', 'the model has no label "nothing"', 'an unknown label');
SELECT is((SELECT out_of_scope FROM promoai.text_classify('tap_svm', doc)), true, format('%L is out of scope', doc)) FROM unnest(ARRAY['', '?!', '😀', 'xyzzy']) doc;
SELECT is((SELECT row(c.*)::text FROM promoai.text_classify('tap_svm', NULL) c), '(,,)', 'nothing for NULL');
SELECT ok(promoai.text_label('tap_svm', 'pay a card') = promoai.text_label(promoai.model_value('tap_svm'), 'pay a card'), 'the model as a value says the same');

-- Rows of no class tell the threshold.
SELECT is((SELECT row(out_of_scope_rows, classes)::text FROM promoai.text_classify_train('tap_scope', 'SELECT doc, label FROM pg_temp.asked UNION ALL SELECT doc, label FROM pg_temp.strange', out_of_scope => 'none')),
	'(40,3)', 'rows out of scope are no class');
SELECT ok((SELECT avg((promoai.text_classify('tap_scope', doc)).out_of_scope::int) > 0.9 FROM strange), 'they are found');
SELECT is((SELECT sum(rows) FROM promoai.text_classify_evaluate('tap_svm', 'SELECT doc, label FROM pg_temp.asked')), 180::numeric, 'evaluation counts all rows');
SELECT is((SELECT label || predicted || rows FROM promoai.text_confusions('tap_svm', $$SELECT 'track the parcel', 'payment'$$)), 'paymentdelivery1', 'an error is shown');
SELECT is((SELECT row(predicted, precision, auc)::text FROM promoai.text_classify_evaluate('tap_svm', $$VALUES ('track the parcel', 'delivery'), ('pay a card', 'payment'), ('track my order', 'nobody knows')$$) WHERE label = 'delivery'),
	'(1,1,1)', 'a row whose label the model does not know counts for no class');
-- Labels drawn by lot: who judges probabilities by the rows that they were fitted to finds them no worse than a constant.
SELECT ok((metrics ->> 'log_loss')::float8 > ln(2) + 0.02, 'calibration is measured on other rows than it is fitted to')
FROM promoai.text_classify_train('tap_noise', $$SELECT 'word' || hashint4(i) % 50 || ' w' || hashint4(i + 1000) % 50, hashint4(i + 5000) & 1 FROM generate_series(1, 120) i$$, holdout => 0.5, seed => 1);

-- Sentiment.
CREATE TEMP TABLE review AS
SELECT 'good fresh tasty ' || i AS doc, 5 AS stars FROM generate_series(1, 30) i UNION ALL SELECT 'bad cold stale ' || i, 1 FROM generate_series(1, 30) i
UNION ALL SELECT 'so so', 3 UNION ALL SELECT '此用户没有填写评价', 5 UNION ALL SELECT 'good fresh tasty 1', 5 UNION ALL SELECT NULL, 5;
SELECT is((SELECT row(rows_read, rows_skipped, rows_neutral, rows_default, rows_repeated, documents)::text FROM promoai.sentiment_train('tap_mood', 'SELECT doc, stars FROM pg_temp.review')),
	'(64,1,1,1,1,60)', 'what is left out is counted');
SELECT ok(promoai.sentiment('tap_mood', 'tasty and fresh') > 0.3 AND promoai.sentiment('tap_mood', 'cold and stale') < -0.3, 'good and bad');
SELECT is(promoai.sentiment('tap_mood', 'zzz'), 0::float8, 'nothing known is neither');
CREATE TEMP TABLE ends AS SELECT format('bon é ж ♥ 好 %s%s', CASE WHEN i % 2 = 0 THEN 'good 。' ELSE 'bad ！' END, i) AS doc, CASE WHEN i % 2 = 0 THEN 5 ELSE 1 END AS stars FROM generate_series(1, 200) i;
SELECT lives_ok($$SELECT promoai.sentiment_train('tap_ends', 'SELECT doc, stars FROM pg_temp.ends')$$, 'reviews that end with marks');
SELECT is((SELECT string_agg(doc, ' ' ORDER BY doc COLLATE "C") FROM unnest(ARRAY['。', 'é', 'ж', 'a', '好', '♥', 'good']) doc WHERE promoai.sentiment('tap_ends', doc) <> 0), 'good ♥ 好', 'a mark or a letter by itself says nothing, in whatever script');

-- Bad input.
SELECT throws_ok($$SELECT promoai.text_classify_train('tap_bad', 'SELECT ''a'', ''b''')$$, '22023', 'source has 1 class, a classifier needs at least two', 'one class');
SELECT throws_like($$SELECT promoai.text_classify_train('tap_bad', 'SELECT doc, label FROM pg_temp.asked', 'bayes', c => 1)$$, 'argument "c" makes no sense with method => ''bayes''', 'an argument of another method');
SELECT throws_like($$SELECT promoai.sentiment_train('tap_bad', 'SELECT ''a'', 7')$$, 'source has 7 in column "stars"%', 'stars out of range');
SELECT throws_like($$SELECT promoai.sentiment('tap_svm', 'good')$$, 'a model of kind "text_classify" does not tell sentiment', 'another kind of model');
SELECT * FROM finish();
ROLLBACK;
