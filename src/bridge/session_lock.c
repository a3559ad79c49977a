/*
 * session_lock.c - locks that a session holds over its transactions, and that SQL can neither take nor give back
 *
 * Not advisory locks: those of a session go with the first pg_advisory_unlock_all() in anybody's query.  These are locks of
 * objects whose class is no catalog, held by the session.  An error that ends a transaction gives them back, as it does with
 * all locks of their method; the end of a process between two transactions does not, so that is seen to here.
 */
#include "postgres.h"

#include "storage/ipc.h"
#include "storage/lock.h"

#include "bridge/compat.h"
#include "bridge/session_lock.h"

#define MOST_HELD 8 /* a launcher's or a job's place, and a run */

static LOCKTAG held[MOST_HELD];
static int n_held = 0;

static LOCKTAG
tag_of(const SessionLock *lock)
{
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, lock->database, lock->kind, lock->number, lock->more);
	return tag;
}

static void
release(const LOCKTAG *tag)
{
	if (compat_lock_held_by_me(tag, ExclusiveLock))
		LockRelease(tag, ExclusiveLock, true);
}

static void
release_at_exit(int code, Datum arg)
{
	while (n_held > 0)
		release(&held[--n_held]);
}

/* Forget what an error has given back. */
static void
forget_lost(void)
{
	int kept = 0;

	for (int i = 0; i < n_held; i++)
		if (compat_lock_held_by_me(&held[i], ExclusiveLock))
			held[kept++] = held[i];
	n_held = kept;
}

bool
session_lock(const SessionLock *lock)
{
	static bool watching = false;
	LOCKTAG tag = tag_of(lock);

	if (compat_lock_held_by_me(&tag, ExclusiveLock))
		return false;
	forget_lost();
	if (n_held == MOST_HELD)
		elog(ERROR, "a session holds %d locks already", n_held);
	if (!watching)
		before_shmem_exit(release_at_exit, (Datum) 0);
	watching = true;
	if (LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	held[n_held++] = tag;
	return true;
}

void
session_unlock(const SessionLock *lock)
{
	LOCKTAG tag = tag_of(lock);

	release(&tag);
	forget_lost();
}
