/*
 * tokenizer_lists.c - what users have told us of words: dictionary and stop words, given to a tokenizer
 *
 * Words are brought into normal form, as they stand in a normalised text.  The dictionary is put in order, for binary search;
 * stop words, the built-in ones less those that users have taken off and with those that they have added, go into a lexicon.
 *
 * Memory: the words and 8 bytes for each while they are gathered, counted against maintenance_work_mem, and as much once more for
 * what is kept.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "bridge/memory.h"
#include "bridge/tokenizer_internal.h"
#include "bridge/utf8.h"
#include "bridge/word_lists.h"

/* What is gathered of a list: words in normalised form. */
typedef struct WordList
{
	Tokenizer *tokenizer;
	char **words; /* [n] zero-terminated */
	int n;
	int room;
} WordList;

/* A user's word as it stands in a normalised text, without the blanks about it; NULL when nothing is left. */
static char *
normal_word(Tokenizer *tokenizer, const char *bytes, Size n)
{
	Size length;
	const char *utf8 = utf8_from_server(bytes, n, &length);
	const char *word;

	if (length > WORD_BREAKER_PIECE)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("a word of the dictionary is longer than %d bytes", WORD_BREAKER_PIECE));
	tokenizer_check(tokenizer, word_breaker_normal(&tokenizer->breaker, utf8, length, &word, &length));
	return length == 0 ? NULL : pnstrdup(word, length);
}

static void
list_add(void *arg, const char *bytes, Size n)
{
	WordList *list = arg;
	char *word = normal_word(list->tokenizer, bytes, n);

	if (word == NULL)
		return;
	if (list->n == list->room)
	{
		list->room = Max(2 * list->room, 64);
		memory_require_setting(memory_add(MemoryContextMemAllocated(CurrentMemoryContext, true),
										  memory_mul(list->room, sizeof(char *))),
							   "reading the dictionary and stop words");
		list->words = list->words == NULL
						  ? MemoryContextAllocHuge(CurrentMemoryContext, sizeof(char *) * list->room)
						  : repalloc_huge(list->words, sizeof(char *) * list->room);
	}
	list->words[list->n++] = word;
}

static int
compare_words(const void *left, const void *right)
{
	CHECK_FOR_INTERRUPTS(); /* a dictionary may have millions of words */
	return strcmp(*(char *const *) left, *(char *const *) right);
}

/* The user's dictionary as it is now, in order and each word once. */
void
tokenizer_read_dictionary(Tokenizer *tokenizer)
{
	WordList list = {.tokenizer = tokenizer};
	uint64 *start;
	char *bytes;
	uint64 total = 0;
	int n = 0;

	word_lists_dictionary(list_add, &list);
	if (list.n == 0)
		return;
	qsort(list.words, list.n, sizeof(char *), compare_words);
	for (int i = 0; i < list.n; i++)
		total += strlen(list.words[i]);
	start = MemoryContextAllocHuge(tokenizer->memory, sizeof(uint64) * (list.n + 1));
	bytes = MemoryContextAllocHuge(tokenizer->memory, total);
	start[0] = 0;
	for (int i = 0; i < list.n; i++)
	{
		Size length = strlen(list.words[i]);

		if (i > 0 && strcmp(list.words[i - 1], list.words[i]) == 0)
			continue;
		memcpy(bytes + start[n], list.words[i], length);
		start[n + 1] = start[n] + length;
		n++;
	}
	if (!word_breaker_dictionary(&tokenizer->breaker, start, n, bytes, start[n]))
		elog(ERROR, "the dictionary is not in order");
}

typedef struct StopLists
{
	WordList added;
	WordList taken_off;
} StopLists;

static void
stop_word(void *arg, const char *bytes, Size n, bool stop)
{
	StopLists *lists = arg;

	list_add(stop ? &lists->added : &lists->taken_off, bytes, n);
}

static void
stop_put(Tokenizer *tokenizer, const WordList * not, const char *word, Size n)
{
	int32 index;

	for (int i = 0; i < not ->n; i++)
		if (strlen(not ->words[i]) == n && memcmp(not ->words[i], word, n) == 0)
			return;
	env_check(&tokenizer->stop_env, lexicon_add(&tokenizer->stop_builder, word, n, &index),
			  "reading stop words");
}

/* The built-in stop words less those that the user has taken off, and the user's own. */
void
tokenizer_read_stop_words(Tokenizer *tokenizer)
{
	const char *const built_in[] = {word_lists_english, word_lists_chinese};
	Lexicon stop;
	StopLists lists = {.added.tokenizer = tokenizer, .taken_off.tokenizer = tokenizer};

	word_lists_stop(stop_word, &lists);
	env_init(&tokenizer->stop_env, tokenizer->memory);
	env_check(&tokenizer->stop_env, lexicon_begin(&tokenizer->stop_builder, &tokenizer->stop_env.base, 0),
			  "reading stop words");
	for (int list = 0; list < 2; list++)
		for (const char *word = built_in[list]; *word != '\0';)
		{
			Size n = strcspn(word, " ");

			stop_put(tokenizer, &lists.taken_off, word, n);
			word += n + (word[n] == ' ');
		}
	for (int i = 0; i < lists.added.n; i++)
		stop_put(tokenizer, &lists.taken_off, lists.added.words[i], strlen(lists.added.words[i]));
	stop = lexicon_view(&tokenizer->stop_builder);
	word_breaker_stop(&tokenizer->breaker, &stop);
}
