/*
 * content_factors.c - factors of items that a factor model does not know, predicted from their attributes
 *
 * Every factor (with ratings the items' bias too) is regressed on the attributes of the items that the factor model knows, each
 * one by itself (core/recommend/content_ridge.h; the linear case of attribute-to-factor mapping, Gantner et al. 2010,
 * "Learning Attribute-to-Feature Mappings for Cold-Start Recommendations").  Items whose factors are all zero, which nobody
 * had, are not learned from.
 *
 * How good that is, is measured on items held out: R2, the share of the variance of their factors that is predicted, and
 * lists of held-out items alone for the customers who had some of them, by predicted factors and by the trained ones.  The
 * customers' factors have seen those items: what is measured is what predicting costs, not the factor model.
 *
 * Memory: items x width floats of predictions, and a few doubles a feature.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/content_model.h"
#include "api/rank_metrics.h"
#include "bridge/memory.h"
#include "core/recommend/als.h"
#include "core/recommend/content_ridge.h"
#include "core/rng.h"

#define STREAM_ITEMS UINT64CONST(0x6974656d73)
#define CHOICE_TOLERANCE 1e-4
#define TOLERANCE 1e-8
#define ITERATIONS 1000

/* Regularizations that are tried, weakest first. */
static const double choices[] = {0.1, 0.3, 1, 3, 10, 30, 100};

typedef struct Mapping
{
	PgEnv *env;
	const MfModel *factors;
	const int32 *item_of; /* [factors' items] place in the model */
	const ContentFactorOptions *options;
	ContentModel *model;
	int32 *learned; /* [n_learned] factors' items that are learned from */
	int32 n_learned;
	int32 *held; /* [n_held] those held out */
	int32 n_held;
	int32 *place; /* [n_learned] their places in the model */
	double *target; /* [n_learned] */
	ContentRidge ridge;
} Mapping;

static void *
room(uint64 n, uint64 width)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, memory_mul(Max(n, 1), width));
}

uint64
content_factors_bytes(uint64 items, uint64 customers, uint64 width, uint64 attributes)
{
	uint64 factors = memory_mul(memory_add(items, items), memory_mul(width, sizeof(float)));
	uint64 index = rank_index_code_bytes((int32) items, (int32) width);

	return memory_add(memory_add(factors, index), memory_add(memory_mul(attributes, 5 * sizeof(double)),
															 memory_mul(memory_add(items, customers), 64)));
}

static const float *
factors_of(const Mapping *mapping, int32 item)
{
	return mapping->factors->item_factors + (Size) item * mapping->factors->width;
}

static bool
has_factors(const Mapping *mapping, int32 item)
{
	const float *row = factors_of(mapping, item);

	for (int32 f = 0; f < mapping->factors->width; f++)
		if (row[f] != 0)
			return true;
	return false;
}

/* Items to be learned from, without those held out when `hold`. */
static void
choose_items(Mapping *mapping, bool hold)
{
	const ContentFactorOptions *options = mapping->options;

	mapping->n_learned = 0;
	mapping->n_held = 0;
	for (int32 i = 0; i < mapping->factors->base.items.n; i++)
	{
		if (!has_factors(mapping, i) || !content_has(&mapping->model->vectors, mapping->item_of[i]))
			continue;
		if (hold && rng_uniform(options->seed, STREAM_ITEMS, (uint64) i) < options->holdout)
			mapping->held[mapping->n_held++] = i;
		else
		{
			mapping->place[mapping->n_learned] = mapping->item_of[i];
			mapping->learned[mapping->n_learned++] = i;
		}
	}
}

static void
learn_factor(Mapping *mapping, int32 factor, double regularization, double tolerance)
{
	for (int32 i = 0; i < mapping->n_learned; i++)
		mapping->target[i] = factors_of(mapping, mapping->learned[i])[factor];
	env_check(mapping->env,
			  content_ridge_fit(&mapping->env->base, &mapping->model->vectors, mapping->place,
								mapping->n_learned, mapping->target, regularization, tolerance, ITERATIONS,
								&mapping->ridge),
			  "regressing factors on attributes");
}

/* predicted [n_held x width]; the R2 over all factors. */
static double
predict_held(Mapping *mapping, double regularization, double tolerance, float *predicted)
{
	int32 width = mapping->factors->width;
	double error = 0;
	double variance = 0;

	for (int32 f = 0; f < width; f++)
	{
		double mean = 0;

		learn_factor(mapping, f, regularization, tolerance);
		for (int32 i = 0; i < mapping->n_learned; i++)
			mean += mapping->target[i] / mapping->n_learned;
		for (int32 i = 0; i < mapping->n_held; i++)
		{
			double truth = factors_of(mapping, mapping->held[i])[f];
			double value = content_ridge_predict(&mapping->model->vectors, &mapping->ridge,
												 mapping->item_of[mapping->held[i]]);

			predicted[(Size) i * width + f] = (float) value;
			error += (truth - value) * (truth - value);
			variance += (truth - mean) * (truth - mean);
		}
	}
	return variance > 0 ? 1 - error / variance : NAN;
}

/* The customers' purchases among the held-out items, numbered by their places in held. */
static Csr
held_purchases(const Mapping *mapping)
{
	const Recommender *base = &mapping->factors->base;
	Csr held = {.rows = base->customers.n, .cols = mapping->n_held};
	int32 *place = room(base->items.n, sizeof(int32));
	int64 n = 0;

	for (int32 i = 0; i < base->items.n; i++)
		place[i] = -1;
	for (int32 i = 0; i < mapping->n_held; i++)
		place[mapping->held[i]] = i;
	held.start = room((uint64) base->customers.n + 1, sizeof(int64));
	held.col = room(base->seen_start[base->customers.n], sizeof(int32));
	for (int32 c = 0; c < base->customers.n; c++)
	{
		if (unlikely(c % 1024 == 0))
			CHECK_FOR_INTERRUPTS();
		held.start[c] = n;
		for (int64 e = base->seen_start[c]; e < base->seen_start[c + 1]; e++)
			if (place[base->seen_item[e]] >= 0)
				held.col[n++] = place[base->seen_item[e]];
	}
	held.start[base->customers.n] = n;
	pfree(place);
	return held;
}

/* Lists of the held-out items alone, by rows [n_held x width]. */
static int
judge_held(const Mapping *mapping, const Csr *relevant, const float *rows, const char *prefix,
		   const char *split, ModelMetric *metrics)
{
	const Recommender *base = &mapping->factors->base;
	int64 *none =
		MemoryContextAllocExtended(CurrentMemoryContext, sizeof(int64) * ((Size) base->customers.n + 1),
								   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	RankTask task = {.user_factors = mapping->factors->user_factors,
					 .item_factors = rows,
					 .factors = mapping->factors->width,
					 .k = mapping->options->metrics_k,
					 .seen = {.rows = base->customers.n, .cols = mapping->n_held, .start = none},
					 .relevant = *relevant};
	Size bytes = rank_evaluate_bytes(base->customers.n, mapping->n_held, task.factors);
	void *shared = MemoryContextAllocExtended(CurrentMemoryContext, bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	RankSummary summary;

	env_check(mapping->env, rank_evaluate(&mapping->env->base, &task, shared), "evaluating");
	rank_summary(&task, shared, &summary);
	pfree(shared);
	pfree(none);
	if (summary.users == 0)
		return 0;
	rank_metrics(&summary, prefix, task.k, split, metrics);
	return RANK_METRICS;
}

/* The regularization, given or best on held-out items, and the metrics there. */
static double
choose_regularization(Mapping *mapping, ModelMetric *metrics, int *n_metrics)
{
	const ContentFactorOptions *options = mapping->options;
	Size width = mapping->factors->width;
	double best = isnan(options->regularization) ? 1 : options->regularization;
	double most = -INFINITY;
	char *split =
		psprintf("%g of the factor model's items, seed " UINT64_FORMAT, options->holdout, options->seed);
	float *predicted;
	float *trained;
	Csr relevant;

	choose_items(mapping, true);
	if (mapping->n_held == 0 || mapping->n_learned == 0)
	{
		if (options->holdout > 0)
			ereport(NOTICE, (errmsg("no evaluation: too few items have both factors and attributes")));
		return best;
	}
	predicted = room(mapping->n_held, sizeof(float) * width);
	for (int i = 0; i < (int) lengthof(choices) && isnan(options->regularization); i++)
	{
		double r2 = predict_held(mapping, choices[i], CHOICE_TOLERANCE, predicted);

		if (r2 > most)
			best = choices[i];
		most = Max(most, r2);
	}
	metrics[*n_metrics] = (ModelMetric){.metric = "r2",
										.split = split,
										.value = predict_held(mapping, best, TOLERANCE, predicted),
										.low = NAN,
										.high = NAN,
										.n = mapping->n_held};
	*n_metrics += 1;
	trained = room(mapping->n_held, sizeof(float) * width);
	for (int32 i = 0; i < mapping->n_held; i++)
		memcpy(trained + i * width, factors_of(mapping, mapping->held[i]), sizeof(float) * width);
	relevant = held_purchases(mapping);
	split = psprintf("%s; lists of those items alone", split);
	*n_metrics += judge_held(mapping, &relevant, predicted, "", split, metrics + *n_metrics);
	*n_metrics += judge_held(mapping, &relevant, trained, "trained_", split, metrics + *n_metrics);
	pfree(predicted);
	pfree(trained);
	pfree(relevant.start);
	pfree(relevant.col);
	return best;
}

/* Factors of all items: trained where there are some, predicted elsewhere, zeros without attributes. */
static float *
all_factors(Mapping *mapping, double regularization)
{
	const ContentVectors *vectors = &mapping->model->vectors;
	Size width = mapping->factors->width;
	float *rows = room(vectors->items, sizeof(float) * width);

	choose_items(mapping, false);
	memset(rows, 0, sizeof(float) * width * vectors->items);
	for (Size f = 0; f < width && mapping->n_learned > 0; f++)
	{
		learn_factor(mapping, (int32) f, regularization, TOLERANCE);
		for (int32 i = 0; i < vectors->items; i++)
			if (content_has(vectors, i))
				rows[i * width + f] = (float) content_ridge_predict(vectors, &mapping->ridge, i);
	}
	for (int32 i = 0; i < mapping->factors->base.items.n; i++)
		if (has_factors(mapping, i))
			memcpy(rows + mapping->item_of[i] * width, factors_of(mapping, i), sizeof(float) * width);
	return rows;
}

/* |factors|^-1 without the bias. */
static float *
inverse_norms(const float *rows, int32 items, int32 width, int32 factors)
{
	float *inverse = room(items, sizeof(float));

	for (int32 i = 0; i < items; i++)
	{
		double square = 0;

		for (int32 f = 0; f < factors; f++)
			square += (double) rows[(Size) i * width + f] * rows[(Size) i * width + f];
		inverse[i] = square > 0 ? (float) (1 / sqrt(square)) : 0;
	}
	return inverse;
}

/* The factor model over all items. */
static void
complete(Mapping *mapping, float *rows)
{
	const MfModel *factors = mapping->factors;
	MfModel *mf = &mapping->model->mf;
	Recommender base = mf->base;
	int32 width = factors->width;
	Size blocks = (Size) rank_index_blocks(base.items.n);
	float *gram = palloc0(sizeof(float) * factors->fit.implicit.factors * factors->fit.implicit.factors);
	uint8 *codes = room(rank_index_code_bytes(base.items.n, width), 1);
	int32 *order = room(16 * blocks, sizeof(int32));
	float *limits = room(4 * blocks, sizeof(float));
	Env *env = &mapping->env->base;

	*mf = *factors;
	mf->base = base;
	mf->base.methods = factors->base.methods;
	mf->base.mean = factors->base.mean;
	mf->item_factors = rows;
	mf->inverse_norms = inverse_norms(rows, base.items.n, width, factors->fit.implicit.factors);
	mf->gram = gram;
	if (!factors->fit.rated)
		env_check(mapping->env, als_gram(env, &factors->fit.implicit, rows, base.items.n, gram),
				  "summing item factors");
	env_check(mapping->env,
			  rank_index_build(env, rows, base.items.n, width, codes, order, limits, &mf->index),
			  "indexing items");
	mf->indexed = true;
	mapping->model->factored = true;
}

int
content_factors(PgEnv *env, const MfModel *factors, const int32 *item_of, const ContentFactorOptions *options,
				ContentModel *model, ModelMetric *metrics)
{
	int32 known = factors->base.items.n;
	Size attributes = (Size) model->vectors.rows.cols + model->vectors.width;
	Mapping mapping = {.env = env,
					   .factors = factors,
					   .item_of = item_of,
					   .options = options,
					   .model = model,
					   .learned = room(known, sizeof(int32)),
					   .held = room(known, sizeof(int32)),
					   .place = room(known, sizeof(int32)),
					   .target = room(known, sizeof(double)),
					   .ridge = {.coefficient = room(attributes, sizeof(double))}};
	int n_metrics = 0;
	double regularization = choose_regularization(&mapping, metrics, &n_metrics);

	complete(&mapping, all_factors(&mapping, regularization));
	metrics[n_metrics++] = (ModelMetric){.metric = "regularization",
										 .split = "published model",
										 .value = regularization,
										 .low = NAN,
										 .high = NAN,
										 .n = mapping.n_learned};
	return n_metrics;
}
