/*
 * test_basket.c - answers from rules against trying every rule, judging against doing it by hand, forged models
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/basket.h"
#include "rng.h"

#define PLENTY ((size_t) 1 << 32)
#define ITEMS 12
#define BASKETS 120

typedef struct Fixture
{
	Csr baskets;
	BasketDraft built;
	CoreEnv env;
	int64_t start[BASKETS + 1];
	int32_t col[BASKETS * ITEMS];
} Fixture;

/* Items differ in how often they are bought; the last one never is. */
static void
open_fixture(Fixture *fixture, uint64_t seed, int32_t max_items)
{
	ItemsetParams search = {4, max_items, PLENTY};
	RuleParams params = {0.25, 0, 0, PLENTY};
	Itemsets sets;
	Rules rules;
	Csr *baskets = &fixture->baskets;

	*baskets = (Csr){.rows = BASKETS, .cols = ITEMS, .start = fixture->start, .col = fixture->col};
	baskets->start[0] = 0;
	for (int32_t b = 0; b < BASKETS; b++)
	{
		baskets->start[b + 1] = baskets->start[b];
		for (int32_t i = 0; i < ITEMS - 1; i++)
			if (rng_uniform(seed, (uint64_t) i, (uint64_t) b) < 0.1 + 0.03 * i)
				baskets->col[baskets->start[b + 1]++] = i;
	}
	core_env_init(&fixture->env);
	CHECK(itemsets_find(&fixture->env.env, baskets, &search, &sets) == CORE_OK);
	CHECK(rules_find(&fixture->env.env, &sets, &params, &rules) == CORE_OK);
	CHECK(basket_build(&fixture->env.env, baskets, &sets, &rules, &fixture->built) == CORE_OK);
	CHECK(fixture->built.model.rules == rules.n);
	rules_free(&fixture->env.env, &rules);
	itemsets_free(&fixture->env.env, &sets);
}

static void
close_fixture(Fixture *fixture)
{
	fixture->env.env.release(&fixture->env.env, fixture->built.block);
	CHECK(fixture->env.live == 0);
}

static int64_t
antecedents(const BasketModel *model)
{
	return model->antecedent_start[model->rules];
}

/* The best rule for an item, by looking at all; -1 when none speaks. */
static int32_t
best_rule(const BasketModel *model, int32_t given, int32_t item)
{
	int32_t best = -1;
	double most = -1;

	for (int32_t r = 0; r < model->rules; r++)
	{
		bool speaks = model->consequent[r] == item;
		double confidence = (double) model->together[r] / model->antecedent_count[r];

		for (int64_t a = model->antecedent_start[r]; a < model->antecedent_start[r + 1]; a++)
			speaks &= given >> model->antecedent[a] & 1;
		if (speaks && confidence > most)
		{
			best = r;
			most = confidence;
		}
	}
	return best;
}

/* Does x come before y in an answer? */
static bool
precedes(const BasketAnswer *x, const BasketAnswer *y)
{
	if ((x->rule >= 0) != (y->rule >= 0))
		return x->rule >= 0;
	if (x->score != y->score)
		return x->score > y->score;
	return x->rule >= 0 ? x->rule < y->rule : x->item < y->item;
}

static void
check_answer(const BasketModel *model, const BasketAsk *ask, int32_t given, int32_t candidates,
			 const BasketAnswer *answers, int32_t n)
{
	int32_t possible = 0;
	int32_t answered = 0;

	for (int32_t i = 0; i < n; i++)
	{
		const BasketAnswer *answer = &answers[i];

		CHECK((candidates & ~given & ~answered) >> answer->item & 1);
		answered |= 1 << answer->item;
		CHECK(answer->rule == (ask->by_rules ? best_rule(model, given, answer->item) : -1));
		CHECK(i == 0 || precedes(&answers[i - 1], answer));
	}
	for (int32_t item = 0; item < ITEMS; item++)
	{
		BasketAnswer other = {.item = item, .rule = ask->by_rules ? best_rule(model, given, item) : -1};

		if (!((candidates & ~given) >> item & 1))
			continue;
		possible++;
		if (answered >> item & 1)
			continue;
		other.score = other.rule >= 0
						  ? (double) model->together[other.rule] / model->antecedent_count[other.rule]
						  : (double) model->count[item] / model->baskets;
		CHECK(n == ask->k && precedes(&answers[n - 1], &other));
	}
	CHECK(n == (ask->k < possible ? ask->k : possible));
}

static int32_t
spread(int32_t mask, int32_t *items)
{
	int32_t n = 0;

	for (int32_t i = 0; i < ITEMS; i++)
		if (mask >> i & 1)
			items[n++] = i;
	return n;
}

static void
test_answers(void)
{
	static Fixture fixture;

	for (uint64_t seed = 1; seed <= 6; seed++)
	{
		BasketDesk desk;
		const BasketModel *model = &fixture.built.model;

		open_fixture(&fixture, seed, 2 + (int32_t) seed % 3);
		CHECK(model->rules > 5);
		CHECK(basket_check(&fixture.env.env, model, antecedents(model)) == CORE_OK);
		CHECK(basket_desk_open(&fixture.env.env, model, &desk) == CORE_OK);
		for (uint64_t trial = 0; trial < 500; trial++)
		{
			int32_t every = (1 << ITEMS) - 1;
			int32_t given = (int32_t) (rng_hash3(seed, trial, 0) & rng_hash3(seed, trial, 1)) & every;
			int32_t candidates = trial % 2 ? (int32_t) rng_hash3(seed, trial, 2) & every : every;
			int32_t given_items[ITEMS];
			int32_t candidate_items[ITEMS];
			BasketAnswer answers[ITEMS];
			BasketAsk ask = {
				.given = given_items, .by_rules = trial % 5 > 0, .k = 1 + (int32_t) trial % ITEMS};
			int32_t n;

			ask.n_given = spread(given, given_items);
			if (trial % 2)
			{
				ask.candidates = candidate_items;
				ask.n_candidates = spread(candidates, candidate_items);
			}
			CHECK(basket_rank(&fixture.env.env, &desk, &ask, answers, &n) == CORE_OK);
			check_answer(model, &ask, given, candidates, answers, n);
		}
		basket_desk_close(&fixture.env.env, &desk);
		close_fixture(&fixture);
	}
}

/* Hits counted through basket_rank; an item that the model does not know is a miss. */
/* Figures of single baskets: they add up, and do not change when the baskets' own items are named in another order. */
static void
check_cases(Fixture *fixture, const BasketModel *model, int32_t k, uint64_t seed)
{
	uint64_t key[ITEMS + 1];
	int32_t place[BASKETS];
	int32_t again[BASKETS];
	BasketCases cases = {key, place};
	BasketJudgement judgement;
	int64_t judged = 0;
	int64_t hits = 0;
	double ranks = 0;

	for (int32_t i = 0; i <= ITEMS; i++)
		key[i] = rng_mix((uint64_t) i + 1);
	CHECK(basket_judge(&fixture->env.env, model, &fixture->baskets, NULL, 0, k, seed, &cases, &judgement) ==
		  CORE_OK);
	for (int32_t b = 0; b < BASKETS; b++)
	{
		CHECK((place[b] < 0) == (fixture->start[b + 1] - fixture->start[b] < 2) && place[b] <= k);
		judged += place[b] >= 0;
		hits += place[b] > 0;
		ranks += place[b] > 0 ? 1.0 / place[b] : 0;
	}
	CHECK(judged == judgement.judged && hits == judgement.hits && hits > 0 && hits < judged);
	CHECK_CLOSE(ranks, judgement.reciprocal_ranks, 1e-12);
	for (int32_t b = 0; b < BASKETS; b++)
		for (int64_t e = fixture->start[b], f = fixture->start[b + 1] - 1; e < f; e++, f--)
		{
			int32_t other = fixture->col[e];

			fixture->col[e] = fixture->col[f];
			fixture->col[f] = other;
		}
	cases.place = again;
	CHECK(basket_judge(&fixture->env.env, model, &fixture->baskets, NULL, 0, k, seed, &cases, &judgement) ==
		  CORE_OK);
	CHECK(memcmp(place, again, sizeof(place)) == 0);
}

static void
test_judging(void)
{
	static Fixture fixture;
	const BasketModel *model = &fixture.built.model;
	int32_t k = 3;
	uint64_t seed = 42;
	BasketJudgement judgement;
	BasketJudgement expected = {0};
	BasketDesk desk;
	int32_t odd[BASKETS / 2];
	double value;
	double low;
	double high;

	open_fixture(&fixture, 9, 3);
	/* From now on the last item of every tenth basket is one that the model does not know. */
	for (int32_t b = 0; b < BASKETS; b += 10)
		if (fixture.start[b + 1] > fixture.start[b])
			fixture.col[fixture.start[b + 1] - 1] = ITEMS;
	fixture.baskets.cols = ITEMS + 1;
	for (int32_t i = 0; i < BASKETS / 2; i++)
		odd[i] = 2 * i + 1;
	CHECK(basket_desk_open(&fixture.env.env, model, &desk) == CORE_OK);
	for (int32_t b = 0; b < BASKETS; b++)
	{
		int32_t length = (int32_t) (fixture.start[b + 1] - fixture.start[b]);
		int32_t given[ITEMS];
		BasketAnswer answers[3];
		BasketAsk ask = {.given = given, .k = k, .by_rules = true};
		int32_t left_out;
		int32_t n;

		if (length < 2)
			continue;
		left_out = (int32_t) rng_below(seed, 1, (uint64_t) b, (uint32_t) length);
		for (int32_t i = 0; i < length; i++)
			if (i != left_out && fixture.col[fixture.start[b] + i] < ITEMS)
				given[ask.n_given++] = fixture.col[fixture.start[b] + i];
		CHECK(basket_rank(&fixture.env.env, &desk, &ask, answers, &n) == CORE_OK);
		expected.judged++;
		expected.spoken += n > 0 && answers[0].rule >= 0;
		for (int32_t i = 0; i < n; i++)
			expected.hits += answers[i].item == fixture.col[fixture.start[b] + left_out];
	}
	basket_desk_close(&fixture.env.env, &desk);
	CHECK(basket_judge(&fixture.env.env, model, &fixture.baskets, NULL, 0, k, seed, NULL, &judgement) ==
		  CORE_OK);
	CHECK(judgement.judged == expected.judged && judgement.hits == expected.hits && judgement.hits > 0);
	CHECK(judgement.spoken == expected.spoken && judgement.popular_hits <= judgement.judged);
	CHECK(judgement.reciprocal_ranks <= (double) judgement.hits);
	CHECK(basket_judge(&fixture.env.env, model, &fixture.baskets, odd, BASKETS / 2, k, seed, NULL,
					   &judgement) == CORE_OK);
	CHECK(judgement.judged > 0 && judgement.judged < expected.judged);
	check_cases(&fixture, model, k, seed);
	close_fixture(&fixture);

	/* Wilson's interval for 8 of 10 (R: prop.test(8, 10, correct = FALSE)$conf.int). */
	basket_share(8, 10, &value, &low, &high);
	CHECK_CLOSE(value, 0.8, 1e-15);
	CHECK_CLOSE(low, 0.49016247153664183, 1e-12);
	CHECK_CLOSE(high, 0.94331784854562473, 1e-12);
}

/* Every number of a model replaced in turn: whatever passes the check can be served from without a wild access. */
static void
test_forged(void)
{
	static Fixture fixture;
	static const int64_t wild[] = {
		-1, 0, 1, 5, ITEMS - 1, ITEMS, 1000, INT32_MAX, INT32_MIN, INT64_MAX / 2, INT64_MIN, INT64_MAX};
	BasketModel *model = &fixture.built.model;
	long refused = 0;
	long tried = 0;

	open_fixture(&fixture, 3, 3);
	for (int array = 0; array < 8; array++)
	{
		const int32_t *numbers[] = {model->count,
									model->popular,
									model->antecedent,
									model->consequent,
									model->antecedent_count,
									model->together,
									model->by_item,
									NULL};
		int64_t length[] = {ITEMS,        ITEMS,        antecedents(model), model->rules,
							model->rules, model->rules, model->rules,       model->rules + 1};

		for (int64_t i = 0; i < length[array]; i++)
		{
			for (size_t w = 0; w < sizeof(wild) / sizeof(wild[0]); w++)
			{
				int32_t *narrow = numbers[array] != NULL ? (int32_t *) numbers[array] + i : NULL;
				int64_t *wide = (int64_t *) model->antecedent_start + i;
				int64_t kept = narrow != NULL ? *narrow : *wide;
				CoreStatus status;

				if (narrow != NULL)
					*narrow = (int32_t) wild[w];
				else
					*wide = wild[w];
				status = basket_check(&fixture.env.env, model, array == 7 ? antecedents(model) : length[2]);
				tried++;
				refused += status == CORE_CORRUPT;
				if (status == CORE_OK)
				{
					BasketJudgement judgement;

					CHECK(basket_judge(&fixture.env.env, model, &fixture.baskets, NULL, 0, 3, 1, NULL,
									   &judgement) == CORE_OK);
				}
				if (narrow != NULL)
					*narrow = (int32_t) kept;
				else
					*wide = kept;
			}
		}
	}
	CHECK(refused > tried / 2);
	for (int32_t i = 0; i <= ITEMS; i++)
	{
		int64_t *start = (int64_t *) model->by_item_start + i;

		*start += 1;
		CHECK(basket_check(&fixture.env.env, model, antecedents(model)) == CORE_CORRUPT);
		*start -= 1;
	}
	CHECK(basket_check(&fixture.env.env, model, antecedents(model)) == CORE_OK);
	close_fixture(&fixture);
}

static void
test_failures(void)
{
	static Fixture fixture;
	BasketJudgement judgement;
	long allocations;

	open_fixture(&fixture, 4, 3);
	fixture.env.allocations = 0;
	CHECK(basket_judge(&fixture.env.env, &fixture.built.model, &fixture.baskets, NULL, 0, 3, 1, NULL,
					   &judgement) == CORE_OK);
	allocations = fixture.env.allocations;
	for (long a = 1; a <= allocations; a++)
	{
		fixture.env.allocations = 0;
		fixture.env.fail_at = a;
		CHECK(basket_judge(&fixture.env.env, &fixture.built.model, &fixture.baskets, NULL, 0, 3, 1, NULL,
						   &judgement) == CORE_NO_MEMORY);
		CHECK(fixture.env.live == 1);
	}
	fixture.env.fail_at = 0;
	fixture.env.looks = 0;
	fixture.env.cancel_at = 5;
	CHECK(basket_judge(&fixture.env.env, &fixture.built.model, &fixture.baskets, NULL, 0, 3, 1, NULL,
					   &judgement) == CORE_CANCELLED);
	close_fixture(&fixture);
}

int
main(void)
{
	test_answers();
	test_judging();
	test_forged();
	test_failures();
	return check_finish();
}
