/*
 * embed_model.c - word vectors to payload sections and back, and the vectors of words and texts from them
 *
 * Reading trusts nothing: the sections' lengths must agree with one another, what finds a place in another section must stay
 * within it, and numbers must be finite, since the checksum of a payload proves only that it is whole.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "api/embed_model.h"
#include "bridge/utf8.h"
#include "model/cache.h"
#include "model/value.h"

/* Numbers in the section "embed". */
enum
{
	STORED_DIM,
	STORED_WORDS,
	STORED_MIN_N,
	STORED_MAX_N,
	STORED_BUCKETS,
	STORED_GRAMS,
	STORED_NUMBERS
};

#define BUCKETS_MAX 100000000

/* ---- writing ---- */

void
embed_model_write(const EmbedModel *model, Payload *payload)
{
	uint64 n = (uint64) model->words.n;
	uint64 dim = (uint64) model->dim;
	const Subwords *subwords = &model->subwords;
	int64 *numbers = palloc(sizeof(int64) * STORED_NUMBERS);
	double *total = palloc(sizeof(double));

	numbers[STORED_DIM] = model->dim;
	numbers[STORED_WORDS] = model->words.n;
	numbers[STORED_MIN_N] = subwords->min_n;
	numbers[STORED_MAX_N] = subwords->max_n;
	numbers[STORED_BUCKETS] = subwords->buckets;
	numbers[STORED_GRAMS] = subwords->n;
	*total = model->sif.total;
	payload_add(payload, "embed", sizeof(int64), STORED_NUMBERS, numbers);
	payload_add(payload, "word_start", sizeof(uint64), n + 1, model->words.start);
	payload_add(payload, "word_bytes", 1, model->words.start[n], model->words.bytes);
	payload_add(payload, "word_slot", sizeof(uint32), model->words.slots, model->words.slot);
	payload_add(payload, "count", sizeof(int64), n, model->count);
	payload_add(payload, "vectors", sizeof(float), n * dim, model->vectors);
	payload_add(payload, "norms", sizeof(float), n, model->norms);
	payload_add(payload, "total", sizeof(double), 1, total);
	payload_add(payload, "component", sizeof(float), dim, model->sif.component);
	if (subwords->max_n > 0)
	{
		uint64 blocks = (uint64) subwords_blocks(subwords->buckets);

		payload_add(payload, "gram_bits", sizeof(uint64), blocks, subwords->bits);
		payload_add(payload, "gram_before", sizeof(uint32), blocks, subwords->before);
		payload_add(payload, "grams", sizeof(float), (uint64) subwords->n * dim, model->grams);
	}
	tokenizer_write(model->tokenizer, payload);
}

void
embed_norms(const float *vectors, int64 n, int32 dim, float *norms)
{
	for (int64 i = 0; i < n; i++)
	{
		double sum = 0;

		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		for (int32 d = 0; d < dim; d++)
			sum += (double) vectors[i * dim + d] * vectors[i * dim + d];
		norms[i] = (float) sqrt(sum);
	}
}

/* ---- reading ---- */

/* A section of exactly `count` elements, or NULL. */
static const void *
section(const Payload *payload, const char *name, uint32 width, uint64 count)
{
	uint64 found;
	const void *data = payload_get(payload, name, width, &found);

	return found == count ? data : NULL;
}

static bool
read_numbers(const Payload *payload, EmbedModel *model)
{
	const int64 *numbers = section(payload, "embed", sizeof(int64), STORED_NUMBERS);
	const double *total = section(payload, "total", sizeof(double), 1);

	if (numbers == NULL || total == NULL || numbers[STORED_DIM] < 1 || numbers[STORED_DIM] > EMBED_DIM_MAX ||
		numbers[STORED_WORDS] < 1 || numbers[STORED_WORDS] > PG_INT32_MAX / 4 || numbers[STORED_MAX_N] < 0 ||
		numbers[STORED_MAX_N] > SUBWORDS_N_MAX || numbers[STORED_MIN_N] < 0 ||
		numbers[STORED_MIN_N] > numbers[STORED_MAX_N] || numbers[STORED_GRAMS] < 0 ||
		numbers[STORED_GRAMS] > BUCKETS_MAX || !(*total >= 0) || !isfinite(*total))
		return false;
	if (numbers[STORED_MAX_N] > 0 &&
		(numbers[STORED_MIN_N] < 1 || numbers[STORED_BUCKETS] < 1 || numbers[STORED_BUCKETS] > BUCKETS_MAX))
		return false;
	model->dim = (int32) numbers[STORED_DIM];
	model->words.n = (int32) numbers[STORED_WORDS];
	model->subwords.min_n = (int32) numbers[STORED_MIN_N];
	model->subwords.max_n = (int32) numbers[STORED_MAX_N];
	model->subwords.buckets = model->subwords.max_n > 0 ? (int32) numbers[STORED_BUCKETS] : 0;
	model->subwords.n = model->subwords.max_n > 0 ? (int32) numbers[STORED_GRAMS] : 0;
	model->sif.dim = model->dim;
	model->sif.total = *total;
	return true;
}

static bool
all_finite(const float *numbers, uint64 n)
{
	for (uint64 i = 0; i < n; i++)
		if (!isfinite(numbers[i]))
			return false;
	return true;
}

/* Lengths, and what texts have in common: of unit length, or nothing. */
static bool
lengths_sound(const float *norms, uint64 n, const float *component, int32 dim)
{
	for (uint64 i = 0; i < n; i++)
		if (!(norms[i] >= 0) || isinf(norms[i]))
			return false;
	for (int32 d = 0; d < dim; d++)
		if (!(fabsf(component[d]) <= 1))
			return false;
	return true;
}

/* Words are answers: what is not text must not become a value of type text. */
static bool
words_are_text(const Lexicon *words)
{
	for (int32 i = 0; i < words->n; i++)
	{
		uint64 length = words->start[i + 1] - words->start[i];

		if (length > PG_INT32_MAX ||
			!pg_verify_mbstr(PG_UTF8, words->bytes + words->start[i], (int) length, true))
			return false;
	}
	return true;
}

static bool
read_words(const Payload *payload, EmbedModel *model)
{
	uint64 n = (uint64) model->words.n;
	uint64 bytes;
	uint64 slots;

	model->words.start = section(payload, "word_start", sizeof(uint64), n + 1);
	model->words.bytes = payload_get(payload, "word_bytes", 1, &bytes);
	model->words.slot = payload_get(payload, "word_slot", sizeof(uint32), &slots);
	model->count = section(payload, "count", sizeof(int64), n);
	model->vectors = section(payload, "vectors", sizeof(float), n * (uint64) model->dim);
	model->norms = section(payload, "norms", sizeof(float), n);
	model->sif.component = section(payload, "component", sizeof(float), model->dim);
	if (model->words.start == NULL || model->words.bytes == NULL || model->words.slot == NULL ||
		model->count == NULL || model->vectors == NULL || model->norms == NULL ||
		model->sif.component == NULL || slots > PG_UINT32_MAX)
		return false;
	model->words.slots = (uint32) slots;
	if (payload->trusted)
		return true;
	if (!lexicon_sound(&model->words, bytes) || !words_are_text(&model->words) ||
		!all_finite(model->vectors, n * (uint64) model->dim) ||
		!lengths_sound(model->norms, n, model->sif.component, model->dim))
		return false;
	for (uint64 i = 0; i < n; i++)
		if (model->count[i] < 0)
			return false;
	return true;
}

static bool
read_subwords(const Payload *payload, EmbedModel *model)
{
	Subwords *subwords = &model->subwords;
	uint64 blocks = (uint64) subwords_blocks(subwords->buckets);
	uint64 numbers = (uint64) subwords->n * (uint64) model->dim;

	if (subwords->max_n == 0)
		return true;
	subwords->bits = section(payload, "gram_bits", sizeof(uint64), blocks);
	subwords->before = section(payload, "gram_before", sizeof(uint32), blocks);
	model->grams = section(payload, "grams", sizeof(float), numbers);
	if (subwords->bits == NULL || subwords->before == NULL || model->grams == NULL)
		return false;
	return payload->trusted || (subwords_sound(subwords) && all_finite(model->grams, numbers));
}

bool
embed_model_load(LoadedModel *loaded, MemoryContext memory)
{
	const Payload *payload = &loaded->payload;
	EmbedModel *model = MemoryContextAllocZero(memory, sizeof(EmbedModel));

	if (!read_numbers(payload, model) || !read_words(payload, model) || !read_subwords(payload, model))
		return false;
	model->tokenizer = tokenizer_read(payload, memory);
	loaded->state = model;
	return model->tokenizer != NULL;
}

/* ---- vectors ---- */

static bool
add_row(const float *row, int32 dim, float weight, float *sum)
{
	for (int32 d = 0; d < dim; d++)
		sum[d] += weight * row[d];
	return true;
}

/* The mean of the n-grams that have a row. */
static bool
add_subwords(const EmbedModel *model, const char *word, Size n, float weight, float *sum)
{
	uint32 bucket[SUBWORDS_MAX];
	int32 grams;
	int32 known = 0;

	if (model->subwords.max_n == 0)
		return false;
	grams = subwords_of(&model->subwords, word, n, bucket);
	for (int32 i = 0; i < grams; i++)
		known += subwords_row(&model->subwords, bucket[i]) >= 0;
	for (int32 i = 0; i < grams; i++)
	{
		int32 row = subwords_row(&model->subwords, bucket[i]);

		if (row >= 0)
			add_row(model->grams + (Size) row * model->dim, model->dim, weight / known, sum);
	}
	return known > 0;
}

bool
embed_model_word(const EmbedModel *model, const char *word, Size n, float *vector)
{
	int32 index = lexicon_find(&model->words, word, n);

	memset(vector, 0, sizeof(float) * model->dim);
	if (index >= 0)
		return add_row(model->vectors + (Size) index * model->dim, model->dim, 1, vector);
	return add_subwords(model, word, n, 1, vector);
}

int64
embed_model_tokens(const EmbedModel *model, const Tokens *tokens, int32 from, int32 every, float *vector,
				   int64 *known)
{
	int64 n = 0;

	memset(vector, 0, sizeof(float) * model->dim);
	for (int32 i = from; i < tokens->n; i += every)
	{
		const char *word = tokens->words + tokens->start[i];
		Size length = (Size) (tokens->start[i + 1] - tokens->start[i]);
		int32 index = lexicon_find(&model->words, word, length);

		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		if (index < 0)
		{
			n += add_subwords(model, word, length, sif_weight(&model->sif, 0), vector);
			continue;
		}
		add_row(model->vectors + (Size) index * model->dim, model->dim,
				sif_weight(&model->sif, model->count[index]), vector);
		n++;
		if (known != NULL)
			(*known)++;
	}
	if (n > 0)
		sif_finish(&model->sif, vector, n);
	return n;
}

/* ---- the model of a call ---- */

static void
require_kind(const char *kind)
{
	if (strcmp(kind, EMBED_KIND) != 0)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("a model of kind \"%s\" has no word vectors", kind),
						errhint("Use a model made by promoai.embed_train or promoai.embed_import.")));
}

const EmbedModel *
embed_open(Args *args)
{
	const LoadedModel *loaded;

	if (args->types[args_find(args, "model")] == TEXTOID)
	{
		Model *model = registry_open(args_text(args, "model"), MODEL_USE);
		int32 wanted = args_int_or(args, "version", 1, PG_INT32_MAX, 0);

		require_kind(model->kind);
		return cache_get(model, registry_version(model, wanted), CurrentMemoryContext)->state;
	}
	loaded = value_get(args_datum(args, "model", NULL), &args->state, args->fcinfo->flinfo->fn_mcxt);
	require_kind(loaded->version->kind);
	return loaded->state;
}
