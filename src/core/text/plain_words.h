/*
 * plain_words.h - words of a short text, by fixed rules
 *
 * Simple rules for short product texts: a word is a run of letters and digits, in lower case; a run of Chinese or Japanese
 * characters, which are written without spaces, gives every pair of neighbours (a character alone gives itself).  Text is
 * UTF-8; bytes that are not end a word.
 */
#ifndef CORE_TEXT_PLAIN_WORDS_H
#define CORE_TEXT_PLAIN_WORDS_H

#include "../env.h"

#define PLAIN_WORD_MAX 128 /* bytes; longer words are cut at a character */

typedef struct PlainWords
{
	const char *at; /* not read yet */
	const char *end;
	uint32_t before; /* a character without spaces that the next one makes a pair with; 0: none */
	bool paired; /* `before` has stood in a pair */
} PlainWords;

extern void plain_words_open(PlainWords *text, const char *bytes, size_t n);

/* The next word into word [PLAIN_WORD_MAX], not terminated; its length, 0 at the end. */
extern int32_t plain_words_next(PlainWords *text, char *word);

#endif
