/*
 * testpoint.c - named places at which a test can stop a backend
 *
 * The settings are superuser-only and not shown by SHOW ALL.  A backend that sleeps here answers cancel and
 * termination at once, waits in class "Extension", and says in pg_stat_activity's query where it is.
 */
#include "postgres.h"

#include <signal.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

#include "bridge/testpoint.h"

#define TEST_LOCK 1886548852

typedef enum TestAction
{
	TEST_SLEEP,
	TEST_WAIT,
	TEST_CANCEL,
	TEST_ERROR,
	TEST_KILL
} TestAction;

static const struct config_enum_entry test_actions[] = {
	{"sleep", TEST_SLEEP, false}, {"wait", TEST_WAIT, false}, {"cancel", TEST_CANCEL, false},
	{"error", TEST_ERROR, false}, {"kill", TEST_KILL, false}, {NULL, 0, false}};

static char *test_point_name = NULL;
static int test_action = TEST_SLEEP;

static void
testpoint_sleep(const char *name)
{
	char *activity = psprintf("promoai test point: %s", name);

	pgstat_report_activity(STATE_RUNNING, activity);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1L, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/* For as long as another session holds the advisory lock TEST_LOCK; then it goes on. */
static void
testpoint_wait(void)
{
	(void) DirectFunctionCall1(pg_advisory_lock_int8, Int64GetDatum(TEST_LOCK));
	(void) DirectFunctionCall1(pg_advisory_unlock_int8, Int64GetDatum(TEST_LOCK));
}

static void
testpoint_stop(const char *name)
{
	switch ((TestAction) test_action)
	{
		case TEST_SLEEP:
			testpoint_sleep(name);
			break;
		case TEST_WAIT:
			testpoint_wait();
			break;
		case TEST_CANCEL: /* which nobody looks for yet */
			kill(MyProcPid, SIGINT);
			break;
		case TEST_ERROR:
			ereport(ERROR, (errcode(ERRCODE_RAISE_EXCEPTION), errmsg("test point \"%s\" was reached", name)));
			break;
		case TEST_KILL:
			kill(MyProcPid, SIGKILL);
			break;
	}
}

void
test_point(const char *name)
{
	if (test_point_name == NULL || test_point_name[0] == '\0')
		return;
	if (strcmp(test_point_name, name) == 0)
		testpoint_stop(name);
}

void
testpoint_init(void)
{
	DefineCustomStringVariable(
		"promoai.test_point", "Names the place at which this session is to stop, for tests.", NULL,
		&test_point_name, "", PGC_SUSET, GUC_NOT_IN_SAMPLE | GUC_NO_SHOW_ALL, NULL, NULL, NULL);
	DefineCustomEnumVariable("promoai.test_action", "What happens at promoai.test_point.", NULL, &test_action,
							 TEST_SLEEP, test_actions, PGC_SUSET, GUC_NOT_IN_SAMPLE | GUC_NO_SHOW_ALL, NULL,
							 NULL, NULL);
}
