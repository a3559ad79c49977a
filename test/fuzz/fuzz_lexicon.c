/*
 * fuzz_lexicon.c - sections of a stored lexicon, any bytes (libFuzzer)
 *
 * What lexicon_sound lets pass leads to no read outside of the sections, whatever is looked up.  Each section has memory of its
 * own, so that the sanitizer sees it.
 */
#include <stdlib.h>
#include <string.h>

#include "text/lexicon.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void *
section(const uint8_t **at, const uint8_t *end, size_t want)
{
	size_t there = (size_t) (end - *at);
	void *own = calloc(want > 0 ? want : 1, 1);

	if (own == NULL)
		abort();
	if (there > want)
		there = want;
	memcpy(own, *at, there);
	*at += there;
	return own;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const uint8_t *at = bytes + 2;
	const uint8_t *end = bytes + n;
	Lexicon lexicon = {0};
	size_t bytes_n;
	uint64_t *start;
	uint32_t *slot;
	char *words;

	if (n < 2)
		return 0;
	lexicon.n = bytes[0] % 16;
	lexicon.slots = 1u << bytes[1] % 7;
	start = section(&at, end, sizeof(uint64_t) * ((size_t) lexicon.n + 1));
	slot = section(&at, end, sizeof(uint32_t) * lexicon.slots);
	bytes_n = (size_t) (end - at);
	words = section(&at, end, bytes_n);
	lexicon.start = start;
	lexicon.slot = slot;
	lexicon.bytes = words;
	if (lexicon_sound(&lexicon, bytes_n))
		for (size_t length = 0; length < 12 && length <= n; length++)
			if (lexicon_find(&lexicon, (const char *) bytes, length) >= lexicon.n)
				abort();
	free(start);
	free(slot);
	free(words);
	return 0;
}
