/*
 * fuzz_words.c - words of any bytes, and the lexicon that is made of them (libFuzzer)
 *
 * Words are as long as they may be and come to an end; counted, ranked and looked up again, each is found where it was put.
 */
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "text/lexicon.h"
#include "text/plain_words.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int64_t
add_words(LexiconBuilder *builder, const uint8_t *bytes, size_t n)
{
	PlainWords words;
	char word[PLAIN_WORD_MAX];
	int32_t length;
	int64_t added = 0;

	plain_words_open(&words, (const char *) bytes, n);
	while ((length = plain_words_next(&words, word)) > 0)
	{
		int32_t index;

		if (length > PLAIN_WORD_MAX || lexicon_add(builder, word, (size_t) length, &index) != CORE_OK ||
			lexicon_at(builder, word, (size_t) length) != index)
			abort();
		added++;
		if (added > 2 * (int64_t) n)
			abort();
	}
	return added;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	CoreEnv env;
	LexiconBuilder builder;
	Lexicon lexicon;
	int64_t added;
	int64_t counted = 0;
	int32_t *place;

	core_env_init(&env);
	if (lexicon_begin(&builder, &env.env, 0) != CORE_OK)
		abort();
	added = add_words(&builder, bytes, n);
	place = malloc(sizeof(int32_t) * ((size_t) builder.n + 1));
	if (place == NULL || lexicon_rank(&builder, 1, builder.n, place) != CORE_OK)
		abort();
	lexicon = lexicon_view(&builder);
	if (!lexicon_sound(&lexicon, lexicon.start[lexicon.n]))
		abort();
	for (int32_t i = 0; i < lexicon.n; i++)
	{
		counted += builder.count[i];
		if (lexicon_find(&lexicon, lexicon.bytes + lexicon.start[i],
						 lexicon.start[i + 1] - lexicon.start[i]) != i)
			abort();
	}
	if (counted != added)
		abort();
	free(place);
	lexicon_end(&builder);
	if (env.live != 0)
		abort();
	return 0;
}
