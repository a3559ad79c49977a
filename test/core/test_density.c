/*
 * test_density.c - DBSCAN, HDBSCAN*, hierarchies and k-th distances against plain loops over all pairs; memory, cancel
 *
 * test/reference/density.py holds the same functions, through SQL, against scikit-learn, SciPy and R's dbscan.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "rng.h"
#include "segment/dbscan.h"
#include "segment/hdbscan.h"
#include "segment/hierarchy.h"
#include "segment/kd_tree.h"
#include "segment/labels.h"
#include "segment/points.h"

typedef enum Shape
{
	SHAPE_BLOBS,
	SHAPE_GRID, /* ties everywhere */
	SHAPE_PILES, /* few distinct rows */
	SHAPE_LINE, /* one column constant */
	SHAPE_SAME,
	SHAPE_RING,
	N_SHAPES
} Shape;

typedef struct Points
{
	int32_t n;
	int32_t width;
	double *x;
	int32_t *row;
} Points;

static double
coordinate(Shape shape, int32_t i, int32_t c, uint64_t seed)
{
	uint64_t at = (uint64_t) i * 64 + (uint64_t) c;
	double angle = 6.283185307 * rng_uniform(seed, 1, (uint64_t) i);

	switch (shape)
	{
		case SHAPE_BLOBS:
			return rng_normal(seed, 0, at) * (1 + i % 3) + 8 * ((i % 5) * (c + 1) % 5);
		case SHAPE_GRID:
			return (double) (c == 0 ? i % 17 : c == 1 ? i / 17 : 0);
		case SHAPE_PILES:
			return (double) rng_below(seed, 2, at, 4);
		case SHAPE_LINE:
			return c == 0 ? rng_uniform(seed, 0, at) * i : 3;
		case SHAPE_SAME:
			return 7;
		default:
			return (c == 0 ? cos(angle) : sin(angle)) * (1 + 2 * (i % 2)) + 0.05 * rng_normal(seed, 0, at);
	}
}

static Points
make(Shape shape, int32_t n, int32_t width, uint64_t seed)
{
	Points points = {.n = n,
					 .width = width,
					 .x = core_malloc(sizeof(double) * (size_t) n * (size_t) width),
					 .row = core_malloc(sizeof(int32_t) * (size_t) n)};

	for (int32_t i = 0; i < n; i++)
	{
		points.row[i] = i;
		for (int32_t c = 0; c < width; c++)
			points.x[(size_t) i * (size_t) width + (size_t) c] = coordinate(shape, i, c, seed);
	}
	return points;
}

static Points
make_sorted(Shape shape, int32_t n, int32_t width, uint64_t seed)
{
	Points points = make(shape, n, width, seed);
	CoreEnv env;

	core_env_init(&env);
	CHECK(points_sort(&env.env, points.x, n, width, points.row) == CORE_OK);
	return points;
}

static void
drop(Points *points)
{
	free(points->x);
	free(points->row);
}

static double *
copy_of(const Points *points)
{
	size_t bytes = sizeof(double) * (size_t) points->n * (size_t) points->width;
	double *copy = core_malloc(bytes);

	memcpy(copy, points->x, bytes);
	return copy;
}

static double
pair_distance2(const Points *points, int32_t i, int32_t j)
{
	return kd_distance2(points->x + (size_t) i * (size_t) points->width,
						points->x + (size_t) j * (size_t) points->width, points->width);
}

/* ---- order, labels ---- */

static void
test_points(void)
{
	for (int shape = 0; shape < N_SHAPES; shape++)
	{
		Points raw = make(shape, 700, 3, 5);
		Points sorted = make_sorted(shape, 700, 3, 5);
		int32_t *start = core_malloc(sizeof(int32_t) * 701);
		bool seen[700] = {false};
		int32_t distinct;
		int32_t expected = 1;
		bool ordered = true;
		bool carried = true;
		CoreEnv env;

		for (int32_t i = 0; i < 700; i++)
		{
			carried &= !seen[sorted.row[i]] &&
					   memcmp(sorted.x + 3 * i, raw.x + 3 * sorted.row[i], sizeof(double) * 3) == 0;
			seen[sorted.row[i]] = true;
			for (int32_t c = 0; i > 0 && c < 3; c++)
			{
				if (sorted.x[3 * i + c] == sorted.x[3 * i - 3 + c])
					continue;
				ordered &= sorted.x[3 * i + c] > sorted.x[3 * i - 3 + c];
				expected++;
				break;
			}
		}
		CHECK(ordered);
		CHECK(carried);
		core_env_init(&env);
		CHECK(points_distinct(&env.env, sorted.x, 700, 3, start, &distinct) == CORE_OK);
		CHECK(distinct == expected && start[distinct] == 700);
		for (int32_t p = 0; p < distinct; p++)
			for (int32_t i = start[p]; i < start[p + 1]; i++)
				carried &= memcmp(sorted.x + 3 * p, raw.x + 3 * sorted.row[i], sizeof(double) * 3) == 0;
		CHECK(carried);
		free(start);
		drop(&raw);
		drop(&sorted);
	}
}

static void
test_labels(void)
{
	int32_t label[] = {9, 0, 4, 4, 9, 2, 2, 2, 7, 0};
	const int32_t right[] = {2, 0, 3, 3, 2, 1, 1, 1, 4, 0};
	CoreEnv env;

	core_env_init(&env);
	CHECK(labels_by_size(&env.env, label, 10) == CORE_OK);
	CHECK(memcmp(label, right, sizeof(label)) == 0);
	CHECK(env.peak_bytes <= labels_bytes(10) && env.live == 0);
}

/* ---- DBSCAN ---- */

/* The textbook loop: a cluster grows to its end from the first unlabelled core row, then the next. */
static void
plain_dbscan(const Points *points, double eps, int32_t min_points, int32_t *label)
{
	int32_t n = points->n;
	bool *core = core_malloc((size_t) n);
	int32_t *stack = core_malloc(sizeof(int32_t) * (size_t) n);
	int32_t clusters = 0;
	CoreEnv env;

	for (int32_t i = 0; i < n; i++)
	{
		int32_t count = 0;

		for (int32_t j = 0; j < n; j++)
			count += pair_distance2(points, i, j) <= eps * eps;
		core[i] = count >= min_points;
		label[i] = 0;
	}
	for (int32_t i = 0; i < n; i++)
	{
		int32_t depth = 0;

		if (!core[i] || label[i] != 0)
			continue;
		label[i] = ++clusters;
		stack[depth++] = i;
		while (depth > 0)
		{
			int32_t at = stack[--depth];

			for (int32_t j = 0; core[at] && j < n; j++)
			{
				if (label[j] != 0 || pair_distance2(points, at, j) > eps * eps)
					continue;
				label[j] = clusters;
				stack[depth++] = j;
			}
		}
	}
	core_env_init(&env);
	labels_by_size(&env.env, label, n);
	free(stack);
	free(core);
}

static void
test_dbscan(int32_t most)
{
	static const double eps[] = {1e-100, 0.3, 1, 1.5, 2.5, 1000, 1e100};
	static const int32_t least[] = {1, 2, 4, 5, 40, 1000000000};
	int32_t clustered = 0;

	for (int trial = 0; trial < N_SHAPES * 3; trial++)
	{
		int32_t n = trial / N_SHAPES == 0 ? 1 + trial * 7 : most;
		int32_t width = trial / N_SHAPES == 1 ? 2 : 3;
		Points points = make_sorted(trial % N_SHAPES, n, width, 11);
		int32_t *right = core_malloc(sizeof(int32_t) * (size_t) n);
		int32_t *label = core_malloc(sizeof(int32_t) * (size_t) n);

		for (size_t e = 0; e < 7; e++)
			for (size_t m = 0; m < 6; m++)
			{
				double *x = copy_of(&points);
				CoreEnv env;

				core_env_init(&env);
				CHECK(dbscan_label(&env.env, x, n, width, eps[e], least[m], label) == CORE_OK);
				CHECK(env.live == 0 && env.peak_bytes <= dbscan_bytes(n, width));
				plain_dbscan(&points, eps[e], least[m], right);
				CHECK(memcmp(label, right, sizeof(int32_t) * (size_t) n) == 0);
				for (int32_t i = 0; i < n; i++)
					clustered += label[i] > 1;
				free(x);
			}
		free(label);
		free(right);
		drop(&points);
	}
	CHECK(clustered > most);
}

/* ---- k-th distances ---- */

static int
by_number(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

static void
test_kth(void)
{
	static const int32_t ks[] = {1, 2, 5, 100, 400, 401};

	for (int shape = 0; shape < N_SHAPES; shape++)
		for (size_t k = 0; k < 6; k++)
		{
			Points points = make_sorted(shape, 400, 2, 3);
			double *x = copy_of(&points);
			double kth[400];
			double all[400];
			bool same = true;
			CoreEnv env;

			core_env_init(&env);
			CHECK(kd_rows_kth_distance(&env.env, x, 400, 2, ks[k], kth) == CORE_OK);
			CHECK(env.live == 0 && env.peak_bytes <= kd_rows_kth_bytes(400, 2, ks[k]));
			for (int32_t i = 0; i < 400; i++)
			{
				for (int32_t j = 0; j < 400; j++)
					all[j] = sqrt(pair_distance2(&points, i, j));
				qsort(all, 400, sizeof(double), by_number);
				same &= ks[k] > 400 ? isnan(kth[i]) : kth[i] == all[ks[k] - 1];
			}
			CHECK(same);
			free(x);
			drop(&points);
		}
}

/* ---- hierarchies ---- */

/* The distance of two sets of rows by the linkage's definition; members of set s have set[i] = s. */
static double
plain_linkage(const Points *points, const int32_t *set, int32_t a, int32_t b, Linkage linkage)
{
	double sum = 0;
	double least = INFINITY;
	double most = 0;
	double rows_a = 0;
	double rows_b = 0;
	double between = 0;
	int64_t pairs = 0;

	for (int32_t i = 0; i < points->n; i++)
	{
		rows_a += set[i] == a;
		rows_b += set[i] == b;
		for (int32_t j = 0; set[i] == a && j < points->n; j++)
		{
			double distance = sqrt(pair_distance2(points, i, j));

			if (set[j] != b)
				continue;
			pairs++;
			sum += distance;
			least = fmin(least, distance);
			most = fmax(most, distance);
		}
	}
	if (linkage == LINKAGE_SINGLE)
		return least;
	if (linkage == LINKAGE_COMPLETE)
		return most;
	if (linkage == LINKAGE_AVERAGE)
		return sum / (double) pairs;
	for (int32_t c = 0; c < points->width; c++)
	{
		double mean_a = 0;
		double mean_b = 0;

		for (int32_t i = 0; i < points->n; i++)
		{
			mean_a += set[i] == a ? points->x[(size_t) i * (size_t) points->width + (size_t) c] / rows_a : 0;
			mean_b += set[i] == b ? points->x[(size_t) i * (size_t) points->width + (size_t) c] / rows_b : 0;
		}
		between += (mean_a - mean_b) * (mean_a - mean_b);
	}
	return sqrt(2 * rows_a * rows_b / (rows_a + rows_b) * between);
}

/* Always merge the nearest two, looking at all; distances [n - 1]. */
static void
plain_heights(const Points *points, Linkage linkage, double *height)
{
	int32_t n = points->n;
	int32_t *set = core_malloc(sizeof(int32_t) * (size_t) n);

	for (int32_t i = 0; i < n; i++)
		set[i] = i;
	for (int32_t step = 0; step < n - 1; step++)
	{
		int32_t best_a = 0;
		int32_t best_b = 0;

		height[step] = INFINITY;
		for (int32_t a = 0; a < n; a++)
			for (int32_t b = a + 1; set[a] == a && b < n; b++)
			{
				double distance = set[b] == b ? plain_linkage(points, set, a, b, linkage) : INFINITY;

				if (distance >= height[step])
					continue;
				height[step] = distance;
				best_a = a;
				best_b = b;
			}
		for (int32_t i = 0; i < n; i++)
			if (set[i] == best_b)
				set[i] = best_a;
	}
	free(set);
}

/* Rows of every node are those below it, and each node is merged once. */
static bool
well_formed(const Merge *merge, int32_t n)
{
	bool *used = calloc((size_t) n * 2, 1);
	bool right = true;

	for (int32_t i = 0; i < n - 1; i++)
	{
		int32_t sides[] = {merge[i].left, merge[i].right};
		int32_t rows = 0;

		right &= sides[0] < sides[1] && (i == 0 || merge[i].distance >= merge[i - 1].distance);
		for (int s = 0; s < 2; s++)
		{
			if (sides[s] < 0 || sides[s] >= n + i || used[sides[s]])
			{
				right = false;
				continue;
			}
			used[sides[s]] = true;
			rows += sides[s] < n ? 1 : merge[sides[s] - n].rows;
		}
		right &= rows == merge[i].rows;
	}
	free(used);
	return right;
}

static void
test_hierarchy(void)
{
	for (int trial = 0; trial < N_SHAPES * 2; trial++)
		for (int linkage = 0; linkage < 4; linkage++)
		{
			/* The sides of a grid's squares are of one length: another order of ties is another tree, with single linkage aside. */
			Shape shape = trial % N_SHAPES;
			int32_t n = trial < N_SHAPES ? 42 : 1 + trial % 4;
			Points points = make_sorted(shape, n, 2, 21);
			double *x = copy_of(&points);
			double height[64];
			Merge merge[64];
			int32_t distinct;
			bool same = true;
			CoreEnv env;

			core_env_init(&env);
			CHECK(hierarchy_merges(&env.env, x, n, 2, linkage, merge, &distinct) == CORE_OK);
			CHECK(env.live == 0 && env.peak_bytes <= hierarchy_bytes(n, 2, linkage));
			CHECK(well_formed(merge, n));
			plain_heights(&points, linkage, height);
			for (int32_t i = 0; i < n - 1; i++)
				same &= fabs(merge[i].distance - height[i]) <= 1e-9 * (1 + height[i]);
			CHECK(same || (shape == SHAPE_GRID && linkage != LINKAGE_SINGLE) ||
				  (shape == SHAPE_PILES && linkage != LINKAGE_SINGLE));
			free(x);
			drop(&points);
		}
}

static void
test_hierarchy_labels(void)
{
	Points points = make_sorted(SHAPE_PILES, 300, 2, 8);
	int32_t label[300];

	for (int linkage = 0; linkage < 4; linkage++)
		for (int32_t k = 1; k <= 300; k = k < 20 ? k + 1 : k * 3)
		{
			double *x = copy_of(&points);
			int32_t most = 0;
			bool together = true;
			CoreEnv env;

			core_env_init(&env);
			CHECK(hierarchy_label(&env.env, x, 300, 2, linkage, k, label) == CORE_OK);
			CHECK(env.live == 0 && env.peak_bytes <= hierarchy_label_bytes(300, 2, linkage));
			for (int32_t i = 0; i < 300; i++)
			{
				most = label[i] > most ? label[i] : most;
				together &= i == 0 || pair_distance2(&points, i - 1, i) > 0 || label[i] == label[i - 1];
			}
			CHECK(most == (k < 16 ? k : 16));
			CHECK(together);
			free(x);
		}
	drop(&points);
}

/* ---- HDBSCAN* ---- */

static void
test_hdbscan(void)
{
	Points points = make_sorted(SHAPE_BLOBS, 1000, 2, 4);
	Points same = make_sorted(SHAPE_SAME, 50, 2, 4);
	Points piles = make_sorted(SHAPE_PILES, 1000, 2, 4);
	int32_t label[1000];
	int32_t most = 0;
	double *x = copy_of(&points);
	CoreEnv env;

	core_env_init(&env);
	CHECK(hdbscan_label(&env.env, x, 1000, 2, 50, 10, label) == CORE_OK);
	CHECK(env.live == 0 && env.peak_bytes <= hdbscan_bytes(1000, 2, 10));
	for (int32_t i = 0; i < 1000; i++)
		most = label[i] > most ? label[i] : most;
	CHECK(most >= 2 && most <= 5);
	CHECK(hdbscan_label(&env.env, same.x, 50, 2, 5, 5, label) == CORE_OK);
	for (int32_t i = 0; i < 50; i++)
		CHECK(label[i] == 0);
	/* Sixteen piles of some sixty equal rows each are sixteen clusters. */
	CHECK(hdbscan_label(&env.env, piles.x, 1000, 2, 20, 5, label) == CORE_OK);
	most = 0;
	for (int32_t i = 0; i < 1000; i++)
		most = label[i] > most ? label[i] : most;
	CHECK(most == 16);
	free(x);
	drop(&points);
	drop(&same);
	drop(&piles);
}

/* ---- stopping half-way ---- */

typedef CoreStatus (*Work)(Env *env, double *x, int32_t n, void *out);

static CoreStatus
work_dbscan(Env *env, double *x, int32_t n, void *out)
{
	return dbscan_label(env, x, n, 2, 0.5, 5, out);
}

static CoreStatus
work_hdbscan(Env *env, double *x, int32_t n, void *out)
{
	return hdbscan_label(env, x, n, 2, 15, 5, out);
}

static CoreStatus
work_ward(Env *env, double *x, int32_t n, void *out)
{
	return hierarchy_label(env, x, n, 2, LINKAGE_WARD, 5, out);
}

static CoreStatus
work_average(Env *env, double *x, int32_t n, void *out)
{
	return hierarchy_label(env, x, n, 2, LINKAGE_AVERAGE, 5, out);
}

static CoreStatus
work_single(Env *env, double *x, int32_t n, void *out)
{
	return hierarchy_label(env, x, n, 2, LINKAGE_SINGLE, 5, out);
}

static CoreStatus
work_kth(Env *env, double *x, int32_t n, void *out)
{
	return kd_rows_kth_distance(env, x, n, 2, 5, out);
}

static const Work works[] = {work_dbscan, work_hdbscan, work_ward, work_average, work_single, work_kth};

static void
test_stopping(int32_t n)
{
	Points points = make_sorted(SHAPE_BLOBS, n, 2, 9);
	void *out = core_malloc(sizeof(double) * (size_t) n);

	for (size_t w = 0; w < sizeof(works) / sizeof(works[0]); w++)
	{
		long allocations;
		long looks;
		CoreEnv env;
		double *x = copy_of(&points);

		core_env_init(&env);
		CHECK(works[w](&env.env, x, n, out) == CORE_OK);
		free(x);
		allocations = env.allocations;
		looks = env.looks;
		CHECK(looks > 0);
		for (long at = 1; at <= allocations; at++)
		{
			x = copy_of(&points);
			core_env_init(&env);
			env.fail_at = at;
			CHECK(works[w](&env.env, x, n, out) == CORE_NO_MEMORY && env.live == 0);
			free(x);
		}
		for (long at = 1; at <= looks; at += 1 + looks / 50)
		{
			x = copy_of(&points);
			core_env_init(&env);
			env.cancel_at = at;
			CHECK(works[w](&env.env, x, n, out) == CORE_CANCELLED && env.live == 0);
			free(x);
		}
	}
	free(out);
	drop(&points);
}

static void
test_far_apart(void)
{
	int32_t label[4];
	CoreEnv env;

	core_env_init(&env);
	for (int which = 0; which < 3; which++)
	{
		double x[] = {-1e200, 0, 0, 0, 0, 1, 1e200, 0};
		CoreStatus status = which == 0   ? dbscan_label(&env.env, x, 4, 2, 1, 1, label)
							: which == 1 ? hdbscan_label(&env.env, x, 4, 2, 2, 2, label)
										 : hierarchy_label(&env.env, x, 4, 2, LINKAGE_WARD, 2, label);

		CHECK(status == CORE_NOT_FINITE && env.live == 0);
	}
}

int
main(void)
{
	bool quick = getenv("CORE_TEST_QUICK") != NULL && *getenv("CORE_TEST_QUICK") != 0;

	test_points();
	test_labels();
	test_dbscan(quick ? 150 : 600);
	test_kth();
	test_hierarchy();
	test_hierarchy_labels();
	test_hdbscan();
	test_stopping(quick ? 400 : 3000);
	test_far_apart();
	return check_finish();
}
