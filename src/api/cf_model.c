/*
 * cf_model.c - recommenders that go by who had what, to payload sections and back; as in recommender.c, reading trusts nothing
 */
#include "postgres.h"

#include <math.h>

#include "api/cf_model.h"

/* The section "parameters": doubles in this order. */
enum
{
	PARAMETER_METHOD,
	PARAMETER_TRANSFORM,
	PARAMETER_SIMILARITY,
	PARAMETER_SHRINKAGE,
	PARAMETER_NEIGHBOURS,
	PARAMETER_RATED,
	PARAMETER_MEAN,
	PARAMETER_WEIGHTED,
	PARAMETER_WEIGHTING,
	PARAMETER_K1,
	PARAMETER_B,
	PARAMETER_MEAN_LENGTH,
	N_PARAMETERS
};

static void
write_matrix(const Csr *matrix, const char *name, Payload *payload)
{
	uint64 entries;

	if (matrix->rows == 0)
		return;
	entries = csr_entries(matrix);
	payload_add(payload, psprintf("%s_start", name), sizeof(int64), (uint64) matrix->rows + 1, matrix->start);
	payload_add(payload, psprintf("%s_col", name), sizeof(int32), entries, matrix->col);
	payload_add(payload, psprintf("%s_value", name), sizeof(float), entries, matrix->value);
}

void
cf_model_write(const CfModel *model, Payload *payload)
{
	double *parameters = palloc0(sizeof(double) * N_PARAMETERS);
	uint64 customers = model->base.customers.n;

	parameters[PARAMETER_METHOD] = model->method;
	parameters[PARAMETER_TRANSFORM] = model->transform;
	parameters[PARAMETER_SIMILARITY] = model->similarity;
	parameters[PARAMETER_SHRINKAGE] = model->shrinkage;
	parameters[PARAMETER_NEIGHBOURS] = model->neighbours;
	parameters[PARAMETER_RATED] = model->base.methods->rated;
	parameters[PARAMETER_MEAN] = model->base.mean;
	parameters[PARAMETER_WEIGHTED] = model->weighted;
	parameters[PARAMETER_WEIGHTING] = model->weights.weighting;
	parameters[PARAMETER_K1] = model->weights.k1;
	parameters[PARAMETER_B] = model->weights.b;
	parameters[PARAMETER_MEAN_LENGTH] = model->mean_length;
	payload_add(payload, "parameters", sizeof(double), N_PARAMETERS, parameters);
	recommender_write(&model->base, payload);
	write_matrix(&model->lists, "lists", payload);
	write_matrix(&model->by_item, "by_item", payload);
	if (model->norms != NULL)
		payload_add(payload, "norms", sizeof(double), customers, model->norms);
	if (model->means != NULL)
		payload_add(payload, "means", sizeof(double), customers, model->means);
	if (model->popularity != NULL)
		payload_add(payload, "popularity", sizeof(float), model->base.items.n, model->popularity);
	if (model->again != NULL)
		payload_add(payload, "again", sizeof(float), model->base.seen_start[customers], model->again);
}

/* NaN is outside every range. */
static bool
whole_within(double value, double low, double high)
{
	return value >= low && value <= high && value == floor(value);
}

/* How histories are weighed before they are compared. */
static bool
read_weights(const double *parameters, CfModel *model)
{
	if (!whole_within(parameters[PARAMETER_WEIGHTED], 0, 1) ||
		!whole_within(parameters[PARAMETER_WEIGHTING], NEIGHBOUR_TFIDF, NEIGHBOUR_BM25) ||
		!(parameters[PARAMETER_K1] >= 0 && parameters[PARAMETER_K1] <= 1e6) ||
		!(parameters[PARAMETER_B] >= 0 && parameters[PARAMETER_B] <= 1) ||
		!isfinite(parameters[PARAMETER_MEAN_LENGTH]))
		return false;
	model->weighted = parameters[PARAMETER_WEIGHTED] != 0;
	model->weights = (NeighbourWeights){.weighting = (NeighbourWeighting) parameters[PARAMETER_WEIGHTING],
										.k1 = parameters[PARAMETER_K1],
										.b = parameters[PARAMETER_B]};
	model->mean_length = parameters[PARAMETER_MEAN_LENGTH];
	return true;
}

static bool
read_parameters(const Payload *payload, CfModel *model, bool *rated)
{
	const double *parameters = recommender_section(payload, "parameters", sizeof(double), N_PARAMETERS);

	if (parameters == NULL || !whole_within(parameters[PARAMETER_METHOD], 0, CF_METHODS - 1) ||
		!whole_within(parameters[PARAMETER_TRANSFORM], FEEDBACK_BINARY, FEEDBACK_NONE) ||
		!whole_within(parameters[PARAMETER_SIMILARITY], NEIGHBOUR_COSINE, NEIGHBOUR_PEARSON) ||
		!whole_within(parameters[PARAMETER_NEIGHBOURS], 0, PG_INT32_MAX) ||
		!whole_within(parameters[PARAMETER_RATED], 0, 1) || !(parameters[PARAMETER_SHRINKAGE] >= 0) ||
		!isfinite(parameters[PARAMETER_MEAN]))
		return false;
	model->base.mean = parameters[PARAMETER_MEAN];
	model->method = (CfMethod) parameters[PARAMETER_METHOD];
	model->transform = (FeedbackTransform) parameters[PARAMETER_TRANSFORM];
	model->similarity = (NeighbourSimilarity) parameters[PARAMETER_SIMILARITY];
	model->shrinkage = parameters[PARAMETER_SHRINKAGE];
	model->neighbours = (int32) parameters[PARAMETER_NEIGHBOURS];
	*rated = parameters[PARAMETER_RATED] != 0;
	return read_weights(parameters, model);
}

/* A matrix with values, of so many rows and columns. */
static bool
read_matrix(const Payload *payload, const char *name, int32 rows, int32 cols, Csr *matrix)
{
	uint64 entries;
	uint64 values;

	*matrix = (Csr){.rows = rows, .cols = cols};
	matrix->start =
		(int64 *) recommender_section(payload, psprintf("%s_start", name), sizeof(int64), (uint64) rows + 1);
	matrix->col = (int32 *) payload_get(payload, psprintf("%s_col", name), sizeof(int32), &entries);
	matrix->value = (float *) payload_get(payload, psprintf("%s_value", name), sizeof(float), &values);
	return matrix->value != NULL && values == entries &&
		   recommender_rows_good(payload, matrix->start, rows, matrix->col, entries, cols);
}

/* What a method needs beside the histories. */
static bool
read_method(const Payload *payload, CfModel *model, bool rated)
{
	int32 customers = model->base.customers.n;
	int32 items = model->base.items.n;
	uint64 seen = model->base.seen_start[customers];

	switch (model->method)
	{
		case CF_EASE:
		case CF_ITEM_KNN:
		case CF_RP3BETA:
			return read_matrix(payload, "lists", items, items, &model->lists);
		case CF_USER_KNN:
			/* Room for so many is taken when a history's neighbours are looked for. */
			if (model->neighbours > customers)
				return false;
			model->norms = recommender_section(payload, "norms", sizeof(double), customers);
			if (rated)
				model->means = recommender_section(payload, "means", sizeof(double), customers);
			return model->norms != NULL &&
				   (!rated || (model->means != NULL && model->base.seen_value != NULL)) &&
				   read_matrix(payload, "lists", customers, customers, &model->lists) &&
				   read_matrix(payload, "by_item", items, customers, &model->by_item);
		case CF_POPULAR:
			model->popularity = recommender_section(payload, "popularity", sizeof(float), items);
			return model->popularity != NULL;
		case CF_BUY_AGAIN:
			model->again = recommender_section(payload, "again", sizeof(float), seen);
			return model->again != NULL;
		case CF_METHODS:
			break;
	}
	return false;
}

bool
cf_model_load(LoadedModel *loaded, MemoryContext memory)
{
	CfModel *model = MemoryContextAllocZero(memory, sizeof(CfModel));
	bool rated;

	if (!read_parameters(&loaded->payload, model, &rated) || !recommender_read(loaded, &model->base) ||
		!read_method(&loaded->payload, model, rated))
		return false;
	model->base.methods = cf_methods(model->method, rated);
	model->base.repeats = model->method == CF_BUY_AGAIN;
	loaded->state = model;
	return model->base.methods != NULL;
}
