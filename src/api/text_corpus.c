/*
 * text_corpus.c - a source of (text, label) or (text, stars) as documents with classes
 *
 * Phases: the rows are read into a table; they are put in order of text and label, so that nothing depends on the order in
 * which they came; each is taken apart by the tokenizer and laid down as a document; the table goes.
 *
 * Memory: the texts twice, their words once, some 40 bytes a row; counted while the source is read and while documents grow.
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/table.h"
#include "api/text_corpus.h"
#include "bridge/memory.h"
#include "bridge/word_lists.h"
#include "core/merge_sort.h"

#define ROW_BYTES 48 /* beside the texts: two starts, key, label, two orders */
#define NEUTRAL (-1)

enum
{
	COLUMN_TEXT,
	COLUMN_LABEL,
	COLUMNS
};

/* ---- one document ---- */

static char *
make_room(MemoryContext memory, char *block, Size *room, Size wanted)
{
	if (wanted <= *room)
		return block;
	*room = wanted + wanted / 2 + 256;
	if (block != NULL)
		pfree(block);
	return MemoryContextAllocHuge(memory, *room);
}

Document
document_make(DocumentRoom *room, const Tokens *tokens)
{
	Size letters = (Size) tokens->start[tokens->n];
	char *to;

	room->text = make_room(room->memory, room->text, &room->text_room, (Size) tokens->n_text + 2);
	room->words = make_room(room->memory, room->words, &room->words_room, letters + (Size) tokens->n + 1);
	to = room->words;
	for (int32 i = 0; i < tokens->n; i++)
	{
		Size n = (Size) (tokens->start[i + 1] - tokens->start[i]);

		memcpy(to, tokens->words + tokens->start[i], n);
		for (char *blank = to; (blank = memchr(blank, ' ', to + n - blank)) != NULL;)
			*blank = NGRAM_BLANK;
		to += n;
		*to++ = ' ';
	}
	return (Document){.text = room->text,
					  .n_text = ngrams_squeeze(tokens->text, (Size) tokens->n_text, room->text),
					  .words = room->words,
					  .n_words = tokens->n > 0 ? (Size) (to - room->words) - 1 : 0};
}

/* ---- default phrases ---- */

typedef struct Phrases
{
	LexiconBuilder texts;
	Tokenizer *tokenizer;
	DocumentRoom room;
	PgEnv *env;
} Phrases;

static void
add_document(Phrases *phrases, const Tokens *tokens)
{
	Document document = document_make(&phrases->room, tokens);
	int32 index;

	env_check(phrases->env, lexicon_add(&phrases->texts, document.text, document.n_text, &index),
			  "reading default phrases");
}

static void
add_phrase(void *arg, const char *bytes, Size n)
{
	Phrases *phrases = arg;

	add_document(phrases, tokenizer_run(phrases->tokenizer, bytes, n));
}

static void
open_phrases(Phrases *phrases, Tokenizer *tokenizer, PgEnv *env)
{
	*phrases = (Phrases){.tokenizer = tokenizer, .env = env, .room = {.memory = CurrentMemoryContext}};
	env_check(env, lexicon_begin(&phrases->texts, &env->base, 0), "reading default phrases");
	for (const char *const *phrase = word_lists_phrases; *phrase != NULL; phrase++)
		add_document(phrases, tokenizer_run_utf8(tokenizer, *phrase, strlen(*phrase)));
	word_lists_default_phrases(add_phrase, phrases);
}

/* ---- the rows in order ---- */

typedef struct Rows
{
	Table table;
	SourceColumn columns[COLUMNS];
	int32 *label; /* [n] */
} Rows;

static void
open_rows(const TextCorpus *corpus, Rows *rows)
{
	*rows = (Rows){0};
	rows->columns[COLUMN_TEXT] = (SourceColumn){.name = "text", .kind = SOURCE_TEXT};
	rows->columns[COLUMN_LABEL] = corpus->stars ? (SourceColumn){.name = "stars", .kind = SOURCE_NUMBER}
												: (SourceColumn){.name = "label", .kind = SOURCE_ID};
	rows->table = (Table){.memory = corpus->memory,
						  .limit = corpus->limit,
						  .what = corpus->what,
						  .columns = rows->columns,
						  .n_columns = COLUMNS};
}

static uint64
rows_need(const void *arg, uint64 rows)
{
	return memory_mul(rows, ROW_BYTES);
}

void
text_corpus_check(const char *source, const TextCorpus *corpus)
{
	Rows rows;
	SourceReader reader = {.n_columns = COLUMNS, .memory = CurrentMemoryContext};

	open_rows(corpus, &rows);
	reader.columns = rows.columns;
	source_check_columns(source, &reader);
}

static int
compare_rows(const void *left, const void *right, const void *arg)
{
	const Rows *rows = arg;
	const TableRun *run = &rows->table.run[COLUMN_TEXT];
	int32 a = *(const int32 *) left;
	int32 b = *(const int32 *) right;
	uint64 n = run->start[a + 1] - run->start[a];
	uint64 m = run->start[b + 1] - run->start[b];
	int order = memcmp(run->bytes + run->start[a], run->bytes + run->start[b], Min(n, m));

	if (order != 0)
		return order;
	if (n != m)
		return n < m ? -1 : 1;
	return (rows->label[a] > rows->label[b]) - (rows->label[a] < rows->label[b]);
}

/* What so many stars say. */
static int32
class_of_stars(double stars)
{
	if (stars < 1 || stars > 5)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("source has %g in column \"stars\", which must lie between 1 and 5", stars),
						errhint("Scale other ratings in the source, such as 1 + 4 * liked::int AS stars.")));
	return stars <= 2 ? SENTIMENT_BAD : stars >= 4 ? SENTIMENT_GOOD : NEUTRAL;
}

/* order [n] of the rows. */
static int32 *
order_rows(Rows *rows, PgEnv *env, const TextCorpus *corpus)
{
	Size n = (Size) rows->table.n;
	void *order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(n, 1));
	void *spare = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(n, 1));

	for (Size i = 0; i < n; i++)
		((int32 *) order)[i] = (int32) i;
	if (corpus->stars)
	{
		rows->label = MemoryContextAllocHuge(corpus->memory, sizeof(int32) * Max(n, 1));
		for (Size i = 0; i < n; i++)
			rows->label[i] = class_of_stars(rows->table.number[COLUMN_LABEL][i]);
	}
	else
		rows->label = rows->table.index[COLUMN_LABEL];
	env_check(env, merge_sort(&env->base, &order, &spare, (int64) n, sizeof(int32), compare_rows, rows),
			  "putting texts in order");
	pfree(spare);
	return order;
}

/* ---- documents ---- */

typedef struct Laying
{
	TextCorpus *corpus;
	Rows *rows;
	Phrases phrases;
	uint64 text_room;
	uint64 words_room;
} Laying;

static void
append(Laying *laying, char **to, uint64 *room, uint64 at, const char *bytes, Size n)
{
	TextCorpus *corpus = laying->corpus;

	if (at + n > *room)
	{
		*room = Max(*room + *room / 2, at + n + 4096);
		corpus->bytes = memory_add(laying->rows->table.bytes, laying->text_room + laying->words_room);
		memory_require(corpus->bytes, corpus->limit, corpus->what);
		*to = *to == NULL ? MemoryContextAllocHuge(corpus->memory, *room) : repalloc_huge(*to, *room);
	}
	if (n > 0)
		memcpy(*to + at, bytes, n);
}

static bool
is_repeated(const Laying *laying, const int32 *order, int64 i)
{
	return i > 0 && compare_rows(&order[i - 1], &order[i], laying->rows) == 0;
}

/* One row, unless it is left out. */
static void
lay_row(Laying *laying, const int32 *order, int64 i, DocumentRoom *room, Tokenizer *tokenizer)
{
	TextCorpus *corpus = laying->corpus;
	const TableRun *run = &laying->rows->table.run[COLUMN_TEXT];
	int32 row = order[i];
	int32 label = laying->rows->label[row];
	const char *bytes = run->bytes + run->start[row];
	Size length = run->start[row + 1] - run->start[row];
	Document document;
	int64 n = corpus->n;

	if (corpus->stars && label == NEUTRAL)
	{
		corpus->neutral++;
		return;
	}
	if (corpus->clean && is_repeated(laying, order, i))
	{
		corpus->duplicates++;
		return;
	}
	document = document_make(room, tokenizer_run_utf8(tokenizer, bytes, length));
	if (corpus->clean && lexicon_at(&laying->phrases.texts, document.text, document.n_text) >= 0)
	{
		corpus->phrases++;
		return;
	}
	append(laying, &corpus->text, &laying->text_room, corpus->text_start[n], document.text, document.n_text);
	append(laying, &corpus->words, &laying->words_room, corpus->words_start[n], document.words,
		   document.n_words);
	corpus->text_start[n + 1] = corpus->text_start[n] + document.n_text;
	corpus->words_start[n + 1] = corpus->words_start[n] + document.n_words;
	corpus->label[n] = label;
	corpus->key[n] = lexicon_hash(bytes, length);
	if (corpus->keep_texts)
		corpus->source[n] = pnstrdup(bytes, length);
	corpus->n++;
}

static void
lay_documents(Laying *laying, const int32 *order, Tokenizer *tokenizer, PgEnv *env)
{
	TextCorpus *corpus = laying->corpus;
	Size n = (Size) laying->rows->table.n;
	DocumentRoom room = {.memory = CurrentMemoryContext};

	corpus->text_start = MemoryContextAllocHuge(corpus->memory, sizeof(uint64) * (n + 1));
	corpus->words_start = MemoryContextAllocHuge(corpus->memory, sizeof(uint64) * (n + 1));
	corpus->label = MemoryContextAllocHuge(corpus->memory, sizeof(int32) * (n + 1));
	corpus->key = MemoryContextAllocHuge(corpus->memory, sizeof(uint64) * (n + 1));
	if (corpus->keep_texts)
		corpus->source = MemoryContextAllocHuge(corpus->memory, sizeof(char *) * (n + 1));
	corpus->text_start[0] = corpus->words_start[0] = 0;
	if (corpus->clean)
		open_phrases(&laying->phrases, tokenizer, env);
	for (Size i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		lay_row(laying, order, (int64) i, &room, tokenizer);
	}
	if (corpus->clean)
		lexicon_end(&laying->phrases.texts);
}

void
text_corpus_read(const char *source, Tokenizer *tokenizer, PgEnv *env, TextCorpus *corpus)
{
	Rows rows;
	Laying laying = {.corpus = corpus, .rows = &rows};
	MemoryContext reading =
		AllocSetContextCreate(CurrentMemoryContext, "promoai texts", ALLOCSET_DEFAULT_SIZES);
	int32 *order;

	open_rows(corpus, &rows);
	rows.table.memory = reading;
	rows.table.need = rows_need;
	table_read(source, &rows.table);
	if (rows.table.n > PG_INT32_MAX / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("source has " INT64_FORMAT " rows, more than the %d that a text model may have",
						rows.table.n, PG_INT32_MAX / 2)));
	corpus->n = corpus->neutral = corpus->phrases = corpus->duplicates = 0;
	corpus->rows_read = rows.table.rows_read;
	corpus->rows_skipped = rows.table.rows_skipped;
	corpus->label_type = rows.columns[COLUMN_LABEL].type;
	order = order_rows(&rows, env, corpus);
	lay_documents(&laying, order, tokenizer, env);
	if (!corpus->stars)
	{
		/* The set outlives the table. */
		const IdSet *sets[] = {rows.table.ids[COLUMN_LABEL]};
		int32 *place[1];

		corpus->labels = idset_union(sets, 1, corpus->memory, place);
	}
	corpus->bytes =
		memory_add(laying.text_room + laying.words_room, memory_mul((uint64) corpus->n, ROW_BYTES));
	pfree(order);
	MemoryContextDelete(reading);
}
