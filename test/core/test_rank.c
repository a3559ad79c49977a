/*
 * test_rank.c - lists against a full sort, measures against figures worked out by hand, evaluation against both
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/rank.h"
#include "rng.h"

/* Small whole numbers: dot products are exact in any order, and there are many ties. */
static float *
whole_numbers(int64_t n, uint64_t seed)
{
	float *numbers = core_malloc((size_t) n * sizeof(float));

	for (int64_t i = 0; i < n; i++)
		numbers[i] = (float) rng_below(seed, 0, (uint64_t) i, 7) - 3.0f;
	return numbers;
}

static int
best_first(const void *a, const void *b)
{
	const TopEntry *x = a;
	const TopEntry *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static bool
stands_in(const int32_t *ids, int64_t n, int32_t id)
{
	for (int64_t i = 0; i < n; i++)
	{
		if (ids[i] == id)
			return true;
	}
	return false;
}

/* Every item the filter leaves, sorted; returns how many. */
static int32_t
naive_rank(const float *y, int32_t items, int32_t factors, const float *query, const RankFilter *filter,
		   TopEntry *out)
{
	int32_t n = 0;

	for (int32_t i = 0; i < items; i++)
	{
		float score = 0.0f;

		if (stands_in(filter->exclude, filter->n_exclude, i) ||
			(filter->candidates != NULL && !stands_in(filter->candidates, filter->n_candidates, i)))
			continue;
		for (int32_t j = 0; j < factors; j++)
			score += y[(int64_t) i * factors + j] * query[j];
		out[n++] = (TopEntry){.score = topk_order(score), .index = i};
	}
	qsort(out, (size_t) n, sizeof(TopEntry), best_first);
	return n;
}

/* Each of 0 .. n - 1 with the given probability, ascending. */
static int32_t
some_of(int32_t n, double share, uint64_t seed, int32_t *out)
{
	int32_t taken = 0;

	for (int32_t i = 0; i < n; i++)
	{
		if (rng_uniform(seed, 9, (uint64_t) i) < share)
			out[taken++] = i;
	}
	return taken;
}

static void
compare_lists(int32_t items, int32_t factors, int32_t k, double excluded, double candidates, bool wild,
			  uint64_t seed)
{
	float *y = whole_numbers((int64_t) items * factors, seed);
	float *query = whole_numbers(factors, seed + 1);
	float *scratch = core_malloc((size_t) (items < RANK_TILE ? items : RANK_TILE) * sizeof(float));
	int32_t *exclude = core_malloc((size_t) items * sizeof(int32_t));
	int32_t *allowed = core_malloc((size_t) items * sizeof(int32_t));
	TopEntry *all = core_malloc((size_t) items * sizeof(TopEntry));
	TopEntry *heap = core_malloc((size_t) k * sizeof(TopEntry));
	RankFilter filter = {.exclude = exclude, .n_exclude = some_of(items, excluded, seed + 2, exclude)};
	TopK top;
	CoreEnv env;
	int32_t left;
	bool same = true;

	if (candidates < 1.0)
	{
		filter.candidates = allowed;
		filter.n_candidates = some_of(items, candidates, seed + 3, allowed);
	}
	for (int32_t i = 0; wild && i < items; i += 5)
		y[(int64_t) i * factors] = i % 3 == 0 ? NAN : INFINITY;
	core_env_init(&env);
	topk_init(&top, heap, k);
	CHECK(rank_items(&env.env, y, items, factors, query, NULL, &filter, scratch, &top) == CORE_OK);
	left = naive_rank(y, items, factors, query, &filter, all);
	CHECK(top.n == (left < k ? left : k));
	for (int32_t i = 0; i < top.n; i++)
		same &= heap[i].index == all[i].index && heap[i].score == all[i].score;
	CHECK(same);
	CHECK(env.live == 0);
	free(y);
	free(query);
	free(scratch);
	free(exclude);
	free(allowed);
	free(all);
	free(heap);
}

static void
test_lists(void)
{
	static const int32_t sizes[] = {1, 5, 17, 300, 9000};
	static const double shares[] = {0.0, 0.02, 0.6, 1.0};
	uint64_t seed = 10;

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
	{
		for (size_t e = 0; e < sizeof(shares) / sizeof(shares[0]); e++)
		{
			for (size_t c = 0; c < sizeof(shares) / sizeof(shares[0]); c++)
			{
				seed += 10;
				compare_lists(sizes[s], 5, 10, shares[e], shares[c], false, seed);
				compare_lists(sizes[s], 5, 400, shares[e], shares[c], seed % 20 == 0, seed + 5);
			}
		}
	}
}

static void
test_list_cancelled(void)
{
	float *y = whole_numbers(10000, 1);
	float *scratch = core_malloc(RANK_TILE * sizeof(float));
	static const int32_t candidates[2] = {3, 9};
	RankFilter filter = {0};
	TopEntry heap[3];
	TopK top;
	CoreEnv env;

	for (long look = 1; look <= 3; look++)
	{
		core_env_init(&env);
		env.cancel_at = look;
		topk_init(&top, heap, 3);
		CHECK(rank_items(&env.env, y, 10000, 1, y, NULL, &filter, scratch, &top) == CORE_CANCELLED);
	}
	filter = (RankFilter){.candidates = candidates, .n_candidates = 2};
	core_env_init(&env);
	env.cancel_at = 1;
	topk_init(&top, heap, 3);
	CHECK(rank_items(&env.env, y, 10000, 1, y, NULL, &filter, scratch, &top) == CORE_CANCELLED);
	free(y);
	free(scratch);
}

static void
test_measures(void)
{
	static const TopEntry list[4] = {{9, 4}, {8, 2}, {7, 7}, {6, 1}};
	static const int32_t relevant[3] = {1, 4, 5};
	static const int32_t others[2] = {3, 6};
	static const int32_t many[6] = {0, 1, 2, 4, 7, 8};
	double out[RANK_MEASURES];
	double best3 = 1.0 + 1.0 / log2(3.0) + 1.0 / log2(4.0);

	/* Hits at ranks 1 and 4 of 4, three relevant. */
	rank_measure(list, 4, 4, relevant, 3, 0, out);
	CHECK_CLOSE(out[RANK_PRECISION], 0.5, 1e-12);
	CHECK_CLOSE(out[RANK_RECALL], 2.0 / 3, 1e-12);
	CHECK_CLOSE(out[RANK_NDCG], (1.0 + 1.0 / log2(5.0)) / best3, 1e-12);
	CHECK_CLOSE(out[RANK_MAP], (1.0 + 2.0 / 4) / 3, 1e-12);

	/* A list shorter than k is judged as one of k. */
	rank_measure(list, 2, 10, relevant, 3, 0, out);
	CHECK_CLOSE(out[RANK_PRECISION], 0.1, 1e-12);
	CHECK_CLOSE(out[RANK_RECALL], 1.0 / 3, 1e-12);
	CHECK_CLOSE(out[RANK_NDCG], 1.0 / best3, 1e-12);
	CHECK_CLOSE(out[RANK_MAP], 1.0 / 3, 1e-12);

	rank_measure(list, 4, 4, others, 2, 0, out);
	for (int measure = 0; measure < RANK_MEASURES; measure++)
		CHECK(out[measure] == 0.0);

	/* Relevant items that no list can hold are misses: a list of 4 with 2 of 3 + 5. */
	rank_measure(list, 4, 4, relevant, 3, 5, out);
	CHECK_CLOSE(out[RANK_RECALL], out[RANK_PRECISION], 1e-12);
	CHECK(out[RANK_NDCG] < 1.0);

	/* As good as can be: all are 1. */
	rank_measure(list, 4, 4, many, 6, 0, out);
	for (int measure = 0; measure < RANK_MEASURES; measure++)
		CHECK_CLOSE(out[measure], 1.0, 1e-12);
}

/* Users x items; entry (u, i) stands with probability `share`, user u % 5 == 0 has none. */
static Csr
random_matrix(int32_t users, int32_t items, double share, uint64_t seed)
{
	Csr matrix = {.rows = users,
				  .cols = items,
				  .start = core_malloc(((size_t) users + 1) * sizeof(int64_t)),
				  .col = core_malloc((size_t) users * (size_t) items * sizeof(int32_t))};
	int64_t n = 0;

	for (int32_t u = 0; u < users; u++)
	{
		matrix.start[u] = n;
		n += some_of(items, u % 5 == 0 ? 0.0 : share, seed + (uint64_t) u, matrix.col + n);
	}
	matrix.start[users] = n;
	return matrix;
}

typedef struct Fixture
{
	RankTask task;
	float *x;
	float *y;
	size_t bytes;
	void *shared;
} Fixture;

static Fixture
fixture_make(int32_t users, int32_t items, int32_t k, uint64_t seed)
{
	enum
	{
		FACTORS = 6
	};
	Fixture f = {.x = whole_numbers((int64_t) users * FACTORS, seed),
				 .y = whole_numbers((int64_t) items * FACTORS, seed + 1)};

	f.task = (RankTask){.user_factors = f.x,
						.item_factors = f.y,
						.factors = FACTORS,
						.k = k,
						.seen = random_matrix(users, items, 0.1, seed + 1000),
						.relevant = random_matrix(users, items, 4.0 / items, seed + 5000)};
	f.bytes = rank_evaluate_bytes(users, items, FACTORS);
	f.shared = core_shared(f.bytes);
	return f;
}

static void
fixture_free(Fixture *f)
{
	free(f->x);
	free(f->y);
	free(f->task.seen.start);
	free(f->task.seen.col);
	free(f->task.relevant.start);
	free(f->task.relevant.col);
	core_shared_free(f->shared, f->bytes);
}

static CoreStatus
evaluate_member(Env *env, void *arg)
{
	Fixture *f = arg;

	return rank_evaluate(env, &f->task, f->shared);
}

static void
evaluate_with(Fixture *f, CoreEnv *envs, int members, CoreStatus *status)
{
	memset(f->shared, 0, f->bytes);
	core_team_run(envs, members, evaluate_member, f, status);
	for (int i = 0; i < members; i++)
	{
		CHECK(envs[i].live == 0);
		CHECK(envs[i].peak_bytes <= rank_member_bytes(f->task.seen.cols, f->task.k));
	}
}

static RankSummary
evaluate(Fixture *f, int members)
{
	CoreEnv envs[CORE_MAX_MEMBERS];
	CoreStatus status[CORE_MAX_MEMBERS];
	RankSummary summary;

	for (int i = 0; i < members; i++)
		core_env_init(&envs[i]);
	evaluate_with(f, envs, members, status);
	for (int i = 0; i < members; i++)
		CHECK(status[i] == CORE_OK);
	rank_summary(&f->task, f->shared, &summary);
	return summary;
}

/* The same, one user at a time and with a full sort. */
static RankSummary
naive_evaluate(const Fixture *f)
{
	const RankTask *task = &f->task;
	int32_t items = task->seen.cols;
	TopEntry *all = core_malloc((size_t) items * sizeof(TopEntry));
	int32_t *relevant = core_malloc((size_t) items * sizeof(int32_t));
	bool *listed = calloc((size_t) items, sizeof(bool));
	double sum[RANK_MEASURES] = {0};
	double squares[RANK_MEASURES] = {0};
	RankSummary out = {0};

	for (int32_t u = 0; u < task->seen.rows; u++)
	{
		const int32_t *seen = task->seen.col + task->seen.start[u];
		int32_t n_seen = (int32_t) (task->seen.start[u + 1] - task->seen.start[u]);
		RankFilter filter = {.exclude = seen, .n_exclude = n_seen};
		int32_t n_relevant = 0;
		int32_t n;
		double measures[RANK_MEASURES];

		for (int64_t e = task->relevant.start[u]; e < task->relevant.start[u + 1]; e++)
		{
			if (!stands_in(seen, n_seen, task->relevant.col[e]))
				relevant[n_relevant++] = task->relevant.col[e];
		}
		if (n_relevant == 0)
			continue;
		n = naive_rank(f->y, items, task->factors, f->x + (int64_t) u * task->factors, &filter, all);
		n = n < task->k ? n : task->k;
		rank_measure(all, n, task->k, relevant, n_relevant, 0, measures);
		for (int measure = 0; measure < RANK_MEASURES; measure++)
		{
			sum[measure] += measures[measure];
			squares[measure] += measures[measure] * measures[measure];
		}
		for (int32_t i = 0; i < n; i++)
			listed[all[i].index] = true;
		out.users++;
	}
	for (int measure = 0; measure < RANK_MEASURES && out.users > 0; measure++)
	{
		double n = (double) out.users;

		out.mean[measure] = sum[measure] / n;
		out.std_error[measure] =
			n > 1 ? sqrt(fmax(0.0, squares[measure] - sum[measure] * sum[measure] / n) / (n - 1) / n) : 0.0;
	}
	for (int32_t i = 0; i < items; i++)
		out.coverage += listed[i] ? 1.0 / items : 0.0;
	free(all);
	free(relevant);
	free(listed);
	return out;
}

static void
test_evaluation(int32_t users, int32_t items, int32_t k, uint64_t seed)
{
	Fixture f = fixture_make(users, items, k, seed);
	RankSummary expected = naive_evaluate(&f);
	RankSummary one = evaluate(&f, 1);

	CHECK(one.users == expected.users);
	CHECK_CLOSE(one.coverage, expected.coverage, 1e-12);
	for (int measure = 0; measure < RANK_MEASURES; measure++)
	{
		CHECK_CLOSE(one.mean[measure], expected.mean[measure], 1e-12);
		CHECK_CLOSE(one.std_error[measure], expected.std_error[measure], 1e-7);
	}
	for (int members = 2; members <= 3; members++)
	{
		RankSummary team = evaluate(&f, members);

		CHECK(memcmp(&team, &one, sizeof(team)) == 0);
	}
	fixture_free(&f);
}

static void
test_evaluation_stops(int members)
{
	Fixture f = fixture_make(300, 2500, 10, 77);
	bool right = true;
	long stopped = 0;

	for (long look = 1; look < 60; look++)
	{
		CoreEnv envs[CORE_MAX_MEMBERS];
		CoreStatus status[CORE_MAX_MEMBERS];
		CoreEnv *one = &envs[look % members];

		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		one->cancel_at = look;
		evaluate_with(&f, envs, members, status);
		for (int i = 0; i < members; i++)
			right &= status[i] == (one->looks >= look ? CORE_CANCELLED : CORE_OK);
		stopped += status[0] == CORE_CANCELLED;
	}
	CHECK(right);
	CHECK(stopped > 5);
	for (int failing = 0; failing < members; failing++)
	{
		CoreEnv envs[CORE_MAX_MEMBERS];
		CoreStatus status[CORE_MAX_MEMBERS];

		for (int i = 0; i < members; i++)
			core_env_init(&envs[i]);
		envs[failing].fail_at = 1;
		evaluate_with(&f, envs, members, status);
		for (int i = 0; i < members; i++)
			CHECK(status[i] == CORE_NO_MEMORY);
	}
	fixture_free(&f);
}

int
main(void)
{
	test_lists();
	test_list_cancelled();
	test_measures();
	test_evaluation(300, 200, 10, 100);
	test_evaluation(150, 2300, 20, 200);
	test_evaluation(40, 30, 50, 300);
	test_evaluation(1, 5, 3, 400);
	test_evaluation(2, 1, 3, 500);
	test_evaluation(70, 100, 1, 600);
	test_evaluation_stops(1);
	test_evaluation_stops(3);
	return check_finish();
}
