/*
 * mf_model.c - a factor model to payload sections and back; as in recommender.c, reading trusts nothing
 */
#include "postgres.h"

#include <math.h>

#include "api/mf_model.h"

/* The section "parameters": doubles in this order; those from PRIOR on with ratings only. */
enum
{
	PARAMETER_FACTORS,
	PARAMETER_REGULARIZATION,
	PARAMETER_UNOBSERVED_WEIGHT,
	PARAMETER_TRANSFORM,
	N_PARAMETERS_IMPLICIT,
	PARAMETER_PRIOR = N_PARAMETERS_IMPLICIT,
	PARAMETER_BIAS_REGULARIZATION,
	PARAMETER_MEAN,
	PARAMETER_LOW,
	PARAMETER_HIGH,
	N_PARAMETERS
};

static void
write_parameters(const MfModel *model, Payload *payload)
{
	double *parameters = palloc0(sizeof(double) * N_PARAMETERS);
	const ExplicitParams *ratings = &model->fit.ratings;

	parameters[PARAMETER_FACTORS] = model->fit.implicit.factors;
	parameters[PARAMETER_REGULARIZATION] = model->fit.implicit.regularization;
	parameters[PARAMETER_UNOBSERVED_WEIGHT] = model->fit.implicit.unobserved_weight;
	parameters[PARAMETER_TRANSFORM] = model->transform;
	parameters[PARAMETER_PRIOR] = ratings->prior;
	parameters[PARAMETER_BIAS_REGULARIZATION] = ratings->bias_regularization;
	parameters[PARAMETER_MEAN] = model->base.mean;
	parameters[PARAMETER_LOW] = model->low;
	parameters[PARAMETER_HIGH] = model->high;
	payload_add(payload, "parameters", sizeof(double),
				model->fit.rated ? N_PARAMETERS : N_PARAMETERS_IMPLICIT, parameters);
}

static void
write_index(const RankIndex *index, Payload *payload)
{
	uint64 blocks = index->blocks;

	payload_add(payload, "index_codes", 1, rank_index_code_bytes(index->items, index->factors), index->codes);
	payload_add(payload, "index_order", sizeof(int32), 16 * blocks, index->order);
	payload_add(payload, "index_limits", sizeof(float), 4 * blocks, index->limits);
}

void
mf_model_write(const MfModel *model, Payload *payload)
{
	uint64 factors = model->fit.implicit.factors;
	uint64 width = model->width;
	uint64 customers = model->base.customers.n;
	uint64 items = model->base.items.n;

	write_parameters(model, payload);
	recommender_write(&model->base, payload);
	payload_add(payload, "user_factors", sizeof(float), customers * width, model->user_factors);
	payload_add(payload, "item_factors", sizeof(float), items * width, model->item_factors);
	if (model->fit.rated)
		payload_add(payload, "user_bias", sizeof(float), customers, model->user_bias);
	payload_add(payload, "gram", sizeof(float), factors * factors, model->gram);
	payload_add(payload, "inverse_norms", sizeof(float), items, model->inverse_norms);
	if (model->indexed)
		write_index(&model->index, payload);
}

/* NaN is outside every range. */
static bool
whole_within(double value, double low, double high)
{
	return value >= low && value <= high && value == floor(value);
}

/* What only models of ratings have. */
static bool
read_rating_parameters(const double *parameters, MfModel *model)
{
	ExplicitParams *ratings = &model->fit.ratings;

	*ratings = (ExplicitParams){.factors = model->fit.implicit.factors,
								.regularization = model->fit.implicit.regularization,
								.prior = (float) parameters[PARAMETER_PRIOR],
								.bias_regularization = (float) parameters[PARAMETER_BIAS_REGULARIZATION]};
	model->base.mean = parameters[PARAMETER_MEAN];
	model->low = parameters[PARAMETER_LOW];
	model->high = parameters[PARAMETER_HIGH];
	return ratings->prior >= 0 && ratings->bias_regularization >= 0 && isfinite(ratings->prior) &&
		   isfinite(ratings->bias_regularization) && isfinite(model->base.mean) && model->low <= model->high;
}

static bool
read_parameters(const Payload *payload, MfModel *model)
{
	uint64 n;
	const double *parameters = payload_get(payload, "parameters", sizeof(double), &n);
	AlsParams *params = &model->fit.implicit;

	if (parameters == NULL || (n != N_PARAMETERS_IMPLICIT && n != N_PARAMETERS) ||
		!whole_within(parameters[PARAMETER_FACTORS], 1, 512) ||
		!whole_within(parameters[PARAMETER_TRANSFORM], FEEDBACK_BINARY, FEEDBACK_NONE))
		return false;
	params->factors = (int32) parameters[PARAMETER_FACTORS];
	params->regularization = (float) parameters[PARAMETER_REGULARIZATION];
	params->unobserved_weight = (float) parameters[PARAMETER_UNOBSERVED_WEIGHT];
	model->transform = (FeedbackTransform) parameters[PARAMETER_TRANSFORM];
	model->fit.rated = n == N_PARAMETERS;
	model->width = params->factors + (model->fit.rated ? 1 : 0);
	model->low = -INFINITY;
	model->high = INFINITY;
	if (!isfinite(params->regularization) || !isfinite(params->unobserved_weight))
		return false;
	return !model->fit.rated || read_rating_parameters(parameters, model);
}

/* False when there is an index that cannot be one. */
static bool
read_index(const Payload *payload, MfModel *model)
{
	uint64 codes;
	uint64 order;
	uint64 limits;

	model->index = (RankIndex){.items = model->base.items.n,
							   .factors = model->width,
							   .blocks = rank_index_blocks(model->base.items.n),
							   .codes = payload_get(payload, "index_codes", 1, &codes),
							   .order = payload_get(payload, "index_order", sizeof(int32), &order),
							   .limits = payload_get(payload, "index_limits", sizeof(float), &limits)};
	model->indexed = model->index.codes != NULL;
	if (!model->indexed)
		return true;
	return payload->trusted || (model->index.order != NULL && model->index.limits != NULL &&
								rank_index_check(&model->index, codes, order, limits));
}

bool
mf_model_load(LoadedModel *loaded, MemoryContext memory)
{
	const Payload *payload = &loaded->payload;
	MfModel *model = MemoryContextAllocZero(memory, sizeof(MfModel));
	uint64 factors;
	uint64 items;

	if (!read_parameters(payload, model) || !recommender_read(loaded, &model->base))
		return false;
	model->base.methods = model->fit.rated ? &mf_rating_methods : &mf_methods;

	factors = model->fit.implicit.factors;
	items = model->base.items.n;
	model->user_factors = recommender_section(payload, "user_factors", sizeof(float),
											  (uint64) model->base.customers.n * model->width);
	model->item_factors = recommender_section(payload, "item_factors", sizeof(float), items * model->width);
	if (model->fit.rated)
		model->user_bias = recommender_section(payload, "user_bias", sizeof(float), model->base.customers.n);
	model->gram = recommender_section(payload, "gram", sizeof(float), factors * factors);
	model->inverse_norms = recommender_section(payload, "inverse_norms", sizeof(float), items);
	loaded->state = model;
	return (!model->fit.rated || (model->user_bias != NULL && model->base.seen_value != NULL)) &&
		   model->user_factors != NULL && model->item_factors != NULL && model->gram != NULL &&
		   model->inverse_norms != NULL && read_index(payload, model);
}
