/*
 * characters.h - what a character is, by fixed rules: no table, no locale, the same on every machine and for ever
 *
 * Lower case is made for the Latin, Greek and Cyrillic letters whose capitals stand at a fixed distance in Unicode, and for the
 * full-width Latin letters and digits of Chinese keyboards, which become ordinary ones.
 */
#ifndef CORE_TEXT_CHARACTERS_H
#define CORE_TEXT_CHARACTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum CharacterClass
{
	CLASS_OTHER, /* between words */
	CLASS_WORD,
	CLASS_DENSE /* written without spaces */
} CharacterClass;

/* The character at `at` and its length in bytes; what is not UTF-8 is one byte and counts as a blank. */
static inline uint32_t
character_decode(const char *at, const char *end, int32_t *length)
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
	/* Overlong forms, surrogates and what lies beyond Unicode are not UTF-8. */
	if (n > 1 && (code < (n == 2   ? 0x80u
						  : n == 3 ? 0x800u
								   : 0x10000u) ||
				  (code & ~0x7ffu) == 0xd800 || code > 0x10ffff))
		return ' ';
	*length = n;
	return code;
}

/* Is it UTF-8 all through, and without a zero byte? */
static inline bool
characters_sound(const char *bytes, size_t n)
{
	for (const char *at = bytes; at < bytes + n;)
	{
		int32_t length;
		uint32_t code = character_decode(at, bytes + n, &length);

		if (code == 0 || (length == 1 && (unsigned char) *at >= 0x80))
			return false;
		at += length;
	}
	return true;
}

static inline int32_t
character_encode(uint32_t code, char *out)
{
	int32_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (int32_t i = n - 1; i > 0; i--, code >>= 6)
		out[i] = (char) (0x80 | (code & 0x3f));
	out[0] = (char) (lead[n] | code);
	return n;
}

static inline bool
character_within(uint32_t code, uint32_t low, uint32_t high)
{
	return code >= low && code <= high;
}

static inline uint32_t
character_lower(uint32_t code)
{
	if (character_within(code, 0xff10, 0xff5a)) /* full width */
		code -= 0xfee0;
	if (character_within(code, 'A', 'Z') || (character_within(code, 0xc0, 0xde) && code != 0xd7) ||
		(character_within(code, 0x391, 0x3a9) && code != 0x3a2) || character_within(code, 0x410, 0x42f))
		return code + 32;
	if (character_within(code, 0x400, 0x40f))
		return code + 80;
	if (character_within(code, 0x100, 0x137) || character_within(code, 0x14a, 0x177) ||
		character_within(code, 0x460, 0x481))
		return code | 1;
	if ((character_within(code, 0x139, 0x148) || character_within(code, 0x179, 0x17e)) && code % 2 == 1)
		return code + 1;
	return code;
}

static inline CharacterClass
character_class(uint32_t code)
{
	if (code < 0x80)
		return character_within(code, 'a', 'z') || character_within(code, '0', '9') ? CLASS_WORD
																					: CLASS_OTHER;
	if (code < 0xc0)
		return code == 0xaa || code == 0xb5 || code == 0xba ? CLASS_WORD : CLASS_OTHER;
	if (character_within(code, 0x3041, 0x30fe) || character_within(code, 0x3400, 0x9fff) ||
		character_within(code, 0xf900, 0xfaff) || character_within(code, 0x20000, 0x3ffff))
		return CLASS_DENSE;
	if (code == 0xd7 || code == 0xf7 || character_within(code, 0x2000, 0x206f) ||
		character_within(code, 0x20a0, 0x20cf) || character_within(code, 0x2100, 0x2bff) ||
		character_within(code, 0x3000, 0x303f) || character_within(code, 0xfe10, 0xfe6f) ||
		character_within(code, 0xff00, 0xff65) || character_within(code, 0xe000, 0xf8ff) ||
		character_within(code, 0xffe0, 0xffff) || code >= 0x1f000)
		return CLASS_OTHER;
	return CLASS_WORD;
}

#endif
