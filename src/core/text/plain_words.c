/*
 * plain_words.c - words of a short text, by fixed rules, character by character
 *
 * Lower case is made for the Latin, Greek and Cyrillic letters whose capitals stand at a fixed distance in Unicode, and for the
 * full-width Latin letters and digits of Chinese keyboards, which become ordinary ones.  No table, no locale: the same
 * words on every machine.
 */
#include "plain_words.h"

typedef enum CharacterClass
{
	CLASS_OTHER, /* between words */
	CLASS_WORD,
	CLASS_DENSE /* written without spaces */
} CharacterClass;

void
plain_words_open(PlainWords *text, const char *bytes, size_t n)
{
	*text = (PlainWords){.at = bytes, .end = bytes + n};
}

/* The character at `at` and its length in bytes; what is not UTF-8 is one byte and counts as a blank. */
static uint32_t
decode(const char *at, const char *end, int32_t *length)
{
	const unsigned char *byte = (const unsigned char *) at;
	int32_t n = byte[0] < 0x80 ? 1 : byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
	uint32_t code = n == 1 ? byte[0] : byte[0] & (0xffu >> (n + 1));

	*length = 1;
	if (byte[0] >= 0xf8 || (byte[0] & 0xc0) == 0x80 || end - at < n)
		return ' ';
	for (int32_t i = 1; i < n; i++)
	{
		if ((byte[i] & 0xc0) != 0x80)
			return ' ';
		code = code << 6 | (byte[i] & 0x3f);
	}
	*length = n;
	return code;
}

static int32_t
encode(uint32_t code, char *out)
{
	int32_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (int32_t i = n - 1; i > 0; i--, code >>= 6)
		out[i] = (char) (0x80 | (code & 0x3f));
	out[0] = (char) (lead[n] | code);
	return n;
}

static bool
within(uint32_t code, uint32_t low, uint32_t high)
{
	return code >= low && code <= high;
}

static uint32_t
lower(uint32_t code)
{
	if (within(code, 0xff10, 0xff5a)) /* full width */
		code -= 0xfee0;
	if (within(code, 'A', 'Z') || (within(code, 0xc0, 0xde) && code != 0xd7) ||
		(within(code, 0x391, 0x3a9) && code != 0x3a2) || within(code, 0x410, 0x42f))
		return code + 32;
	if (within(code, 0x400, 0x40f))
		return code + 80;
	if (within(code, 0x100, 0x137) || within(code, 0x14a, 0x177) || within(code, 0x460, 0x481))
		return code | 1;
	if ((within(code, 0x139, 0x148) || within(code, 0x179, 0x17e)) && code % 2 == 1)
		return code + 1;
	return code;
}

static CharacterClass
class_of(uint32_t code)
{
	if (code < 0x80)
		return within(code, 'a', 'z') || within(code, '0', '9') ? CLASS_WORD : CLASS_OTHER;
	if (code < 0xc0)
		return code == 0xaa || code == 0xb5 || code == 0xba ? CLASS_WORD : CLASS_OTHER;
	if (within(code, 0x3041, 0x30fe) || within(code, 0x3400, 0x9fff) || within(code, 0xf900, 0xfaff) ||
		within(code, 0x20000, 0x3ffff))
		return CLASS_DENSE;
	if (code == 0xd7 || code == 0xf7 || within(code, 0x2000, 0x206f) || within(code, 0x20a0, 0x20cf) ||
		within(code, 0x2100, 0x2bff) || within(code, 0x3000, 0x303f) || within(code, 0xfe10, 0xfe6f) ||
		within(code, 0xff00, 0xff65) || within(code, 0xe000, 0xf8ff) || within(code, 0xffe0, 0xffff) ||
		code >= 0x1f000)
		return CLASS_OTHER;
	return CLASS_WORD;
}

/* A run of letters and digits from `at` on. */
static int32_t
take_word(PlainWords *text, char *word)
{
	int32_t length = 0;

	while (text->at < text->end)
	{
		int32_t bytes;
		uint32_t code = lower(decode(text->at, text->end, &bytes));

		if (class_of(code) != CLASS_WORD)
			break;
		text->at += bytes;
		if (length + 4 <= PLAIN_WORD_MAX)
			length += encode(code, word + length);
	}
	return length;
}

int32_t
plain_words_next(PlainWords *text, char *word)
{
	while (text->at < text->end || text->before != 0)
	{
		int32_t bytes = 0;
		uint32_t code = text->at < text->end ? lower(decode(text->at, text->end, &bytes)) : ' ';
		CharacterClass class = class_of(code);
		uint32_t before = text->before;
		bool alone = before != 0 && !text->paired;
		int32_t length;

		if (class != CLASS_DENSE)
		{
			text->before = 0;
			if (alone)
				return encode(before, word);
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
		length = encode(before, word);
		return length + encode(code, word + length);
	}
	return 0;
}
