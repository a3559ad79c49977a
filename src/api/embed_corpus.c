/*
 * embed_corpus.c - a source of texts as words' indices
 *
 * Each text is broken into words as it comes, and its words' indices are kept: 4 bytes a word and 8 a text, in arrays that grow
 * by half, beside the growing lexicon.  Then rare words are left out, and texts are put into an order that depends on their
 * content alone: by a hash of their words, so that what is learned does not depend on the order of rows.  Texts of the same
 * hash are the same text, but for one chance in 2^64 for each pair.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "api/embed_corpus.h"
#include "bridge/memory.h"
#include "bridge/source.h"
#include "core/radix.h"
#include "core/rng.h"

#define FIRST_TOKENS 65536
#define FIRST_DOCS 4096

uint64
embed_corpus_bytes(const EmbedCorpus *corpus)
{
	uint64 bytes = memory_add(memory_mul(corpus->token_room, sizeof(int32)),
							  memory_mul(memory_add(corpus->doc_room, 1), sizeof(int64)));

	return memory_add(bytes, corpus->words.taken);
}

uint64
embed_corpus_order_bytes(const EmbedCorpus *corpus)
{
	return memory_mul(corpus->docs, 2 * sizeof(RadixItem));
}

static void
require(const EmbedCorpus *corpus, uint64 more)
{
	memory_require(memory_add(embed_corpus_bytes(corpus), more), corpus->limit,
				   "keeping the words of the texts read so far");
}

static void
add_token(EmbedCorpus *corpus, const char *word, Size n)
{
	CoreStatus status;

	if (corpus->tokens == corpus->token_room)
	{
		int64 more = corpus->token_room / 2;

		require(corpus, memory_mul(more, sizeof(int32)));
		corpus->token_room += more;
		corpus->token = repalloc_huge(corpus->token, corpus->token_room * sizeof(int32));
	}
	status = lexicon_add(&corpus->words, word, n, &corpus->token[corpus->tokens]);
	if (status == CORE_NO_MEMORY)
		require(corpus, memory_add(corpus->words.taken, corpus->limit)); /* it would have doubled */
	env_check(corpus->env, status, "counting words");
	corpus->tokens++;
}

static void
collect_row(void *arg, const SourceValue *values)
{
	EmbedCorpus *corpus = arg;
	const Tokens *tokens =
		tokenizer_run_utf8(corpus->tokenizer, values[0].text->bytes, values[0].text->length);

	for (int32 i = 0; i < tokens->n; i++)
	{
		if (i % 4096 == 4095)
			CHECK_FOR_INTERRUPTS();
		add_token(corpus, tokens->words + tokens->start[i], (Size) (tokens->start[i + 1] - tokens->start[i]));
	}
	if (corpus->docs == corpus->doc_room)
	{
		int64 more = corpus->doc_room / 2;

		require(corpus, memory_mul(more, sizeof(int64)));
		corpus->doc_room += more;
		corpus->start = repalloc_huge(corpus->start, (corpus->doc_room + 1) * sizeof(int64));
	}
	corpus->start[++corpus->docs] = corpus->tokens;
	require(corpus, 0); /* the lexicon has grown by itself */
}

void
embed_corpus_read(const char *source, EmbedCorpus *corpus)
{
	SourceColumn column = {.name = "text", .kind = SOURCE_TEXT};
	SourceReader reader = {.columns = &column,
						   .n_columns = 1,
						   .memory = CurrentMemoryContext,
						   .row = collect_row,
						   .arg = corpus};

	corpus->token_room = FIRST_TOKENS;
	corpus->doc_room = FIRST_DOCS;
	corpus->token = palloc(sizeof(int32) * FIRST_TOKENS);
	corpus->start = palloc(sizeof(int64) * (FIRST_DOCS + 1));
	corpus->start[0] = 0;
	env_check(corpus->env, lexicon_begin(&corpus->words, &corpus->env->base, corpus->limit),
			  "counting words");
	source_read(source, &reader);
	corpus->rows_read = reader.rows_read;
	corpus->rows_skipped = reader.rows_skipped;
	corpus->tokens_read = corpus->tokens;
	if (corpus->docs == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source has no texts"),
						errdetail("Rows read: " INT64_FORMAT ", skipped for a NULL: " INT64_FORMAT ".",
								  corpus->rows_read, corpus->rows_skipped)));
}

void
embed_corpus_thin(EmbedCorpus *corpus, int32 min_count, int32 max_words)
{
	int32 different = corpus->words.n;
	int32 *place;
	int64 kept = 0;
	int64 docs = 0;
	int64 at = 0;

	/* Ranking holds its lists beside the lexicon for a moment. */
	require(corpus, memory_add(corpus->words.taken, memory_mul(different, sizeof(int32) + 40)));
	place = memory_huge(Max(different, 1), sizeof(int32));
	env_check(corpus->env, lexicon_rank(&corpus->words, min_count, max_words, place), "ordering words");
	for (int64 d = 0; d < corpus->docs; d++)
	{
		int64 begin = kept;

		if (d % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		for (; at < corpus->start[d + 1]; at++)
			if (place[corpus->token[at]] >= 0)
				corpus->token[kept++] = place[corpus->token[at]];
		corpus->start[docs] = begin;
		docs += kept > begin;
		corpus->start[docs] = kept;
		/* What follows reads start[d + 1] on: docs <= d, so it has not been written over. */
	}
	corpus->docs = docs;
	corpus->tokens = kept;
	pfree(place);
	if (corpus->words.n < 2)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("source has fewer than two words that came at least %d times", min_count),
						errdetail("Texts: " INT64_FORMAT ", words: " INT64_FORMAT ", different ones: %d.",
								  corpus->rows_read - corpus->rows_skipped, corpus->tokens_read, different),
						errhint("Lower min_count, or give more texts.")));
}

void
embed_corpus_order(EmbedCorpus *corpus, uint64 seed, int32 *token, int64 *start)
{
	RadixItem *items = memory_huge(corpus->docs, sizeof(RadixItem));
	RadixItem *scratch = memory_huge(corpus->docs, sizeof(RadixItem));
	int64 n = 0;

	for (int64 d = 0; d < corpus->docs; d++)
	{
		uint64 hash = rng_mix(seed);

		if (d % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		for (int64 t = corpus->start[d]; t < corpus->start[d + 1]; t++)
			hash = rng_mix(hash + (uint64) corpus->token[t] + 1);
		items[d] = (RadixItem){.key = hash, .index = d};
	}
	env_check(corpus->env, radix_sort(&corpus->env->base, items, scratch, corpus->docs), "ordering texts");
	start[0] = 0;
	for (int64 d = 0; d < corpus->docs; d++)
	{
		int64 from = corpus->start[items[d].index];
		int64 length = corpus->start[items[d].index + 1] - from;

		if (d % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		memcpy(token + n, corpus->token + from, sizeof(int32) * length);
		n += length;
		start[d + 1] = n;
	}
	pfree(items);
	pfree(scratch);
}

void
embed_corpus_free(EmbedCorpus *corpus)
{
	pfree(corpus->token);
	pfree(corpus->start);
	corpus->token = NULL;
	corpus->start = NULL;
	corpus->token_room = 0;
	corpus->doc_room = 0;
}
