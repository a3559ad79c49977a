/*
 * keywords.c - text_keywords: the words that tell what a document, or a group of documents, is about
 *
 * Documents are broken into words as they come in; what is kept of them is a number for each word, the number of its group,
 * and the words themselves once (core/text/lexicon.h).  Then words are ranked by how often they came, so that no answer
 * depends on the order of rows, and groups put in the order of their ids.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "bridge/args.h"
#include "bridge/compat.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/rows.h"
#include "bridge/source.h"
#include "bridge/tokenizer.h"
#include "bridge/utf8.h"
#include "core/text/keywords.h"
#include "core/text/lexicon.h"
#include "core/topk.h"

#define MAX_K 100000
#define BETWEEN (-1) /* two documents */

typedef enum KeywordMethod
{
	METHOD_TFIDF,
	METHOD_TEXTRANK
} KeywordMethod;

#define GROUP_WINDOW 2 /* words, by default */

static const char *const method_names[] = {"tfidf", "textrank", NULL};

typedef struct KeywordOptions
{
	int32 k;
	int32 method;
	int32 window;
	char *memory;
} KeywordOptions;

static const Option document_options[] = {
	{.name = "k", .type = OPTION_INT, .offset = offsetof(KeywordOptions, k), .min = 1, .max = MAX_K},
	{.name = "window_size",
	 .type = OPTION_INT,
	 .offset = offsetof(KeywordOptions, window),
	 .min = 2,
	 .max = 100},
	{.name = NULL},
};

static const Option group_options[] = {
	{.name = "method",
	 .type = OPTION_CHOICE,
	 .offset = offsetof(KeywordOptions, method),
	 .choices = method_names},
	{.name = "k", .type = OPTION_INT, .offset = offsetof(KeywordOptions, k), .min = 1, .max = MAX_K},
	{.name = "window_size",
	 .type = OPTION_INT,
	 .offset = offsetof(KeywordOptions, window),
	 .min = 2,
	 .max = 100,
	 .nullable = true},
	{.name = "memory", .type = OPTION_TEXT, .offset = offsetof(KeywordOptions, memory)},
	{.name = NULL},
};

/* What has been read. */
typedef struct Keywords
{
	KeywordOptions options;
	const char *what; /* for messages */
	uint64 limit; /* bytes */
	MemoryContext memory;
	PgEnv env;
	Tokenizer *tokenizer;
	LexiconBuilder lexicon;
	int64 n;
	int64 room;
	int32 *word; /* [n] or BETWEEN */
	int32 *group; /* [n] */
	int32 n_groups;
} Keywords;

static void
keywords_begin(Keywords *keywords, Args *args, const char *what)
{
	TokenizerOptions tokenizer = tokenizer_options_from_args(args, true);

	keywords->what = what;
	keywords->limit = memory_limit(keywords->options.memory);
	keywords->memory = CurrentMemoryContext;
	env_init(&keywords->env, CurrentMemoryContext);
	keywords->tokenizer = tokenizer_create(&tokenizer, CurrentMemoryContext);
	env_check(&keywords->env, lexicon_begin(&keywords->lexicon, &keywords->env.base, 0), what);
}

static void
require(const Keywords *keywords, uint64 more)
{
	memory_require(memory_add(keywords->lexicon.taken, more), keywords->limit, keywords->what);
}

static void
put_token(Keywords *keywords, int32 word, int32 group)
{
	if (keywords->n == keywords->room)
	{
		int64 room = Max(2 * keywords->room, 1024);

		/* Both as they become, and of one at a time what it was. */
		require(keywords,
				memory_add(memory_mul(room, 2 * sizeof(int32)), memory_mul(keywords->room, sizeof(int32))));
		if (keywords->room == 0)
		{
			keywords->word = MemoryContextAllocHuge(keywords->memory, sizeof(int32) * room);
			keywords->group = MemoryContextAllocHuge(keywords->memory, sizeof(int32) * room);
		}
		else
		{
			keywords->word = repalloc_huge(keywords->word, sizeof(int32) * room);
			keywords->group = repalloc_huge(keywords->group, sizeof(int32) * room);
		}
		keywords->room = room;
	}
	keywords->word[keywords->n] = word;
	keywords->group[keywords->n++] = group;
}

static void
put_document(Keywords *keywords, const Tokens *tokens, int32 group)
{
	size_t taken = keywords->lexicon.taken;

	for (int32 i = 0; i < tokens->n; i++)
	{
		int32 word;

		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		env_check(&keywords->env,
				  lexicon_add(&keywords->lexicon, tokens->words + tokens->start[i],
							  tokens->start[i + 1] - tokens->start[i], &word),
				  "counting words");
		put_token(keywords, word, group);
	}
	put_token(keywords, BETWEEN, group);
	if (keywords->lexicon.taken > taken)
		require(keywords, memory_mul(keywords->room, 2 * sizeof(int32)));
}

/* Words by how often they came, groups by place [n_groups] (NULL: as they are). */
static void
rank_all(Keywords *keywords, const int32 *place)
{
	int32 *new_word = memory_huge(keywords->lexicon.n, sizeof(int32));

	env_check(&keywords->env, lexicon_rank(&keywords->lexicon, 1, PG_INT32_MAX, new_word), "ranking words");
	for (int64 i = 0; i < keywords->n; i++)
	{
		if (keywords->word[i] != BETWEEN)
			keywords->word[i] = new_word[keywords->word[i]];
		if (place != NULL)
			keywords->group[i] = place[keywords->group[i]];
	}
	pfree(new_word);
}

static bool
is_word(const Coo *coo, int64_t entry, const void *arg)
{
	return coo->col[entry] != BETWEEN;
}

/* How often each word comes in each group. */
static Csr
count_words(Keywords *keywords)
{
	Coo tokens = {.n = keywords->n, .row = keywords->group, .col = keywords->word};
	Csr counts = {.rows = keywords->n_groups, .cols = keywords->lexicon.n};
	CooMerge merge;

	require(keywords, memory_mul(keywords->room + 2 * (uint64) keywords->n_groups, 4 * sizeof(int32)));
	counts.start = memory_huge((uint64) counts.rows + 1, sizeof(int64));
	counts.col = memory_huge(keywords->n, sizeof(int32));
	counts.value = memory_huge(keywords->n, sizeof(float));
	env_check(&keywords->env, csr_from_coo(&keywords->env.base, &tokens, is_word, NULL, &counts, &merge),
			  "counting words");
	return counts;
}

/* ---- TextRank of every group ---- */

/* The tokens in the order of their groups: start [n_groups + 1]; the answer is in keywords->word. */
static int64 *
gather_groups(Keywords *keywords)
{
	int64 *start = memory_huge((uint64) keywords->n_groups + 2, sizeof(int64));
	int32 *word = memory_huge(keywords->n, sizeof(int32));

	memset(start, 0, sizeof(int64) * ((Size) keywords->n_groups + 2));
	for (int64 i = 0; i < keywords->n; i++)
		start[keywords->group[i] + 2]++;
	for (int32 g = 0; g <= keywords->n_groups; g++)
		start[g + 1] += start[g];
	for (int64 i = 0; i < keywords->n; i++)
		word[start[keywords->group[i] + 1]++] = keywords->word[i];
	pfree(keywords->word);
	keywords->word = word;
	return start;
}

/* The scores of the words that a group has, in the order of its row of counts. */
static void
rank_group(Keywords *keywords, const Csr *counts, int32 group, int32 *word, int64 n, int32 *place,
		   double *score)
{
	TextRankParams params = {
		.window = keywords->options.window, .damping = 0.85, .tolerance = 1e-9, .max_iterations = 200};
	int64 from = counts->start[group];
	int32 words = (int32) (counts->start[group + 1] - from);

	if (words == 0)
		return;
	require(keywords, memory_add(memory_mul(keywords->room, 6 * sizeof(int32)),
								 keywords_textrank_bytes(params.window, n, words)));
	for (int32 i = 0; i < words; i++)
		place[counts->col[from + i]] = i;
	for (int64 i = 0; i < n; i++)
		if (word[i] != BETWEEN)
			word[i] = place[word[i]];
	env_check(&keywords->env, keywords_textrank(&keywords->env.base, &params, word, n, words, score + from),
			  "ranking words");
}

static void
rank_groups(Keywords *keywords, const Csr *counts, double *score)
{
	int64 *start = gather_groups(keywords);
	int32 *place = memory_huge(keywords->lexicon.n, sizeof(int32));

	for (int32 g = 0; g < keywords->n_groups; g++)
	{
		CHECK_FOR_INTERRUPTS();
		rank_group(keywords, counts, g, keywords->word + start[g], start[g + 1] - start[g], place, score);
	}
}

/* ---- the answer ---- */

/* The best words of a group: rank, word, score from column `first` on; those before are the caller's. */
static void
put_best(const Keywords *keywords, const Csr *counts, const double *score, int32 group, ReturnSetInfo *rows,
		 Datum *values, bool *nulls, int first)
{
	int64 from = counts->start[group];
	int32 n = (int32) (counts->start[group + 1] - from);
	TopEntry *heap = memory_huge(Min(n, keywords->options.k), sizeof(TopEntry));
	TopK top;

	topk_init(&top, heap, Min(n, keywords->options.k));
	for (int32 i = 0; i < n; i++)
		if (topk_wants(&top, (float) score[from + i], i))
			topk_push(&top, (float) score[from + i], i);
	topk_finish(&top);
	for (int32 i = 0; i < top.n; i++)
	{
		int64 entry = from + heap[i].index;
		uint64 at = keywords->lexicon.start[counts->col[entry]];
		Size length;
		const char *word = utf8_to_server(keywords->lexicon.bytes + at,
										  keywords->lexicon.start[counts->col[entry] + 1] - at, &length);

		CHECK_FOR_INTERRUPTS();
		values[first] = Int32GetDatum(i + 1);
		values[first + 1] = PointerGetDatum(cstring_to_text_with_len(word, (int) length));
		values[first + 2] = Float8GetDatum(score[entry]);
		rows_put(rows, values, nulls);
		pfree(DatumGetPointer(values[first + 1]));
	}
	pfree(heap);
}

static Csr
score_all(Keywords *keywords, double **score)
{
	Csr counts = count_words(keywords);

	*score = memory_huge(csr_entries(&counts), sizeof(double));
	if (keywords->options.method == METHOD_TFIDF)
		env_check(&keywords->env, keywords_tfidf(&keywords->env.base, &counts, *score), "weighing words");
	else
		rank_groups(keywords, &counts, *score);
	return counts;
}

/* text_keywords(doc, k, window_size, tokenizer, stop_words, stemmer) -> setof (rank, word, score) */
PG_FUNCTION_INFO_V1(promoai_text_keywords);
Datum
promoai_text_keywords(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	ReturnSetInfo *rows = rows_open(fcinfo);
	Keywords keywords = {.n_groups = 1};
	Datum values[3] = {0};
	bool nulls[3] = {false};
	double *score;
	Csr counts;
	text *doc;

	options_from_call(document_options, args, &keywords.options);
	keywords.options.method = METHOD_TEXTRANK;
	keywords_begin(&keywords, args, "text_keywords");
	if (args_null(args, "doc"))
		return (Datum) 0;
	doc = DatumGetTextPP(args_datum(args, "doc", NULL));
	put_document(&keywords, tokenizer_run(keywords.tokenizer, VARDATA_ANY(doc), VARSIZE_ANY_EXHDR(doc)), 0);
	rank_all(&keywords, NULL);
	counts = score_all(&keywords, &score);
	put_best(&keywords, &counts, score, 0, rows, values, nulls, 0);
	tokenizer_free(keywords.tokenizer);
	return (Datum) 0;
}

static void
take_row(void *arg, const SourceValue *values)
{
	Keywords *keywords = arg;

	put_document(keywords,
				 tokenizer_run_utf8(keywords->tokenizer, values[1].text->bytes, values[1].text->length),
				 values[0].index);
}

/* text_group_keywords(source, method, k, ...) -> setof (group_id, group_no, rank, word, score) */
PG_FUNCTION_INFO_V1(promoai_text_group_keywords);
Datum
promoai_text_group_keywords(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *source = args_text(args, "source");
	ReturnSetInfo *rows = rows_open(fcinfo);
	Keywords keywords = {0};
	SourceColumn columns[] = {{.name = "group", .kind = SOURCE_ID}, {.name = "text", .kind = SOURCE_TEXT}};
	SourceReader reader = {.columns = columns,
						   .n_columns = lengthof(columns),
						   .memory = CurrentMemoryContext,
						   .row = take_row,
						   .arg = &keywords};
	Datum values[5] = {0};
	bool nulls[5] = {false};
	int32 *place;
	double *score;
	IdSet *groups;
	Csr counts;

	options_from_call(group_options, args, &keywords.options);
	option_refuse(keywords.options.window >= 0 && keywords.options.method == METHOD_TFIDF, "window_size",
				  "method => 'tfidf'", "method => 'textrank'");
	option_default_int(&keywords.options.window, GROUP_WINDOW);
	keywords_begin(&keywords, args, "text_group_keywords");
	source_read(source, &reader);
	keywords.n_groups = ids_count(columns[0].ids);
	place = memory_huge(keywords.n_groups, sizeof(int32));
	groups = ids_sort(columns[0].ids, CurrentMemoryContext, place);
	rank_all(&keywords, place);
	counts = score_all(&keywords, &score);
	for (int32 g = 0; g < keywords.n_groups; g++)
	{
		values[0] = CStringGetTextDatum(idset_text(groups, g));
		nulls[1] = groups->kind != ID_INTEGER;
		if (!nulls[1])
			values[1] = Int64GetDatum(groups->numbers[g]);
		put_best(&keywords, &counts, score, g, rows, values, nulls, 2);
	}
	tokenizer_free(keywords.tokenizer);
	return (Datum) 0;
}
