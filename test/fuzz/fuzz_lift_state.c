/*
 * fuzz_lift_state.c - lift_wire_read against any bytes (libFuzzer)
 *
 * What is accepted is what SQL does with a state: it is copied, moved to another pivot and fitted.
 */
#include <stdlib.h>

#include "core_env.h"
#include "promote/lift_wire.h"
#include "promote/moments.h"
#include "promote/solve.h"
#include "wire.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static double *
copy(const uint8_t *from, size_t n)
{
	double *to = malloc(n * sizeof(double) + 1);

	if (to == NULL)
		abort();
	wire_copy(from, n, to);
	return to;
}

static void
fit(Env *env, const LiftWire *wire, const double *numbers, const double *pairs, const double *clusters)
{
	size_t p = (size_t) wire->k + 1;
	double *room = malloc((2 * p + p * p) * sizeof(double));
	SolveColumn *columns = calloc(p, sizeof(SolveColumn));
	SolveReport report = {.columns = columns};
	SolveInput input = {.k = wire->k,
						.n = wire->n,
						.errors = wire->errors,
						.pivot = numbers,
						.pairs = pairs,
						.promoted = wire->promoted,
						.promoted_sums = numbers + p,
						.clusters = clusters,
						.n_clusters = wire->n_clusters,
						.cluster_stride = 1 + (int64_t) pairs_size(wire->k)};
	LiftFit result = {.coefficients = room, .covariance = room + 2 * p, .errors = wire->errors};

	if (room == NULL || columns == NULL)
		abort();
	if (solve_fit(env, &input, &result, room + p, &report) == CORE_OK)
		fit_finish(&result);
	free(columns);
	free(room);
}

/* Clusters' pairs, added up. */
static double *
add_clusters(const LiftWire *wire, const double *clusters)
{
	size_t size = pairs_size(wire->k);
	double *sum = calloc(size, sizeof(double));

	for (size_t c = 0; c < (size_t) wire->n_clusters; c++)
		for (size_t i = 0; i < size; i++)
			sum[i] += clusters[c * (1 + size) + 1 + i];
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	CoreEnv env;
	LiftWire wire;
	double *numbers;

	core_env_init(&env);
	if (lift_wire_read(bytes, n, &wire) != NULL)
		return 0;
	if (wire.numbers < bytes || wire.rows > bytes + n || wire.clusters < wire.numbers ||
		wire.rows < wire.clusters)
		abort();
	numbers = copy(wire.numbers, wire.n_numbers);
	if (wire.summed && wire.errors == FIT_CLUSTERED)
	{
		double *clusters = copy(wire.clusters, (size_t) wire.n_clusters * (1 + pairs_size(wire.k)));
		double *pairs = add_clusters(&wire, clusters);

		fit(&env.env, &wire, numbers, pairs, clusters);
		free(pairs);
		free(clusters);
	}
	else if (wire.summed)
	{
		double *sums = numbers + 2 * (size_t) wire.k;
		double *scratch = malloc(fourth_scratch(wire.k) * sizeof(double));

		fit(&env.env, &wire, numbers, sums, NULL);
		if (wire.errors == FIT_HC1)
			fourth_shift(sums, wire.k, numbers, scratch);
		else
			pairs_shift(sums, wire.k, numbers);
		free(scratch);
	}
	free(copy(wire.rows, (size_t) wire.n_rows * ((size_t) wire.k + 1 + (wire.errors == FIT_CLUSTERED))));
	free(numbers);
	if (env.live != 0)
		abort();
	return 0;
}
