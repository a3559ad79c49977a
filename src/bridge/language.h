/*
 * language.h - in which language sentences are given to users: English or Chinese
 */
#ifndef PROMOAI_BRIDGE_LANGUAGE_H
#define PROMOAI_BRIDGE_LANGUAGE_H

#include "postgres.h"

#include "bridge/args.h"

typedef enum Language
{
	LANGUAGE_EN,
	LANGUAGE_ZH
} Language;

/* The argument "language" ('en' or 'zh'); where it is NULL or not declared, the setting promoai.language. */
extern Language language_of(const Args *args);

/* A Chinese text, UTF-8 here, in the encoding of the database; NULL where that has not got its characters. */
extern const char *language_chinese(const char *chinese);

/* The text in that language, in the encoding of the database; ERROR where that has no Chinese. */
extern const char *language_pick(Language language, const char *english, const char *chinese);

/* Called once from _PG_init: defines promoai.language. */
extern void language_init(void);

#endif
