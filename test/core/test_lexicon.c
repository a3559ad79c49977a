/*
 * test_lexicon.c - words to indices: growing, ranking, finding, limits, forged tables
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "text/lexicon.h"

static CoreEnv core;

/* Word i is its number in letters that differ in length; it comes 1 + i mod 7 times. */
static size_t
word_of(int32_t i, char *word)
{
	return (size_t) sprintf(word, i % 3 == 0 ? "w%d" : i % 3 == 1 ? "a-much-longer-word-%d" : "%d", i);
}

static void
test_growing(void)
{
	enum
	{
		N = 20000
	};
	LexiconBuilder builder;
	Lexicon view;
	char word[64];
	int32_t index;
	int32_t *place = malloc(sizeof(int32_t) * (N + 1));

	CHECK(lexicon_begin(&builder, &core.env, 0) == CORE_OK);
	for (int32_t times = 0; times < 7; times++)
		for (int32_t i = 0; i < N; i++)
			if (i % 7 >= times)
			{
				CHECK(lexicon_add(&builder, word, word_of(i, word), &index) == CORE_OK);
				CHECK(times > 0 || index == i);
			}
	CHECK(lexicon_add(&builder, "", 0, &index) == CORE_OK && index == N);
	CHECK(lexicon_at(&builder, "", 0) == N && lexicon_at(&builder, "w1", 2) == -1);

	/* Those that came at least three times, the 5,000 most frequent: counts 7 and 6, and some of 5. */
	CHECK(lexicon_rank(&builder, 3, 5000, place) == CORE_OK);
	CHECK(builder.n == 5000 && builder.count[0] == 7 && builder.count[4999] == 6 && place[N] == -1);
	view = lexicon_view(&builder);
	CHECK(lexicon_sound(&view, builder.start[builder.n]));
	for (int32_t i = 0; i < N; i++)
		CHECK(lexicon_find(&view, word, word_of(i, word)) == place[i]);
	for (int32_t i = 1; i < builder.n; i++)
	{
		size_t a = builder.start[i] - builder.start[i - 1];
		size_t b = builder.start[i + 1] - builder.start[i];
		int order =
			memcmp(builder.bytes + builder.start[i - 1], builder.bytes + builder.start[i], a < b ? a : b);

		CHECK(builder.count[i - 1] > builder.count[i] ||
			  (builder.count[i - 1] == builder.count[i] && (order < 0 || (order == 0 && a < b))));
	}

	/* It goes on growing after ranking. */
	CHECK(lexicon_add(&builder, "new", 3, &index) == CORE_OK && index == 5000);
	lexicon_end(&builder);
	free(place);
}

/* Ranking may be left wherever it looks at the cancel flag: nothing is lost of what is to be freed. */
static void
test_cancel(void)
{
	LexiconBuilder builder;
	char word[64];
	int32_t index;
	int32_t *place = malloc(sizeof(int32_t) * 30001);
	long looks = 0;
	CoreStatus status = CORE_CANCELLED;

	while (status == CORE_CANCELLED && looks < 1000)
	{
		CHECK(lexicon_begin(&builder, &core.env, 0) == CORE_OK);
		for (int32_t i = 0; i < 30000; i++)
			CHECK(lexicon_add(&builder, word, word_of(i, word), &index) == CORE_OK);
		core.looks = 0;
		core.cancel_at = ++looks;
		status = lexicon_rank(&builder, 1, INT32_MAX, place);
		core.cancel_at = 0;
		lexicon_end(&builder);
	}
	CHECK(status == CORE_OK && looks > 20);
	free(place);
}

static void
test_limit(void)
{
	LexiconBuilder builder;
	char word[64];
	int32_t index;
	int32_t n = 0;

	CHECK(lexicon_begin(&builder, &core.env, 200000) == CORE_OK);
	while (n < 100000 && lexicon_add(&builder, word, word_of(n, word), &index) == CORE_OK)
		n++;
	CHECK(n > 1000 && n < 10000 && builder.taken <= 200000 && builder.n == n);
	/* What is there is found and counted still. */
	CHECK(lexicon_add(&builder, "w0", 2, &index) == CORE_OK && index == 0 && builder.count[0] == 2);
	CHECK(lexicon_add(&builder, word, word_of(n, word), &index) == CORE_NO_MEMORY && builder.n == n);
	lexicon_end(&builder);
}

static void
test_forged(void)
{
	uint64_t start[] = {0, 3, 6};
	uint32_t slot[] = {0, 1, 0, 2};
	Lexicon forged = {.n = 2, .start = start, .bytes = "teapot", .slot = slot, .slots = 4};

	CHECK(lexicon_sound(&forged, 6));
	CHECK(!lexicon_sound(&forged, 5));
	slot[0] = 3;
	CHECK(!lexicon_sound(&forged, 6)); /* names a third word */
	slot[0] = 2;
	CHECK(!lexicon_sound(&forged, 6)); /* more slots in use than words */
	slot[0] = 0;
	start[1] = 7;
	CHECK(!lexicon_sound(&forged, 6));
	start[1] = 3;
	forged.slots = 3;
	CHECK(!lexicon_sound(&forged, 6));
	forged.slots = 2;
	CHECK(!lexicon_sound(&forged, 6)); /* no slot would be free */
}

int
main(void)
{
	core_env_init(&core);
	test_growing();
	test_cancel();
	test_limit();
	test_forged();
	return check_finish();
}
