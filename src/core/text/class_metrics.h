/*
 * class_metrics.h - how good labels and their probabilities are, over all classes and for each
 */
#ifndef CORE_TEXT_CLASS_METRICS_H
#define CORE_TEXT_CLASS_METRICS_H

#include "../env.h"

/*
 * Rows that were labelled.  A label of -1 is of no class: such a row counts nowhere, not even against the precision of the class
 * that it was taken for.  How well they are told from the others is the threshold's matter.
 */
typedef struct ClassCases
{
	int64_t n;
	int32_t classes;
	const float *probability; /* [n x classes] */
	const int32_t *label; /* [n] what they are */
	const int32_t *predicted; /* [n] what they were taken for */
} ClassCases;

typedef struct ClassFigures
{
	int64_t rows;
	int64_t predicted;
	int64_t correct;
	double precision; /* correct of those predicted; NaN where there are none, and so on */
	double recall; /* correct of the class' rows */
	double f1;
	double auc; /* of its probability against all other rows */
	double auc_error;
} ClassFigures;

typedef struct ClassSummary
{
	int64_t rows; /* that are of a class */
	double accuracy;
	double balanced_accuracy; /* mean recall of the classes that have rows */
	double macro_f1; /* mean F1 of these and of the classes that rows were taken for */
	double log_loss;
} ClassSummary;

/*
 * figures [classes]; areas are measured for the classes that `areas` [classes] marks, NULL: for all.  O(n x classes) and a sort
 * for each area; scratch some 50 bytes a row.
 */
extern CoreStatus class_metrics(Env *env, const ClassCases *cases, const bool *areas, ClassFigures *figures,
								ClassSummary *summary);

/*
 * The probability below which a row is to be taken for none of the classes; top [n] is the largest of each, outside [n] says
 * which are of none.  With such rows: where the share of them below and the share of the others above it sum to the most
 * (Youden 1950); without: the quantile that leaves `share` of the rows below.  0 without rows.
 */
extern CoreStatus class_threshold(Env *env, int64_t n, const float *top, const bool *outside, double share,
								  double *threshold);

#endif
