/*
 * state_text.h - the text form of an aggregate's state: the hexadecimal digits of its binary form
 */
#ifndef PROMOAI_BRIDGE_STATE_TEXT_H
#define PROMOAI_BRIDGE_STATE_TEXT_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* The bytes of a buffer, palloc'd. */
extern char *state_text(const StringInfoData *binary);

/* The digits into a buffer that is made here; ERROR 22P02, naming the type, for what is not that. */
extern void state_text_read(const char *digits, const char *type, StringInfo binary);

#endif
