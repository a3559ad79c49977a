/*
 * partition_matrix.c - the arrays of a window's partition as a matrix, and answers handed out by row
 *
 * Phases, at the first call in a partition: parameters from the first row; all arrays into one matrix (its width is that of
 * the first array), leaving out rows with NULLs; the rows sorted by value, so that nothing depends on the order in which the
 * executor delivers them; the work; answers put back into the order of the partition.
 *
 * Memory, with n the rows of the partition: 8 n width for the matrix, 4 n for where each row came from, 4 n or 8 n twice for
 * answers, and the larger of what sorting and what the work needs.  Only the answers outlive the first call.  What
 * evaluating a row's arguments leaves behind is freed row by row.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "windowapi.h"

#include "api/partition_matrix.h"
#include "bridge/memory.h"
#include "core/segment/points.h"

#define FEATURES 0 /* the argument that holds them */

/* Lives as long as the partition; cleared when it begins. */
typedef struct PartitionAnswers
{
	bool done;
	int32 *label; /* [rows of the partition] 0 gives NULL */
	double *value; /* the same, NaN gives NULL */
} PartitionAnswers;

/* One partition being read. */
typedef struct Reading
{
	const PartitionTask *task;
	WindowObject window;
	const Args *args;
	bool *varies; /* [args->n] not the same by its form alone: compared row by row */
	const void *parameters;
	int64 rows;
	MemoryContext scratch; /* reset for every row */
	MemoryContext memory; /* of the matrix and the work */
	PartitionMatrix matrix;
	int32 *row; /* [n] where each row of the matrix stands in the partition */
} Reading;

/* An argument of a row of the partition; valid until the next one is asked for. */
static Datum
row_argument(const Reading *reading, int argument, int64 row, bool *null)
{
	bool outside;

	return WinGetFuncArgInPartition(reading->window, argument, (int) row, WINDOW_SEEK_HEAD, false, null,
									&outside);
}

/* ---- parameters ---- */

/* The executor leaves a window function's arguments empty: put those of the first row there. */
static void
fill_arguments(Reading *reading, FunctionCallInfo fcinfo)
{
	const Args *args = reading->args;

	reading->varies = palloc0(sizeof(bool) * args->n);
	for (int i = FEATURES + 1; i < args->n; i++)
	{
		NullableDatum *argument = &fcinfo->args[i];
		int16 length;
		bool by_value;

		argument->value = row_argument(reading, i, 0, &argument->isnull);
		get_typlenbyval(args->types[i], &length, &by_value);
		if (!argument->isnull)
			argument->value = datumCopy(argument->value, by_value, length);
		reading->varies[i] = !get_fn_expr_arg_stable(fcinfo->flinfo, i);
	}
}

/* A parameter that comes from the rows must be the same in all of them. */
static void
compare_arguments(const Reading *reading, int64 row)
{
	const Args *args = reading->args;

	for (int i = FEATURES + 1; i < args->n; i++)
	{
		const NullableDatum *first = &args->fcinfo->args[i];
		int16 length;
		bool by_value;
		bool null;
		Datum value;

		if (!reading->varies[i])
			continue;
		value = row_argument(reading, i, row, &null);
		get_typlenbyval(args->types[i], &length, &by_value);
		if (null != first->isnull || (!null && !datum_image_eq(value, first->value, by_value, length)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must be the same for all rows of a partition", args->names[i])));
	}
}

/* ---- the matrix ---- */

static uint64
matrix_bytes(const Reading *reading, int64 n, int32 width)
{
	uint64 answer = reading->task->numbers ? sizeof(double) : sizeof(int32);

	return memory_add(memory_mul(n, memory_mul(width, sizeof(double))),
					  memory_mul(n, 2 * answer + sizeof(int32)));
}

static void
require_memory(const Reading *reading, uint64 bytes)
{
	memory_require_setting(memory_add(bytes, matrix_bytes(reading, reading->rows, reading->matrix.width)),
						   reading->task->what);
}

static void
start_matrix(Reading *reading)
{
	int32 width = reading->matrix.width;

	require_memory(reading, 0);
	reading->matrix.x =
		MemoryContextAllocHuge(reading->memory, sizeof(double) * (Size) reading->rows * width);
	reading->row = MemoryContextAllocHuge(reading->memory, sizeof(int32) * (Size) reading->rows);
}

/* The length of the first array is that of all. */
static void
check_width(Reading *reading, const ArrayType *array)
{
	PartitionMatrix *matrix = &reading->matrix;
	const char *name = reading->args->names[FEATURES];
	int32 width;

	if (ARR_NDIM(array) != 1)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("argument \"%s\" must be an array of one dimension with at least one element",
							   name)));
	width = ARR_DIMS(array)[0];
	if (matrix->width == 0)
		matrix->width = width;
	if (width != matrix->width)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must have the same length in all rows of a partition, got %d and %d",
						name, Min(width, matrix->width), Max(width, matrix->width))));
}

static void
check_finite(const Reading *reading, const double *values)
{
	for (int32 c = 0; c < reading->matrix.width; c++)
		if (unlikely(!isfinite(values[c])))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("argument \"%s\" must be finite, got %s as element %d",
							reading->args->names[FEATURES], isnan(values[c]) ? "NaN" : "infinity", c + 1)));
}

static void
read_row(Reading *reading, int64 row)
{
	PartitionMatrix *matrix = &reading->matrix;
	bool null;
	Datum features = row_argument(reading, FEATURES, row, &null);
	ArrayType *array;
	const double *values;
	double *to;

	if (null)
		return;
	array = DatumGetArrayTypeP(features);
	check_width(reading, array);
	if (array_contains_nulls(array))
		return;
	values = (const double *) ((char *) array +
							   (ARR_HASNULL(array) ? array->dataoffset : (int32) ARR_OVERHEAD_NONULLS(1)));
	check_finite(reading, values);
	if (matrix->x == NULL)
		start_matrix(reading);
	to = matrix->x + (Size) matrix->n * matrix->width;
	for (int32 c = 0; c < matrix->width; c++)
		to[c] = values[c] + 0.0; /* -0 becomes 0 */
	reading->row[matrix->n++] = (int32) row;
}

static void
read_rows(Reading *reading)
{
	MemoryContext caller = MemoryContextSwitchTo(reading->scratch);

	for (int64 row = 0; row < reading->rows; row++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(reading->scratch);
		compare_arguments(reading, row);
		read_row(reading, row);
	}
	MemoryContextSwitchTo(caller);
}

/* ---- the work ---- */

static void
put_back(const Reading *reading, PartitionAnswers *answers)
{
	const PartitionMatrix *matrix = &reading->matrix;

	for (int32 i = 0; i < matrix->n; i++)
	{
		if (unlikely(i % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (reading->task->numbers)
			answers->value[reading->row[i]] = matrix->value[i];
		else
			answers->label[reading->row[i]] = matrix->label[i];
	}
}

static void
do_work(Reading *reading)
{
	const PartitionTask *task = reading->task;
	PartitionMatrix *matrix = &reading->matrix;
	PgEnv env;
	uint64 work = task->need(matrix->n, matrix->width, reading->parameters);
	uint64 sorting = points_sort_bytes(matrix->n, matrix->width);

	require_memory(reading, Max(work, sorting));
	env_init(&env, reading->memory);
	env_check(&env, points_sort(&env.base, matrix->x, matrix->n, matrix->width, reading->row),
			  "sorting rows");
	if (task->numbers)
		matrix->value = MemoryContextAllocHuge(reading->memory, sizeof(double) * (Size) matrix->n);
	else
		matrix->label = MemoryContextAllocExtended(reading->memory, sizeof(int32) * (Size) matrix->n,
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	matrix->env = &env;
	task->work(matrix, reading->parameters);
}

/* Answers of NULL for every row; they stay until the partition ends. */
static void
start_answers(PartitionAnswers *answers, const Reading *reading)
{
	MemoryContext partition = GetMemoryChunkContext(answers);

	if (!reading->task->numbers)
	{
		answers->label = MemoryContextAllocExtended(partition, sizeof(int32) * (Size) reading->rows,
													MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		return;
	}
	answers->value = MemoryContextAllocHuge(partition, sizeof(double) * (Size) reading->rows);
	for (int64 row = 0; row < reading->rows; row++)
		answers->value[row] = NAN;
}

static void
label_partition(FunctionCallInfo fcinfo, const PartitionTask *task, PartitionAnswers *answers)
{
	Reading reading = {.task = task, .window = PG_WINDOW_OBJECT(), .args = args_open(fcinfo)};

	fill_arguments(&reading, fcinfo);
	reading.parameters = task->parameters(reading.args);
	reading.rows = WinGetPartitionRowCount(reading.window);
	if (reading.rows > PG_INT32_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("%s takes at most %d rows in a partition", task->what, PG_INT32_MAX)));
	reading.scratch = AllocSetContextCreate(CurrentMemoryContext, "promoai row", ALLOCSET_DEFAULT_SIZES);
	reading.memory = AllocSetContextCreate(CurrentMemoryContext, "promoai partition", ALLOCSET_DEFAULT_SIZES);
	read_rows(&reading);
	MemoryContextDelete(reading.scratch);
	start_answers(answers, &reading);
	if (reading.matrix.n > 0)
	{
		do_work(&reading);
		put_back(&reading, answers);
	}
	MemoryContextDelete(reading.memory);
	answers->done = true;
}

Datum
partition_answer(FunctionCallInfo fcinfo, const PartitionTask *task)
{
	WindowObject window = PG_WINDOW_OBJECT();
	PartitionAnswers *answers = WinGetPartitionLocalMemory(window, sizeof(PartitionAnswers));
	int64 row;

	if (!answers->done)
		label_partition(fcinfo, task, answers);
	row = WinGetCurrentPosition(window);
	if (task->numbers)
	{
		if (isnan(answers->value[row]))
			PG_RETURN_NULL();
		PG_RETURN_FLOAT8(answers->value[row]);
	}
	if (answers->label[row] == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(answers->label[row]);
}
