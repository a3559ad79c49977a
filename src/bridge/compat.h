/*
 * compat.h - every difference between PostgreSQL 15, 16, 17 and 18 that promoai meets
 *
 * No other file tests PG_VERSION_NUM.
 */
#ifndef PROMOAI_COMPAT_H
#define PROMOAI_COMPAT_H

#include "postgres.h"

#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/guc_tables.h"

#if PG_VERSION_NUM < 150000
#error "promoai needs PostgreSQL 15 or later"
#endif

/* A database whose DROP was interrupted cannot be connected to: from 15.4 on it is marked so. */
#define compat_database_is_invalid(form) ((form)->datconnlimit == -2)

#if PG_VERSION_NUM < 170000
#define compat_lock_held_by_me(tag, mode) LockHeldByMe(tag, mode)
#else
#define compat_lock_held_by_me(tag, mode) LockHeldByMe(tag, mode, false)
#endif

/* VARDATA_ANY and its like stood in postgres.h before 16. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 160000
#define compat_local_beentry(n) pgstat_fetch_stat_local_beentry(n)
#else
#define compat_local_beentry(n) pgstat_get_local_beentry_by_index(n)
#endif

/* Before 18 the attribute was spelled differently, and stood at the end. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/* From 16 on errors may be collected instead of raised; NULL raises them. */
#if PG_VERSION_NUM < 160000
#define compat_float8in(number, end, type, original) float8in_internal(number, end, type, original)
#else
#define compat_float8in(number, end, type, original) float8in_internal(number, end, type, original, NULL)
#endif

/* From 16 on a member may be kept from SET ROLE. */
#if PG_VERSION_NUM < 160000
#define compat_can_set_role(member, role) is_member_of_role(member, role)
#else
#define compat_can_set_role(member, role) member_can_set_role(member, role)
#endif

/*
 * What RESET makes of transaction_read_only.  Before 16 it asks nobody, so a query that may only read could make the
 * transaction writable; from 16 on it is refused, and this changes nothing.
 */
#if PG_VERSION_NUM < 160000
static inline bool *
compat_read_only_reset(void)
{
	static struct config_bool *setting = NULL;
	struct config_generic **all = get_guc_variables();

	for (int i = 0; setting == NULL && i < GetNumConfigOptions(); i++)
		if (strcmp(all[i]->name, "transaction_read_only") == 0)
			setting = (struct config_bool *) all[i];
	return &setting->reset_val;
}
#else
static inline bool *
compat_read_only_reset(void)
{
	static bool unused;

	return &unused;
}
#endif

#endif
