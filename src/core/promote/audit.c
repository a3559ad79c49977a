/*
 * audit.c - what in a shop's rows looks wrong: outliers, mixed units, accounts that order like machines
 *
 * Everything works on rows sorted by design_sort, so the answers do not depend on their order.  The rules are rules of thumb and
 * say so in their names; the thresholds stand in audit.h.  Missing keys (level -1) and amounts that are no finite number
 * above zero take no part.
 *
 * Memory: one copy of the values for their spread; the sort's scratch.
 */
#include <math.h>
#include <string.h>

#include "audit.h"

#define STRETCH 32768 /* rows between two looks at the cancel flag */

bool
audit_same_row(const Design *design, int64_t a, int64_t b)
{
	for (int32_t g = 0; g < design->n_groups; g++)
		if (design->group[g][a] != design->group[g][b])
			return false;
	for (int32_t c = 0; c < design->n_columns; c++)
		if (design->column[c][a] != design->column[c][b])
			return false;
	return true;
}

/* ---- spread ---- */

static CoreStatus
sort_values(Env *env, double *values, int64_t n)
{
	Design design = {.n = n, .n_columns = 1, .column = &values};

	return design_sort(env, &design);
}

static double
middle_of(const double *sorted, int64_t n)
{
	return n % 2 == 1 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
}

/* Robust deviation of the sorted logs about their middle; the logs are overwritten. */
static CoreStatus
deviation(Env *env, double *logs, int64_t n, double middle, double *out)
{
	double sum = 0;
	CoreStatus status;

	for (int64_t i = 0; i < n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		logs[i] = fabs(logs[i] - middle);
		sum += logs[i];
	}
	status = sort_values(env, logs, n);
	*out = 1.4826 * middle_of(logs, n);
	if (!(*out > 1e-9))
		*out = 1.2533 * sum / (double) n;
	return status;
}

static CoreStatus
spread_of(Env *env, double *logs, const double *values, int64_t n, AuditSpread *spread)
{
	double middle;
	double sigma;
	int64_t tens = 0;
	CoreStatus status;

	for (int64_t i = 0; i < n; i++)
	{
		if (i % STRETCH == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		if (!(values[i] > 0 && values[i] < 1e300))
			continue;
		spread->whole &= values[i] == floor(values[i]);
		tens += fmod(values[i], 10) == 0;
		logs[spread->n++] = log(values[i]);
	}
	if (spread->n == 0)
		return CORE_OK;
	spread->tens = (double) tens / (double) spread->n;
	status = sort_values(env, logs, spread->n);
	if (status != CORE_OK)
		return status;
	middle = middle_of(logs, spread->n);
	spread->median = exp(middle);
	if (spread->n < AUDIT_FEWEST)
		return CORE_OK;
	status = deviation(env, logs, spread->n, middle, &sigma);
	if (status == CORE_OK && sigma > 1e-9)
	{
		spread->low = exp(middle - AUDIT_FAR * sigma);
		spread->high = exp(middle + AUDIT_FAR * sigma);
	}
	return status;
}

CoreStatus
audit_spread(Env *env, const double *values, int64_t n, AuditSpread *spread)
{
	double *logs = env->alloc(env, sizeof(double) * (size_t) n + 1);
	CoreStatus status;

	*spread = (AuditSpread){.n = 0, .median = NAN, .low = -INFINITY, .high = INFINITY, .whole = true};
	if (logs == NULL)
		return CORE_NO_MEMORY;
	status = spread_of(env, logs, values, n, spread);
	env->release(env, logs);
	return status;
}

/* ---- mixed units ---- */

/* Rows first .. last - 1 are one item's, by amount. */
static void
flag_item(const double *amount, int64_t first, int64_t last, uint8_t *flag)
{
	int64_t n;
	double middle;

	while (first < last && !(amount[first] > 0))
		first++;
	while (last > first && !(amount[last - 1] < 1e300))
		last--;
	n = last - first;
	if (n < 3)
		return;
	middle = middle_of(amount + first, n);
	for (int64_t i = first; i < last; i++)
	{
		double ratio = amount[i] > middle ? amount[i] / middle : middle / amount[i];

		flag[i] = ratio >= 80 && ratio <= 125;
	}
}

CoreStatus
audit_mixed_units(Env *env, Design *design, uint8_t *flag)
{
	CoreStatus status = design_sort(env, design);
	int64_t first = 0;

	memset(flag, 0, (size_t) design->n);
	while (status == CORE_OK && first < design->n)
	{
		int64_t last = first + 1;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		while (last < design->n && design->group[0][last] == design->group[0][first])
			last++;
		if (design->group[0][first] >= 0)
			flag_item(design->column[0], first, last, flag);
		first = last;
	}
	return status;
}

/* ---- accounts ---- */

/* The longest run of rows first .. last - 1 with the same item and `same` (a day, or an amount). */
static int64_t
longest_run(const Design *design, int64_t first, int64_t last, bool days)
{
	int64_t longest = 0;
	int64_t run = 0;

	for (int64_t i = first; i < last; i++)
	{
		bool same = i > first && design->group[1][i] == design->group[1][i - 1];

		if (days)
			same = same && design->group[2][i] == design->group[2][i - 1];
		else if (design->n_columns > 0)
			same = same && design->column[0][i] == design->column[0][i - 1];
		run = same ? run + 1 : 1;
		if (run > longest && design->group[1][i] >= 0)
			longest = run;
	}
	return longest;
}

/* Walk the accounts; in the order by day runs are bursts, in the order by amount repeats. */
static CoreStatus
walk_accounts(Env *env, const Design *design, bool days, uint8_t *flags, int64_t *rows)
{
	int64_t first = 0;

	while (first < design->n)
	{
		int32_t account = design->group[0][first];
		int64_t last = first + 1;
		int64_t run;

		if (env->cancelled(env))
			return CORE_CANCELLED;
		while (last < design->n && design->group[0][last] == account)
			last++;
		if (account >= 0)
		{
			rows[account] = last - first;
			run = longest_run(design, first, last, days);
			if (days && run >= AUDIT_BURST)
				flags[account] |= AUDIT_BURSTING;
			if (!days && last - first >= AUDIT_REPEATS &&
				(double) run >= AUDIT_REPEAT_SHARE * (double) (last - first))
				flags[account] |= AUDIT_REPEATING;
		}
		first = last;
	}
	return CORE_OK;
}

CoreStatus
audit_accounts(Env *env, Design *design, uint8_t *flags, int64_t *rows)
{
	int32_t groups = design->n_groups;
	CoreStatus status;

	memset(flags, 0, (size_t) design->levels[0]);
	memset(rows, 0, sizeof(*rows) * (size_t) design->levels[0]);
	status = design_sort(env, design);
	if (status == CORE_OK && groups > 2)
		status = walk_accounts(env, design, true, flags, rows);
	if (status != CORE_OK)
		return status;
	if (groups > 2)
	{
		/* by account, item and amount now; the days stay as they are and no longer belong to the rows */
		design->n_groups = 2;
		status = design_sort(env, design);
		design->n_groups = groups;
	}
	return status == CORE_OK ? walk_accounts(env, design, false, flags, rows) : status;
}
