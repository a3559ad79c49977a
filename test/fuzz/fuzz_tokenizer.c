/*
 * fuzz_tokenizer.c - any bytes as a text, with any options, dictionary and stop words (libFuzzer)
 *
 * Words lie one behind the other, are UTF-8 and none is empty; a run that was cancelled, or had no memory, leaves a breaker that
 * gives the same words as before; nothing is left when it is closed.
 *
 *   bytes 0 to 2   how words are broken, the stemmer, where a run is cancelled or has no memory
 *   then           the dictionary, a word a line, up to a byte 0xff; stop words, up to a byte 0xff; the text
 *
 * One text in 64 is repeated until it is worked on in several pieces: which one, all bytes together tell, so that it is not
 * passed on from one input to the next, as what takes long would be.
 */
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "text/characters.h"
#include "text/word_breaker.h"

#define MAX_WORDS 64
#define LONG_TEXT 40000
#define HEADER 3

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

typedef struct Stretch
{
	const char *at;
	size_t n;
} Stretch;

/* A list in normal form, in order and each word once, as a dictionary has it. */
typedef struct Words
{
	int32_t n;
	char *word[MAX_WORDS];
	uint64_t start[MAX_WORDS + 1];
	char *bytes;
} Words;

static void
check(bool right)
{
	if (!right)
		abort();
}

/* All up to the next 0xff, which is taken off, too. */
static Stretch
take_part(Stretch *rest)
{
	const char *end = rest->n > 0 ? memchr(rest->at, 0xff, rest->n) : NULL;
	Stretch part = {rest->at, end == NULL ? 0 : (size_t) (end - rest->at)};

	if (end != NULL)
		*rest = (Stretch){end + 1, rest->n - part.n - 1};
	return part;
}

static int
compare_words(const void *left, const void *right)
{
	return strcmp(*(char *const *) left, *(char *const *) right);
}

static void
add_word(WordBreaker *breaker, const char *at, size_t n, Words *words)
{
	const char *word;
	size_t length;
	char *copy;

	check(word_breaker_normal(breaker, at, n, &word, &length) == CORE_OK);
	check(length == 0 || ((unsigned char) word[0] > ' ' && (unsigned char) word[length - 1] > ' '));
	if (length == 0 || memchr(word, '\0', length) != NULL)
		return;
	copy = core_malloc(length + 1);
	memcpy(copy, word, length);
	copy[length] = '\0';
	words->word[words->n++] = copy;
}

static void
read_words(WordBreaker *breaker, Stretch part, Words *words)
{
	uint64_t total = 0;
	int32_t n = 0;

	words->n = 0;
	while (part.n > 0 && words->n < MAX_WORDS)
	{
		const char *line = memchr(part.at, '\n', part.n);
		size_t length = line == NULL ? part.n : (size_t) (line - part.at);

		add_word(breaker, part.at, length, words);
		length += line != NULL;
		part = (Stretch){part.at + length, part.n - length};
	}
	qsort(words->word, (size_t) words->n, sizeof(char *), compare_words);
	for (int32_t i = 0; i < words->n; i++)
		total += strlen(words->word[i]);
	words->bytes = core_malloc(total);
	words->start[0] = 0;
	for (int32_t i = 0; i < words->n; i++)
		if (n == 0 || strlen(words->word[i]) != words->start[n] - words->start[n - 1] ||
			memcmp(words->bytes + words->start[n - 1], words->word[i], strlen(words->word[i])) != 0)
		{
			memcpy(words->bytes + words->start[n], words->word[i], strlen(words->word[i]));
			words->start[n + 1] = words->start[n] + strlen(words->word[i]);
			n++;
		}
	for (int32_t i = 0; i < words->n; i++)
		free(words->word[i]);
	words->n = n;
}

static bool
repeated(const uint8_t *bytes, size_t n)
{
	uint32_t mixed = 0;

	for (size_t i = 0; i < n; i++)
		mixed = mixed * 31 + bytes[i];
	return mixed % 64 == 0;
}

/* The text, maybe repeated until it is longer than a piece, in memory of its exact size. */
static char *
copy_text(Stretch text, bool repeat, size_t *n)
{
	size_t times = repeat && text.n > 0 ? LONG_TEXT / text.n + 1 : 1;
	char *copy = core_malloc(text.n * times);

	for (size_t i = 0; i < times; i++)
		memcpy(copy + i * text.n, text.at, text.n);
	*n = text.n * times;
	return copy;
}

static CoreStatus
run(WordBreaker *breaker, const char *text, size_t n)
{
	CoreStatus status = word_breaker_run(breaker, text, n);

	/* What a text search configuration would have found: a lexeme for each line. */
	if (breaker->header[BREAKER_HEADER_KIND] == BREAKER_CONFIG)
		for (size_t at = 0, end; at < n && status == CORE_OK; at = end + 1)
		{
			for (end = at; end < n && text[end] != '\n';)
				end++;
			if (end > at && characters_sound(text + at, end - at))
				status = word_breaker_put(breaker, text + at, (int32_t) (end - at));
		}
	return status;
}

static void
check_tokens(const Tokens *tokens)
{
	check(tokens->n >= 0 && tokens->start[0] == 0 && tokens->n_text >= 0);
	for (int32_t i = 0; i < tokens->n; i++)
	{
		check(tokens->start[i] < tokens->start[i + 1]);
		check(characters_sound(tokens->words + tokens->start[i],
							   (size_t) (tokens->start[i + 1] - tokens->start[i])));
	}
	/* Zero bytes pass through a normal form; there is nothing else in it that is not UTF-8. */
	for (int32_t from = 0, i = 0; tokens->n_text > 0 && i <= tokens->n_text; i++)
		if (i == tokens->n_text || tokens->text[i] == '\0')
		{
			check(characters_sound(tokens->text + from, (size_t) (i - from)));
			from = i + 1;
		}
}

typedef struct Kept
{
	int32_t n;
	int32_t n_text;
	int32_t *start;
	char *words;
	char *text;
} Kept;

static void *
duplicate(const void *from, size_t n)
{
	void *copy = core_malloc(n);

	if (n > 0)
		memcpy(copy, from, n);
	return copy;
}

static Kept
keep(const Tokens *tokens)
{
	return (Kept){.n = tokens->n,
				  .n_text = tokens->n_text,
				  .start = duplicate(tokens->start, sizeof(int32_t) * ((size_t) tokens->n + 1)),
				  .words = duplicate(tokens->words, (size_t) tokens->start[tokens->n]),
				  .text = duplicate(tokens->text, (size_t) tokens->n_text)};
}

static void
check_same(const Kept *kept, const Tokens *tokens)
{
	check(kept->n == tokens->n && kept->n_text == tokens->n_text);
	check(memcmp(kept->start, tokens->start, sizeof(int32_t) * ((size_t) kept->n + 1)) == 0);
	check(memcmp(kept->words, tokens->words, (size_t) kept->start[kept->n]) == 0);
	check(kept->n_text == 0 || memcmp(kept->text, tokens->text, (size_t) kept->n_text) == 0);
}

static void
run_thrice(WordBreaker *breaker, CoreEnv *env, const char *text, size_t n, int trouble)
{
	Kept kept;
	CoreStatus status;

	check(run(breaker, text, n) == CORE_OK);
	check_tokens(word_breaker_tokens(breaker));
	kept = keep(word_breaker_tokens(breaker));
	if (trouble > 0)
	{
		env->cancel_at = trouble % 2 == 0 ? env->looks + trouble / 2 : 0;
		env->fail_at = trouble % 2 == 1 ? env->allocations + trouble / 2 + 1 : 0;
		/* As after a document much larger than this one: nothing is there yet. */
		growing_free(&breaker->text, &env->env);
		growing_free(&breaker->words, &env->env);
		growing_free(&breaker->start, &env->env);
		status = run(breaker, text, n);
		check(status == CORE_OK || status == (trouble % 2 == 0 ? CORE_CANCELLED : CORE_NO_MEMORY));
		env->cancel_at = env->fail_at = 0;
	}
	check(run(breaker, text, n) == CORE_OK);
	check_same(&kept, word_breaker_tokens(breaker));
	free(kept.start);
	free(kept.words);
	free(kept.text);
}

/* The stemmer of that number; 0: none. */
static void
choose_stemmer(WordBreaker *breaker, int number)
{
	const char **names = word_breaker_stemmers();
	int n = 0;

	while (names[n] != NULL)
		n++;
	if (number % (n + 1) > 0)
		check(word_breaker_stem(breaker, names[number % (n + 1) - 1]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	Stretch rest = {(const char *) bytes + HEADER, n - HEADER};
	CoreEnv env;
	WordBreaker breaker;
	Words dictionary;
	Words stop;
	LexiconBuilder builder;
	Lexicon view;
	char *text;
	size_t total = n;

	if (n < HEADER)
		return 0;
	core_env_init(&env);
	check(word_breaker_open(&breaker, &env.env, (BreakerKind) (bytes[0] % 3)) == CORE_OK);
	choose_stemmer(&breaker, bytes[1]);
	read_words(&breaker, take_part(&rest), &dictionary);
	read_words(&breaker, take_part(&rest), &stop);
	if (dictionary.n > 0)
		check(word_breaker_dictionary(&breaker, dictionary.start, dictionary.n, dictionary.bytes,
									  dictionary.start[dictionary.n]));
	check(lexicon_begin(&builder, &env.env, 0) == CORE_OK);
	for (int32_t i = 0, index; i < stop.n; i++)
		check(lexicon_add(&builder, stop.bytes + stop.start[i], stop.start[i + 1] - stop.start[i], &index) ==
			  CORE_OK);
	view = lexicon_view(&builder);
	word_breaker_stop(&breaker, &view);
	text = copy_text(rest, repeated(bytes, total), &n);
	run_thrice(&breaker, &env, text, n, bytes[2]);
	free(text);
	word_breaker_close(&breaker);
	lexicon_end(&builder);
	check(env.live == 0);
	free(dictionary.bytes);
	free(stop.bytes);
	return 0;
}
