/*
 * lift.c - the effect of promotions and prices as aggregates
 *
 * Every overload of an aggregate has a C function of its own, since a transition function may not ask what types it was
 * called with: Citus calls it through wrappers.  All of them end in one `accumulate`, which the compiler specialises.
 *
 * What the data cannot carry is no error, or one product without a promotion would end a query over four thousand.  The effect
 * (or its error) is NULL then, the column `note` says why, and so do WARNINGs, up to MAX_WARNINGS a statement.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/lift_result.h"
#include "api/lift_state.h"
#include "bridge/rows.h"

#define MAX_WARNINGS 10
#define FEW_CLUSTERS 30

/* ---- transition ---- */

/* The aggregate's state, to be changed: its own in place, anything else as a copy; NULL when there is none yet. */
static inline LiftState *
own_state(FunctionCallInfo fcinfo, bool in_aggregate)
{
	if (PG_ARGISNULL(0))
		return NULL;
	if (likely(in_aggregate && VARATT_IS_4B_U(PG_GETARG_POINTER(0))))
		return (LiftState *) PG_GETARG_POINTER(0);
	return lift_state_copy(lift_state_open(PG_GETARG_DATUM(0)));
}

/* A state that leaves an aggregate's inside is compact. */
static inline Datum
give_state(LiftState *state, bool in_aggregate)
{
	return PointerGetDatum(in_aggregate ? state : lift_state_compact(state));
}

static void
not_finite(const char *argument, double value)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("argument \"%s\" must be finite, got %s", argument, isnan(value) ? "NaN" : "infinity"),
			 errhint("Leave such rows out, for instance with FILTER (WHERE ...).")));
}

static inline void
check_finite(const char *argument, double value)
{
	if (unlikely(!isfinite(value)))
		not_finite(argument, value);
}

static void
kind_mismatch(void)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("state is of another kind of aggregate"),
					errhint("Start from NULL, or from a state made with the same arguments.")));
}

/* covariates, one-dimensional; NULL when an element is. */
static const double *
read_covariates(ArrayType *array, int *n)
{
	const double *values;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("argument \"covariates\" must have one dimension, got %d", ARR_NDIM(array))));
	*n = ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
	if (array_contains_nulls(array))
		return NULL;
	values =
		(const double *) ((const char *) array +
						  (ARR_HASNULL(array) ? array->dataoffset : (int32) ARR_OVERHEAD_NONULLS(*n > 0)));
	for (int i = 0; i < *n; i++)
		if (unlikely(!isfinite(values[i])))
			not_finite(psprintf("covariates[%d]", i + 1), values[i]);
	return values;
}

/* The state for rows of this many covariates: decided by the first row, the same for all. */
static LiftState *
check_columns(LiftState *state, int covariates)
{
	int most = state->errors == FIT_HC1 ? MOMENTS_MAX_FOURTH - 1 : LIFT_MAX_COLUMNS - 1;

	if (state->k != 0)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"covariates\" must have the same length in every row, got %d after %d",
						covariates, state->k - 1)));
	if (covariates > most)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("argument \"covariates\" must have at most %d elements, got %d", most, covariates),
				 errhint("Use promoai.promo_lift_fit_source, which reads its source twice and takes any "
						 "number of covariates.")));
	return lift_state_set_columns(state, covariates + 1);
}

static pg_attribute_always_inline Datum
accumulate(FunctionCallInfo fcinfo, FitErrors errors, LiftForm form, bool promo_is_boolean, bool covariates)
{
	bool in_aggregate = AggCheckCallContext(fcinfo, NULL) != 0;
	LiftState *state = own_state(fcinfo, in_aggregate);
	const int cluster = covariates ? 4 : 3;
	const double *more = NULL;
	int n_more = 0;
	double sales;
	double promo;
	double *row;

	if (unlikely(state == NULL))
		state = lift_state_new(errors, form);
	else if (unlikely(state->errors != errors || state->form != form))
		kind_mismatch();
	if (unlikely(PG_ARGISNULL(1) || PG_ARGISNULL(2) || (covariates && PG_ARGISNULL(3)) ||
				 (errors == FIT_CLUSTERED && PG_ARGISNULL(cluster))))
	{
		state->nulls++;
		return give_state(state, in_aggregate);
	}
	sales = PG_GETARG_FLOAT8(1);
	promo = promo_is_boolean ? (double) PG_GETARG_BOOL(2) : PG_GETARG_FLOAT8(2);
	check_finite(form == LIFT_LOG ? "quantity" : "sales", sales);
	if (!promo_is_boolean)
		check_finite(form == LIFT_LOG ? "price" : "promo", promo);
	if (covariates)
		more = read_covariates(PG_GETARG_ARRAYTYPE_P(3), &n_more);
	if (unlikely(state->k != n_more + 1))
		state = check_columns(state, n_more);
	if (covariates && more == NULL)
	{
		state->nulls++;
		return give_state(state, in_aggregate);
	}
	if (form == LIFT_LOG)
	{
		if (sales <= 0 || promo <= 0)
		{
			state->not_positive++;
			return give_state(state, in_aggregate);
		}
		sales = log(sales);
		promo = log(promo);
	}
	row = lift_state_next_row(&state);
	*row++ = promo;
	for (int i = 0; i < n_more; i++)
		*row++ = more[i];
	*row++ = sales;
	if (errors == FIT_CLUSTERED)
	{
		int64 key = PG_GETARG_INT64(cluster);

		memcpy(row, &key, sizeof(key));
	}
	state->n_rows++;
	return give_state(state, in_aggregate);
}

#define TRANSITION(name, errors, form, promo_is_boolean, covariates)                                         \
	PG_FUNCTION_INFO_V1(name);                                                                               \
	Datum name(PG_FUNCTION_ARGS)                                                                             \
	{                                                                                                        \
		return accumulate(fcinfo, errors, form, promo_is_boolean, covariates);                               \
	}                                                                                                        \
	extern Datum name(PG_FUNCTION_ARGS)

TRANSITION(promoai_lift_add_boolean, FIT_HC1, LIFT_LINEAR, true, false);
TRANSITION(promoai_lift_add_graded, FIT_HC1, LIFT_LINEAR, false, false);
TRANSITION(promoai_lift_add_boolean_covariates, FIT_HC1, LIFT_LINEAR, true, true);
TRANSITION(promoai_lift_add_graded_covariates, FIT_HC1, LIFT_LINEAR, false, true);
TRANSITION(promoai_lift_add_boolean_cluster, FIT_CLUSTERED, LIFT_LINEAR, true, false);
TRANSITION(promoai_lift_add_graded_cluster, FIT_CLUSTERED, LIFT_LINEAR, false, false);
TRANSITION(promoai_lift_add_boolean_covariates_cluster, FIT_CLUSTERED, LIFT_LINEAR, true, true);
TRANSITION(promoai_lift_add_graded_covariates_cluster, FIT_CLUSTERED, LIFT_LINEAR, false, true);
TRANSITION(promoai_elasticity_add, FIT_HC1, LIFT_LOG, false, false);
TRANSITION(promoai_elasticity_add_covariates, FIT_HC1, LIFT_LOG, false, true);
TRANSITION(promoai_elasticity_add_cluster, FIT_CLUSTERED, LIFT_LOG, false, false);
TRANSITION(promoai_elasticity_add_covariates_cluster, FIT_CLUSTERED, LIFT_LOG, false, true);

PG_FUNCTION_INFO_V1(promoai_lift_combine);
Datum
promoai_lift_combine(PG_FUNCTION_ARGS)
{
	bool in_aggregate = AggCheckCallContext(fcinfo, NULL) != 0;
	LiftState *left = own_state(fcinfo, in_aggregate);

	if (!PG_ARGISNULL(1))
		left = lift_state_combine(left, lift_state_open(PG_GETARG_DATUM(1)));
	if (left == NULL)
		PG_RETURN_NULL();
	return give_state(left, in_aggregate);
}

PG_FUNCTION_INFO_V1(promoai_lift_compact);
Datum
promoai_lift_compact(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(lift_state_compact(lift_state_open(PG_GETARG_DATUM(0))));
}

/* ---- what the numbers must not be read without ---- */

static void add_note(StringInfo notes, const char *format, ...) pg_attribute_printf(2, 3);

static void
add_note(StringInfo notes, const char *format, ...)
{
	va_list arguments;
	int needed;

	if (notes->len > 0)
		appendStringInfoString(notes, "; ");
	do
	{
		va_start(arguments, format);
		needed = appendStringInfoVA(notes, format, arguments);
		va_end(arguments);
		if (needed > 0)
			enlargeStringInfo(notes, needed);
	} while (needed > 0);
}

static void
note_columns(StringInfo notes, const LiftFit *fit, const SolveReport *report, LiftForm form)
{
	const char *promo = form == LIFT_LOG ? "price" : "promo";

	if (form == LIFT_LINEAR && report->none_promoted)
		add_note(notes, "no row is promoted");
	else if (form == LIFT_LINEAR && report->all_promoted && report->columns[0] == SOLVE_CONSTANT)
		add_note(notes, "all rows are promoted alike, there is nothing to compare with");
	else if (report->columns[0] == SOLVE_CONSTANT)
		add_note(notes, "%s does not vary", promo);
	else if (report->columns[0] == SOLVE_COLLINEAR)
		add_note(notes, "%s is a linear combination of the covariates", promo);
	for (int32 c = 1; c < fit->p - 1; c++)
	{
		if (report->columns[c] == SOLVE_CONSTANT)
			add_note(notes, "covariate %d does not vary and was left out", c);
		else if (report->columns[c] == SOLVE_COLLINEAR)
			add_note(notes, "covariate %d is a linear combination of those before it and was left out", c);
	}
}

static void
note_errors(StringInfo notes, const LiftFit *fit, const SolveReport *report, LiftForm form)
{
	if (report->no_rows_left)
		add_note(notes, "as many terms as rows, no errors can be had");
	else if (report->sales_constant)
		add_note(notes, "%s not vary, no errors can be had", form == LIFT_LOG ? "quantity does" : "sales do");
	else if (report->one_cluster)
		add_note(notes, "one cluster, no errors can be had");
	else if (report->digits_lost)
		add_note(notes,
				 "fewer than %d digits of the standard error are left, since the fit is all but perfect%s: "
				 "promoai.promo_lift_fit_source, which reads its source twice, has it",
				 SOLVE_DIGITS, fit->p > FIT_COVARIATE ? " or covariates are all but collinear" : "");
	for (int32 i = FIT_COVARIATE; fit->covariance != NULL && i < fit->p; i++)
	{
		if (isnan(fit->coefficients[i]) || !isnan(fit->covariance[(Size) i * fit->p + i]))
			continue;
		add_note(
			notes,
			"fewer than %d digits are left of the standard errors of some terms, and of the lift's interval, "
			"since covariates are all but collinear: promoai.promo_lift_fit_source, which reads its source "
			"twice, has them",
			SOLVE_DIGITS);
		break;
	}
	if (fit->n_clusters > 1 && fit->n_clusters < FEW_CLUSTERS)
		add_note(notes, INT64_FORMAT " clusters, errors by cluster can be too small below %d",
				 fit->n_clusters, FEW_CLUSTERS);
	if (form == LIFT_LINEAR && report->one_promoted && fit->covariance != NULL)
		add_note(notes, "one promoted row, from which no error can be judged");
	else if (form == LIFT_LINEAR && report->one_unpromoted && fit->covariance != NULL)
		add_note(notes, "one row without promotion, from which no error can be judged");
	else if (form == LIFT_LINEAR && report->one_cluster_differs && fit->covariance != NULL)
		add_note(notes, "promo differs in one cluster only, from which no error can be judged");
}

static char *
fit_note(const LiftFit *fit, const SolveReport *report, LiftForm form)
{
	StringInfoData notes;

	initStringInfo(&notes);
	if (fit->n == 0)
		add_note(&notes, "no row is left to fit");
	else if (report->too_few_rows)
		add_note(&notes, INT64_FORMAT " rows are too few for %d terms", fit->n, fit->p);
	else
	{
		note_columns(&notes, fit, report, form);
		note_errors(&notes, fit, report, form);
	}
	return notes.len > 0 ? notes.data : NULL;
}

/* The note as a WARNING, but for a statement of many groups not each of theirs. */
static void
warn(const char *note)
{
	static TimestampTz statement = 0;
	static int warned = 0;

	if (statement != GetCurrentStatementStartTimestamp())
	{
		statement = GetCurrentStatementStartTimestamp();
		warned = 0;
	}
	if (++warned > MAX_WARNINGS)
		return;
	ereport(WARNING, (errmsg("%s", note),
					  warned == MAX_WARNINGS
						  ? errdetail("Further warnings of this statement stand in the column note alone.")
						  : 0));
}

static void
fit_state(const LiftState *state, LiftFit *fit)
{
	SolveReport report;

	lift_state_fit(state, fit, &report);
	fit->note = fit_note(fit, &report, state->form);
	if (fit->note != NULL)
		warn(fit->note);
}

/* ---- results ---- */

PG_FUNCTION_INFO_V1(promoai_lift_final);
Datum
promoai_lift_final(PG_FUNCTION_ARGS)
{
	const LiftState *state;
	LiftFit fit;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = lift_state_open(PG_GETARG_DATUM(0));
	if (state->form != LIFT_LINEAR)
		kind_mismatch();
	fit_state(state, &fit);
	PG_RETURN_DATUM(lift_result(fcinfo, &fit));
}

/* promoai.elasticity_fit: the columns of a lift that make sense for it, and the rows without logarithm. */
PG_FUNCTION_INFO_V1(promoai_elasticity_final);
Datum
promoai_elasticity_final(PG_FUNCTION_ARGS)
{
	static const int from[] = {0, 1, -1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 16, 17, 18};
	Datum all[LIFT_FIT_COLUMNS];
	bool all_nulls[LIFT_FIT_COLUMNS];
	Datum values[lengthof(from)];
	bool nulls[lengthof(from)];
	const LiftState *state;
	LiftFit fit;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = lift_state_open(PG_GETARG_DATUM(0));
	if (state->form != LIFT_LOG)
		kind_mismatch();
	fit_state(state, &fit);
	lift_result_columns(&fit, all, all_nulls);
	for (int i = 0; i < (int) lengthof(from); i++)
	{
		values[i] = from[i] < 0 ? Int64GetDatum(state->not_positive) : all[from[i]];
		nulls[i] = from[i] < 0 ? false : all_nulls[from[i]];
	}
	PG_RETURN_DATUM(rows_single(fcinfo, values, nulls));
}

/* ---- terms as rows ---- */

static char **
covariate_names(ArrayType *array, int32 n)
{
	Datum *elements;
	bool *nulls;
	int length;
	char **names = palloc(sizeof(char *) * Max(n, 1));

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &length);
	if (length != n)
		ereport(
			ERROR,
			(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
			 errmsg("argument \"names\" must have one element for each of the fit's %d covariates, got %d", n,
					length)));
	for (int32 i = 0; i < n; i++)
		names[i] = nulls[i] ? psprintf("covariate %d", i + 1) : TextDatumGetCString(elements[i]);
	return names;
}

static void
put_term(ReturnSetInfo *rows, int32 position, const char *name, const FitTerm *term)
{
	const double numbers[] = {term->estimate, term->std_error, term->t,
							  term->p_value,  term->ci_low,    term->ci_high};
	Datum values[2 + lengthof(numbers)];
	bool nulls[2 + lengthof(numbers)] = {false};

	values[0] = Int32GetDatum(position);
	values[1] = CStringGetTextDatum(name);
	for (int i = 0; i < (int) lengthof(numbers); i++)
	{
		values[2 + i] = Float8GetDatum(numbers[i]);
		nulls[2 + i] = isnan(numbers[i]);
	}
	rows_put(rows, values, nulls);
}

static Datum
put_terms(FunctionCallInfo fcinfo, const char *promo)
{
	ReturnSetInfo *rows = rows_open(fcinfo);
	LiftFit fit;
	char **names = NULL;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	lift_result_read(PG_GETARG_HEAPTUPLEHEADER(0), &fit);
	if (fit.p > 0 && !PG_ARGISNULL(1))
		names = covariate_names(PG_GETARG_ARRAYTYPE_P(1), Max(fit.p - FIT_COVARIATE, 0));
	for (int32 i = 0; i < fit.p; i++)
	{
		double variance = fit.covariance == NULL ? NAN : fit.covariance[(Size) i * fit.p + i];
		FitTerm term = fit_term(fit.coefficients[i], variance, fit.df);
		const char *name = i == FIT_INTERCEPT ? "intercept"
						   : i == FIT_PROMO   ? promo
						   : names == NULL    ? psprintf("covariate %d", i - FIT_COVARIATE + 1)
											  : names[i - FIT_COVARIATE];

		put_term(rows, i + 1, name, &term);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(promoai_lift_terms);
Datum
promoai_lift_terms(PG_FUNCTION_ARGS)
{
	return put_terms(fcinfo, "promo");
}

PG_FUNCTION_INFO_V1(promoai_elasticity_terms);
Datum
promoai_elasticity_terms(PG_FUNCTION_ARGS)
{
	return put_terms(fcinfo, "log_price");
}
