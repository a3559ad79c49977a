/*
 * partition_matrix.h - what every window function that gives each row of a partition a label needs
 *
 *   f(features float8[], parameters ...) OVER (PARTITION BY ...)
 *
 * The first call in a partition reads the parameters from the first row, collects the arrays of all rows into a matrix and
 * has the whole partition labelled; later calls hand out.  The frame and the order of the window do not matter, nor does the
 * order in which rows come: they are sorted by their values first.
 *
 *   - a row whose array is NULL or holds a NULL is left out and gets NULL
 *   - NaN and infinity (22003), arrays of differing lengths (2202E), empty ones and those of several dimensions (2202E) are
 *     errors
 *   - a parameter that is not the same for all rows of the partition is an error (22023)
 *
 * Memory is counted against maintenance_work_mem before it is taken, and freed with the partition.
 */
#ifndef PROMOAI_API_PARTITION_MATRIX_H
#define PROMOAI_API_PARTITION_MATRIX_H

#include "postgres.h"

#include "fmgr.h"

#include "bridge/args.h"
#include "bridge/env.h"

typedef struct PartitionMatrix
{
	int32 n; /* rows without NULL, at least 1 */
	int32 width;
	double *x; /* [n x width] row by row, sorted by value, finite, no -0; the work may change it */
	PgEnv *env; /* for kernels; its memory is freed when the work is done */

	/* the answer, one of the two by PartitionTask.numbers */
	int32 *label; /* [n] from 1, 0 gives NULL; cleared */
	double *value; /* [n] NaN gives NULL */
} PartitionMatrix;

typedef struct PartitionTask
{
	const char *what; /* the function's name: completes "... needs 81 MB of memory" */
	bool numbers; /* float8 for each row, not int4 */

	/* Read and check the parameters, by name (args_int, options_from_call, ...); the answer is handed to need and work. */
	void *(*parameters)(const Args *args);

	/* Bytes that the work takes beside the matrix; overflow is UINT64_MAX. */
	uint64 (*need)(int32 n, int32 width, const void *parameters);

	void (*work)(PartitionMatrix *matrix, const void *parameters);
} PartitionTask;

/* The body of such a function: return partition_answer(fcinfo, &task).  The first argument holds the features. */
extern Datum partition_answer(FunctionCallInfo fcinfo, const PartitionTask *task);

#endif
