/*
 * ts_config.h - PostgreSQL's text search configurations: found by name, and run over a text
 */
#ifndef PROMOAI_BRIDGE_TS_CONFIG_H
#define PROMOAI_BRIDGE_TS_CONFIG_H

#include "postgres.h"

/* By a name as SQL writes it; where there is none, InvalidOid or an ERROR. */
extern Oid ts_config_find(const char *name, bool missing_ok);

/* The name by which it is found whatever the search_path. */
extern char *ts_config_name(Oid config);

/*
 * The lexemes of a text, both in the database's encoding.  A word of MAXSTRLEN bytes (2 kB) or more is left out, as PostgreSQL
 * does, but without its NOTICE for each.  Leaves memory behind.
 */
extern void ts_config_lexemes(Oid config, const char *bytes, Size n,
							  void (*lexeme)(void *arg, const char *bytes, Size n), void *arg);

#endif
