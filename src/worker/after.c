/*
 * after.c - what follows a publication: statements of the owner's
 *
 * They run one by one, as the owner, under SECURITY_RESTRICTED_OPERATION: the session is somebody else's, a superuser's where
 * the worker runs it, and they can leave nothing behind in it.
 *
 * REFRESH MATERIALIZED VIEW CONCURRENTLY is the exception.  It makes a temporary table of its own, which that state forbids.
 * Standing by itself it runs without the state, as the owner all the same: the command puts itself into it while it runs the
 * view's query and whatever else the view's owner wrote, so that a superuser can refresh anybody's view, and leaves it only
 * for statements that it has made up itself.  It does so since the releases of February 2024 (CVE-2024-0985); with an older
 * one the state stays, and the statement fails.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#include "bridge/testpoint.h"
#include "worker/worker.h"

static bool
refreshes_concurrently(const RawStmt *statement)
{
	return IsA(statement->stmt, RefreshMatViewStmt) && ((RefreshMatViewStmt *) statement->stmt)->concurrent;
}

/* Does the server that runs this keep a view's owner from leaving that state?  Not what it was compiled for counts. */
static bool
refresh_is_safe(void)
{
	int version = atoi(GetConfigOption("server_version_num", false, false));

	return version >= 160002 || (version >= 150006 && version < 160000);
}

static void
run_statement(const char *text)
{
	int code = SPI_execute(text, false, 0);

	if (code == SPI_ERROR_TRANSACTION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their like have no place among them")));
	if (code == SPI_ERROR_COPY)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
						errmsg("COPY from or to a client has no place among them")));
	if (code < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(code));
}

static void
run_unrestricted(const char *text)
{
	Oid user;
	int security;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(user, security & ~SECURITY_RESTRICTED_OPERATION);
	run_statement(text);
	SetUserIdAndSecContext(user, security);
}

void
after_run(Job *job)
{
	Model reader = *job->model;
	const char *text = job->schedule->after;
	ListCell *cell;

	test_point("after");
	reader.search_path = job->schedule->search_path;
	job->owner = registry_enter_owner(&reader);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	foreach (cell, pg_parse_query(text))
	{
		const RawStmt *statement = lfirst_node(RawStmt, cell);
		const char *start = text + statement->stmt_location;
		char *one = pnstrdup(start, statement->stmt_len > 0 ? (Size) statement->stmt_len : strlen(start));

		CHECK_FOR_INTERRUPTS();
		if (refreshes_concurrently(statement) && refresh_is_safe())
			run_unrestricted(one);
		else
			run_statement(one);
		settings_survive_errors();
	}
	SPI_finish();
	registry_leave_owner(job->owner);
}
