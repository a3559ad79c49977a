/*
 * canary.c - faults made on purpose, which a checker must report: one that reports none of them sees nothing
 *
 * Each is made with memory of the server's contexts, so it is seen only where PostgreSQL tells the checker what its contexts
 * give out and take back.  test/reliability/checked.sh calls them before any test.
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(canary);

/* Read and written through these, lest the compiler leave out or refuse what it sees to be wrong. */
static volatile int zero = 0;
static volatile int sink;

static void
write_past_end(void)
{
	volatile char *bytes = palloc(13);

	bytes[13 + zero] = 1;
}

static void
read_freed(void)
{
	volatile char *bytes = palloc0(40);

	pfree((void *) bytes);
	sink = bytes[8 + zero];
}

static void
branch_on_uninitialised(void)
{
	volatile int *numbers = palloc(10 * sizeof(int));

	if (numbers[5 + zero] == 7)
		sink = 1;
}

static void
overflow(void)
{
	int number = INT_MAX - zero;

	sink = number + 1 + zero;
}

Datum
canary(PG_FUNCTION_ARGS)
{
	const char *fault = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (strcmp(fault, "write past end") == 0)
		write_past_end();
	else if (strcmp(fault, "read freed") == 0)
		read_freed();
	else if (strcmp(fault, "branch on uninitialised") == 0)
		branch_on_uninitialised();
	else if (strcmp(fault, "overflow") == 0)
		overflow();
	else
		elog(ERROR, "no such fault: %s", fault);
	PG_RETURN_VOID();
}
