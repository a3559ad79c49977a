/*
 * fuzz_stored_tokenizer.c - sections of a stored tokenizer, any bytes (libFuzzer)
 *
 * What is read breaks texts, and is written again as it was.  Input: for each section two bytes, its length (0xffff: it is
 * missing), and its bytes, in memory of its own; then a text.
 */
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "text/characters.h"
#include "text/word_breaker.h"

#define MISSING 0xffff

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const struct
{
	const char *name;
	uint32_t width;
} sections[] = {{"tokenizer", 4},          {"tokenizer config", 1},    {"tokenizer stemmer", 1},
				{"tokenizer words at", 8}, {"tokenizer words", 1},     {"tokenizer stop at", 8},
				{"tokenizer stop", 1},     {"tokenizer stop slots", 4}};
#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))

static void
check(bool right)
{
	if (!right)
		abort();
}

/* One section; what is left of the input behind it. */
static size_t
add_section(const uint8_t **at, size_t n, size_t which, Payload *payload, void **own)
{
	size_t length;

	*own = NULL;
	if (n < 2)
		return n;
	length = (size_t) (*at)[0] | (size_t) (*at)[1] << 8;
	*at += 2;
	n -= 2;
	if (length == MISSING)
		return n;
	length = length < n ? length : n;
	*own = core_malloc(length);
	memcpy(*own, *at, length);
	payload_add(payload, sections[which].name, sections[which].width, length / sections[which].width, *own);
	*at += length;
	return n - length;
}

static void
check_same(const Payload *before, const Payload *after)
{
	for (int i = 0; i < after->n; i++)
	{
		uint64_t n;
		const PayloadSection *section = &after->section[i];
		const void *data = payload_get(before, section->name, section->width, &n);

		check(data != NULL && n * section->width >= section->bytes &&
			  memcmp(data, section->data, section->bytes) == 0);
	}
}

static void
use(WordBreaker *breaker, const Payload *payload, const uint8_t *text, size_t n)
{
	Payload again = {0};
	const Tokens *tokens;

	check(word_breaker_run(breaker, (const char *) text, n) == CORE_OK);
	tokens = word_breaker_tokens(breaker);
	for (int32_t i = 0; i < tokens->n; i++)
		check(tokens->start[i] < tokens->start[i + 1] &&
			  characters_sound(tokens->words + tokens->start[i],
							   (size_t) (tokens->start[i + 1] - tokens->start[i])));
	word_breaker_write(breaker, &again);
	check_same(payload, &again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	CoreEnv env;
	Payload payload = {0};
	WordBreaker breaker;
	void *own[N_SECTIONS];
	CoreStatus status;

	core_env_init(&env);
	for (size_t i = 0; i < N_SECTIONS; i++)
		n = add_section(&bytes, n, i, &payload, &own[i]);
	status = word_breaker_read(&breaker, &env.env, &payload);
	check(status == CORE_OK || status == CORE_CORRUPT);
	if (status == CORE_OK)
	{
		use(&breaker, &payload, bytes, n);
		word_breaker_close(&breaker);
	}
	check(env.live == 0);
	for (size_t i = 0; i < N_SECTIONS; i++)
		free(own[i]);
	return 0;
}
