/*
 * fuzz_text.c - any bytes as a text, and as a dictionary to read it by (libFuzzer)
 *
 * Words in ASCII lie one behind the other; the embedding has length 1 or 0 and does not change; a dictionary that is called
 * sound finds each of its words, and never more than there is.  Bytes before the first 0xff are the dictionary, a word a line.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "text/ascii_words.h"
#include "text/characters.h"
#include "text/hash_embedding.h"
#include "text/phrases.h"

#define MAX_WORDS 256

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void
check(bool right)
{
	if (!right)
		abort();
}

static bool
anywhere(const char *at, const char *end)
{
	return at <= end;
}

static void
break_ascii(const char *text, int32_t n)
{
	char *ascii = malloc((size_t) n + 1);
	int32_t from = 0;
	int32_t before = 0;
	int32_t end;

	check(ascii != NULL);
	for (int32_t i = 0; i < n; i++)
		ascii[i] = text[i] & 0x7f;
	while (ascii_words_next(ascii, n, &from, &end))
	{
		check(from >= before && end > from && end <= n);
		from = before = end;
	}
	free(ascii);
}

static void
decode(const char *text, size_t n)
{
	for (const char *at = text; at < text + n;)
	{
		int32_t length;
		uint32_t code = character_decode(at, text + n, &length);
		char again[4];

		check(length >= 1 && length <= 4 && at + length <= text + n && code <= 0x10ffff);
		if (length > 1)
			check(character_encode(code, again) == length && memcmp(again, at, (size_t) length) == 0);
		character_class(character_lower(code));
		at += length;
	}
}

static void
embed(const char *text, size_t n)
{
	float first[HASH_EMBEDDING_SIZE];
	float second[HASH_EMBEDDING_SIZE];
	double squares = 0;
	CoreEnv env;

	core_env_init(&env);
	check(hash_embedding(&env.env, text, n, first) == CORE_OK &&
		  hash_embedding(&env.env, text, n, second) == CORE_OK);
	check(memcmp(first, second, sizeof(first)) == 0 && env.live == 0);
	for (int i = 0; i < HASH_EMBEDDING_SIZE; i++)
		squares += (double) first[i] * first[i];
	check(squares == 0 || fabs(squares - 1) < 1e-5);
}

/* Words [n] as lines; those in order make a dictionary, others may not. */
static void
look_up(const char *words, size_t n, const char *text, size_t n_text)
{
	uint64_t start[MAX_WORDS + 1] = {0};
	char *bytes = malloc(n + 1);
	uint64_t used = 0;
	int32_t count = 0;
	Phrases phrases;

	check(bytes != NULL);
	for (size_t i = 0; i < n && count < MAX_WORDS; i++)
		if (words[i] != '\n')
			bytes[used++] = words[i];
		else
			start[++count] = used;
	if (count > 0 && phrases_open(&phrases, start, count, bytes, used))
	{
		bool open;

		for (int32_t i = 0; i < count; i++)
			check((uint64_t) phrases_longest(&phrases, bytes + start[i], bytes + start[i + 1], anywhere,
											 &open) == start[i + 1] - start[i]);
		for (const char *at = text; at < text + n_text; at++)
			check(phrases_longest(&phrases, at, text + n_text, anywhere, &open) <= text + n_text - at);
	}
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const uint8_t *cut = n > 0 ? memchr(bytes, 0xff, n) : NULL;
	size_t words = cut == NULL ? 0 : (size_t) (cut - bytes);
	const char *text = (const char *) bytes + words;

	break_ascii(text, (int32_t) (n - words));
	decode(text, n - words);
	embed(text, n - words);
	look_up((const char *) bytes, words, text, n - words);
	return 0;
}
