/*
 * lift_result.h - a fit as the composite promoai.lift_fit, and back
 */
#ifndef PROMOAI_API_LIFT_RESULT_H
#define PROMOAI_API_LIFT_RESULT_H

#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"

#include "core/promote/fit.h"

/*
 * The fit as one promoai.lift_fit: for functions declared to return that type (or SETOF it, a row at a time).  What is NaN,
 * or not known, becomes NULL.
 */
extern Datum lift_result(FunctionCallInfo fcinfo, const LiftFit *fit);

/* The columns alone, for functions that put others beside them: values and nulls [LIFT_FIT_COLUMNS]. */
#define LIFT_FIT_COLUMNS 19
extern void lift_result_columns(const LiftFit *fit, Datum *values, bool *nulls);

/* What promo_lift_terms needs of a promoai.lift_fit: p, coefficients, covariance, df.  ERROR 22023 when it is forged. */
extern void lift_result_read(HeapTupleHeader row, LiftFit *fit);

#endif
