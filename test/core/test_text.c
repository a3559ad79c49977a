/*
 * test_text.c - phrases, words in ASCII, embeddings by hashing, keywords
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "rng.h"
#include "text/ascii_words.h"
#include "text/hash_embedding.h"
#include "text/keywords.h"
#include "text/phrases.h"

/* ---- phrases ---- */

static CoreEnv env;

static bool
anywhere(const char *at, const char *end)
{
	return at <= end;
}

static bool
at_blank(const char *at, const char *end)
{
	return at == end || *at == ' ';
}

static void
test_phrases(void)
{
	static const char bytes[] = "aababcbc d";
	static const uint64_t start[] = {0, 1, 3, 6, 8, 10}; /* a, ab, abc, bc, " d" is out of order */
	Phrases phrases;

	CHECK(!phrases_open(&phrases, start, 5, bytes, 10));
	CHECK(!phrases_open(&phrases, start, 4, bytes, 7)); /* beyond the bytes */
	CHECK(phrases_open(&phrases, start, 4, bytes, 10));
	CHECK(phrases_longest(&phrases, "abcd", "abcd" + 4, anywhere) == 3);
	{
		const char *text = "abd";

		CHECK(phrases_longest(&phrases, text, text + 3, anywhere) == 2);
		CHECK(phrases_longest(&phrases, text, text + 1, anywhere) == 1);
		CHECK(phrases_longest(&phrases, text, text + 3, at_blank) == 0);
		CHECK(phrases_longest(&phrases, text + 2, text + 3, anywhere) == 0);
		text = "ab abc";
		CHECK(phrases_longest(&phrases, text, text + 6, at_blank) == 2);
	}
	{
		static const uint64_t empty[] = {0, 1, 1};
		static const uint64_t twice[] = {0, 1, 2};

		CHECK(!phrases_open(&phrases, empty, 2, bytes, 10));
		CHECK(!phrases_open(&phrases, twice, 2, bytes, 10));
	}
}

/* ---- words in ASCII ---- */

static void
check_words(const char *text, const char *expected)
{
	char got[256] = "";
	int32_t n = (int32_t) strlen(text);
	char *copy = malloc((size_t) n + 1); /* its end is the sanitizer's to watch */
	int32_t from = 0;
	int32_t end;

	memcpy(copy, text, (size_t) n);
	while (ascii_words_next(copy, n, &from, &end))
	{
		strncat(got, copy + from, (size_t) (end - from));
		strcat(got, "|");
		from = end;
	}
	if (!CHECK(strcmp(got, expected) == 0))
		printf("%s gives %s instead of %s\n", text, got, expected);
	free(copy);
}

static void
test_ascii_words(void)
{
	check_words("", "");
	check_words("...", "");
	check_words("it's 50's a.b a. .b", "it's|50|s|a.b|a|b|");
	check_words("1,000.5 1;2 a,b a;b 3.5kg 1.a", "1,000.5|1;2|a|b|a|b|3.5kg|1|a|");
	check_words("a_b _ __ _a a._b 1_,2 a:b e-mail", "a_b|__|_a|a|_b|1_|2|a|b|e|mail|");
	check_words("a''b a'", "a|b|a|");
}

/* ---- embeddings ---- */

/* 64 bits of an embedding's bytes. */
static uint64_t
checksum(const char *text, size_t n)
{
	float embedding[HASH_EMBEDDING_SIZE];
	uint64_t sum = 0;

	CHECK(hash_embedding(&env.env, text, n, embedding) == CORE_OK);
	for (int i = 0; i < HASH_EMBEDDING_SIZE; i++)
	{
		uint32_t bits;

		memcpy(&bits, &embedding[i], sizeof(bits));
		sum = rng_mix(sum ^ bits);
	}
	return sum;
}

static double
cosine(const char *a, const char *b)
{
	float x[HASH_EMBEDDING_SIZE];
	float y[HASH_EMBEDDING_SIZE];
	double sum = 0;
	double square = 0;

	CHECK(hash_embedding(&env.env, a, strlen(a), x) == CORE_OK);
	CHECK(hash_embedding(&env.env, b, strlen(b), y) == CORE_OK);
	for (int i = 0; i < HASH_EMBEDDING_SIZE; i++)
	{
		sum += (double) x[i] * y[i];
		square += (double) x[i] * x[i];
	}
	CHECK_CLOSE(square, 1, 1e-6);
	return sum;
}

static void
test_fixed(void)
{
	static const struct
	{
		const char *text;
		uint64_t sum;
	} fixed[] = {
		{"", UINT64_C(0x0)},
		{"WHITE HANGING HEART T-LIGHT HOLDER", UINT64_C(0x2150ca7acd8087c4)},
		{"很好吃，送餐快！", UINT64_C(0x26d176d94d48ee81)},
		{"Größe ＸＬ，红色 T恤 №5", UINT64_C(0x557dc6454bee961b)},
		{"\xff\xfe broken \xe4\xbd", UINT64_C(0xf47dc931dcfca6ca)},
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (!CHECK(checksum(fixed[i].text, strlen(fixed[i].text)) == fixed[i].sum))
			printf("%s: 0x%016llx\n", fixed[i].text,
				   (unsigned long long) checksum(fixed[i].text, strlen(fixed[i].text)));
}

static void
test_long(void)
{
	size_t n = 1 << 20;
	char *text = malloc(n);

	for (size_t i = 0; i < n; i++)
		text[i] = (char) rng_below(7, 0, i, 256);
	if (!CHECK(checksum(text, n) == UINT64_C(0x4fd369b1c3bdc5a2)))
		printf("0x%016llx\n", (unsigned long long) checksum(text, n));
	env.cancel_at = env.looks + 3;
	{
		float embedding[HASH_EMBEDDING_SIZE];

		CHECK(hash_embedding(&env.env, text, n, embedding) == CORE_CANCELLED);
	}
	core_env_init(&env);
	free(text);
}

/* What is not UTF-8 is a blank, however it looks: overlong forms, surrogates, beyond Unicode, cut off. */
static void
test_not_utf8(void)
{
	static const char *const junk[] = {"\xff",         "\x80",         "\xc1\x81",         "\xe0\x81\x81",
									   "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x81\x81\x81", "\xf4\x90\x80\x80",
									   "\xf8",         "\xe4\xbd"};
	char text[32];

	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
	{
		snprintf(text, sizeof(text), "red%smug", junk[i]);
		if (!CHECK(checksum(text, strlen(text)) == checksum("red mug", 7)))
			printf("junk %zu is a character\n", i);
	}
	CHECK(checksum("red\xed\x9f\xbfmug", 9) != checksum("red mug", 7));
}

static void
test_near(void)
{
	CHECK_CLOSE(cosine("RED RETROSPOT MUG", "red   retrospot-mug"), 1, 1e-6);
	CHECK_CLOSE(cosine("ＲＥＤ　ＭＵＧ", "red mug"), 1, 1e-6);
	CHECK(cosine("RED RETROSPOT MUG", "RED RETROSPOT MUGS") > 0.85);
	CHECK(cosine("RED RETROSPOT MUG", "GARDEN CHAIR") < 0.3);
	CHECK(cosine("送餐很快", "送餐快") > 0.6);
}

/* ---- keywords ---- */

static void
test_textrank(void)
{
	/* garden chair wood | garden table wood, as test/reference/text.py has it, here in two texts and with a text of one word */
	static const int32_t word[] = {0, 2, 1, 0, 3, 1};
	static const int32_t apart[] = {0, 2, -1, 1};
	TextRankParams params = {.window = 2, .damping = 0.85, .tolerance = 1e-12, .max_iterations = 1000};
	double score[5];

	CHECK(keywords_textrank(&env.env, &params, word, 6, 4, score) == CORE_OK);
	CHECK_CLOSE(score[0], 0.295212766, 1e-8);
	CHECK_CLOSE(score[1], 0.295212766, 1e-8);
	CHECK_CLOSE(score[2], 0.204787234, 1e-8);
	CHECK_CLOSE(score[3], 0.204787234, 1e-8);
	params.window = 3;
	CHECK(keywords_textrank(&env.env, &params, word, 6, 4, score) == CORE_OK);
	CHECK_CLOSE(score[0], 0.324561404, 1e-8);
	CHECK_CLOSE(score[2], 0.175438596, 1e-8);
	CHECK(keywords_textrank(&env.env, &params, apart, 4, 3, score) == CORE_OK);
	CHECK_CLOSE(score[0] + score[1] + score[2], 1, 1e-9);
	CHECK(score[1] < score[0] && score[0] == score[2]);
}

int
main(void)
{
	core_env_init(&env);
	test_phrases();
	test_ascii_words();
	test_fixed();
	test_long();
	test_not_utf8();
	test_near();
	test_textrank();
	return check_finish();
}
