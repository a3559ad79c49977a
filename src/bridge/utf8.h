/*
 * utf8.h - texts of the database as UTF-8, and back
 *
 * Words, models and embeddings are made of UTF-8 whatever the encoding of the database.  Neither way ends in an error: what has no
 * counterpart becomes a blank (in) or a question mark (out), which is a rare thing: a byte that is no character, a character
 * that normalisation made and the database's encoding lacks.  A database of encoding SQL_ASCII is taken to hold UTF-8.
 */
#ifndef PROMOAI_BRIDGE_UTF8_H
#define PROMOAI_BRIDGE_UTF8_H

#include "postgres.h"

/* The bytes themselves where the database is UTF-8 (or SQL_ASCII), else a palloc'd copy; *length receives its length. */
extern const char *utf8_from_server(const char *bytes, Size n, Size *length);
extern const char *utf8_to_server(const char *bytes, Size n, Size *length);

#endif
