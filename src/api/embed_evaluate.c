/*
 * embed_evaluate.c - how good word vectors are, on texts with or without labels
 *
 *   coverage            share of the texts' words that the vocabulary has
 *   halves_found@k      texts are cut into their odd and their even words: how often is the half of a text among the k halves,
 *                       of all texts, that are nearest to its other half?
 *   knn_accuracy@k      with labels: how often the commonest label of a text's k nearest others is its own
 *
 * All by the cosine of texts' vectors.  Texts are taken in the order of a hash of text and label, which does not depend on that
 * of the rows, and the first QUERIES are asked about, all being candidates.
 *
 * Memory: 12 bytes a dimension for each text, counted against maintenance_work_mem while they are read.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "api/embed_train.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/source.h"
#include "core/radix.h"
#include "core/text/nearest.h"

#define QUERIES 2000
#define FIRST_ROOM 1024
#define NORMAL_95 1.959963984540054

enum
{
	WHOLE,
	LEFT,
	RIGHT,
	PARTS
};

typedef struct Judging
{
	const EmbedModel *model;
	SourceColumn columns[2];
	MemoryContext memory;
	int64 n; /* texts that have a vector */
	int64 room;
	RadixItem *order; /* [n] by hash */
	int32 *label; /* [n] */
	bool *halved; /* [n] both halves have a vector */
	float *vectors[PARTS]; /* [n x dim] of length 1 */
	int64 texts;
	int64 tokens;
	int64 known;
} Judging;

static uint64
text_bytes(const Judging *judging)
{
	return 2 * sizeof(RadixItem) + sizeof(int32) + 1 + 2 * PARTS * sizeof(float) * judging->model->dim;
}

static void
grow(Judging *judging)
{
	Size row = sizeof(float) * (Size) judging->model->dim;
	int64 room = judging->room == 0 ? FIRST_ROOM : 2 * judging->room;

	memory_require_setting(memory_mul(room, text_bytes(judging)), "judging the texts read so far");
	if (judging->room == 0)
	{
		judging->order = MemoryContextAlloc(judging->memory, room * sizeof(RadixItem));
		judging->label = MemoryContextAlloc(judging->memory, room * sizeof(int32));
		judging->halved = MemoryContextAlloc(judging->memory, room);
		for (int p = 0; p < PARTS; p++)
			judging->vectors[p] = MemoryContextAllocHuge(judging->memory, room * row);
	}
	else
	{
		judging->order = repalloc_huge(judging->order, room * sizeof(RadixItem));
		judging->label = repalloc_huge(judging->label, room * sizeof(int32));
		judging->halved = repalloc_huge(judging->halved, room);
		for (int p = 0; p < PARTS; p++)
			judging->vectors[p] = repalloc_huge(judging->vectors[p], room * row);
	}
	judging->room = room;
}

/* The vector of every `every`-th word from `from` on, made of length 1; false: there is none. */
static bool
unit_vector(Judging *judging, const Tokens *tokens, int32 from, int32 every, int64 *known, float *vector)
{
	int32 dim = judging->model->dim;
	float norm;

	if (embed_model_tokens(judging->model, tokens, from, every, vector, known) == 0)
		return false;
	embed_norms(vector, 1, dim, &norm);
	if (!(norm > 0))
		return false;
	for (int32 d = 0; d < dim; d++)
		vector[d] /= norm;
	return true;
}

static void
judge_row(void *arg, const SourceValue *values)
{
	Judging *judging = arg;
	const SourceText *text = values[0].text;
	const Tokens *tokens = tokenizer_run_utf8(judging->model->tokenizer, text->bytes, text->length);
	Size at;

	judging->texts++;
	judging->tokens += tokens->n;
	if (judging->n == judging->room)
		grow(judging);
	at = (Size) judging->n * judging->model->dim;
	if (!unit_vector(judging, tokens, 0, 1, &judging->known, judging->vectors[WHOLE] + at))
		return;
	judging->halved[judging->n] = unit_vector(judging, tokens, 0, 2, NULL, judging->vectors[LEFT] + at) &&
								  unit_vector(judging, tokens, 1, 2, NULL, judging->vectors[RIGHT] + at);
	judging->label[judging->n] = 0;
	judging->order[judging->n] =
		(RadixItem){.key = lexicon_hash(text->bytes, text->length), .index = judging->n};
	if (judging->columns[1].attno != 0)
	{
		IdKey label = ids_key(judging->columns[1].ids, values[1].index);

		judging->label[judging->n] = values[1].index;
		judging->order[judging->n].key = hash_combine64(judging->order[judging->n].key, id_hash(&label));
	}
	judging->n++;
}

/* Vectors of a part in the order of the hashes, those that count alone; how many. */
static int64
in_order(const Judging *judging, int part, const bool *counts, float *out, int32 *label)
{
	Size dim = (Size) judging->model->dim;
	int64 n = 0;

	for (int64 i = 0; i < judging->n; i++)
	{
		int64 from = judging->order[i].index;

		if (counts != NULL && !counts[from])
			continue;
		memcpy(out + n * dim, judging->vectors[part] + from * dim, sizeof(float) * dim);
		if (label != NULL)
			label[n] = judging->label[from];
		n++;
	}
	return n;
}

/* A share with the interval of Wilson. */
static ModelMetric
share_metric(const char *metric, const char *split, int64 part, int64 n)
{
	double p = (double) part / (double) n;
	double z2 = NORMAL_95 * NORMAL_95;
	double middle = (p + z2 / (2.0 * n)) / (1 + z2 / n);
	double reach = NORMAL_95 * sqrt(p * (1 - p) / n + z2 / (4.0 * n * n)) / (1 + z2 / n);

	return (ModelMetric){
		.metric = metric, .split = split, .value = p, .low = middle - reach, .high = middle + reach, .n = n};
}

static int
judge_texts(Judging *judging, PgEnv *env, int32 k, ModelMetric *metrics)
{
	int32 dim = judging->model->dim;
	float *first = memory_huge(judging->n, sizeof(float) * dim);
	float *second = memory_huge(judging->n, sizeof(float) * dim);
	int32 *label = memory_huge(judging->n, sizeof(int32));
	int64 n = in_order(judging, LEFT, judging->halved, first, NULL);
	int64 hits;
	int found = 0;

	in_order(judging, RIGHT, judging->halved, second, NULL);
	if (n > k)
	{
		env_check(env, nearest_halves(&env->base, first, second, n, dim, k, Min(n, QUERIES), &hits),
				  "evaluating");
		metrics[found++] =
			share_metric(psprintf("halves_found@%d", k), "given texts, cut in halves", hits, Min(n, QUERIES));
	}
	n = in_order(judging, WHOLE, NULL, first, label);
	if (judging->columns[1].attno != 0 && n > 1)
	{
		env_check(
			env,
			nearest_labels(&env->base, first, label, n, dim, (int32) Min(k, n - 1), Min(n, QUERIES), &hits),
			"evaluating");
		metrics[found++] = share_metric(psprintf("knn_accuracy@%d", k), "given texts, each left out in turn",
										hits, Min(n, QUERIES));
	}
	return found;
}

ModelMetric *
embed_evaluate(const Model *model, const LoadedModel *loaded, const EvaluateRequest *request, int *n_metrics)
{
	Judging judging = {.model = loaded->state,
					   .columns = {{.name = "text", .kind = SOURCE_TEXT},
								   {.name = "label", .kind = SOURCE_KEY, .optional = true}},
					   .memory = CurrentMemoryContext};
	SourceReader reader = {.columns = judging.columns,
						   .n_columns = 2,
						   .memory = CurrentMemoryContext,
						   .row = judge_row,
						   .arg = &judging};
	ModelMetric *metrics = palloc(sizeof(ModelMetric) * 3);
	RadixItem *scratch;
	PgEnv env;

	if (request->history != NULL || request->known != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"history\" makes no sense with a model of kind \"%s\"", EMBED_KIND)));
	source_read(request->source, &reader);
	if (judging.tokens == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source has no texts with words")));
	env_init(&env, CurrentMemoryContext);
	scratch = memory_huge(Max(judging.n, 1), sizeof(RadixItem));
	if (judging.n > 0)
		env_check(&env, radix_sort(&env.base, judging.order, scratch, judging.n), "ordering texts");
	metrics[0] = share_metric("coverage", "words of the given texts", judging.known, judging.tokens);
	*n_metrics = 1;
	if (judging.n > 0)
		*n_metrics += judge_texts(&judging, &env, request->k, metrics + 1);
	return metrics;
}
