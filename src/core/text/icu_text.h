/*
 * icu_text.h - what ICU does to a text in UTF-8: its normal form, and words by Unicode's rules
 */
#ifndef CORE_TEXT_ICU_TEXT_H
#define CORE_TEXT_ICU_TEXT_H

#include "growing.h"

typedef struct IcuText
{
	Env *env;
	Growing wide; /* a stretch in UTF-16 */
	Growing normal; /* a stretch normalised, in UTF-16 */
	int32_t from; /* where in `wide` the next word is looked for */
	const char *failed; /* CORE_LIBRARY: what ICU could not do */
	const char *reason; /* ... as ICU names it */
} IcuText;

extern CoreStatus icu_text_open(IcuText *icu, Env *env);
extern void icu_text_close(IcuText *icu);

/*
 * Bytes [n] in normal form, appended to the first `used` of `out` (of char): *length bytes.  What is not a character becomes
 * a blank.
 */
extern CoreStatus icu_text_normalise(IcuText *icu, const char *bytes, int32_t n, Growing *out, size_t used,
									 int32_t *length);

/* Does normalisation leave a character apart from whatever stands before it? */
extern bool icu_text_stands_alone(uint32_t code);

/*
 * Words of a stretch [n] in normal form: opened, then one after the other: *bytes from where the stretch before it ended, and
 * whether it is a word or stands between words; false at the end.  One stretch at a time in a process.
 */
extern CoreStatus icu_text_break(IcuText *icu, const char *text, int32_t n);
extern bool icu_text_next(IcuText *icu, int32_t *bytes, bool *word);

#endif
