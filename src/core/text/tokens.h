/*
 * tokens.h - a document taken apart: its normal form and its words
 */
#ifndef CORE_TEXT_TOKENS_H
#define CORE_TEXT_TOKENS_H

#include <stdint.h>

typedef struct Tokens
{
	const char *text; /* [n_text] the document normalised, UTF-8: what character n-grams are made of */
	int32_t n_text;
	int32_t n; /* words, in the order of the text */
	const char *words; /* one after the other, UTF-8 */
	const int32_t *start; /* [n + 1] where each begins in words */
} Tokens;

#endif
