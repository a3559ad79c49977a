/*
 * stored_breaker.c - what breaks words, as sections of a payload
 *
 *   tokenizer             u32 [4]: version, kind, words of the dictionary, stop words
 *   tokenizer config      the name of a text search configuration; only for that kind
 *   tokenizer stemmer     the stemmer's name; missing: none
 *   tokenizer words at    u64 [words + 1], and tokenizer words: the dictionary, see phrases.h; missing: none
 *   tokenizer stop at     u64 [words + 1], tokenizer stop, tokenizer stop slots: stop words, see lexicon.h; missing: none
 *
 * Whoever may call SQL can write such sections.  What passes here leads to no read outside of them and cuts no character.
 */
#include <string.h>

#include "characters.h"
#include "word_breaker.h"

static void
write_name(Payload *payload, const char *section, const char *name)
{
	if (name[0] != '\0')
		payload_add(payload, section, 1, strlen(name), name);
}

void
word_breaker_write(const WordBreaker *breaker, Payload *payload)
{
	const Phrases *dictionary = &breaker->dictionary;
	const Lexicon *stop = &breaker->stop;

	payload_add(payload, "tokenizer", sizeof(uint32_t), BREAKER_HEADER_SIZE, breaker->header);
	write_name(payload, "tokenizer config", breaker->config);
	write_name(payload, "tokenizer stemmer", breaker->stemmer_name);
	if (dictionary->n > 0)
	{
		payload_add(payload, "tokenizer words at", sizeof(uint64_t), (uint64_t) dictionary->n + 1,
					dictionary->start);
		payload_add(payload, "tokenizer words", 1, dictionary->start[dictionary->n], dictionary->bytes);
	}
	if (stop->n > 0)
	{
		payload_add(payload, "tokenizer stop at", sizeof(uint64_t), (uint64_t) stop->n + 1, stop->start);
		payload_add(payload, "tokenizer stop", 1, stop->start[stop->n], stop->bytes);
		payload_add(payload, "tokenizer stop slots", sizeof(uint32_t), stop->slots, stop->slot);
	}
}

/* A name of the payload, zero-terminated; empty when it is missing or cannot be one. */
static void
read_name(const Payload *payload, const char *section, char *name)
{
	uint64_t n;
	const char *stored = payload_get(payload, section, 1, &n);

	name[0] = '\0';
	if (stored == NULL || n > WORD_BREAKER_NAME || memchr(stored, '\0', n) != NULL)
		return;
	memcpy(name, stored, n);
	name[n] = '\0';
}

/* Do words of UTF-8 stand there, each whole?  Otherwise texts would be cut within characters. */
static bool
whole_characters(const uint64_t *start, uint32_t n, const char *bytes)
{
	for (uint32_t i = 0; i < n; i++)
		if (((unsigned char) bytes[start[i]] & 0xc0) == 0x80)
			return false;
	return characters_sound(bytes, start[n]);
}

static bool
read_dictionary(WordBreaker *breaker, const Payload *payload, uint32_t words)
{
	uint64_t n;
	uint64_t bytes_n;
	const uint64_t *start = payload_get(payload, "tokenizer words at", sizeof(uint64_t), &n);
	const char *bytes = payload_get(payload, "tokenizer words", 1, &bytes_n);

	if (words == 0)
		return start == NULL && bytes == NULL;
	return start != NULL && bytes != NULL && words < INT32_MAX && n == (uint64_t) words + 1 &&
		   bytes_n <= INT32_MAX && word_breaker_dictionary(breaker, start, (int32_t) words, bytes, bytes_n) &&
		   whole_characters(start, words, bytes);
}

static bool
read_stop_words(WordBreaker *breaker, const Payload *payload, uint32_t words)
{
	uint64_t n;
	uint64_t bytes_n;
	uint64_t slots;
	const uint64_t *start = payload_get(payload, "tokenizer stop at", sizeof(uint64_t), &n);
	const char *bytes = payload_get(payload, "tokenizer stop", 1, &bytes_n);
	const uint32_t *slot = payload_get(payload, "tokenizer stop slots", sizeof(uint32_t), &slots);
	Lexicon stop;

	if (words == 0)
		return start == NULL && bytes == NULL && slot == NULL;
	if (start == NULL || bytes == NULL || slot == NULL || words >= INT32_MAX || n != (uint64_t) words + 1 ||
		slots > UINT32_MAX)
		return false;
	stop = (Lexicon){
		.n = (int32_t) words, .start = start, .bytes = bytes, .slot = slot, .slots = (uint32_t) slots};
	word_breaker_stop(breaker, &stop);
	return lexicon_sound(&stop, bytes_n);
}

static bool
read_names(WordBreaker *breaker, const Payload *payload)
{
	char stemmer[WORD_BREAKER_NAME + 1];
	bool wants_config = breaker->header[BREAKER_HEADER_KIND] == BREAKER_CONFIG;

	read_name(payload, "tokenizer config", breaker->config);
	read_name(payload, "tokenizer stemmer", stemmer);
	return wants_config == (breaker->config[0] != '\0') &&
		   (stemmer[0] == '\0' || word_breaker_stem(breaker, stemmer));
}

CoreStatus
word_breaker_read(WordBreaker *breaker, Env *env, const Payload *payload)
{
	uint64_t n;
	const uint32_t *header = payload_get(payload, "tokenizer", sizeof(uint32_t), &n);
	CoreStatus status;

	*breaker = (WordBreaker){.env = env};
	if (header == NULL || n != BREAKER_HEADER_SIZE ||
		header[BREAKER_HEADER_VERSION] != WORD_BREAKER_VERSION ||
		header[BREAKER_HEADER_KIND] > BREAKER_CONFIG)
		return CORE_CORRUPT;
	status = word_breaker_open(breaker, env, (BreakerKind) header[BREAKER_HEADER_KIND]);
	if (status != CORE_OK)
		return status;
	if (read_names(breaker, payload) &&
		read_dictionary(breaker, payload, header[BREAKER_HEADER_DICTIONARY]) &&
		read_stop_words(breaker, payload, header[BREAKER_HEADER_STOP]))
		return CORE_OK;
	word_breaker_close(breaker);
	return CORE_CORRUPT;
}
