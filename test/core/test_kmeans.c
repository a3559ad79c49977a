/*
 * test_kmeans.c - k-means against scikit-learn's figures (test/reference/kmeans.py), kernels against plain C, teams, the odd
 * cases
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "rng.h"
#include "segment/cluster_quality.h"
#include "segment/kmeans.h"
#include "segment/kmeans_kernel.h"

/* The rows of test/reference/kmeans.py. */
static float *
blobs(int64_t n, int32_t features, int32_t clouds, double apart)
{
	float *rows = core_malloc((size_t) n * (size_t) features * sizeof(float));

	for (int64_t i = 0; i < n; i++)
	{
		uint64_t cloud = rng_below(1, 0, (uint64_t) i, (uint32_t) clouds);

		for (int32_t f = 0; f < features; f++)
			rows[i * features + f] =
				(float) (apart * rng_normal(2, cloud, (uint64_t) f) +
						 rng_normal(3, 0, (uint64_t) i * (uint64_t) features + (uint64_t) f));
	}
	return rows;
}

/* One fit with all that it needs; centroids, sizes, labels to be freed by run_free. */
typedef struct Run
{
	KmeansProblem problem;
	KmeansModel model;
	KmeansReport report;
	void *shared;
	size_t bytes;
	CoreStatus status;
	CoreEnv env;
} Run;

static void
run_open(Run *run, const float *rows, int64_t n, int32_t features, int32_t k)
{
	*run = (Run){
		.problem = {.params = {.k = k, .restarts = 10, .iterations = 300, .tolerance = 1e-4, .seed = 42},
					.n = n,
					.features = features,
					.rows = rows}};
	run->model.centroids = core_shared((size_t) k * (size_t) features * sizeof(float));
	run->model.sizes = core_shared((size_t) k * sizeof(int64_t));
	run->model.labels = core_shared((size_t) n * sizeof(int32_t));
	core_env_init(&run->env);
}

static void
run_go(Run *run)
{
	run->bytes = kmeans_shared_bytes(&run->problem.params, run->problem.n, run->problem.features);
	run->shared = core_shared(run->bytes);
	run->status = kmeans_fit(&run->env.env, &run->problem, &run->model, run->shared, &run->report);
	core_shared_free(run->shared, run->bytes);
}

static void
run_free(Run *run)
{
	core_shared_free(run->model.centroids,
					 (size_t) run->problem.params.k * (size_t) run->problem.features * sizeof(float));
	core_shared_free(run->model.sizes, (size_t) run->problem.params.k * sizeof(int64_t));
	core_shared_free(run->model.labels, (size_t) run->problem.n * sizeof(int32_t));
}

/* Sizes fall, labels agree with them, each label is of the nearest centroid. */
static void
check_labels(const Run *run)
{
	const KmeansProblem *problem = &run->problem;
	int64_t *sizes = calloc((size_t) problem->params.k, sizeof(int64_t));
	bool nearest = true;

	for (int64_t i = 0; i < problem->n; i++)
	{
		double own = 0;
		double least = INFINITY;

		sizes[run->model.labels[i]]++;
		for (int32_t c = 0; c < run->report.clusters; c++)
		{
			double square = 0;

			for (int32_t f = 0; f < problem->features; f++)
				square += pow((double) problem->rows[i * problem->features + f] -
								  run->model.centroids[c * problem->features + f],
							  2);
			own = c == run->model.labels[i] ? square : own;
			least = fmin(least, square);
		}
		nearest &= own <= least * (1 + 1e-4) + 1e-4;
	}
	CHECK(nearest);
	for (int32_t c = 0; c < run->report.clusters; c++)
	{
		CHECK(sizes[c] == run->model.sizes[c] && sizes[c] > 0);
		CHECK(c == 0 || sizes[c] <= sizes[c - 1]);
	}
	free(sizes);
}

static void
test_inertia(void)
{
	static const struct
	{
		int64_t n;
		int32_t features, clouds;
		double apart, inertia;
	} cases[] = {
		{3000, 4, 7, 3, 11622.0810905624},
		{3000, 8, 20, 1, 20039.3722257411},
		{5000, 2, 5, 2, 7480.36591987419},
		{2000, 16, 40, 2, 32044.4592787442},
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
	{
		float *rows = blobs(cases[c].n, cases[c].features, cases[c].clouds, cases[c].apart);
		Run run;

		run_open(&run, rows, cases[c].n, cases[c].features, cases[c].clouds);
		run_go(&run);
		CHECK(run.status == CORE_OK && run.env.live == 0);
		CHECK(run.report.clusters == cases[c].clouds && run.report.converged);
		printf("inertia %.3f %% of the reference's\n", 100 * run.report.inertia / cases[c].inertia);
		CHECK(run.report.inertia <= 1.005 * cases[c].inertia);
		CHECK(run.env.peak_bytes <=
			  kmeans_member_bytes(&run.problem.params, run.problem.n, run.problem.features));
		check_labels(&run);
		run_free(&run);
		free(rows);
	}
}

/* From the same centroids the same answer, and indices to 1e-9. */
static void
test_same_start(void)
{
	float *rows = blobs(3000, 4, 7, 1);
	static const int64_t sizes[] = {454, 452, 436, 432, 424, 407, 395};
	Quality quality;
	Run run;

	run_open(&run, rows, 3000, 4, 7);
	run.problem.start = rows;
	run.problem.params.tolerance = 0;
	run_go(&run);
	CHECK(run.status == CORE_OK && run.report.converged);
	CHECK_CLOSE(run.report.inertia, 9235.68591647946, 1e-9);
	for (int c = 0; c < 7; c++)
		CHECK(run.model.sizes[c] == sizes[c]);
	QualityTask task = {.rows = rows,
						.n = 3000,
						.features = 4,
						.labels = run.model.labels,
						.k = 7,
						.judged = 3000,
						.seed = 1};
	CHECK(cluster_quality(&run.env.env, &task, &quality) == CORE_OK && run.env.live == 0);
	CHECK(quality.clusters == 7 && quality.rows == 3000 && quality.silhouette_rows == 3000);
	CHECK_CLOSE(quality.inertia, 9235.68591647946, 1e-9);
	CHECK_CLOSE(quality.silhouette, 0.207477603140963, 1e-9);
	CHECK_CLOSE(quality.silhouette_error, 0.00230437858148578, 1e-9);
	CHECK_CLOSE(quality.davies_bouldin, 1.35007376807311, 1e-9);
	CHECK_CLOSE(quality.calinski_harabasz, 754.396070845145, 1e-9);
	task.judged = 1000;
	CHECK(cluster_quality(&run.env.env, &task, &quality) == CORE_OK);
	CHECK(quality.silhouette_rows == 1000);
	CHECK(fabs(quality.silhouette - 0.207477603140963) < 4 * quality.silhouette_error);
	run_free(&run);
	free(rows);
}

/* Indices where they are not defined, and rows without a label. */
static void
test_quality_edges(void)
{
	const float rows[] = {0, 0, 1, 1, 5};
	const int32_t one[] = {0, 0, 0, 0, 0};
	const int32_t each[] = {0, 1, 2, 3, 4};
	const int32_t two[] = {0, 0, 2, 2, -1};
	QualityTask task = {.rows = rows, .n = 5, .features = 1, .labels = one, .k = 5, .judged = 5};
	Quality quality;
	CoreEnv env;

	core_env_init(&env);
	CHECK(cluster_quality(&env.env, &task, &quality) == CORE_OK);
	CHECK(quality.clusters == 1 && isnan(quality.silhouette) && isnan(quality.davies_bouldin));
	CHECK_CLOSE(quality.inertia, 17.2, 1e-12);
	task.labels = each;
	CHECK(cluster_quality(&env.env, &task, &quality) == CORE_OK);
	CHECK(quality.clusters == 5 && quality.inertia == 0 && isnan(quality.calinski_harabasz));
	task.labels = two;
	CHECK(cluster_quality(&env.env, &task, &quality) == CORE_OK);
	CHECK(quality.clusters == 2 && quality.rows == 4 && quality.silhouette == 1 &&
		  quality.davies_bouldin == 0);
	env.fail_at = env.allocations + 1;
	CHECK(cluster_quality(&env.env, &task, &quality) == CORE_NO_MEMORY);
	env.cancel_at = 1;
	CHECK(cluster_quality(&env.env, &task, &quality) == CORE_CANCELLED && env.live == 0);
}

/* ---- kernels ---- */

static void
check_kernel(const KmeansKernel *kernel, int64_t n, int32_t features, int32_t k, const float *rows)
{
	const KmeansKernel *plain = kmeans_kernel_numbered(0);
	size_t floats = kmeans_panel_floats(k, features);
	float *memory = aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64);
	float *plain_memory = aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64);
	float *score = core_malloc((size_t) n * sizeof(float) * 4);
	int32_t *label = core_malloc((size_t) n * sizeof(int32_t) * 3);
	KmeansPanels panels;
	KmeansPanels plain_panels;
	bool same = true;

	kmeans_panels_init(&panels, kernel, k, features, memory);
	kmeans_panels_pack(&panels, rows);
	kmeans_panels_init(&plain_panels, plain, k, features, plain_memory);
	kmeans_panels_pack(&plain_panels, rows);
	kernel->nearest(&panels, rows, n, label, score, score + n);
	plain->nearest(&plain_panels, rows, n, label + n, score + 2 * n, score + 3 * n);
	for (int64_t i = 0; i < n; i++)
	{
		float slack = 1e-4f * (1 + fabsf(score[2 * n + i]));
		float alone;
		int32_t alone_label;

		same &= fabsf(score[i] - score[2 * n + i]) <= slack;
		same &= label[i] == label[n + i] || score[3 * n + i] - score[2 * n + i] <= 2 * slack;
		same &= k == 1 || fabsf(score[n + i] - score[3 * n + i]) <= slack || label[i] != label[n + i];
		kernel->nearest(&panels, rows + i * features, 1, &alone_label, &alone, NULL);
		same &= alone == score[i] && alone_label == label[i];
	}
	CHECK(same);
	free(memory);
	free(plain_memory);
	free(score);
	free(label);
}

static void
check_squares_and_sums(const KmeansKernel *kernel, int64_t n, int32_t features, int32_t k, const float *rows)
{
	const KmeansKernel *plain = kmeans_kernel_numbered(0);
	size_t floats = kmeans_panel_floats(k, features);
	float *memory = aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64);
	float *squares;
	float *norms = core_malloc((size_t) n * sizeof(float) * 2);
	int32_t *before = core_malloc((size_t) n * sizeof(int32_t) * 2);
	double *sums = calloc(2 * (size_t) k * (size_t) features, sizeof(double));
	int64_t *counts = calloc(2 * (size_t) k, sizeof(int64_t));
	double *plain_sums = sums + (size_t) k * (size_t) features;
	KmeansPanels panels;
	bool same = true;

	kmeans_panels_init(&panels, kernel, k, features, memory);
	kmeans_panels_pack(&panels, rows);
	squares = core_malloc((size_t) n * (size_t) (panels.panels * panels.lanes) * sizeof(float));
	kernel->squares(&panels, rows, n, squares);
	for (int64_t i = 0; i < n; i++)
	{
		for (int32_t c = 0; c < k; c++)
		{
			float square = squares[i * panels.panels * panels.lanes + c];
			double exact = 0;

			for (int32_t f = 0; f < features; f++)
				exact += pow((double) rows[i * features + f] - (double) rows[c * features + f], 2);
			same &= fabs(square - exact) <= 1e-5 * (1 + exact) && (i != c || square == 0);
		}
		before[i] = i % 3 == 0 ? -1 : (int32_t) (i % k);
		before[n + i] = (int32_t) ((i * 7 + i / 5) % k);
	}
	CHECK(same);
	kernel->norms(rows, n, features, norms);
	plain->norms(rows, n, features, norms + n);
	for (int64_t i = 0; i < n; i++)
		same &= fabsf(norms[i] - norms[n + i]) <= 1e-5f * (1 + norms[i]);
	CHECK(same);
	CHECK(kernel->move(rows, n, features, before, before + n, sums, features, counts) ==
		  plain->move(rows, n, features, before, before + n, plain_sums, features, counts + k));
	for (int32_t i = 0; i < k * features; i++)
		same &= fabs(sums[i] - plain_sums[i]) <= 1e-9 * (1 + fabs(sums[i]));
	CHECK(same && memcmp(counts, counts + k, (size_t) k * sizeof(int64_t)) == 0);
	CHECK_CLOSE(kernel->inertia(rows, n, features, before + n, rows),
				plain->inertia(rows, n, features, before + n, rows), 1e-12);
	free(memory);
	free(squares);
	free(norms);
	free(before);
	free(sums);
	free(counts);
}

static void
test_kernels(void)
{
	static const int32_t widths[] = {1, 2, 3, 7, 8, 9, 16, 31, 33};
	static const int32_t counts[] = {1, 2, 5, 8, 9, 16, 17, 40, 64, 100};

	for (int number = 0; number < KMEANS_KERNELS; number++)
	{
		const KmeansKernel *kernel = kmeans_kernel_numbered(number);

		for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]) && kernel != NULL; w++)
		{
			float *rows = blobs(203, widths[w], 9, 1);

			for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
			{
				check_kernel(kernel, 203, widths[w], counts[c], rows);
				check_squares_and_sums(kernel, 203, widths[w], counts[c], rows);
			}
			free(rows);
		}
	}
}

/* ---- bounds, teams, failures ---- */

/* Bounds leave distances out and change nothing, not even a bit. */
static void
test_bounds(void)
{
	static const struct
	{
		int32_t features, k;
		double apart;
		bool spares;
	} cases[] = {{32, 40, 4, true}, {32, 64, 0.3, false}, {64, 16, 1, true}, {16, 100, 2, false}};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
	{
		float *rows = blobs(20000, cases[c].features, cases[c].k, cases[c].apart);
		Run with;
		Run without;
		size_t width = (size_t) cases[c].k * (size_t) cases[c].features * sizeof(float);

		run_open(&with, rows, 20000, cases[c].features, cases[c].k);
		run_open(&without, rows, 20000, cases[c].features, cases[c].k);
		with.problem.start = without.problem.start = rows;
		without.problem.params.exhaustive = true;
		run_go(&with);
		run_go(&without);
		CHECK(with.status == CORE_OK && without.status == CORE_OK);
		CHECK(without.report.pruned == 0);
		if (cases[c].spares)
			CHECK(with.report.pruned > 0.2);
		CHECK(with.report.iterations == without.report.iterations &&
			  with.report.inertia == without.report.inertia);
		CHECK(memcmp(with.model.labels, without.model.labels, 20000 * sizeof(int32_t)) == 0);
		CHECK(memcmp(with.model.centroids, without.model.centroids, width) == 0);
		check_labels(&with);
		run_free(&with);
		run_free(&without);
		free(rows);
	}
}

typedef struct Body
{
	Run *run;
	KmeansReport *report; /* the leader's */
} Body;

static CoreStatus
fit_body(Env *env, void *arg)
{
	Body *body = arg;
	KmeansReport report;
	CoreStatus status = kmeans_fit(env, &body->run->problem, &body->run->model, body->run->shared, &report);

	if (env->leader)
		*body->report = report;
	return status;
}

static void
test_team(void)
{
	int64_t n = 70000; /* more than the sample */
	float *rows = blobs(n, 8, 6, 1.5);
	Run alone;

	run_open(&alone, rows, n, 8, 6);
	alone.problem.params.restarts = 5;
	run_go(&alone);
	CHECK(alone.status == CORE_OK && alone.report.converged);
	check_labels(&alone);
	for (int members = 2; members <= 4; members++)
	{
		CoreEnv envs[CORE_MAX_MEMBERS];
		CoreStatus status[CORE_MAX_MEMBERS];
		KmeansReport report;
		Run run;
		Body body = {.run = &run, .report = &report};

		run_open(&run, rows, n, 8, 6);
		run.problem.params.restarts = 5;
		run.bytes = kmeans_shared_bytes(&run.problem.params, n, 8);
		run.shared = core_shared(run.bytes);
		for (int m = 0; m < members; m++)
			core_env_init(&envs[m]);
		core_team_run(envs, members, fit_body, &body, status);
		for (int m = 0; m < members; m++)
			CHECK(status[m] == CORE_OK && envs[m].live == 0);
		CHECK(report.inertia == alone.report.inertia && report.iterations == alone.report.iterations &&
			  report.clusters == alone.report.clusters);
		CHECK(memcmp(run.model.labels, alone.model.labels, (size_t) n * sizeof(int32_t)) == 0);
		CHECK(memcmp(run.model.centroids, alone.model.centroids, 6 * 8 * sizeof(float)) == 0);
		core_shared_free(run.shared, run.bytes);
		run_free(&run);
	}
	run_free(&alone);
	free(rows);
}

static void
test_failures(void)
{
	float *rows = blobs(40000, 8, 6, 1.5);

	for (long at = 1; at <= 8; at++)
	{
		Run run;

		run_open(&run, rows, 40000, 8, 6);
		run.problem.params.restarts = 2;
		run.env.fail_at = at;
		run_go(&run);
		CHECK(run.status == CORE_NO_MEMORY || (run.status == CORE_OK && run.env.allocations < at));
		CHECK(run.env.live == 0);
		run_free(&run);
	}
	for (long at = 1; at < 4000; at = at * 3 + 1)
	{
		Run run;

		run_open(&run, rows, 40000, 8, 6);
		run.problem.params.restarts = 2;
		run.env.cancel_at = at;
		run_go(&run);
		CHECK((run.status == CORE_CANCELLED || run.env.looks < at) && run.env.live == 0);
		run_free(&run);
	}
	free(rows);
}

/* How long it goes without looking at the cancel flag. */
static void
test_looks(void)
{
	float *rows = blobs(20000, 60, 300, 0.5);
	Run run;

	run_open(&run, rows, 20000, 60, 300);
	run.problem.params.restarts = 1;
	run.problem.params.iterations = 5;
	run.env.timed = true;
	run_go(&run);
	CHECK(run.status == CORE_OK && run.env.longest_gap < 0.1);
	run_free(&run);
	free(rows);
}

/* ---- the odd cases ---- */

static void
test_few_points(void)
{
	float rows[2000];
	Run run;

	/* Three distinct rows of two features. */
	for (int i = 0; i < 1000; i++)
	{
		rows[2 * i] = i < 600 ? 1 : i < 900 ? 2 : 3;
		rows[2 * i + 1] = i < 600 ? 0 : 5;
	}
	run_open(&run, rows, 1000, 2, 5);
	run_go(&run);
	CHECK(run.status == CORE_OK && run.report.clusters == 3 && run.report.inertia == 0);
	CHECK(run.model.sizes[0] == 600 && run.model.sizes[1] == 300 && run.model.sizes[2] == 100);
	run_free(&run);

	run_open(&run, rows, 1, 2, 5);
	run_go(&run);
	CHECK(run.status == CORE_OK && run.report.clusters == 1 && run.model.labels[0] == 0);
	run_free(&run);

	run_open(&run, rows, 600, 2, 1);
	run_go(&run);
	CHECK(run.status == CORE_OK && run.report.clusters == 1 && run.report.inertia == 0);
	run_free(&run);
}

/* The sample may miss what is rare: then all rows are sown from. */
static void
test_rare_points(void)
{
	int64_t n = 100000;
	float *rows = calloc((size_t) n, sizeof(float));
	Run run;

	rows[77] = 1;
	rows[99999] = 2;
	run_open(&run, rows, n, 1, 3);
	run_go(&run);
	CHECK(run.status == CORE_OK && run.report.clusters == 3 && run.report.inertia == 0);
	CHECK(run.model.sizes[0] == n - 2);
	run_free(&run);
	free(rows);
}

/* Centroids given so that some clusters run empty at once. */
static void
test_empty_clusters(void)
{
	float *rows = blobs(5000, 3, 4, 4);
	float start[12] = {0, 0, 0, 1e6, 1e6, 1e6, -1e6, 1e6, 0, 0, 1e6, 2e6};
	Run run;

	run_open(&run, rows, 5000, 3, 4);
	run.problem.start = start;
	run_go(&run);
	CHECK(run.status == CORE_OK && run.report.clusters == 4);
	check_labels(&run);
	run_free(&run);
	free(rows);
}

static void
test_too_large(void)
{
	float rows[] = {3e38f, -3e38f, 0, 1};
	Run run;

	run_open(&run, rows, 4, 1, 2);
	run_go(&run);
	CHECK(run.status == CORE_NOT_FINITE && run.env.live == 0);
	run_free(&run);
	CHECK(kmeans_shared_bytes(&(KmeansParams){.k = INT32_MAX, .restarts = INT32_MAX}, INT64_MAX / 8,
							  INT32_MAX) == SIZE_MAX);
}

int
main(void)
{
	/* Under valgrind, where everything takes a hundred times as long, what runs over many rows is left out. */
	bool quick = getenv("CORE_TEST_QUICK") != NULL && *getenv("CORE_TEST_QUICK") != 0;

	test_kernels();
	test_inertia();
	test_same_start();
	test_quality_edges();
	if (!quick)
		test_bounds();
	if (!quick)
		test_team();
	if (!quick)
		test_failures();
	if (!quick)
		test_looks();
	test_few_points();
	if (!quick)
		test_rare_points();
	test_empty_clusters();
	test_too_large();
	return check_finish();
}
