/*
 * wake.c - tell a background worker of ours that there is something to look at
 *
 * Workers are found by the name that they show in pg_stat_activity, so nothing of ours need lie in shared memory, and a
 * worker that is not there is not waited for.  A worker woken in vain looks and sleeps on.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/backend_status.h"

#include "bridge/compat.h"
#include "bridge/wake.h"

static const char *wanted = NULL; /* by this transaction */

static void
wake_all(const char *application)
{
	int n;

	pgstat_clear_backend_activity_snapshot();
	n = pgstat_fetch_stat_numbackends();
	for (int i = 1; i <= n; i++)
	{
		const PgBackendStatus *status = &compat_local_beentry(i)->backendStatus;
		PGPROC *process;

		if (status->st_backendType != B_BG_WORKER || strcmp(status->st_appname, application) != 0)
			continue;
		process = BackendPidGetProc(status->st_procpid);
		if (process != NULL)
			SetLatch(&process->procLatch);
	}
}

static void
wake_callback(XactEvent event, void *arg)
{
	const char *application = wanted;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	wanted = NULL;
	if (event == XACT_EVENT_COMMIT && application != NULL)
		wake_all(application);
}

void
wake_at_commit(const char *application)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(wake_callback, NULL);
	registered = true;
	wanted = application;
}
