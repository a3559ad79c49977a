/*
 * test_word_breaker.c - words of texts: dictionary, stop words, stems, pieces, stored and read, cancel and want of memory
 *
 * With a folder as argument: seeds for test/fuzz/fuzz_tokenizer.c and fuzz_stored_tokenizer.c are written there instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "core_env.h"
#include "text/characters.h"
#include "text/word_breaker.h"

static CoreEnv core;

static const char dictionary_bytes[] = "cash on deliverygiftgift card优惠券";
static const uint64_t dictionary_start[] = {0, 16, 20, 29, 38};

static LexiconBuilder stop_builder;

static void
open_breaker(WordBreaker *breaker, BreakerKind kind, bool lists, const char *stemmer)
{
	CHECK(word_breaker_open(breaker, &core.env, kind) == CORE_OK);
	if (lists)
	{
		Lexicon stop;
		int32_t index;

		CHECK(word_breaker_dictionary(breaker, dictionary_start, 4, dictionary_bytes, 38));
		CHECK(lexicon_begin(&stop_builder, &core.env, 0) == CORE_OK);
		CHECK(lexicon_add(&stop_builder, "the", 3, &index) == CORE_OK);
		CHECK(lexicon_add(&stop_builder, "的", 3, &index) == CORE_OK);
		stop = lexicon_view(&stop_builder);
		word_breaker_stop(breaker, &stop);
	}
	if (stemmer != NULL)
		CHECK(word_breaker_stem(breaker, stemmer));
}

/* The words of a text with bars between them. */
static const char *
words_of(WordBreaker *breaker, const char *text, size_t n)
{
	static char joined[4096];
	const Tokens *tokens;
	size_t used = 0;

	CHECK(word_breaker_run(breaker, text, n) == CORE_OK);
	tokens = word_breaker_tokens(breaker);
	for (int32_t i = 0; i < tokens->n; i++)
		used += (size_t) snprintf(joined + used, sizeof(joined) - used, "%s%.*s", i > 0 ? "|" : "",
								  tokens->start[i + 1] - tokens->start[i], tokens->words + tokens->start[i]);
	joined[used] = '\0';
	return joined;
}

#define WORDS(breaker, text) words_of(breaker, text, strlen(text))

static void
test_words(void)
{
	WordBreaker breaker;
	const char broken[] = "gift\xff\xfe"
						  "card \xc3(caf\xc3\xa9 \xed\xa0\x80 end\xf0\x9f";

	open_breaker(&breaker, BREAKER_ICU, false, NULL);
	CHECK(strcmp(WORDS(&breaker, "Can’t PAY ½ ﬁne"), "can't|pay|1⁄2|fine") == 0);
	CHECK(strcmp(words_of(&breaker, broken, sizeof(broken) - 1), "gift|card|café|end") == 0);
	CHECK(strcmp(WORDS(&breaker, ""), "") == 0 && word_breaker_tokens(&breaker)->n == 0);
	CHECK(strcmp(WORDS(&breaker, "great 👍 © 2025"), "great|👍|2025") == 0);
	word_breaker_close(&breaker);

	open_breaker(&breaker, BREAKER_ICU, true, NULL);
	CHECK(strcmp(WORDS(&breaker, "The GIFT CARD, giftless: Cash on delivery"),
				 "gift card|giftless|cash on delivery") == 0);
	CHECK(strcmp(WORDS(&breaker, "我的优惠券"), "我的|优惠券") == 0);
	word_breaker_close(&breaker);
	lexicon_end(&stop_builder);

	open_breaker(&breaker, BREAKER_SIMPLE, false, "english");
	CHECK(strcmp(WORDS(&breaker, "returned returning, parcels"), "return|return|parcel") == 0);
	word_breaker_close(&breaker);
	CHECK(core.live == 0);
}

static void
test_options(void)
{
	WordBreaker breaker;
	const char *word;
	size_t length;
	const uint64_t wrong[] = {0, 4, 3};

	open_breaker(&breaker, BREAKER_ICU, false, NULL);
	CHECK(!word_breaker_stem(&breaker, "klingon") && !word_breaker_stem(&breaker, ""));
	CHECK(!word_breaker_dictionary(&breaker, wrong, 2, dictionary_bytes, 38));
	CHECK(word_breaker_normal(&breaker, " Gift  Card\t", 12, &word, &length) == CORE_OK);
	CHECK(length == 10 && memcmp(word, "gift  card", 10) == 0);
	CHECK(word_breaker_normal(&breaker, " ", 1, &word, &length) == CORE_OK && length == 0);
	CHECK(word_breaker_normal(&breaker, word, WORD_BREAKER_PIECE + 1, &word, &length) == CORE_TOO_LARGE);
	word_breaker_close(&breaker);
	CHECK(core.live == 0);
}

/* A document of many pieces has the words of its parts, whether cut at blanks or where there are none. */
static void
test_pieces(void)
{
	enum
	{
		N = 20000
	};
	WordBreaker breaker;
	char *text = core_malloc(16 * N);
	size_t n = 0;

	for (int i = 0; i < N; i++)
		n += (size_t) sprintf(text + n, i % 3 == 0 ? "Größe " : i % 3 == 1 ? "gift card " : "x ");
	open_breaker(&breaker, BREAKER_ICU, true, NULL);
	CHECK(word_breaker_run(&breaker, text, n) == CORE_OK && word_breaker_tokens(&breaker)->n == N);
	for (n = 0; n < 3 * (size_t) N; n += 3)
		memcpy(text + n, "好", 3);
	CHECK(word_breaker_run(&breaker, text, n) == CORE_OK);
	CHECK(word_breaker_tokens(&breaker)->n_text == (int32_t) n && word_breaker_tokens(&breaker)->n > 0);
	word_breaker_close(&breaker);
	lexicon_end(&stop_builder);
	free(text);
	CHECK(core.live == 0);
}

/* Stopped at any look, and without any of its blocks, a run leaves a breaker that works. */
static void
test_trouble(void)
{
	char text[200000];
	WordBreaker breaker;
	CoreStatus status = CORE_CANCELLED;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "gift cards é "[i % 14];
	for (long at = 1; status != CORE_OK && at < 100000; at += 1 + at / 4)
	{
		open_breaker(&breaker, BREAKER_ICU, true, "english");
		core.cancel_at = core.looks + at;
		status = word_breaker_run(&breaker, text, sizeof(text));
		CHECK(status == CORE_OK || status == CORE_CANCELLED);
		core.cancel_at = 0;
		CHECK(strcmp(WORDS(&breaker, "the gifts"), "gift") == 0);
		word_breaker_close(&breaker);
		lexicon_end(&stop_builder);
	}
	CHECK(status == CORE_OK);
	status = CORE_NO_MEMORY;
	for (long at = 1; status != CORE_OK && at < 100; at++)
	{
		open_breaker(&breaker, BREAKER_ICU, true, "english");
		core.fail_at = core.allocations + at;
		status = word_breaker_run(&breaker, text, sizeof(text));
		CHECK(status == CORE_OK || status == CORE_NO_MEMORY);
		core.fail_at = 0;
		CHECK(strcmp(WORDS(&breaker, "the gifts"), "gift") == 0);
		word_breaker_close(&breaker);
		lexicon_end(&stop_builder);
	}
	CHECK(status == CORE_OK && core.live == 0);
}

/* ---- stored ---- */

static const char *const names[] = {"tokenizer",          "tokenizer config",    "tokenizer stemmer",
									"tokenizer words at", "tokenizer words",     "tokenizer stop at",
									"tokenizer stop",     "tokenizer stop slots"};

static void
test_stored(void)
{
	WordBreaker breaker;
	WordBreaker again;
	Payload payload = {0};
	uint32_t header[BREAKER_HEADER_SIZE];

	open_breaker(&breaker, BREAKER_ICU, true, "english");
	word_breaker_write(&breaker, &payload);
	CHECK(word_breaker_read(&again, &core.env, &payload) == CORE_OK);
	CHECK(strcmp(WORDS(&again, "the gifts of gift card"), "gift|of|gift card") == 0);
	CHECK(strcmp(WORDS(&again, "the gifts"), WORDS(&breaker, "the gifts")) == 0);
	word_breaker_close(&again);

	/* Each section missing, and each number of the header changed, is seen. */
	for (int i = 0; i < payload.n; i++)
	{
		Payload less = payload;
		bool stemmer = strcmp(payload.section[i].name, "tokenizer stemmer") == 0;

		memmove(&less.section[i], &less.section[i + 1], sizeof(PayloadSection) * (size_t) (less.n - i - 1));
		less.n--;
		CHECK((word_breaker_read(&again, &core.env, &less) == CORE_OK) == stemmer);
		if (stemmer)
			word_breaker_close(&again);
	}
	for (int i = 0; i < BREAKER_HEADER_SIZE; i++)
	{
		Payload other = payload;

		memcpy(header, breaker.header, sizeof(header));
		header[i] += i == BREAKER_HEADER_KIND ? 2 : 1;
		other.section[0].data = header;
		CHECK(word_breaker_read(&again, &core.env, &other) == CORE_CORRUPT);
	}
	word_breaker_close(&breaker);
	lexicon_end(&stop_builder);
	CHECK(core.live == 0);
}

/* ---- seeds ---- */

static FILE *
seed(const char *folder, const char *target, int number)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, target);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%d", folder, target, number);
	file = fopen(path, "wb");
	if (file == NULL)
	{
		perror(path);
		exit(2);
	}
	return file;
}

static const char *const texts[] = {
	"Where is my GIFT CARD?  I can't pay 3.50 € with it, e-mail: a@b.example",
	"请问我的优惠券什么时候到？ 质量很好 👍🏽 谢谢",
	"ราคาถูกมาก 値段が安いです 가격이 좋아요",
	"Größe, ﬁne, ½ price ʼn İstanbul ΣΑΣ e\xcc\x81 🇩🇪🇫🇷 👨‍👩‍👧 broken \xff\xc3( \xed\xa0\x80",
};
#define N_TEXTS ((int) (sizeof(texts) / sizeof(texts[0])))

static void
write_seeds(const char *folder)
{
	for (int i = 0; i < 3 * N_TEXTS; i++)
	{
		FILE *file = seed(folder, "fuzz_tokenizer", i);
		const unsigned char how[] = {(unsigned char) i, (unsigned char) (5 * i), (unsigned char) (i % 5)};

		fwrite(how, 1, sizeof(how), file);
		fprintf(file,
				"gift card\ngift\n优惠券\n\xff"
				"the\nof\n的\n\xff%s",
				texts[i % N_TEXTS]);
		fclose(file);
	}
	for (int i = 0; i < 2 * N_TEXTS; i++)
	{
		FILE *file = seed(folder, "fuzz_stored_tokenizer", i);
		WordBreaker breaker;
		Payload payload = {0};

		open_breaker(&breaker, i % 2 == 0 ? BREAKER_ICU : BREAKER_SIMPLE, true,
					 i % 3 == 0 ? NULL : "english");
		word_breaker_write(&breaker, &payload);
		for (size_t s = 0; s < sizeof(names) / sizeof(names[0]); s++)
		{
			const PayloadSection *section = NULL;
			size_t bytes = 0xffff;

			for (int j = 0; j < payload.n; j++)
				if (strcmp(payload.section[j].name, names[s]) == 0)
					section = &payload.section[j];
			if (section != NULL)
				bytes = (size_t) section->bytes;
			fputc((int) (bytes & 0xff), file);
			fputc((int) (bytes >> 8), file);
			if (section != NULL)
				fwrite(section->data, 1, bytes, file);
		}
		fputs(texts[i % N_TEXTS], file);
		fclose(file);
		word_breaker_close(&breaker);
		lexicon_end(&stop_builder);
	}
}

int
main(int argc, char **argv)
{
	core_env_init(&core);
	if (argc > 1)
	{
		write_seeds(argv[1]);
		return 0;
	}
	test_words();
	test_options();
	test_pieces();
	test_trouble();
	test_stored();
	return check_finish();
}
