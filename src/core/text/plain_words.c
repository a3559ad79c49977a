/*
 * plain_words.c - words of a short text, by fixed rules, character by character
 *
 * Lower case is made for the Latin, Greek and Cyrillic letters whose capitals stand at a fixed distance in Unicode, and for the
 * full-width Latin letters and digits of Chinese keyboards, which become ordinary ones.  No table, no locale: the same
 * words on every machine.
 */
#include "plain_words.h"

#include "characters.h"

void
plain_words_open(PlainWords *text, const char *bytes, size_t n)
{
	*text = (PlainWords){.at = bytes, .end = bytes + n};
}

/* A run of letters and digits from `at` on. */
static int32_t
take_word(PlainWords *text, char *word)
{
	int32_t length = 0;

	while (text->at < text->end)
	{
		int32_t bytes;
		uint32_t code = character_lower(character_decode(text->at, text->end, &bytes));

		if (character_class(code) != CLASS_WORD)
			break;
		text->at += bytes;
		if (length + 4 <= PLAIN_WORD_MAX)
			length += character_encode(code, word + length);
	}
	return length;
}

int32_t
plain_words_next(PlainWords *text, char *word)
{
	while (text->at < text->end || text->before != 0)
	{
		int32_t bytes = 0;
		uint32_t code =
			text->at < text->end ? character_lower(character_decode(text->at, text->end, &bytes)) : ' ';
		CharacterClass class = character_class(code);
		uint32_t before = text->before;
		bool alone = before != 0 && !text->paired;
		int32_t length;

		if (class != CLASS_DENSE)
		{
			text->before = 0;
			if (alone)
				return character_encode(before, word);
			if (class == CLASS_WORD)
				return take_word(text, word);
			text->at += bytes;
			continue;
		}
		text->at += bytes;
		text->before = code;
		text->paired = before != 0;
		if (before == 0)
			continue;
		length = character_encode(before, word);
		return length + character_encode(code, word + length);
	}
	return 0;
}
