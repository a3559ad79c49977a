/*
 * basket.c - what else goes into a basket, by association rules and by popularity
 *
 * A rule speaks when all of its antecedent lies in the basket; what it says is that the consequent follows with the rule's
 * confidence, an estimate of the probability.  Rules are found through the first item of their antecedent, so a basket costs the rules
 * that begin with one of its items.
 *
 * Memory of a model: 8 bytes per rule and item for where lists start, 4 per item of an antecedent, 16 per rule, 8 per item;
 * of a desk: 21 bytes per item.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../merge_sort.h"
#include "../rng.h"
#include "basket.h"
#include "chunks.h"

#define STRETCH 65536 /* steps between two looks at the cancel flag */

enum
{
	MARK_GIVEN = 1,
	MARK_CANDIDATE = 2,
	MARK_TAKEN = 4
};

static bool
stopped(Env *env, int64_t *work, int64_t steps)
{
	*work += steps;
	if (*work < STRETCH)
		return false;
	*work = 0;
	return env->cancelled(env);
}

/* ---- building ---- */

size_t
basket_bytes(int32_t items, int64_t rules, int64_t antecedents)
{
	size_t n = (size_t) items;
	size_t r = (size_t) rules;
	size_t bytes = bytes_times(n, 3 * sizeof(int32_t) + sizeof(int64_t));

	bytes = bytes_plus(bytes, bytes_times(r, 4 * sizeof(int32_t) + sizeof(int64_t)));
	bytes = bytes_plus(bytes, bytes_times((size_t) antecedents, sizeof(int32_t)));
	return bytes_plus(bytes, 12 * 64);
}

int64_t
basket_antecedents(const Itemsets *sets, const Rules *rules)
{
	int32_t ranks[ITEMSET_MAX];
	int64_t n = 0;

	for (int64_t r = 0; r < rules->n; r++)
		n += itemset_ranks(sets, rules->rule[r].antecedent, ranks);
	return n;
}

/* The next `bytes` of the block, aligned to 64. */
static void *
carve(char **at, size_t n, size_t width)
{
	void *piece = *at;

	*at += bytes_plus(n * width, 0);
	return piece;
}

static int
compare_popularity(const void *left, const void *right, const void *count)
{
	int32_t a = *(const int32_t *) left;
	int32_t b = *(const int32_t *) right;
	int32_t count_a = ((const int32_t *) count)[a];
	int32_t count_b = ((const int32_t *) count)[b];

	return count_a != count_b ? (count_a > count_b ? -1 : 1) : (a > b) - (a < b);
}

/* count [items] and the order of popularity, in one of the two arrays given; *popular says which. */
static CoreStatus
count_popularity(Env *env, const Csr *baskets, int32_t *count, void *order, void *spare,
				 const int32_t **popular)
{
	int64_t entries = csr_entries(baskets);
	int32_t *item = order;
	int64_t work = 0;
	CoreStatus status;

	memset(count, 0, (size_t) baskets->cols * sizeof(*count));
	for (int64_t e = 0; e < entries; e++)
	{
		count[baskets->col[e]]++;
		if (stopped(env, &work, 1))
			return CORE_CANCELLED;
	}
	for (int32_t i = 0; i < baskets->cols; i++)
		item[i] = i;
	status = merge_sort(env, &order, &spare, baskets->cols, sizeof(int32_t), compare_popularity, count);
	*popular = order;
	return status;
}

/* by_item_start [items + 1] and by_item [rules] from the rules' antecedents. */
static void
index_by_first_item(const BasketModel *model, int64_t *start, int32_t *by_item)
{
	memset(start, 0, ((size_t) model->items + 1) * sizeof(*start));
	for (int32_t r = 0; r < model->rules; r++)
		start[model->antecedent[model->antecedent_start[r]] + 1]++;
	for (int32_t i = 0; i < model->items; i++)
		start[i + 1] += start[i];
	for (int32_t r = 0; r < model->rules; r++)
		by_item[start[model->antecedent[model->antecedent_start[r]]]++] = r;
	for (int32_t i = model->items; i > 0; i--)
		start[i] = start[i - 1];
	start[0] = 0;
}

CoreStatus
basket_build(Env *env, const Csr *baskets, const Itemsets *sets, const Rules *rules, BasketDraft *out)
{
	size_t items = (size_t) baskets->cols;
	size_t n = (size_t) rules->n;
	int64_t antecedents = basket_antecedents(sets, rules);
	BasketModel *model = &out->model;
	CoreStatus status;
	char *at;

	*out = (BasketDraft){0};
	out->block = env->alloc(env, basket_bytes(baskets->cols, rules->n, antecedents));
	if (out->block == NULL)
		return CORE_NO_MEMORY;
	at = out->block;
	int64_t *antecedent_start = carve(&at, n + 1, sizeof(int64_t));
	int64_t *by_item_start = carve(&at, items + 1, sizeof(int64_t));
	int32_t *antecedent = carve(&at, (size_t) antecedents, sizeof(int32_t));
	int32_t *consequent = carve(&at, n, sizeof(int32_t));
	int32_t *antecedent_count = carve(&at, n, sizeof(int32_t));
	int32_t *together = carve(&at, n, sizeof(int32_t));
	int32_t *by_item = carve(&at, n, sizeof(int32_t));
	int32_t *count = carve(&at, items, sizeof(int32_t));
	int32_t *order = carve(&at, items, sizeof(int32_t));
	int32_t *spare = carve(&at, items, sizeof(int32_t));

	*model = (BasketModel){.items = baskets->cols,
						   .baskets = baskets->rows,
						   .count = count,
						   .rules = (int32_t) n,
						   .antecedent_start = antecedent_start,
						   .antecedent = antecedent,
						   .consequent = consequent,
						   .antecedent_count = antecedent_count,
						   .together = together,
						   .by_item_start = by_item_start,
						   .by_item = by_item,
						   .tests = rules->tests};
	status = count_popularity(env, baskets, count, order, spare, &model->popular);
	if (status != CORE_OK)
		return status;
	antecedent_start[0] = 0;
	for (size_t r = 0; r < n; r++)
	{
		const Rule *rule = &rules->rule[r];
		int32_t part[ITEMSET_MAX];
		int32_t length = rule_antecedent(sets, rule, part);

		if (r % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		memcpy(antecedent + antecedent_start[r], part, (size_t) length * sizeof(int32_t));
		antecedent_start[r + 1] = antecedent_start[r] + length;
		consequent[r] = sets->item[rule->consequent];
		antecedent_count[r] = sets->together[rule->antecedent];
		together[r] = rule->together;
	}
	index_by_first_item(model, by_item_start, by_item);
	return CORE_OK;
}

/* ---- checking ---- */

static bool
within(int64_t value, int64_t low, int64_t high)
{
	return value >= low && value <= high;
}

/* Counts of a 2 x 2 table that can be; antecedent ascending, without the consequent. */
static bool
rule_is_good(const BasketModel *model, int32_t r, int64_t antecedents)
{
	int64_t start = model->antecedent_start[r];
	int64_t end = model->antecedent_start[r + 1];
	int32_t consequent = model->consequent[r];
	int64_t both = model->together[r];

	if (!within(start, 0, end) || end > antecedents || !within(end - start, 1, ITEMSET_MAX - 1) ||
		!within(consequent, 0, (int64_t) model->items - 1))
		return false;
	for (int64_t a = start; a < end; a++)
		if (!within(model->antecedent[a], a > start ? (int64_t) model->antecedent[a - 1] + 1 : 0,
					(int64_t) model->items - 1) ||
			model->antecedent[a] == consequent)
			return false;
	return both >= 1 && within(model->antecedent_count[r], both, model->baskets) &&
		   model->count[consequent] >= both &&
		   (int64_t) model->antecedent_count[r] + model->count[consequent] - both <= model->baskets;
}

/* Each rule stands once, under the first item of its antecedent. */
static CoreStatus
check_by_item(Env *env, const BasketModel *model, int64_t *work)
{
	if (model->by_item_start[0] != 0 || model->by_item_start[model->items] != model->rules)
		return CORE_CORRUPT;
	for (int32_t i = 0; i < model->items; i++)
	{
		int64_t start = model->by_item_start[i];
		int64_t end = model->by_item_start[i + 1];

		if (stopped(env, work, 1))
			return CORE_CANCELLED;
		if (start > end || end > model->rules)
			return CORE_CORRUPT;
		for (int64_t p = start; p < end; p++)
		{
			int32_t r = model->by_item[p];

			if (stopped(env, work, 1))
				return CORE_CANCELLED;
			if (!within(r, p > start ? (int64_t) model->by_item[p - 1] + 1 : 0, (int64_t) model->rules - 1) ||
				model->antecedent[model->antecedent_start[r]] != i)
				return CORE_CORRUPT;
		}
	}
	return CORE_OK;
}

CoreStatus
basket_check(Env *env, const BasketModel *model, int64_t antecedents)
{
	int64_t work = 0;

	if (model->items < 0 || model->baskets < 0 || model->rules < 0 || model->antecedent_start[0] != 0 ||
		model->antecedent_start[model->rules] != antecedents)
		return CORE_CORRUPT;
	for (int32_t i = 0; i < model->items; i++)
	{
		/* In strict order of (count, index), as many as there are items: so each stands once. */
		int32_t item = model->popular[i];

		if (stopped(env, &work, 1))
			return CORE_CANCELLED;
		if (!within(model->count[i], 0, model->baskets) || !within(item, 0, (int64_t) model->items - 1) ||
			(i > 0 && compare_popularity(&model->popular[i - 1], &item, model->count) >= 0))
			return CORE_CORRUPT;
	}
	for (int32_t r = 0; r < model->rules; r++)
	{
		if (stopped(env, &work, ITEMSET_MAX))
			return CORE_CANCELLED;
		if (!rule_is_good(model, r, antecedents))
			return CORE_CORRUPT;
	}
	return check_by_item(env, model, &work);
}

Contingency
basket_rule_counts(const BasketModel *model, int32_t rule)
{
	return (Contingency){.both = model->together[rule],
						 .first = model->antecedent_count[rule],
						 .second = model->count[model->consequent[rule]],
						 .all = model->baskets};
}

/* ---- serving ---- */

CoreStatus
basket_desk_open(Env *env, const BasketModel *model, BasketDesk *out)
{
	size_t items = (size_t) model->items + 1;

	*out = (BasketDesk){.model = model};
	out->best = env->alloc(env, items * sizeof(*out->best));
	out->mark = env->alloc(env, items);
	out->spoken = env->alloc(env, bytes_times(items, sizeof(*out->spoken)));
	if (out->best == NULL || out->mark == NULL || out->spoken == NULL)
	{
		basket_desk_close(env, out);
		return CORE_NO_MEMORY;
	}
	memset(out->best, 0, items * sizeof(*out->best));
	memset(out->mark, 0, items);
	return CORE_OK;
}

void
basket_desk_close(Env *env, BasketDesk *desk)
{
	if (desk->best != NULL)
		env->release(env, desk->best);
	if (desk->mark != NULL)
		env->release(env, desk->mark);
	if (desk->spoken != NULL)
		env->release(env, desk->spoken);
	*desk = (BasketDesk){0};
}

static double
confidence(const BasketModel *model, int32_t rule)
{
	return (double) model->together[rule] / (double) model->antecedent_count[rule];
}

/* May this item stand in the answer? */
static bool
allowed(const BasketDesk *desk, const BasketAsk *ask, int32_t item)
{
	uint8_t mark = desk->mark[item];

	return (mark & (MARK_GIVEN | MARK_TAKEN)) == 0 &&
		   (ask->candidates == NULL || (mark & MARK_CANDIDATE) != 0);
}

/* The antecedent begins with an item that is in the basket: are the others? */
static bool
speaks(const BasketDesk *desk, int32_t rule)
{
	const BasketModel *model = desk->model;

	for (int64_t a = model->antecedent_start[rule] + 1; a < model->antecedent_start[rule + 1]; a++)
		if ((desk->mark[model->antecedent[a]] & MARK_GIVEN) == 0)
			return false;
	return true;
}

/* spoken [n]: every item that may stand in the answer and that a rule speaks for, with the best such rule. */
static CoreStatus
hear_rules(Env *env, BasketDesk *desk, const BasketAsk *ask, int32_t *n, int64_t *work)
{
	const BasketModel *model = desk->model;

	for (int32_t g = 0; g < ask->n_given; g++)
	{
		int32_t first = ask->given[g];

		for (int64_t p = model->by_item_start[first]; p < model->by_item_start[first + 1]; p++)
		{
			int32_t rule = model->by_item[p];
			int32_t item = model->consequent[rule];
			int32_t before = desk->best[item] - 1;

			if (stopped(env, work, 1))
				return CORE_CANCELLED;
			if (!allowed(desk, ask, item) || !speaks(desk, rule))
				continue;
			if (before < 0)
				desk->spoken[(*n)++].item = item;
			else
			{
				double was = confidence(model, before);
				double is = confidence(model, rule);

				if (was > is || (was == is && before < rule))
					continue;
			}
			desk->best[item] = rule + 1;
		}
	}
	for (int32_t i = 0; i < *n; i++)
	{
		desk->spoken[i].rule = desk->best[desk->spoken[i].item] - 1;
		desk->spoken[i].score = confidence(model, desk->spoken[i].rule);
	}
	return CORE_OK;
}

static int
compare_answers(const void *left, const void *right)
{
	const BasketAnswer *a = left;
	const BasketAnswer *b = right;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return (a->rule > b->rule) - (a->rule < b->rule);
}

/* Fill up with the most popular; answers out [*n] stand already. */
static CoreStatus
fill_up(Env *env, BasketDesk *desk, const BasketAsk *ask, BasketAnswer *out, int32_t *n, int64_t *work)
{
	const BasketModel *model = desk->model;

	for (int32_t i = 0; i < *n; i++)
		desk->mark[out[i].item] |= MARK_TAKEN;
	for (int32_t p = 0; p < model->items && *n < ask->k; p++)
	{
		int32_t item = model->popular[p];

		if (stopped(env, work, 1))
			return CORE_CANCELLED;
		if (allowed(desk, ask, item))
			out[(*n)++] = (BasketAnswer){
				.score = (double) model->count[item] / (double) model->baskets, .rule = -1, .item = item};
	}
	return CORE_OK;
}

CoreStatus
basket_rank(Env *env, BasketDesk *desk, const BasketAsk *ask, BasketAnswer *out, int32_t *n)
{
	int64_t work = 0;
	int32_t spoken = 0;
	CoreStatus status = CORE_OK;

	for (int32_t c = 0; ask->candidates != NULL && c < ask->n_candidates; c++)
		desk->mark[ask->candidates[c]] |= MARK_CANDIDATE;
	for (int32_t g = 0; g < ask->n_given; g++)
		desk->mark[ask->given[g]] |= MARK_GIVEN;

	if (ask->by_rules)
		status = hear_rules(env, desk, ask, &spoken, &work);
	if (status == CORE_OK)
	{
		qsort(desk->spoken, (size_t) spoken, sizeof(BasketAnswer), compare_answers);
		*n = spoken < ask->k ? spoken : ask->k;
		memcpy(out, desk->spoken, (size_t) *n * sizeof(BasketAnswer));
		status = fill_up(env, desk, ask, out, n, &work);
		for (int32_t i = 0; i < *n; i++)
			desk->mark[out[i].item] = 0;
	}

	for (int32_t i = 0; i < spoken; i++)
		desk->best[desk->spoken[i].item] = 0;
	for (int32_t c = 0; ask->candidates != NULL && c < ask->n_candidates; c++)
		desk->mark[ask->candidates[c]] = 0;
	for (int32_t g = 0; g < ask->n_given; g++)
		desk->mark[ask->given[g]] = 0;
	return status;
}

/* ---- judging ---- */

void
basket_share(int64_t hits, int64_t judged, double *value, double *low, double *high)
{
	const double z = 1.959963984540054;
	double n = (double) judged;
	double share = (double) hits / n;
	double middle = (share + z * z / (2 * n)) / (1 + z * z / n);
	double half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n);

	*value = share;
	*low = middle - half > 0 ? middle - half : 0;
	*high = middle + half < 1 ? middle + half : 1;
}

/* Rank of the item among the answers, from 1; 0: not there. */
static int32_t
place_of(const BasketAnswer *answers, int32_t n, int32_t item)
{
	for (int32_t i = 0; i < n; i++)
		if (answers[i].item == item)
			return i + 1;
	return 0;
}

typedef struct Judge
{
	Env *env;
	BasketDesk desk;
	int32_t *given; /* [items] */
	BasketAnswer *answers; /* [k] */
	const BasketCases *cases; /* NULL: not wanted */
	uint64_t seed;
} Judge;

/* Which entry of a basket is left out. */
static int64_t
entry_left_out(const Judge *judge, const Csr *baskets, int32_t row)
{
	int64_t start = baskets->start[row];
	int64_t least = start;
	uint64_t least_hash = UINT64_MAX;

	if (judge->cases == NULL)
		return start +
			   rng_below(judge->seed, 1, (uint64_t) row, (uint32_t) (baskets->start[row + 1] - start));
	for (int64_t e = start; e < baskets->start[row + 1]; e++)
	{
		uint64_t hash = rng_hash3(judge->seed, (uint64_t) row, judge->cases->item_key[baskets->col[e]]);

		if (hash < least_hash)
		{
			least = e;
			least_hash = hash;
		}
	}
	return least;
}

static CoreStatus
judge_basket(Judge *judge, const Csr *baskets, int32_t row, int32_t k, BasketJudgement *out)
{
	int64_t start = baskets->start[row];
	int64_t length = baskets->start[row + 1] - start;
	int64_t left_out = entry_left_out(judge, baskets, row);
	BasketAsk ask = {.given = judge->given, .k = k};
	int32_t place[2];

	for (int64_t e = start; e < start + length; e++)
		if (e != left_out && baskets->col[e] < judge->desk.model->items)
			judge->given[ask.n_given++] = baskets->col[e];
	for (int by_rules = 0; by_rules < 2; by_rules++)
	{
		int32_t n;
		CoreStatus status;

		ask.by_rules = by_rules;
		status = basket_rank(judge->env, &judge->desk, &ask, judge->answers, &n);
		if (status != CORE_OK)
			return status;
		place[by_rules] = place_of(judge->answers, n, baskets->col[left_out]);
		out->spoken += by_rules && n > 0 && judge->answers[0].rule >= 0;
	}
	if (judge->cases != NULL)
		judge->cases->place[row] = place[1];
	out->judged++;
	out->popular_hits += place[0] > 0;
	out->hits += place[1] > 0;
	out->both_hits += place[0] > 0 && place[1] > 0;
	out->popular_reciprocal_ranks += place[0] > 0 ? 1.0 / place[0] : 0;
	out->reciprocal_ranks += place[1] > 0 ? 1.0 / place[1] : 0;
	return CORE_OK;
}

CoreStatus
basket_judge(Env *env, const BasketModel *model, const Csr *baskets, const int32_t *rows, int32_t n_rows,
			 int32_t k, uint64_t seed, const BasketCases *cases, BasketJudgement *out)
{
	Judge judge = {.env = env, .cases = cases, .seed = seed};
	CoreStatus status = basket_desk_open(env, model, &judge.desk);

	*out = (BasketJudgement){0};
	k = k < model->items ? k : model->items;
	judge.given = env->alloc(env, ((size_t) model->items + 1) * sizeof(int32_t));
	judge.answers = env->alloc(env, bytes_times((size_t) k + 1, sizeof(BasketAnswer)));
	if (judge.given == NULL || judge.answers == NULL)
		status = CORE_NO_MEMORY;
	for (int32_t r = 0; status == CORE_OK && r < (rows != NULL ? n_rows : baskets->rows); r++)
	{
		int32_t row = rows != NULL ? rows[r] : r;

		if (env->cancelled(env))
			status = CORE_CANCELLED;
		else if (baskets->start[row + 1] - baskets->start[row] > 1)
			status = judge_basket(&judge, baskets, row, k, out);
		else if (cases != NULL)
			cases->place[row] = -1;
	}
	if (judge.given != NULL)
		env->release(env, judge.given);
	if (judge.answers != NULL)
		env->release(env, judge.answers);
	basket_desk_close(env, &judge.desk);
	return status;
}
