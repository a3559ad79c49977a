/*
 * embed_import.c - word vectors that others have published, as a model
 *
 * The source gives (word, vector [, count]).  Words are kept as they stand, since they have to be found as the tokenizer writes
 * them; with counts a text's words are weighed by their frequency, without all weigh the same.  The first row settles the
 * dimension.  Words go by their counts, equal ones by their bytes, whatever the order of rows.
 *
 * Memory: vectors grow by half as they come, and are put in order beside themselves; beside them the lexicon.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/embed_train.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/progress.h"
#include "bridge/source.h"
#include "bridge/utf8.h"

#define FIRST_ROOM 1024
#define WORD_MAX 1024 /* bytes */

typedef struct ImportOptions
{
	char *tokenizer;
	bool stop_words;
	char *stemmer;
	char *memory;
} ImportOptions;

#define FIELD(field) .name = #field, .offset = offsetof(ImportOptions, field)

static const Option import_options[] = {
	{FIELD(tokenizer), .type = OPTION_TEXT},
	{FIELD(stop_words), .type = OPTION_BOOL},
	{FIELD(stemmer), .type = OPTION_TEXT},
	{FIELD(memory), .type = OPTION_TEXT},
	{.name = NULL},
};

enum
{
	COLUMN_WORD,
	COLUMN_VECTOR,
	COLUMN_COUNT,
	N_COLUMNS
};

typedef struct Import
{
	ImportOptions options;
	uint64 limit;
	PgEnv env;
	SourceColumn columns[N_COLUMNS];
	LexiconBuilder words;
	float *vectors; /* [room x dim] */
	int64 *counts; /* [room] */
	int64 room;
	int32 dim;
	int64 rows_read;
	int64 rows_skipped;
	Tokenizer *tokenizer;
	EmbedReport report;
	ModelDraft draft;
} Import;

static void
settle_options(Import *import)
{
	TokenizerOptions how = {.tokenizer = import->options.tokenizer,
							.stop_words = import->options.stop_words,
							.stemmer = import->options.stemmer};

	import->limit = memory_limit(import->options.memory);
	import->tokenizer = tokenizer_create(&how, CurrentMemoryContext);
	env_init(&import->env, CurrentMemoryContext);
}

/* ---- reading ---- */

/* Vectors once more in their order, and the lexicon's lists while it ranks. */
static void
require(const Import *import, int64 room)
{
	uint64 row = memory_add(memory_mul(import->dim, 2 * sizeof(float)), 3 * sizeof(int64) + 40);

	memory_require(memory_add(memory_mul(room, row), memory_mul(2, import->words.taken)), import->limit,
				   "keeping the word vectors read so far");
}

static void
grow(Import *import)
{
	int64 room = import->room == 0 ? FIRST_ROOM : import->room + import->room / 2;
	Size row = sizeof(float) * (Size) import->dim;

	require(import, room);
	if (import->room == 0)
	{
		/* Rows come in a context that lasts no longer than they do. */
		import->vectors = MemoryContextAllocHuge(import->env.memory, room * row);
		import->counts = MemoryContextAllocHuge(import->env.memory, room * sizeof(int64));
	}
	else
	{
		import->vectors = repalloc_huge(import->vectors, room * row);
		import->counts = repalloc_huge(import->counts, room * sizeof(int64));
	}
	import->room = room;
}

/* A word as messages show it. */
static char *
shown(const SourceText *word)
{
	Size length;
	const char *bytes = utf8_to_server(word->bytes, word->length, &length);

	return pnstrdup(bytes, length);
}

static void
check_row(Import *import, const SourceText *word, const SourceVector *vector)
{
	if (word->length == 0 || word->length > WORD_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source has a word of %zu bytes, allowed are 1 to %d", word->length, WORD_MAX)));
	if (!pg_verify_mbstr(PG_UTF8, word->bytes, (int) word->length, true)) /* SQL_ASCII lets any be a text */
		ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
						errmsg("source has a word that is not UTF-8, in row " INT64_FORMAT,
							   (int64) import->words.n + 1)));
	if (import->dim == 0)
	{
		if (vector->n < 1 || vector->n > EMBED_DIM_MAX)
			ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
							errmsg("source has a vector of %d numbers, allowed are 1 to %d", vector->n,
								   EMBED_DIM_MAX),
							errdetail("The word is \"%s\".", shown(word))));
		import->dim = vector->n;
	}
	if (vector->n != import->dim)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("source has vectors of %d and of %d numbers", import->dim, vector->n),
						errdetail("The word is \"%s\".", shown(word))));
	for (int32 d = 0; d < vector->n; d++)
		if (!(fabs(vector->numbers[d]) <= FLT_MAX / 1e10))
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("source has a vector with the number %g", vector->numbers[d]),
							errdetail("The word is \"%s\".", shown(word))));
}

static int64
count_of(const Import *import, const SourceText *word, const SourceValue *values)
{
	double count;

	if (import->columns[COLUMN_COUNT].attno == 0)
		return 0;
	count = values[COLUMN_COUNT].number;
	if (!(count >= 0 && count <= 9007199254740992.0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("source has a count of %g, allowed are 0 to 2^53", count),
						errdetail("The word is \"%s\".", shown(word))));
	return (int64) count;
}

static void
import_row(void *arg, const SourceValue *values)
{
	Import *import = arg;
	const SourceText *word = values[COLUMN_WORD].text;
	const SourceVector *vector = values[COLUMN_VECTOR].vector;
	int64 before = import->words.n;
	CoreStatus status;
	int32 index;

	check_row(import, word, vector);
	if (before == import->room)
		grow(import);
	status = lexicon_add(&import->words, word->bytes, word->length, &index);
	if (status == CORE_NO_MEMORY)
		memory_require(memory_add(import->limit, import->words.taken), import->limit,
					   "keeping the word vectors read so far");
	env_check(&import->env, status, "keeping words");
	if (index < before)
		ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION),
						errmsg("source has the word \"%s\" more than once", shown(word)),
						errhint("Leave one row of each word, such as with SELECT DISTINCT ON (word).")));
	import->counts[index] = count_of(import, word, values);
	for (int32 d = 0; d < import->dim; d++)
		import->vectors[(Size) index * import->dim + d] = (float) vector->numbers[d];
}

static void
import_read(Import *import)
{
	const SourceColumn columns[N_COLUMNS] = {
		[COLUMN_WORD] = {.name = "word", .kind = SOURCE_TEXT},
		[COLUMN_VECTOR] = {.name = "vector", .kind = SOURCE_VECTOR},
		[COLUMN_COUNT] = {.name = "count", .kind = SOURCE_NUMBER, .optional = true}};
	SourceReader reader = {.columns = import->columns,
						   .n_columns = N_COLUMNS,
						   .memory = CurrentMemoryContext,
						   .row = import_row,
						   .arg = import};

	memcpy(import->columns, columns, sizeof(columns));
	env_check(&import->env, lexicon_begin(&import->words, &import->env.base, import->limit), "keeping words");
	source_read(import->draft.source, &reader);
	import->rows_read = reader.rows_read;
	import->rows_skipped = reader.rows_skipped;
	if (import->words.n == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source has no word vectors"),
						errdetail("Rows read: " INT64_FORMAT ", skipped for a NULL: " INT64_FORMAT ".",
								  import->rows_read, import->rows_skipped)));
}

/* ---- the model ---- */

/* By counts, then bytes; the lexicon ranks by counts of its own, so those are exchanged for the source's. */
static void
put_in_order(Import *import, EmbedModel *model)
{
	int32 n = import->words.n;
	Size row = sizeof(float) * (Size) import->dim;
	int32 *place = memory_huge(n, sizeof(int32));
	float *vectors = memory_huge(n, row);
	float *norms = memory_huge(n, sizeof(float));

	require(import, import->room);
	memcpy(import->words.count, import->counts, sizeof(int64) * n);
	env_check(&import->env, lexicon_rank(&import->words, 0, PG_INT32_MAX, place), "ordering words");
	for (int32 i = 0; i < n; i++)
	{
		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		memcpy((char *) vectors + place[i] * row, (char *) import->vectors + i * row, row);
	}
	embed_norms(vectors, n, import->dim, norms);
	model->words = lexicon_view(&import->words);
	model->count = import->words.count;
	model->vectors = vectors;
	model->norms = norms;
	for (int32 i = 0; i < n; i++)
		model->sif.total += (double) model->count[i];
	pfree(place);
	pfree(import->vectors);
}

static ModelVersion *
import_finish(Import *import)
{
	EmbedModel model = {.dim = import->dim, .tokenizer = import->tokenizer};
	Payload payload = {0};
	ModelVersion *version;

	put_in_order(import, &model);
	model.sif.dim = import->dim;
	model.sif.component = palloc0(sizeof(float) * import->dim);
	import->report = (EmbedReport){.documents = -1, .tokens = -1, .words = model.words.n, .dim = import->dim};
	progress_phase(PROGRESS_WRITING, 0);
	embed_model_write(&model, &payload);
	import->draft.kind = EMBED_KIND;
	import->draft.arguments = options_to_jsonb(import_options, &import->options);
	import->draft.rows_read = import->rows_read;
	import->draft.rows_skipped = import->rows_skipped;
	import->draft.sizes = embed_sizes(&import->report);
	import->draft.payload = &payload;
	version = registry_publish(&import->draft);
	progress_end();
	return version;
}

/* embed_import(model, source, tokenizer, stop_words, stemmer, memory) */
PG_FUNCTION_INFO_V1(promoai_embed_import);
Datum
promoai_embed_import(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	Import import = {.draft = draft_of_call(args, true)};
	ModelVersion *version;

	options_from_call(import_options, args, &import.options);
	settle_options(&import);
	registry_begin(import.draft.model, EMBED_KIND);

	progress_start(import.draft.model);
	import_read(&import);
	version = import_finish(&import);
	return embed_report_row(fcinfo, &import.draft, version, &import.report);
}

ModelVersion *
embed_import_again(const Model *model, void (*read_done)(void *arg), void *arg)
{
	Import import = {.draft = draft_of_model(model)};

	options_from_jsonb(import_options, model->arguments, &import.options);
	settle_options(&import);

	progress_start(model->name);
	import_read(&import);
	read_done(arg);
	return import_finish(&import);
}
