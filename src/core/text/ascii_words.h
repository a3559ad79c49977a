/*
 * ascii_words.h - words of a text in ASCII, as Unicode's rules break them
 */
#ifndef CORE_TEXT_ASCII_WORDS_H
#define CORE_TEXT_ASCII_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* The next word of text [n] from *from on: its first byte and the one behind it; false: there is none. */
extern bool ascii_words_next(const char *text, int32_t n, int32_t *from, int32_t *end);

#endif
