/*
 * bench_neighbours.c - processor seconds to find each item's 50 nearest by cosine, in one process
 *
 *   bench_neighbours PAIRS [weighted]          a file of reference_als.py --write: all its pairs
 *   bench_neighbours random [weighted [FILE]]  5 M draws of 100,000 customers x 20,000 items; FILE receives the pairs
 *
 * Ones, or weighted by TF-IDF.  The last word printed is the seconds; before it, a digest of the lists that the peer,
 * peer_neighbours.py, prints too: the sum of all similarities.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core_env.h"
#include "recommend/item_scores.h"
#include "recommend/neighbour_weights.h"
#include "recommend/neighbours.h"
#include "rng.h"

#define NEIGHBOURS 50
#define USERS 100000
#define ITEMS 20000
#define DRAWS 5000000
#define HISTORY 100
#define REPEATS 20000

static void
fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

/* Of this process: other programs may want the core too. */
static double
cpu_seconds(void)
{
	return (double) clock() / CLOCKS_PER_SEC;
}

static Coo
coo_make(int64_t n)
{
	return (Coo){.n = n,
				 .row = core_malloc((size_t) n * sizeof(int32_t)),
				 .col = core_malloc((size_t) n * sizeof(int32_t))};
}

static Coo
read_pairs(const char *path, int *users, int *items)
{
	FILE *file = fopen(path, "r");
	long long n;
	Coo coo;

	if (file == NULL || fscanf(file, "%d %d %lld", users, items, &n) != 3)
		fail("no pairs");
	coo = coo_make(n);
	for (long long e = 0; e < n; e++)
	{
		int part;

		if (fscanf(file, "%d %d %d", &coo.row[e], &coo.col[e], &part) != 3)
			fail("too few pairs");
	}
	fclose(file);
	return coo;
}

/* Some customers and some items far oftener than others. */
static Coo
draw_pairs(int *users, int *items)
{
	Coo coo = coo_make(DRAWS);

	*users = USERS;
	*items = ITEMS;
	for (int64_t e = 0; e < DRAWS; e++)
	{
		double user = rng_uniform(5, 0, (uint64_t) e);
		double item = rng_uniform(5, 1, (uint64_t) e);

		coo.row[e] = (int32_t) (user * user * USERS);
		coo.col[e] = (int32_t) (item * item * ITEMS);
	}
	return coo;
}

static void
write_pairs(const char *path, const Csr *by_user)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		fail("the file cannot be written");
	fprintf(file, "%d %d %lld\n", by_user->rows, by_user->cols, (long long) csr_entries(by_user));
	for (int32_t u = 0; u < by_user->rows; u++)
	{
		for (int64_t e = by_user->start[u]; e < by_user->start[u + 1]; e++)
			fprintf(file, "%d %d 0\n", u, by_user->col[e]);
	}
	fclose(file);
}

static Csr
csr_room(int32_t rows, int32_t cols, int64_t entries)
{
	return (Csr){.rows = rows,
				 .cols = cols,
				 .start = core_malloc(((size_t) rows + 1) * sizeof(int64_t)),
				 .col = core_malloc((size_t) entries * sizeof(int32_t))};
}

/* Microseconds for the scores of a history of 100 items, and for what each of them adds to one item's. */
static void
time_scores(CoreEnv *env, const NeighbourLists *lists, double *scored, double *explained)
{
	Csr matrix = csr_room(lists->rows, lists->rows, neighbour_lists_entries(lists));
	float *scores = core_malloc((size_t) lists->rows * sizeof(float));
	int32_t history[HISTORY];
	float parts[HISTORY];
	ScoreCauses causes = {.rows = history, .n = HISTORY};
	double begun;

	matrix.value = core_malloc((size_t) neighbour_lists_entries(lists) * sizeof(float));
	if (neighbour_lists_csr(&env->env, lists, lists->rows, &matrix) != CORE_OK)
		fail("no rows");
	for (int32_t h = 0; h < HISTORY; h++)
		history[h] = (int32_t) ((int64_t) lists->rows * h / HISTORY);
	begun = cpu_seconds();
	for (int32_t i = 0; i < REPEATS; i++)
		item_scores(&env->env, &matrix, &causes, scores);
	*scored = 1e6 / REPEATS * (cpu_seconds() - begun);
	begun = cpu_seconds();
	for (int32_t i = 0; i < REPEATS; i++)
		item_scores_parts(&matrix, &causes, i % lists->rows, parts);
	*explained = 1e6 / REPEATS * (cpu_seconds() - begun);
	free(scores);
}

int
main(int argc, char **argv)
{
	bool weighted = argc > 2 && strcmp(argv[2], "weighted") == 0;
	NeighbourWeights weights = {.weighting = NEIGHBOUR_TFIDF};
	NeighbourProblem problem = {.similarity = NEIGHBOUR_COSINE};
	CooMerge merge;
	CoreEnv env;
	int users;
	int items;
	double sum = 0.0;
	double scored;
	double explained;

	if (argc < 2)
		fail("bench_neighbours PAIRS|random [weighted|ones [FILE]]");
	core_env_init(&env);
	env.timed = true;

	Coo coo =
		strcmp(argv[1], "random") == 0 ? draw_pairs(&users, &items) : read_pairs(argv[1], &users, &items);
	Csr by_user = csr_room(users, items, coo.n);
	Csr by_item = csr_room(items, users, coo.n);

	if (csr_from_coo(&env.env, &coo, NULL, NULL, &by_user, &merge) != CORE_OK ||
		csr_transpose(&env.env, &by_user, &by_item) != CORE_OK)
		fail("no matrix");
	if (argc > 3)
		write_pairs(argv[3], &by_user);

	NeighbourLists lists = neighbour_lists_at(core_malloc(neighbour_lists_bytes(items, NEIGHBOURS)), items,
											  neighbour_lists_width(NEIGHBOURS, items));
	size_t bytes = neighbours_shared_bytes(items);
	void *shared = core_shared(bytes);
	size_t values = (size_t) csr_entries(&by_user) * sizeof(float);
	double begun = cpu_seconds();

	problem.rows = by_item;
	problem.features = by_user;
	if (weighted)
	{
		problem.rows.value = core_malloc(values);
		problem.features.value = core_malloc(values);
		if (neighbour_weights_apply(&env.env, &weights, &by_item, &by_user, problem.rows.value,
									problem.features.value) != CORE_OK)
			fail("no weights");
	}
	env.longest_gap = 0.0;
	if (neighbours_find(&env.env, &problem, &lists, shared) != CORE_OK)
		fail("no neighbours");
	begun = cpu_seconds() - begun;
	for (int32_t r = 0; r < lists.rows; r++)
	{
		for (int32_t e = 0; e < lists.count[r]; e++)
			sum += lists.value[(int64_t) r * lists.width + e];
	}
	time_scores(&env, &lists, &scored, &explained);
	printf("scores of a history of %d items %.1f us, parts of one score %.1f us\n", HISTORY, scored,
		   explained);
	printf(
		"%lld pairs, sum of similarities %.3f, longest time without a look at cancel %.1f ms, seconds %.4f\n",
		(long long) csr_entries(&by_user), sum, 1e3 * env.longest_gap, begun);
	return 0;
}
