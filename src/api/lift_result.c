/*
 * lift_result.c - a fit as the composite promoai.lift_fit, and back
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/lift_result.h"

static const char *
error_kind(FitErrors errors)
{
	switch (errors)
	{
		case FIT_HC1:
			return "HC1, rows independent";
		case FIT_CLUSTERED:
			return "CR1, clusters independent";
		case FIT_CLUSTERED_TWO_WAYS:
			return "CR1, clustered two ways";
		case FIT_CLASSICAL:
			return "classical, rows independent and of one variance";
	}
	return NULL;
}

/* values [n0 x n1], or [n0] with n1 = 0; NaN becomes NULL. */
static Datum
number_array(const double *values, int n0, int n1)
{
	int dims[2] = {n0, n1};
	int lower[2] = {1, 1};
	int n = n1 > 0 ? n0 * n1 : n0;
	Datum *elements = palloc(sizeof(Datum) * n);
	bool *nulls = palloc(sizeof(bool) * n);

	for (int i = 0; i < n; i++)
	{
		elements[i] = Float8GetDatum(values[i]);
		nulls[i] = isnan(values[i]);
	}
	return PointerGetDatum(construct_md_array(elements, nulls, n1 > 0 ? 2 : 1, dims, lower, FLOAT8OID,
											  sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
put_number(Datum *value, bool *null, double number)
{
	*value = Float8GetDatum(number);
	*null = isnan(number);
}

void
lift_result_columns(const LiftFit *fit, Datum *values, bool *nulls)
{
	const double numbers[] = {fit->df,           fit->t,
							  fit->p_value,      fit->ci_low,
							  fit->ci_high,      fit->expected_without_promo,
							  fit->lift_percent, fit->lift_low,
							  fit->lift_high,    fit->r2};

	memset(nulls, 0, sizeof(bool) * LIFT_FIT_COLUMNS);
	values[0] = Int64GetDatum(fit->n);
	values[1] = Int64GetDatum(fit->rows_skipped);
	put_number(&values[2], &nulls[2], fit->extra_sales_per_row);
	put_number(&values[3], &nulls[3], fit->std_error);
	values[4] = CStringGetTextDatum(error_kind(fit->errors));
	values[5] = Int64GetDatum(fit->n_clusters);
	nulls[5] = fit->n_clusters == 0;
	for (int i = 0; i < (int) lengthof(numbers); i++)
		put_number(&values[6 + i], &nulls[6 + i], numbers[i]);
	values[16] = number_array(fit->coefficients, fit->p, 0);
	nulls[17] = fit->covariance == NULL;
	values[17] = nulls[17] ? (Datum) 0 : number_array(fit->covariance, fit->p, fit->p);
	nulls[18] = fit->note == NULL;
	values[18] = nulls[18] ? (Datum) 0 : CStringGetTextDatum(fit->note);
}

Datum
lift_result(FunctionCallInfo fcinfo, const LiftFit *fit)
{
	TupleDesc desc;
	Datum values[LIFT_FIT_COLUMNS];
	bool nulls[LIFT_FIT_COLUMNS];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != LIFT_FIT_COLUMNS)
		elog(ERROR, "function is not declared to return promoai.lift_fit");
	lift_result_columns(fit, values, nulls);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* The numbers of an array attribute of exactly n0 (x n1) elements, NULL as NaN; NULL when the attribute is NULL. */
static double *
read_numbers(HeapTupleHeader row, const char *name, int n0, int n1)
{
	bool null;
	Datum datum = GetAttributeByName(row, name, &null);
	ArrayType *array;
	Datum *elements;
	bool *nulls;
	double *numbers;
	int n;

	if (null)
		return NULL;
	array = DatumGetArrayTypeP(datum);
	if (ARR_NDIM(array) != (n1 > 0 ? 2 : 1) || (n0 > 0 && ARR_DIMS(array)[0] != n0) ||
		(n1 > 0 && ARR_DIMS(array)[1] != n1))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("column \"%s\" of argument \"fit\" is not of the shape that a fit has", name),
						errhint("Pass a promoai.lift_fit as promo_lift_fit and its kin return it.")));
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls,
					  &n);
	numbers = palloc(sizeof(double) * Max(n, 1));
	for (int i = 0; i < n; i++)
		numbers[i] = nulls[i] ? NAN : DatumGetFloat8(elements[i]);
	return numbers;
}

void
lift_result_read(HeapTupleHeader row, LiftFit *fit)
{
	bool null;
	Datum datum = GetAttributeByName(row, "terms", &null);
	Datum df;

	memset(fit, 0, sizeof(*fit));
	if (null)
		return;
	fit->coefficients = read_numbers(row, "terms", 0, 0);
	fit->p = ARR_DIMS(DatumGetArrayTypeP(datum))[0];
	fit->covariance = read_numbers(row, "covariance", fit->p, fit->p);
	df = GetAttributeByName(row, "df", &null);
	fit->df = null ? NAN : DatumGetFloat8(df);
}
