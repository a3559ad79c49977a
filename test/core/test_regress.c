/*
 * test_regress.c - least squares, absorbed effects, clustered errors against R (lm with dummies, sandwich::vcovCL)
 *
 *   test_regress --write FILE    write the made-up panel as CSV, for reference_regress.R
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "promote/absorb.h"
#include "promote/regress.h"
#include "regress_reference.h"
#include "rng.h"

#define ROWS 900
#define UNITS 60
#define TIMES 26
#define REGIONS 7
#define COLUMNS 6 /* sales, promo, x1, x2, constant, x1 + 2 x2 */

enum
{
	UNIT,
	TIME,
	REGION,
	GROUPS
};

typedef struct Panel
{
	int32_t group[GROUPS][ROWS];
	double column[COLUMNS][ROWS];
	int32_t levels[GROUPS];
	int32_t *groups[GROUPS];
	double *columns[COLUMNS];
	Design design;
} Panel;

/* An unbalanced panel with two units that occur once, prices around 10,000, and covariates tied to the others. */
static void
make_panel(Panel *panel, bool graded)
{
	for (int32_t i = 0; i < ROWS; i++)
	{
		uint64_t row = (uint64_t) i;
		int32_t unit = i < 2 ? UNITS - 1 - i : (int32_t) rng_below(7, 1, row, UNITS - 2);
		int32_t time = (int32_t) rng_below(7, 2, row, TIMES) * (unit % 3 + 1) / 3;
		double level = rng_normal(7, 3, (uint64_t) unit);
		double season = rng_normal(7, 4, (uint64_t) time);
		double x1 = 10000 + 0.01 * rng_normal(7, 5, row) + 0.02 * level;
		double x2 = rng_normal(7, 6, row) + 0.5 * season;
		bool on = rng_uniform(7, 7, row) < 0.3 + 0.1 * (level > 0);
		double promo = on ? (graded ? 0.1 * (1 + rng_below(7, 8, row, 5)) : 1) : 0;

		panel->group[UNIT][i] = unit;
		panel->group[TIME][i] = time;
		panel->group[REGION][i] = unit % REGIONS;
		panel->column[0][i] = 50 + 3 * promo + 20 * (x1 - 10000) - 2 * x2 + 4 * level + 3 * season +
							  (1 + promo) * rng_normal(7, 9, row);
		panel->column[1][i] = promo;
		panel->column[2][i] = x1;
		panel->column[3][i] = x2;
		panel->column[4][i] = 12.5;
		panel->column[5][i] = x1 + 2 * x2;
	}
	for (int32_t g = 0; g < GROUPS; g++)
		panel->groups[g] = panel->group[g];
	for (int32_t c = 0; c < COLUMNS; c++)
		panel->columns[c] = panel->column[c];
	panel->levels[UNIT] = UNITS;
	panel->levels[TIME] = TIMES;
	panel->levels[REGION] = REGIONS;
	panel->design = (Design){.n = ROWS,
							 .n_groups = GROUPS,
							 .group = panel->groups,
							 .levels = panel->levels,
							 .n_columns = COLUMNS,
							 .column = panel->columns};
}

static int
write_panel(const char *path)
{
	static Panel on;
	static Panel graded;
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return 1;
	make_panel(&on, false);
	make_panel(&graded, true);
	fprintf(file, "unit,time,region,sales,promo,x1,x2,graded_sales,graded\n");
	for (int i = 0; i < ROWS; i++)
		fprintf(file, "%d,%d,%d,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g\n", on.group[UNIT][i], on.group[TIME][i],
				on.group[REGION][i], on.column[0][i], on.column[1][i], on.column[2][i], on.column[3][i],
				graded.column[0][i], graded.column[1][i]);
	return fclose(file);
}

typedef struct Answer
{
	double coefficients[COLUMNS];
	double covariance[COLUMNS * COLUMNS];
	double means[COLUMNS];
	bool dropped[COLUMNS];
	Regression regression;
} Answer;

static void
answer_init(Answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->regression.coefficients = answer->coefficients;
	answer->regression.covariance = answer->covariance;
	answer->regression.promoted_means = answer->means;
	answer->regression.dropped = answer->dropped;
}

static CoreStatus
fit_panel(CoreEnv *env, Panel *panel, const int *how, Answer *answer)
{
	RegressTask task = {.design = &panel->design,
						.n_effects = how[0],
						.n_clusters = how[1],
						.cluster = {how[2], how[3]},
						.tolerance = 1e-12,
						.iterations = 1000};
	int64_t alone;
	CoreStatus status = design_settle(&env->env, &panel->design);

	answer_init(answer);
	if (status == CORE_OK)
		status = design_drop_singletons(&env->env, &panel->design, how[0], &alone);
	return status == CORE_OK ? regress_fit(&env->env, &task, &answer->regression) : status;
}

/* Case by case: effects, ways of clustering, the two clusters, graded. */
static const int cases[][5] = {
	{0, 0, 0, 0, 0},       {0, 1, UNIT, 0, 0},      {0, 2, UNIT, TIME, 0}, {1, 0, 0, 0, 0},
	{1, 1, UNIT, 0, 0},    {2, 0, 0, 0, 0},         {2, 1, UNIT, 0, 0},    {2, 1, REGION, 0, 0},
	{2, 2, UNIT, TIME, 0}, {2, 2, REGION, TIME, 0}, {0, 0, 0, 0, 1},       {2, 1, TIME, 0, 1},
};

static void
check_relative(double got, double wanted)
{
	CHECK(fabs(got - wanted) <= 1e-8 * fabs(wanted));
	if (!(fabs(got - wanted) <= 1e-8 * fabs(wanted)))
		printf("  %.12g against %.12g\n", got, wanted);
}

/* A row of the reference: case, n, k, df, promo, x1, x2, their errors, r2, expected, lift_low, lift_high. */
static void
check_case(int number)
{
	static Panel panel;
	static Answer answer;
	const double *wanted = regress_reference[number];
	const LiftFit *fit = &answer.regression.fit;
	CoreEnv env;

	core_env_init(&env);
	make_panel(&panel, cases[number][4]);
	CHECK(fit_panel(&env, &panel, cases[number], &answer) == CORE_OK);
	CHECK(env.live == 0);
	CHECK(answer.regression.verdict == REGRESS_FITTED);
	CHECK(!answer.dropped[1] && !answer.dropped[2] && !answer.dropped[3] && answer.dropped[4] &&
		  answer.dropped[5]);
	printf("case %d\n", number);
	CHECK(wanted[0] == number && fit->n == (int64_t) wanted[1]);
	CHECK(answer.regression.used_df == (int64_t) wanted[2] && fit->df == wanted[3]);
	for (int c = 1; c <= 3; c++)
	{
		check_relative(answer.coefficients[c], wanted[3 + c]);
		check_relative(sqrt(answer.covariance[c * COLUMNS + c]), wanted[6 + c]);
	}
	check_relative(fit->r2, wanted[10]);
	check_relative(fit->expected_without_promo, wanted[11]);
	check_relative(fit->lift_low, wanted[12]);
	check_relative(fit->lift_high, wanted[13]);
	CHECK(isnan(answer.coefficients[0]) == (cases[number][0] > 0) && isnan(answer.coefficients[4]));
}

/* The order of rows changes no bit. */
static void
test_order(void)
{
	static Panel panel;
	static Panel turned;
	static Answer one;
	static Answer other;
	CoreEnv env;

	core_env_init(&env);
	make_panel(&panel, false);
	make_panel(&turned, false);
	for (int i = 0; i < ROWS; i++)
	{
		int from = (int) ((int64_t) i * 7919 % ROWS);

		for (int g = 0; g < GROUPS; g++)
			turned.group[g][i] = panel.group[g][from];
		for (int c = 0; c < COLUMNS; c++)
			turned.column[c][i] = panel.column[c][from];
	}
	CHECK(fit_panel(&env, &panel, cases[8], &one) == CORE_OK);
	CHECK(fit_panel(&env, &turned, cases[8], &other) == CORE_OK);
	CHECK(memcmp(&one.regression.fit.lift_low, &other.regression.fit.lift_low, 2 * sizeof(double)) == 0);
	CHECK(memcmp(one.coefficients + 1, other.coefficients + 1, 3 * sizeof(double)) == 0);
	CHECK(one.covariance[COLUMNS + 1] == other.covariance[COLUMNS + 1]);
}

/* Every failing allocation and every cancel gives back what was taken. */
static void
test_failures(void)
{
	static Panel panel;
	static Answer answer;
	CoreEnv env;
	long allocations;
	long looks;

	core_env_init(&env);
	make_panel(&panel, true);
	CHECK(fit_panel(&env, &panel, cases[9], &answer) == CORE_OK);
	allocations = env.allocations;
	looks = env.looks;
	for (long at = 1; at <= allocations; at++)
	{
		core_env_init(&env);
		env.fail_at = at;
		make_panel(&panel, true);
		CHECK(fit_panel(&env, &panel, cases[9], &answer) == CORE_NO_MEMORY);
		CHECK(env.live == 0);
	}
	for (long at = 1; at <= looks; at += 1 + looks / 200)
	{
		core_env_init(&env);
		env.cancel_at = at;
		make_panel(&panel, true);
		CHECK(fit_panel(&env, &panel, cases[9], &answer) == CORE_CANCELLED);
		CHECK(env.live == 0);
	}
}

static RegressVerdict
verdict_of(Panel *panel, const int *how, int32_t *culprit)
{
	static Answer answer;
	CoreEnv env;

	core_env_init(&env);
	CHECK(fit_panel(&env, panel, how, &answer) == CORE_OK);
	CHECK(env.live == 0);
	*culprit = answer.regression.culprit;
	return answer.regression.verdict;
}

static void
test_verdicts(void)
{
	static Panel panel;
	int32_t culprit;

	make_panel(&panel, false);
	for (int i = 0; i < ROWS; i++)
		panel.column[1][i] = 1;
	CHECK(verdict_of(&panel, cases[0], &culprit) == REGRESS_PROMO_CONSTANT);

	make_panel(&panel, false);
	for (int i = 0; i < ROWS; i++)
		panel.column[1][i] = panel.group[TIME][i] % 3 == 0;
	CHECK(verdict_of(&panel, cases[6], &culprit) == REGRESS_PROMO_ABSORBED);
	CHECK(verdict_of(&panel, cases[0], &culprit) == REGRESS_FITTED);

	make_panel(&panel, false);
	for (int i = 0; i < ROWS; i++)
		panel.column[3][i] = 5 - 2 * panel.column[1][i];
	CHECK(verdict_of(&panel, cases[6], &culprit) == REGRESS_PROMO_COLLINEAR && culprit == 3);

	make_panel(&panel, false);
	panel.design.n = 4;
	panel.column[1][0] = 1;
	panel.column[1][1] = 0;
	CHECK(verdict_of(&panel, cases[0], &culprit) == REGRESS_TOO_FEW_ROWS);
	panel.design.n = 0;
	CHECK(verdict_of(&panel, cases[0], &culprit) == REGRESS_TOO_FEW_ROWS);

	make_panel(&panel, false);
	memset(panel.group[UNIT], 0, sizeof(panel.group[UNIT]));
	CHECK(verdict_of(&panel, cases[1], &culprit) == REGRESS_ONE_CLUSTER && culprit == 0);
}

/* A chain: each time is shared by two neighbouring units only, the worst case for alternating projections. */
static void
test_chain(void)
{
	enum
	{
		LINKS = 400
	};
	static int32_t unit[2 * LINKS];
	static int32_t time[2 * LINKS];
	static double y[2 * LINKS];
	int32_t *groups[] = {unit, time};
	int32_t levels[] = {LINKS + 1, LINKS};
	Design design = {.n = 2 * LINKS, .n_groups = 2, .group = groups, .levels = levels};
	double largest = 0;
	Absorb *absorb;
	CoreEnv env;
	int32_t sweeps;
	bool converged;
	int64_t rank;

	core_env_init(&env);
	for (int i = 0; i < LINKS; i++)
	{
		unit[2 * i] = i;
		unit[2 * i + 1] = i + 1;
		time[2 * i] = time[2 * i + 1] = i;
	}
	for (int i = 0; i < 2 * LINKS; i++)
		y[i] = 1e6 + 100 * sin(unit[i]) + 30 * cos(3 * time[i]);
	CHECK(absorb_create(&env.env, &design, 2, &absorb) == CORE_OK);
	CHECK(absorb_column(absorb, y, 1e-12, 5000, &sweeps, &converged) == CORE_OK && converged);
	for (int i = 0; i < 2 * LINKS; i++)
		largest = fmax(largest, fabs(y[i]));
	printf("chain of %d: %d sweeps, %.1e left\n", LINKS, sweeps, largest);
	CHECK(largest < 1e-6); /* of a spread of 100: all is explained by the effects */
	CHECK(sweeps < LINKS);
	y[0] += 1;
	CHECK(absorb_column(absorb, y, 1e-15, 3, &sweeps, &converged) == CORE_OK && !converged);
	absorb_free(absorb);
	CHECK(absorb_rank(&env.env, &design, 2, &rank) == CORE_OK && rank == 2 * LINKS);

	CHECK(env.live == 0);
}

/* A source may have no rows, and then no arrays: UndefinedBehaviorSanitizer holds against it what is copied from NULL. */
static void
test_no_rows(void)
{
	int32_t *groups[1] = {NULL};
	int32_t levels[1] = {0};
	double *columns[2] = {NULL, NULL};
	Design design = {.n_groups = 1, .group = groups, .levels = levels, .n_columns = 2, .column = columns};
	CoreEnv env;

	core_env_init(&env);
	CHECK(design_sort(&env.env, &design) == CORE_OK);
	CHECK(design_settle(&env.env, &design) == CORE_OK);
	CHECK(env.live == 0);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--write") == 0)
		return write_panel(argv[2]);
	for (int i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++)
		check_case(i);
	test_order();
	test_failures();
	test_verdicts();
	test_chain();
	test_no_rows();
	return check_finish();
}
