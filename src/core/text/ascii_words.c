/*
 * ascii_words.c - words of a text in ASCII by the rules of UAX #29, which come down to a few there
 *
 * A word is a run of letters, digits and '_'.  Between two letters "." and "'" belong to it, between two digits "." "'" "," and
 * ";" do.  A '_' alone is none.  ("@" and ":" stand between words; icu_text.c sees to it that they do so for ICU.)  ICU gives the same words, many
 * times slower; test/pgtap/600_tokens.sql holds the two against each other.
 */
#include "ascii_words.h"

enum
{
	BETWEEN,
	LETTER,
	DIGIT,
	JOINER, /* '_' */
	IN_BOTH, /* of a word between two letters or two digits */
	IN_NUMBER /* of a word between two digits */
};

static const uint8_t kind_of[128] = {
	['0'] = DIGIT,    ['1'] = DIGIT,  ['2'] = DIGIT,  ['3'] = DIGIT,   ['4'] = DIGIT,    ['5'] = DIGIT,
	['6'] = DIGIT,    ['7'] = DIGIT,  ['8'] = DIGIT,  ['9'] = DIGIT,   ['A'] = LETTER,   ['B'] = LETTER,
	['C'] = LETTER,   ['D'] = LETTER, ['E'] = LETTER, ['F'] = LETTER,  ['G'] = LETTER,   ['H'] = LETTER,
	['I'] = LETTER,   ['J'] = LETTER, ['K'] = LETTER, ['L'] = LETTER,  ['M'] = LETTER,   ['N'] = LETTER,
	['O'] = LETTER,   ['P'] = LETTER, ['Q'] = LETTER, ['R'] = LETTER,  ['S'] = LETTER,   ['T'] = LETTER,
	['U'] = LETTER,   ['V'] = LETTER, ['W'] = LETTER, ['X'] = LETTER,  ['Y'] = LETTER,   ['Z'] = LETTER,
	['a'] = LETTER,   ['b'] = LETTER, ['c'] = LETTER, ['d'] = LETTER,  ['e'] = LETTER,   ['f'] = LETTER,
	['g'] = LETTER,   ['h'] = LETTER, ['i'] = LETTER, ['j'] = LETTER,  ['k'] = LETTER,   ['l'] = LETTER,
	['m'] = LETTER,   ['n'] = LETTER, ['o'] = LETTER, ['p'] = LETTER,  ['q'] = LETTER,   ['r'] = LETTER,
	['s'] = LETTER,   ['t'] = LETTER, ['u'] = LETTER, ['v'] = LETTER,  ['w'] = LETTER,   ['x'] = LETTER,
	['y'] = LETTER,   ['z'] = LETTER, ['_'] = JOINER, ['.'] = IN_BOTH, ['\''] = IN_BOTH, [','] = IN_NUMBER,
	[';'] = IN_NUMBER};

static inline int
kind_at(const char *text, int32_t n, int32_t at)
{
	return at < n ? kind_of[text[at] & 127] : BETWEEN;
}

static inline bool
starts_word(int kind)
{
	return kind >= LETTER && kind <= JOINER;
}

bool
ascii_words_next(const char *text, int32_t n, int32_t *from, int32_t *end)
{
	int32_t at = *from;

	for (;;)
	{
		int before = BETWEEN;

		while (at < n && !starts_word(kind_at(text, n, at)))
			at++;
		if (at == n)
			return false;
		*from = at;
		while (at < n)
		{
			int kind = kind_at(text, n, at);

			if (!starts_word(kind))
			{
				if (kind == BETWEEN || before == JOINER || before != kind_at(text, n, at + 1) ||
					(kind == IN_NUMBER && before != DIGIT))
					break;
				kind = before;
				at++;
			}
			before = kind;
			at++;
		}
		*end = at;
		if (at - *from > 1 || text[*from] != '_')
			return true;
	}
}
