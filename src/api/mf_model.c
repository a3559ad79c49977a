/*
 * mf_model.c - a factor model to payload sections and back
 *
 * Reading trusts nothing: the sections' lengths must agree with one another and every stored index must be in range,
 * since the checksum of a payload proves only that it is whole, not that it was made by us.
 */
#include "postgres.h"

#include <math.h>

#include "api/mf_model.h"

/* The section "parameters": doubles in this order. */
enum
{
	PARAMETER_FACTORS,
	PARAMETER_REGULARIZATION,
	PARAMETER_UNOBSERVED_WEIGHT,
	PARAMETER_TRANSFORM,
	N_PARAMETERS
};

void
mf_model_write(const MfModel *model, Payload *payload)
{
	uint64 factors = model->params.factors;
	uint64 customers = model->customers.n;
	uint64 items = model->items.n;
	double *parameters = palloc0(sizeof(double) * N_PARAMETERS);

	parameters[PARAMETER_FACTORS] = model->params.factors;
	parameters[PARAMETER_REGULARIZATION] = model->params.regularization;
	parameters[PARAMETER_UNOBSERVED_WEIGHT] = model->params.unobserved_weight;
	parameters[PARAMETER_TRANSFORM] = model->transform;

	payload_add(payload, "parameters", sizeof(double), N_PARAMETERS, parameters);
	idset_write(&model->customers, "customer", payload);
	idset_write(&model->items, "item", payload);
	payload_add(payload, "user_factors", sizeof(float), customers * factors, model->user_factors);
	payload_add(payload, "item_factors", sizeof(float), items * factors, model->item_factors);
	payload_add(payload, "gram", sizeof(float), factors * factors, model->gram);
	payload_add(payload, "inverse_norms", sizeof(float), items, model->inverse_norms);
	payload_add(payload, "seen_start", sizeof(int64), customers + 1, model->seen_start);
	payload_add(payload, "seen_item", sizeof(int32), model->seen_start[customers], model->seen_item);
	payload_add(payload, "buyers", sizeof(float), items, model->buyers);
}

/* A section of exactly `count` elements, or NULL. */
static const void *
section(const Payload *payload, const char *name, uint32 width, uint64 count)
{
	uint64 found;
	const void *data = payload_get(payload, name, width, &found);

	return found == count ? data : NULL;
}

/* NaN is outside every range. */
static bool
whole_within(double value, double low, double high)
{
	return value >= low && value <= high && value == floor(value);
}

static bool
read_parameters(const Payload *payload, MfModel *model)
{
	const double *parameters = section(payload, "parameters", sizeof(double), N_PARAMETERS);

	if (parameters == NULL)
		return false;
	if (!whole_within(parameters[PARAMETER_FACTORS], 1, 512) ||
		!whole_within(parameters[PARAMETER_TRANSFORM], FEEDBACK_BINARY, FEEDBACK_NONE))
		return false;
	model->params.factors = (int32) parameters[PARAMETER_FACTORS];
	model->params.regularization = (float) parameters[PARAMETER_REGULARIZATION];
	model->params.unobserved_weight = (float) parameters[PARAMETER_UNOBSERVED_WEIGHT];
	model->transform = (FeedbackTransform) parameters[PARAMETER_TRANSFORM];
	return isfinite(model->params.regularization) && isfinite(model->params.unobserved_weight);
}

/* index [n] ascending and distinct, within 0 .. limit - 1: ranking counts on all of it. */
static bool
indices_are_good(const int32 *index, int64 n, int32 limit)
{
	for (int64 i = 0; i < n; i++)
		if (index[i] < 0 || index[i] >= limit || (i > 0 && index[i] <= index[i - 1]))
			return false;
	return true;
}

static bool
read_seen(const Payload *payload, MfModel *model)
{
	int32 customers = model->customers.n;
	uint64 entries;

	model->seen_start = section(payload, "seen_start", sizeof(int64), (uint64) customers + 1);
	model->seen_item = payload_get(payload, "seen_item", sizeof(int32), &entries);
	if (model->seen_start == NULL || model->seen_item == NULL || model->seen_start[0] != 0 ||
		model->seen_start[customers] != (int64) entries)
		return false;
	for (int32 u = 0; u < customers; u++)
	{
		int64 start = model->seen_start[u];
		int64 end = model->seen_start[u + 1];

		if (start > end || end > (int64) entries ||
			!indices_are_good(model->seen_item + start, end - start, model->items.n))
			return false;
	}
	return true;
}

bool
mf_model_load(LoadedModel *loaded, MemoryContext memory)
{
	const Payload *payload = &loaded->payload;
	MfModel *model = MemoryContextAllocZero(memory, sizeof(MfModel));
	uint64 factors;
	uint64 items;

	if (!read_parameters(payload, model) || !idset_read(payload, "customer", &model->customers) ||
		!idset_read(payload, "item", &model->items) || !read_seen(payload, model))
		return false;

	factors = model->params.factors;
	items = model->items.n;
	model->user_factors =
		section(payload, "user_factors", sizeof(float), (uint64) model->customers.n * factors);
	model->item_factors = section(payload, "item_factors", sizeof(float), items * factors);
	model->gram = section(payload, "gram", sizeof(float), factors * factors);
	model->inverse_norms = section(payload, "inverse_norms", sizeof(float), items);
	model->buyers = section(payload, "buyers", sizeof(float), items);
	loaded->state = model;
	return model->user_factors != NULL && model->item_factors != NULL && model->gram != NULL &&
		   model->inverse_norms != NULL && model->buyers != NULL;
}
