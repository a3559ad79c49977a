/*
 * embed.c - word vectors in SQL: the vector of a text or a word, words like a word, words by analogy
 *
 * Every function opens the model (one look at the registry under the caller's snapshot, with the caller's rights) or takes it as
 * a value, and answers from the loaded version.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/embed_model.h"
#include "bridge/env.h"
#include "bridge/rows.h"
#include "bridge/utf8.h"
#include "core/text/nearest.h"

#define SIMILAR_MAX 100000

static Datum
vector_datum(const float *vector, int32 dim)
{
	Size bytes = ARR_OVERHEAD_NONULLS(1) + sizeof(float4) * (Size) dim;
	ArrayType *array = palloc0(bytes);

	SET_VARSIZE(array, bytes);
	array->ndim = 1;
	array->elemtype = FLOAT4OID;
	ARR_DIMS(array)[0] = dim;
	ARR_LBOUND(array)[0] = 1;
	memcpy((char *) array + ARR_OVERHEAD_NONULLS(1), vector, sizeof(float4) * (Size) dim);
	return PointerGetDatum(array);
}

/* embed_text(model or value, doc, version) -> real[dim]; NULL where no word of the text has a vector. */
PG_FUNCTION_INFO_V1(promoai_embed_model_text);
Datum
promoai_embed_model_text(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const EmbedModel *model;
	float *vector;
	text *doc;

	if (args_null(args, "model") || args_null(args, "doc"))
		PG_RETURN_NULL();
	model = embed_open(args);
	doc = DatumGetTextPP(args_datum(args, "doc", NULL));
	vector = palloc(sizeof(float) * model->dim);
	if (embed_model_tokens(model, tokenizer_run(model->tokenizer, VARDATA_ANY(doc), VARSIZE_ANY_EXHDR(doc)),
						   0, 1, vector, NULL) == 0)
		PG_RETURN_NULL();
	return vector_datum(vector, model->dim);
}

/* ---- words ---- */

/* An argument that is a word, as the model writes it. */
typedef struct Word
{
	const char *bytes;
	Size n;
	int32 index; /* -1: not in the vocabulary */
} Word;

/* As it stands, or, where the vocabulary does not have it like that, as the model's tokenizer reads it. */
static Word
take_word(const EmbedModel *model, const Args *args, const char *name)
{
	text *given = DatumGetTextPP(args_datum(args, name, NULL));
	Word word;

	word.bytes = utf8_from_server(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), &word.n);
	word.index = lexicon_find(&model->words, word.bytes, word.n);
	if (word.index < 0)
	{
		const Tokens *tokens = tokenizer_run(model->tokenizer, VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given));

		if (tokens->n == 1)
		{
			word.n = (Size) tokens->start[1];
			word.bytes = pnstrdup(tokens->words, word.n); /* the next word uses the buffers again */
			word.index = lexicon_find(&model->words, word.bytes, word.n);
		}
	}
	return word;
}

/* embed_word(model or value, word, version) -> real[dim]; NULL where it has no vector. */
PG_FUNCTION_INFO_V1(promoai_embed_word);
Datum
promoai_embed_word(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const EmbedModel *model;
	float *vector;
	Word word;

	if (args_null(args, "model") || args_null(args, "word"))
		PG_RETURN_NULL();
	model = embed_open(args);
	word = take_word(model, args, "word");
	vector = palloc(sizeof(float) * model->dim);
	if (!embed_model_word(model, word.bytes, word.n, vector))
		PG_RETURN_NULL();
	return vector_datum(vector, model->dim);
}

static void
put_nearest(ReturnSetInfo *rows, const EmbedModel *model, const float *query, const int32 *excluded,
			int n_excluded, int32 k)
{
	NearestTask task = {.vectors = model->vectors,
						.norms = model->norms,
						.n = model->words.n,
						.dim = model->dim,
						.excluded = excluded,
						.n_excluded = n_excluded};
	TopEntry *heap = palloc(sizeof(TopEntry) * k);
	PgEnv env;
	TopK top;

	env_init(&env, CurrentMemoryContext);
	topk_init(&top, heap, k);
	env_check(&env, nearest_find(&env.base, &task, query, &top), "looking for words");
	for (int32 i = 0; i < top.n; i++)
	{
		int32 index = heap[i].index;
		uint64 start = model->words.start[index];
		Size length;
		const char *word = utf8_to_server(model->words.bytes + start,
										  (Size) (model->words.start[index + 1] - start), &length);
		Datum values[2] = {PointerGetDatum(cstring_to_text_with_len(word, (int) length)),
						   Float8GetDatum(Min(1.0, Max(-1.0, (double) heap[i].score)))};
		bool nulls[2] = {false, false};

		rows_put(rows, values, nulls);
	}
}

/* query [dim] += sign * the unit vector of the argument's word; false where it has none. */
static bool
add_word(const EmbedModel *model, const Args *args, const char *name, float sign, float *query, int32 *index)
{
	float *vector = palloc(sizeof(float) * model->dim);
	Word word = take_word(model, args, name);
	float norm;

	*index = word.index;
	if (!embed_model_word(model, word.bytes, word.n, vector))
		return false;
	embed_norms(vector, 1, model->dim, &norm);
	if (!(norm > 0))
		return false;
	for (int32 d = 0; d < model->dim; d++)
		query[d] += sign * vector[d] / norm;
	return true;
}

static bool
any_null(const Args *args, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (args_null(args, names[i]))
			return true;
	return false;
}

/* Words nearest to a sum of signed words: those of the arguments are left out; no rows where one of them has no vector. */
static Datum
answer_nearest(FunctionCallInfo fcinfo, const char *const *names, const float *signs, int n)
{
	Args *args = args_open(fcinfo);
	ReturnSetInfo *rows = rows_open(fcinfo);
	const EmbedModel *model;
	int32 index[3];
	float *query;
	int32 k = args_int(args, "k", 1, SIMILAR_MAX);
	float norm;

	if (args_null(args, "model") || any_null(args, names, n))
		return (Datum) 0;
	model = embed_open(args);
	query = palloc0(sizeof(float) * model->dim);
	for (int i = 0; i < n; i++)
		if (!add_word(model, args, names[i], signs[i], query, &index[i]))
			return (Datum) 0;
	embed_norms(query, 1, model->dim, &norm);
	if (norm > 0)
		put_nearest(rows, model, query, index, n, Min(k, model->words.n));
	return (Datum) 0;
}

/* embed_similar_words(model or value, word, k, version) -> (word, similarity) */
PG_FUNCTION_INFO_V1(promoai_embed_similar_words);
Datum
promoai_embed_similar_words(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"word"};
	static const float signs[] = {1};

	return answer_nearest(fcinfo, names, signs, 1);
}

/* embed_analogy(model or value, a, b, c, k, version): a is to b as c is to what? */
PG_FUNCTION_INFO_V1(promoai_embed_analogy);
Datum
promoai_embed_analogy(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"a", "b", "c"};
	static const float signs[] = {-1, 1, 1};

	return answer_nearest(fcinfo, names, signs, 3);
}
