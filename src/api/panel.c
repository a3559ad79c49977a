/*
 * panel.c - a promotion's effect from rows in memory: promo_lift_fit_source, promo_panel_fit
 *
 * The source's columns are sorted into roles before a row is read: columns that `effects` and `cluster` name are what rows
 * share, of the others the first is sales, the second promo, the rest covariates.  Without `effects` a panel's first two
 * columns are unit and time.  Then rows are read into memory, put into canonical order and handed to core/promote/regress.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "api/lift_result.h"
#include "api/table.h"
#include "bridge/args.h"
#include "bridge/compat.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/rows.h"
#include "core/promote/regress.h"

#define FEW_CLUSTERS 30
#define PERFECT 1e-14 /* share of the variance of sales left that may be rounding */
#define FIT_SOURCE_COLUMNS (LIFT_FIT_COLUMNS + 6)

typedef struct PanelFit
{
	char *source;
	bool panel; /* promo_panel_fit */
	List *effects; /* names, as given; NIL: the first two columns */
	List *clusters; /* names, as given */
	bool hc1;
	double tolerance;
	int iterations;
	char *memory;

	SourceField *fields; /* [n_fields] */
	int n_fields;
	Table table;
	int *group; /* [n_groups] columns of the table: effects first, then clusters that are no effects */
	int n_groups;
	int n_effects;
	int n_clusters;
	int cluster[REGRESS_MAX_CLUSTERS]; /* places in group */
	int *column; /* [n_columns] columns of the table: sales, promo, covariates */
	int n_columns;

	int64 singletons;
	const char *compared; /* why errors mean nothing, NULL: no reason */
	bool lone_unpromoted; /* one row has promo 0, the others the same value */
	Regression fit;
} PanelFit;

/* ---- arguments ---- */

/* 'store, week' as a list of names, folded as SQL folds them; NIL when NULL. */
static List *
names_of(const Args *args, const char *argument)
{
	char *text = args_text_or_null(args, argument);
	List *names;

	if (text == NULL)
		return NIL;
	if (!SplitIdentifierString(pstrdup(text), ',', &names) || names == NIL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" must be a list of column names, got \"%s\"", argument,
							   args_quoted(text)),
						errhint("Separate names by commas, as in 'store, week'.")));
	return names;
}

static char *
field_names(const PanelFit *fit)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < fit->n_fields; i++)
		appendStringInfo(&list, "%s%s", i == 0 ? "" : ", ", fit->fields[i].name);
	return list.data;
}

static int
field_named(const PanelFit *fit, const char *name, const char *argument)
{
	int found = -1;

	for (int i = 0; i < fit->n_fields; i++)
	{
		if (strcmp(fit->fields[i].name, name) != 0)
			continue;
		if (found >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("argument \"%s\": the source has several columns \"%s\"", argument, name)));
		found = i;
	}
	if (found < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("argument \"%s\": the source has no column \"%s\"", argument, args_quoted(name)),
				 errdetail("Its columns are: %s.", field_names(fit))));
	return found;
}

static int
group_of(const PanelFit *fit, int field)
{
	for (int g = 0; g < fit->n_groups; g++)
		if (fit->group[g] == field)
			return g;
	return -1;
}

static void
choose_groups(PanelFit *fit)
{
	ListCell *cell;

	fit->group = palloc(sizeof(int) * (fit->n_fields + 2));
	foreach (cell, fit->effects)
	{
		int field = field_named(fit, lfirst(cell), "effects");

		if (group_of(fit, field) < 0)
			fit->group[fit->n_groups++] = field;
	}
	if (fit->panel && fit->effects == NIL)
		for (int field = 0; field < 2; field++)
			fit->group[fit->n_groups++] = field;
	fit->n_effects = fit->n_groups;

	foreach (cell, fit->clusters)
	{
		int field = field_named(fit, lfirst(cell), "cluster");

		if (group_of(fit, field) < 0)
			fit->group[fit->n_groups++] = field;
		fit->cluster[fit->n_clusters++] = group_of(fit, field);
	}
	if (fit->n_clusters == 2 && fit->cluster[0] == fit->cluster[1])
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"cluster\" names column \"%s\" twice",
							   fit->fields[fit->group[fit->cluster[0]]].name)));
	if (fit->panel && !fit->hc1 && fit->n_clusters == 0)
		fit->cluster[fit->n_clusters++] = 0;
}

/* Every column of the source in its role; what is missing is added, so that reading says what was expected. */
static void
choose_columns(PanelFit *fit)
{
	static const char *const names[] = {"sales", "promo"};
	static const char *const group_names[] = {"unit", "time"};
	int room = fit->n_fields + 4;
	Table *table = &fit->table;

	table->columns = palloc0(sizeof(SourceColumn) * room);
	fit->column = palloc(sizeof(int) * room);
	for (int i = 0; i < fit->n_fields || fit->n_columns < 2; i++)
	{
		SourceColumn *column = &table->columns[table->n_columns++];
		int group = group_of(fit, i);

		column->name = i < fit->n_fields ? fit->fields[i].name : "";
		if (group >= 0)
		{
			column->kind = SOURCE_KEY;
			if (fit->panel && fit->effects == NIL && group < 2)
				column->name = group_names[group];
			continue;
		}
		column->kind = fit->n_columns == 0 ? SOURCE_NUMBER : SOURCE_LEVEL;
		if (fit->n_columns < 2)
			column->name = names[fit->n_columns];
		fit->column[fit->n_columns++] = i;
	}
	if (fit->n_columns > REGRESS_MAX_COLUMNS)
		ereport(ERROR, (errcode(ERRCODE_TOO_MANY_COLUMNS),
						errmsg("source has %d covariates, more than the %d that are possible",
							   fit->n_columns - 2, REGRESS_MAX_COLUMNS - 2)));
}

static void
read_arguments(PanelFit *fit, const Args *args)
{
	static const char *const errors[] = {"cluster", "hc1", NULL};
	int32 choice = 0;
	const Option options[] = {{"errors", OPTION_CHOICE, 0, .choices = errors}, {NULL}};

	fit->source = args_text(args, "source");
	fit->memory = args_text_or_null(args, "memory");
	fit->clusters = names_of(args, "cluster");
	if (list_length(fit->clusters) > REGRESS_MAX_CLUSTERS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"cluster\" must name one or two columns, got %d",
							   list_length(fit->clusters))));
	if (fit->panel)
	{
		const Option numbers[] = {
			{"tolerance", OPTION_REAL, offsetof(PanelFit, tolerance), .min = 1e-14, .max = 1e-4},
			{"iterations", OPTION_INT, offsetof(PanelFit, iterations), .min = 1, .max = 1000000},
			{NULL}};

		options_from_call(numbers, args, fit);
		fit->effects = names_of(args, "effects");
		options_from_call(options, args, &choice);
		fit->hc1 = choice == 1;
		option_refuse(fit->hc1 && fit->clusters != NIL, "cluster", "errors => 'hc1'", NULL);
	}
	fit->table.limit = memory_limit(fit->memory);
	fit->fields = source_describe(fit->source, &fit->n_fields);
	choose_groups(fit);
	choose_columns(fit);
}

/* ---- reading ---- */

static uint64
fit_need(const void *arg, uint64 rows)
{
	const PanelFit *fit = arg;
	uint64 work = regress_bytes((int64) rows, fit->n_columns, fit->n_effects, fit->n_clusters);
	uint64 sorting = design_scratch_bytes((int64) rows);

	return Max(work, sorting);
}

static Design *
make_design(PanelFit *fit)
{
	Table *table = &fit->table;
	Design *design = palloc0(sizeof(Design));

	design->n = table->n;
	design->n_groups = fit->n_groups;
	design->group = palloc(sizeof(int32 *) * Max(fit->n_groups, 1));
	design->levels = palloc(sizeof(int32) * Max(fit->n_groups, 1));
	for (int g = 0; g < fit->n_groups; g++)
	{
		design->group[g] = table->index[fit->group[g]];
		design->levels[g] = table->n == 0 ? 0 : table->ids[fit->group[g]]->n;
	}
	design->n_columns = fit->n_columns;
	design->column = palloc(sizeof(double *) * fit->n_columns);
	for (int c = 0; c < fit->n_columns; c++)
		design->column[c] = table->number[fit->column[c]];
	return design;
}

/* ---- the answer ---- */

static const char *
column_name(const PanelFit *fit, int column)
{
	return fit->fields[fit->column[column]].name;
}

pg_noreturn static void
refuse(const PanelFit *fit)
{
	const Regression *found = &fit->fit;

	switch (found->verdict)
	{
		case REGRESS_PROMO_CONSTANT:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("column \"%s\" has the same value in all rows", column_name(fit, FIT_PROMO)),
					 errhint("An effect shows only where rows with and without promotion can be compared.")));
			break;
		case REGRESS_PROMO_ABSORBED:
			ereport(
				ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("column \"%s\" does not vary beside the effects", column_name(fit, FIT_PROMO)),
				 errhint(
					 "A promotion that all units share at a time, or that a unit has at all times, cannot be "
					 "told apart from the effects of time and unit.")));
			break;
		case REGRESS_PROMO_COLLINEAR:
			ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
							errmsg("column \"%s\" cannot be told apart from the covariates",
								   column_name(fit, FIT_PROMO)),
							found->culprit < 0 ? 0
											   : errdetail("It follows mostly column \"%s\".",
														   column_name(fit, found->culprit)),
							errhint("Leave that covariate out of the source.")));
			break;
		case REGRESS_TOO_FEW_ROWS:
			ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
							errmsg("source has " INT64_FORMAT " usable rows, too few for " INT64_FORMAT
								   " coefficients",
								   fit->table.n - fit->singletons, found->used_df),
							errdetail(INT64_FORMAT " rows were skipped for a NULL, " INT64_FORMAT
												   " stood alone in an effect.",
									  fit->table.rows_skipped, fit->singletons)));
			break;
		case REGRESS_ONE_CLUSTER:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("column \"%s\" has one cluster only",
							fit->fields[fit->group[fit->cluster[found->culprit]]].name),
					 errhint("Errors can be clustered where there are several independent clusters.")));
			break;
		case REGRESS_NOT_CONVERGED:
			ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
							errmsg("the effects could not be taken out of column \"%s\" within %d iterations",
								   column_name(fit, found->culprit), fit->iterations),
							errhint("Raise iterations, or tolerance => %g.", fit->tolerance)));
			break;
		case REGRESS_FITTED:
			break;
	}
	elog(ERROR, "unexpected verdict %d", (int) found->verdict);
}

/* The values of promo that rows are compared by: the two that there are, or, when there are more, none and all of it. */
static void
compared_values(const Design *design, double values[2])
{
	const double *promo = design->column[FIT_PROMO];
	int found = 1;

	values[0] = design->n > 0 ? promo[0] : 0;
	for (int64 i = 1; i < design->n; i++)
	{
		if (unlikely(i % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (promo[i] == values[0] || (found == 2 && promo[i] == values[1]))
			continue;
		if (found == 2)
		{
			values[0] = 0;
			values[1] = 1;
			return;
		}
		values[found++] = promo[i];
	}
	if (found == 1)
		values[1] = values[0];
}

/* The only level among rows whose promo is not `value`: -1 when there is none, -2 when there are several. */
static int32
only_level(const Design *design, const int32 *level, double value)
{
	const double *promo = design->column[FIT_PROMO];
	int32 only = -1;

	for (int64 i = 0; i < design->n && only != -2; i++)
	{
		if (unlikely(i % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (promo[i] != value)
			only = only == -1 || only == level[i] ? level[i] : -2;
	}
	return only;
}

/* The promo of the only row whose promo is not `value`; NaN when there is none, or several. */
static double
only_other(const Design *design, double value)
{
	const double *promo = design->column[FIT_PROMO];
	double other = NAN;
	int count = 0;

	for (int64 i = 0; i < design->n && count < 2; i++)
	{
		if (unlikely(i % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (promo[i] == value)
			continue;
		other = promo[i];
		count++;
	}
	return count == 1 ? other : NAN;
}

/* A side of the comparison that is one row, or one cluster, leaves residuals that sum to 0: errors come out far too small. */
static void
look_at_comparison(PanelFit *fit, const Design *design)
{
	double values[2];

	compared_values(design, values);
	for (int side = 0; side < 2 && fit->compared == NULL; side++)
	{
		double other = only_other(design, values[side]);

		if (isnan(other))
			continue;
		fit->lone_unpromoted = other == 0;
		fit->compared = other == 0 ? "one row without promotion, from which no error can be judged"
						: values[side] == 0
							? "one promoted row, from which no error can be judged"
							: "promo differs in one row only, from which no error can be judged";
	}
	for (int w = 0; w < fit->n_clusters && fit->compared == NULL; w++)
	{
		const int32 *level = design->group[fit->cluster[w]];

		if (only_level(design, level, values[0]) >= 0 || only_level(design, level, values[1]) >= 0)
			fit->compared =
				psprintf("promo differs in one cluster of \"%s\" only, from which no error can be judged",
						 fit->fields[fit->group[fit->cluster[w]]].name);
	}
}

static bool
has_covariates(const PanelFit *fit)
{
	for (int c = FIT_COVARIATE; c < fit->n_columns; c++)
		if (!fit->fit.dropped[c])
			return true;
	return false;
}

/* Errors that would come out as 0, as promo_lift_fit withholds them: no interval is that narrow. */
static void
withhold_errors(PanelFit *fit)
{
	LiftFit *lift = &fit->fit.fit;

	if (isnan(lift->r2))
	{
		lift->covariance = NULL;
		lift->std_error = lift->t = lift->p_value = lift->ci_low = lift->ci_high = NAN;
		lift->lift_low = lift->lift_high = NAN;
	}
	else if (fit->lone_unpromoted && fit->n_effects == 0 && !has_covariates(fit))
	{
		/* the intercept is that row */
		for (int c = 0; c < fit->n_columns; c++)
			lift->covariance[c] = lift->covariance[c * fit->n_columns] = NAN;
		lift->lift_low = lift->lift_high = NAN;
	}
}

static void
run_fit(PanelFit *fit)
{
	PgEnv env;
	Design *design = make_design(fit);
	RegressTask task = {.design = design,
						.n_effects = fit->n_effects,
						.n_clusters = fit->n_clusters,
						.tolerance = fit->tolerance,
						.iterations = fit->iterations};
	Size p = fit->n_columns;

	for (int w = 0; w < fit->n_clusters; w++)
		task.cluster[w] = fit->cluster[w];
	fit->fit.coefficients = palloc(sizeof(double) * p);
	fit->fit.covariance = palloc(sizeof(double) * p * p);
	fit->fit.promoted_means = palloc(sizeof(double) * p);
	fit->fit.dropped = palloc(sizeof(bool) * p);
	env_init(&env, fit->table.memory);
	env_check(&env, design_settle(&env.base, design), "sorting rows");
	env_check(&env, design_drop_singletons(&env.base, design, fit->n_effects, &fit->singletons),
			  "looking for rows that stand alone");
	look_at_comparison(fit, design);
	env_check(&env, regress_fit(&env.base, &task, &fit->fit), "fitting");
	if (fit->fit.verdict != REGRESS_FITTED)
		refuse(fit);
	fit->fit.fit.rows_skipped = fit->table.rows_skipped;
	withhold_errors(fit);
}

static void
add_note(PanelFit *fit)
{
	LiftFit *lift = &fit->fit.fit;
	char *few = NULL;

	if (fit->compared == NULL && isnan(lift->r2))
		fit->compared = "sales do not vary, no errors can be judged";
	else if (fit->compared == NULL && lift->r2 > 1 - PERFECT)
		fit->compared = "the fit is perfect but for rounding, which is all that the errors show";

	if (fit->compared != NULL)
		ereport(WARNING, (errmsg("%s", fit->compared)));

	if (lift->n_clusters > 0 && lift->n_clusters < FEW_CLUSTERS)
	{
		few = psprintf("only " INT64_FORMAT " clusters: with fewer than %d the errors come out too small",
					   lift->n_clusters, FEW_CLUSTERS);
		ereport(WARNING, (errmsg("%s", few)));
	}
	if (fit->fit.repaired)
		few = psprintf("%s%stwo-way covariance had negative eigenvalues, set to zero", few == NULL ? "" : few,
					   few == NULL ? "" : "; ");
	if (fit->compared != NULL)
		few = psprintf("%s%s%s", few == NULL ? "" : few, few == NULL ? "" : "; ", fit->compared);
	lift->note = few;
}

static Datum
text_array(const char *const *texts, int n)
{
	Datum *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(texts[i]);
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static Datum
answer(FunctionCallInfo fcinfo, const PanelFit *fit)
{
	Datum values[FIT_SOURCE_COLUMNS];
	bool nulls[FIT_SOURCE_COLUMNS];
	const char **names = palloc(sizeof(char *) * fit->n_columns);
	const char **dropped = palloc(sizeof(char *) * fit->n_columns);
	int n_dropped = 0;
	Datum *own = values + LIFT_FIT_COLUMNS;

	lift_result_columns(&fit->fit.fit, values, nulls);
	memset(nulls + LIFT_FIT_COLUMNS, 0, sizeof(bool) * (FIT_SOURCE_COLUMNS - LIFT_FIT_COLUMNS));
	names[0] = "intercept";
	for (int c = 1; c < fit->n_columns; c++)
	{
		names[c] = column_name(fit, c);
		if (fit->fit.dropped[c])
			dropped[n_dropped++] = names[c];
	}
	own[0] = text_array(names, fit->n_columns);
	own[1] = text_array(dropped, n_dropped);
	own[2] = Int64GetDatum(fit->fit.effects_rank);
	own[3] = Int64GetDatum(fit->singletons);
	own[4] = Float8GetDatum(fit->fit.within_r2);
	nulls[LIFT_FIT_COLUMNS + 4] = isnan(fit->fit.within_r2);
	own[5] = Int32GetDatum(fit->fit.sweeps);
	return rows_single(fcinfo, values, nulls);
}

static Datum
fit_source(FunctionCallInfo fcinfo, PanelFit *fit)
{
	fit->table.memory = CurrentMemoryContext;
	fit->table.what = "fitting";
	fit->table.need = fit_need;
	fit->table.need_arg = fit;
	read_arguments(fit, args_open(fcinfo));
	table_read(fit->source, &fit->table);
	run_fit(fit);
	add_note(fit);
	return answer(fcinfo, fit);
}

/* promo_lift_fit_source(source, cluster, memory) -> lift_source_fit */
PG_FUNCTION_INFO_V1(promoai_promo_lift_fit_source);
Datum
promoai_promo_lift_fit_source(PG_FUNCTION_ARGS)
{
	PanelFit fit = {.panel = false};

	return fit_source(fcinfo, &fit);
}

/* promo_panel_fit(source, effects, cluster, errors, tolerance, iterations, memory) -> lift_source_fit */
PG_FUNCTION_INFO_V1(promoai_promo_panel_fit);
Datum
promoai_promo_panel_fit(PG_FUNCTION_ARGS)
{
	PanelFit fit = {.panel = true};

	return fit_source(fcinfo, &fit);
}
