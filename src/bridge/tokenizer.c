/*
 * tokenizer.c - the words of a text, by the fixed rules of core/text/plain_words.c
 */
#include "bridge/tokenizer.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "core/text/plain_words.h"

struct Tokenizer
{
	MemoryContext memory;
	Tokens tokens;
	char *words;
	int32 *start;
	Size words_room;
	Size start_room;
};

Tokenizer *
tokenizer_create(const TokenizerOptions *options, MemoryContext memory)
{
	Tokenizer *tokenizer = MemoryContextAllocZero(memory, sizeof(Tokenizer));

	if (options->tokenizer != NULL && strcmp(options->tokenizer, "simple") != 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("there is no tokenizer \"%s\"", options->tokenizer));
	tokenizer->memory = memory;
	return tokenizer;
}

const Tokens *
tokenizer_run(Tokenizer *tokenizer, const char *bytes, Size n)
{
	PlainWords reader;
	char word[PLAIN_WORD_MAX];
	int32 count = 0;
	int32 length = 0;

	/* A word of one character and a blank take two bytes; pairs of characters without spaces double theirs. */
	if (tokenizer->words_room < 2 * n + PLAIN_WORD_MAX)
	{
		tokenizer->words_room = 2 * n + PLAIN_WORD_MAX;
		tokenizer->start_room = n + 2;
		tokenizer->words = MemoryContextAllocHuge(tokenizer->memory, tokenizer->words_room);
		tokenizer->start = MemoryContextAllocHuge(tokenizer->memory, sizeof(int32) * tokenizer->start_room);
	}
	plain_words_open(&reader, bytes, n);
	tokenizer->start[0] = 0;
	for (int32 size; (size = plain_words_next(&reader, word)) > 0; count++)
	{
		memcpy(tokenizer->words + length, word, size);
		length += size;
		tokenizer->start[count + 1] = length;
	}
	tokenizer->tokens = (Tokens){
		.text = bytes, .n_text = (int32) n, .n = count, .words = tokenizer->words, .start = tokenizer->start};
	return &tokenizer->tokens;
}

void
tokenizer_write(const Tokenizer *tokenizer, Payload *payload)
{
	payload_add(payload, "tokenizer", 1, strlen("simple"), "simple");
}

Tokenizer *
tokenizer_read(const Payload *payload, MemoryContext memory)
{
	uint64 n;

	if (payload_get(payload, "tokenizer", 1, &n) == NULL)
		return NULL;
	return tokenizer_create(&(TokenizerOptions){0}, memory);
}

void
tokenizer_free(Tokenizer *tokenizer)
{
	pfree(tokenizer);
}
