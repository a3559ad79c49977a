/*
 * cf_evaluate.c - several ways of recommending compared on one source by an honest protocol
 *
 * Each model's stored definition (its kind and arguments, not what is published) learns from one part of the source and is
 * judged by the other, beside what needs no model: popularity, recent popularity, a customer's own repeats.  Every figure
 * comes with a bootstrap interval over customers, and with its difference to the first model named, customer by
 * customer: interval by the same bootstrap, p-value by a paired t test.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/cf_train.h"
#include "api/experiment.h"
#include "bridge/rows.h"
#include "core/recommend/resample.h"

#define MAX_MODELS 64
#define RECENT_HALF_LIFE 14 /* days, of the baseline by recent popularity */

/* One way of recommending. */
typedef struct Contender
{
	const char *name;
	const char *kind;
	Model *definition; /* NULL: a baseline */
	CfMethod method; /* of a baseline */
	double half_life;
	Recommender *model; /* learned */
} Contender;

typedef struct Comparison
{
	Experiment experiment;
	Contender contender[MAX_MODELS + 3];
	int n;
	int32 lengths[JUDGE_MAX_LENGTHS];
	int n_lengths;
	ReturnSetInfo *rows;
} Comparison;

/* ---- arguments ---- */

static int
compare_lengths(const void *left, const void *right)
{
	return *(const int32 *) left - *(const int32 *) right;
}

static void
read_lengths(Comparison *comparison, const Args *args)
{
	ArrayType *array = DatumGetArrayTypeP(args_datum(args, "k", NULL));
	Datum *values;
	bool *nulls;
	int n;

	deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, &values, &nulls, &n);
	if (n < 1 || n > JUDGE_MAX_LENGTHS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"k\" must hold 1 to %d lengths, got %d", JUDGE_MAX_LENGTHS, n)));
	for (int i = 0; i < n; i++)
	{
		int32 k = nulls[i] ? 0 : DatumGetInt32(values[i]);

		if (k < 1 || k > 1000)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("argument \"k\" must hold numbers between 1 and 1000, got %s",
								   nulls[i] ? "NULL" : psprintf("%d", k))));
		comparison->lengths[i] = k;
	}
	qsort(comparison->lengths, n, sizeof(int32), compare_lengths);
	for (int i = 0; i < n; i++)
		if (comparison->n_lengths == 0 ||
			comparison->lengths[comparison->n_lengths - 1] != comparison->lengths[i])
			comparison->lengths[comparison->n_lengths++] = comparison->lengths[i];
}

static void
read_models(Comparison *comparison, const Args *args)
{
	ArrayType *array = DatumGetArrayTypeP(args_datum(args, "models", NULL));
	Datum *values;
	bool *nulls;
	int n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	if (n > MAX_MODELS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"models\" may name %d models, got %d", MAX_MODELS, n)));
	for (int i = 0; i < n; i++)
	{
		Contender *contender = &comparison->contender[comparison->n++];

		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("argument \"models\" must not hold NULL")));
		contender->name = TextDatumGetCString(values[i]);
		contender->definition = registry_open(contender->name, MODEL_OWN);
		contender->kind = contender->definition->kind;
		if (kind_find(contender->kind)->fit == NULL)
			ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
							errmsg("a model of kind \"%s\" does not learn from purchases", contender->kind)));
	}
}

static void
add_baseline(Comparison *comparison, const char *name, CfMethod method, double half_life)
{
	comparison->contender[comparison->n++] =
		(Contender){.name = name, .kind = "baseline", .method = method, .half_life = half_life};
}

/* ---- learning ---- */

static Recommender *
fit_baseline(const Contender *contender, const Interactions *train, uint64 limit)
{
	CfOptions options = {.method = contender->method,
						 .neighbours = -1,
						 .regularization = NAN,
						 .similarity = -1,
						 .shrinkage = NAN,
						 .weighting = -1,
						 .bm25_k1 = NAN,
						 .bm25_b = NAN,
						 .alpha = NAN,
						 .beta = NAN,
						 .half_life = contender->half_life,
						 .value_transform = -1,
						 .holdout = 0};

	return cf_fit_options(&options, train, limit);
}

static void
learn(Comparison *comparison)
{
	const Interactions *train = &comparison->experiment.train;
	uint64 limit = comparison->experiment.fit_limit;

	for (int c = 0; c < comparison->n; c++)
	{
		Contender *contender = &comparison->contender[c];

		CHECK_FOR_INTERRUPTS();
		contender->model =
			contender->definition == NULL
				? fit_baseline(contender, train, limit)
				: kind_find(contender->kind)->fit(contender->definition, train, limit, CurrentMemoryContext);
		if (contender->model->methods->rated)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("model \"%s\" predicts ratings; lists of it are not compared", contender->name),
					 errhint("promoai.evaluate gives the errors of its predictions.")));
	}
}

/* ---- judging ---- */

/* One figure of one contender beside the first's. */
static void
put_figure(Comparison *comparison, const ExperimentSet *set, int c, const char *metric, int32 k,
		   const MeanInterval *figure, const MeanInterval *difference, double p, int32 n)
{
	const Contender *contender = &comparison->contender[c];
	Datum values[14];
	bool nulls[14] = {0};

	values[0] = CStringGetTextDatum(contender->name);
	values[1] = CStringGetTextDatum(contender->kind);
	values[2] = CStringGetTextDatum(set->name);
	values[3] = BoolGetDatum(set->exclude_seen);
	values[4] = CStringGetTextDatum(metric);
	values[5] = Int32GetDatum(k);
	values[6] = Float8GetDatum(figure->mean);
	values[7] = Float8GetDatum(figure->low);
	values[8] = Float8GetDatum(figure->high);
	values[9] = Int32GetDatum(n);
	values[10] = Float8GetDatum(difference->mean);
	values[11] = Float8GetDatum(difference->low);
	values[12] = Float8GetDatum(difference->high);
	values[13] = Float8GetDatum(p);
	for (int i = 6; i < 14; i++)
		nulls[i] = i != 9 && isnan(DatumGetFloat8(values[i]));
	if (c == 0)
		for (int i = 10; i < 14; i++)
			nulls[i] = true;
	rows_put(comparison->rows, values, nulls);
}

/* All measures of a contender at one length, and their differences to the first contender's. */
static void
put_length(Comparison *comparison, const ExperimentSet *set, int c, int l, const Judged *judged,
		   const Judged *first)
{
	const double *arrays[2 * JUDGE_MEASURES];
	MeanInterval figures[2 * JUDGE_MEASURES];
	const MeanInterval none = {.mean = NAN, .low = NAN, .high = NAN};
	int32 n = judged->n;
	MeanInterval coverage = {.mean = judged->coverage[l], .low = NAN, .high = NAN};

	for (int m = 0; m < JUDGE_MEASURES; m++)
	{
		double *difference = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max((Size) n, 1));

		CHECK_FOR_INTERRUPTS();
		for (int32 i = 0; i < n; i++)
			difference[i] = judged->measure[l][m][i] - first->measure[l][m][i];
		arrays[m] = judged->measure[l][m];
		arrays[JUDGE_MEASURES + m] = difference;
	}
	env_check(&comparison->experiment.env,
			  resample_means(&comparison->experiment.env.base, arrays, 2 * JUDGE_MEASURES, n,
							 comparison->experiment.protocol.seed, figures),
			  "resampling customers");
	for (int m = 0; m < JUDGE_MEASURES; m++)
		pfree((void *) arrays[JUDGE_MEASURES + m]);
	for (int m = 0; m < JUDGE_MEASURES; m++)
	{
		CHECK_FOR_INTERRUPTS();
		put_figure(comparison, set, c, judge_measure_names[m], comparison->lengths[l], &figures[m],
				   &figures[JUDGE_MEASURES + m],
				   paired_t_test(judged->measure[l][m], first->measure[l][m], n), n);
	}
	put_figure(comparison, set, c, "coverage", comparison->lengths[l], &coverage, &none, NAN, n);
}

static void
judge_set(Comparison *comparison, const ExperimentSet *set)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "promoai comparison", ALLOCSET_DEFAULT_SIZES);
	MemoryContext other = AllocSetContextCreate(scratch, "promoai contender", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	Judged first;

	for (int c = 0; c < comparison->n; c++)
	{
		Judged judged;

		/* The first one's measures stay, for the differences to them. */
		if (c > 0)
			MemoryContextSwitchTo(other);
		experiment_judge(&comparison->experiment, comparison->contender[c].model, set, comparison->lengths,
						 comparison->n_lengths, &judged);
		if (c == 0)
			first = judged;
		for (int l = 0; l < comparison->n_lengths; l++)
			put_length(comparison, set, c, l, &judged, &first);
		MemoryContextReset(other);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

/*
 * cf_evaluate(models, source, protocol, k, from_time, test_days, test_share, baselines, seed, memory)
 *		-> (model, kind, targets, exclude_seen, metric, k, value, low, high, customers, difference, difference_low,
 *			difference_high, p_value)
 */
PG_FUNCTION_INFO_V1(promoai_cf_evaluate);
Datum
promoai_cf_evaluate(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	Comparison comparison = {0};
	const ExperimentSet *sets;
	int n_sets;

	read_lengths(&comparison, args);
	experiment_open(&comparison.experiment, args);
	read_models(&comparison, args);
	if (args_bool(args, "baselines"))
	{
		add_baseline(&comparison, "(popularity)", CF_POPULAR, NAN);
		add_baseline(&comparison, "(recent popularity)", CF_POPULAR, RECENT_HALF_LIFE);
		add_baseline(&comparison, "(buy again)", CF_BUY_AGAIN, NAN);
	}
	if (comparison.n == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there is nothing to compare")));
	comparison.experiment.models = comparison.n;
	comparison.experiment.judged = (uint64) (2 * comparison.n_lengths + 1) * JUDGE_MEASURES;
	experiment_read(&comparison.experiment, args_text(args, "source"));
	if (comparison.experiment.all.time == NULL)
		for (int c = 0; c < comparison.n; c++)
			comparison.contender[c].half_life = NAN;
	learn(&comparison);
	comparison.rows = rows_open(fcinfo);
	n_sets = experiment_sets(&comparison.experiment, &sets);
	for (int s = 0; s < n_sets; s++)
		judge_set(&comparison, &sets[s]);
	return (Datum) 0;
}
