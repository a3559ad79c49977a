/*
 * content_text.h - words of an item's description
 *
 * Simple rules for short product texts: a word is a run of letters and digits, in lower case; a run of Chinese or Japanese
 * characters, which are written without spaces, gives every pair of neighbours (a character alone gives itself).  Text is
 * UTF-8; bytes that are not end a word.
 */
#ifndef CORE_CONTENT_TEXT_H
#define CORE_CONTENT_TEXT_H

#include "../env.h"

#define CONTENT_WORD_MAX 128 /* bytes; longer words are cut at a character */

typedef struct ContentText
{
	const char *at; /* not read yet */
	const char *end;
	uint32_t before; /* a character without spaces that the next one makes a pair with; 0: none */
	bool paired; /* `before` has stood in a pair */
} ContentText;

extern void content_text_open(ContentText *text, const char *bytes, size_t n);

/* The next word into word [CONTENT_WORD_MAX], not terminated; its length, 0 at the end. */
extern int32_t content_text_next(ContentText *text, char *word);

#endif
