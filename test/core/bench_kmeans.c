/*
 * bench_kmeans.c - seconds that Lloyd's iterations take from given centroids
 *
 *   bench_kmeans n features k iterations [file]
 *
 * Without a file the rows are overlapping normal clouds made by the seed; with one, n x features floats and then k x features
 * floats of centroids to begin with, as test/bench/peer_sklearn_kmeans.py writes them.  Prints inertia, the share of rows that
 * bounds spared, and last the seconds of processor time: on a shared machine the clock on the wall tells of others too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core_env.h"
#include "rng.h"
#include "segment/kmeans.h"

static void
make_rows(float *rows, int64_t n, int32_t features, int32_t k)
{
	for (int64_t i = 0; i < n; i++)
	{
		uint64_t cloud = rng_below(1, 0, (uint64_t) i, (uint32_t) k);

		for (int32_t f = 0; f < features; f++)
		{
			uint64_t cell = (uint64_t) i * (uint64_t) features + (uint64_t) f;

			rows[i * features + f] =
				(float) (2 * rng_normal(2, cloud, (uint64_t) f) + rng_normal(3, 0, cell));
		}
	}
}

static void
read_rows(const char *name, float *rows, size_t n, float *start, size_t m)
{
	FILE *file = fopen(name, "rb");

	if (file == NULL || fread(rows, sizeof(float), n, file) != n || fread(start, sizeof(float), m, file) != m)
	{
		fprintf(stderr, "cannot read %s\n", name);
		exit(2);
	}
	fclose(file);
}

static double
cpu_seconds(void)
{
	return (double) clock() / CLOCKS_PER_SEC;
}

int
main(int argc, char **argv)
{
	int64_t n = argc > 1 ? atoll(argv[1]) : 1000000;
	int32_t features = argc > 2 ? atoi(argv[2]) : 8;
	int32_t k = argc > 3 ? atoi(argv[3]) : 8;
	size_t cells = (size_t) n * (size_t) features;
	size_t width = (size_t) k * (size_t) features;
	KmeansProblem problem = {.params = {.k = k, .restarts = 1, .iterations = argc > 4 ? atoi(argv[4]) : 20},
							 .n = n,
							 .features = features};
	float *rows = core_malloc(cells * sizeof(float));
	float *start = core_malloc(width * sizeof(float));
	KmeansModel model = {.centroids = core_malloc(width * sizeof(float)),
						 .sizes = core_malloc((size_t) k * sizeof(int64_t)),
						 .labels = core_malloc((size_t) n * sizeof(int32_t))};
	size_t bytes = kmeans_shared_bytes(&problem.params, n, features);
	void *shared = aligned_alloc(64, bytes);
	KmeansReport report;
	CoreEnv env;
	double began;

	if (argc > 5)
		read_rows(argv[5], rows, cells, start, width);
	else
	{
		make_rows(rows, n, features, k);
		memcpy(start, rows, width * sizeof(float));
	}
	problem.rows = rows;
	problem.start = start;
	problem.params.exhaustive = getenv("EXHAUSTIVE") != NULL;
	memset(shared, 0, bytes);
	core_env_init(&env);
	began = cpu_seconds();
	if (kmeans_fit(&env.env, &problem, &model, shared, &report) != CORE_OK)
		return 1;
	printf("inertia %.10g after %d iterations, %.0f %% of rows spared\n%.4f\n", report.inertia,
		   report.iterations, 100 * report.pruned, cpu_seconds() - began);
	return 0;
}
