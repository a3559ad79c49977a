/*
 * session_lock.h - locks that a session holds over its transactions, and that SQL can neither take nor give back
 */
#ifndef PROMOAI_BRIDGE_SESSION_LOCK_H
#define PROMOAI_BRIDGE_SESSION_LOCK_H

#include "postgres.h"

/* The lock of (kind, number, more) in a database, InvalidOid for one of the whole server. */
typedef struct SessionLock
{
	Oid database;
	uint32 kind; /* of SESSION_LOCK_* */
	uint32 number;
	uint16 more;
} SessionLock;

/* Above the oids of all catalogs, so that no lock of a real object is meant. */
#define SESSION_LOCK_RUN 0x7072756e
#define SESSION_LOCK_PLACE 0x70726f6d

/* Never waits.  False when another session holds it, or this one. */
extern bool session_lock(const SessionLock *lock);

/* Also where an error that ended a transaction has given it back. */
extern void session_unlock(const SessionLock *lock);

#endif
