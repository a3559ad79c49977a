-- Lists: what for whom, whom for what, and why.  Ids come as bigint, text or uuid; the overloads share one C function.  Only the
-- overload with text[] candidates has a default for them, so that a call without candidates is never ambiguous.

CREATE FUNCTION promoai.cf_recommend(
	model text, customer bigint, k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	candidates text[] DEFAULT NULL, version int DEFAULT NULL,
	exclude text[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, bigint, int, boolean, text[], int, text[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer bigint, candidates bigint[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude bigint[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, bigint, bigint[], int, boolean, int, bigint[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer bigint, candidates uuid[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude uuid[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, bigint, uuid[], int, boolean, int, uuid[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer text, k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	candidates text[] DEFAULT NULL, version int DEFAULT NULL,
	exclude text[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, text, int, boolean, text[], int, text[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer text, candidates bigint[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude bigint[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, text, bigint[], int, boolean, int, bigint[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer text, candidates uuid[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude uuid[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, text, uuid[], int, boolean, int, uuid[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer uuid, k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	candidates text[] DEFAULT NULL, version int DEFAULT NULL,
	exclude text[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, uuid, int, boolean, text[], int, text[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer uuid, candidates bigint[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude bigint[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, uuid, bigint[], int, boolean, int, bigint[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend(
	model text, customer uuid, candidates uuid[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude uuid[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend(text, uuid, uuid[], int, boolean, int, uuid[], text[], int, float8[], float8) IS
'The k items that a model recommends to a customer, best first, under the rules given; answered_by says how, row by row: factors, neighbours and the like, or popularity for a customer the model does not know and items it has no opinion on. boosted_score is what was ranked by.';

CREATE FUNCTION promoai.cf_recommend_basket(
	model text, items bigint[], weights float8[] DEFAULT NULL, k int DEFAULT 10,
	exclude_seen boolean DEFAULT NULL, candidates bigint[] DEFAULT NULL, version int DEFAULT NULL,
	exclude bigint[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_basket'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend_basket(text, bigint[], float8[], int, boolean, bigint[], int, bigint[], text[], int, float8[], float8) IS
'The k items that a model recommends to someone with this history, known to the model or not, best first, under the rules given; without any known item the answer is popularity.';

CREATE FUNCTION promoai.cf_recommend_basket(
	model text, items text[] DEFAULT '{}', weights float8[] DEFAULT NULL, k int DEFAULT 10,
	exclude_seen boolean DEFAULT NULL, candidates text[] DEFAULT NULL, version int DEFAULT NULL,
	exclude text[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_basket'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend_basket(text, text[], float8[], int, boolean, text[], int, text[], text[], int, float8[], float8) IS
'The k items that a model recommends to someone with this history, known to the model or not, best first, under the rules given; without any known item the answer is popularity.';

CREATE FUNCTION promoai.cf_recommend_basket(
	model text, items uuid[], weights float8[] DEFAULT NULL, k int DEFAULT 10,
	exclude_seen boolean DEFAULT NULL, candidates uuid[] DEFAULT NULL, version int DEFAULT NULL,
	exclude uuid[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT rank int, OUT item text, OUT item_no bigint, OUT score real, OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_basket'
LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_recommend_basket(text, uuid[], float8[], int, boolean, uuid[], int, uuid[], text[], int, float8[], float8) IS
'The k items that a model recommends to someone with this history, known to the model or not, best first, under the rules given; without any known item the answer is popularity.';

CREATE FUNCTION promoai.cf_recommend_all(
	model text, k int DEFAULT 10, exclude_seen boolean DEFAULT NULL, candidates text[] DEFAULT NULL,
	version int DEFAULT NULL,
	exclude text[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT customer text, OUT customer_no bigint, OUT rank int, OUT item text, OUT item_no bigint, OUT score real,
	OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_all'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 100000;

COMMENT ON FUNCTION promoai.cf_recommend_all(text, int, boolean, text[], int, text[], text[], int, float8[], float8) IS
'cf_recommend for every customer that a model knows, in one call: rows for a result table.';

CREATE FUNCTION promoai.cf_recommend_all(
	model text, candidates bigint[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude bigint[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT customer text, OUT customer_no bigint, OUT rank int, OUT item text, OUT item_no bigint, OUT score real,
	OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_all'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 100000;

COMMENT ON FUNCTION promoai.cf_recommend_all(text, bigint[], int, boolean, int, bigint[], text[], int, float8[], float8) IS
'cf_recommend for every customer that a model knows, in one call: rows for a result table.';

CREATE FUNCTION promoai.cf_recommend_all(
	model text, candidates uuid[], k int DEFAULT 10, exclude_seen boolean DEFAULT NULL,
	version int DEFAULT NULL,
	exclude uuid[] DEFAULT NULL, categories text[] DEFAULT NULL, max_per_category int DEFAULT NULL,
	boosts float8[] DEFAULT NULL, diversity float8 DEFAULT 0,
	OUT customer text, OUT customer_no bigint, OUT rank int, OUT item text, OUT item_no bigint, OUT score real,
	OUT answered_by text, OUT boosted_score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_recommend_all'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 100000;

COMMENT ON FUNCTION promoai.cf_recommend_all(text, uuid[], int, boolean, int, uuid[], text[], int, float8[], float8) IS
'cf_recommend for every customer that a model knows, in one call: rows for a result table.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item bigint, k int DEFAULT 10, exclude_buyers boolean DEFAULT true, candidates text[] DEFAULT NULL,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, bigint, int, boolean, text[], int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item bigint, candidates bigint[], k int DEFAULT 10, exclude_buyers boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, bigint, bigint[], int, boolean, int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item bigint, candidates uuid[], k int DEFAULT 10, exclude_buyers boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, bigint, uuid[], int, boolean, int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item text, k int DEFAULT 10, exclude_buyers boolean DEFAULT true, candidates text[] DEFAULT NULL,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, text, int, boolean, text[], int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item text, candidates bigint[], k int DEFAULT 10, exclude_buyers boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, text, bigint[], int, boolean, int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item text, candidates uuid[], k int DEFAULT 10, exclude_buyers boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, text, uuid[], int, boolean, int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item uuid, k int DEFAULT 10, exclude_buyers boolean DEFAULT true, candidates text[] DEFAULT NULL,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, uuid, int, boolean, text[], int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item uuid, candidates bigint[], k int DEFAULT 10, exclude_buyers boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, uuid, bigint[], int, boolean, int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_target_users(
	model text, item uuid, candidates uuid[], k int DEFAULT 10, exclude_buyers boolean DEFAULT true,
	version int DEFAULT NULL,
	OUT rank int, OUT customer text, OUT customer_no bigint, OUT score real)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_target_users'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10;

COMMENT ON FUNCTION promoai.cf_target_users(text, uuid, uuid[], int, boolean, int) IS
'The k customers that a product, coupon or promotion suits best, best first: whom to show it. Customers who had it are left out unless exclude_buyers is false; candidates: only among these customers.';

CREATE FUNCTION promoai.cf_explain(
	model text, customer bigint, item bigint, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, bigint, bigint, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer bigint, item text, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, bigint, text, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer bigint, item uuid, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, bigint, uuid, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer text, item bigint, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, text, bigint, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer text, item text, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, text, text, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer text, item uuid, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, text, uuid, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer uuid, item bigint, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, uuid, bigint, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer uuid, item text, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, uuid, text, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';

CREATE FUNCTION promoai.cf_explain(
	model text, customer uuid, item uuid, k int DEFAULT 3, language text DEFAULT NULL, version int DEFAULT NULL,
	OUT rank int, OUT because text, OUT because_no bigint, OUT part real, OUT score real, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'promoai_cf_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 3;

COMMENT ON FUNCTION promoai.cf_explain(text, uuid, uuid, int, text, int) IS
'Why a model recommends an item to a customer: the k items of his history that add most to its score (part; all parts and what belongs to no item make score), and a sentence in the language given (en, zh; NULL: promoai.language).';
