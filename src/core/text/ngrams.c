/*
 * ngrams.c - n-grams of words and characters, their tables, and documents as rows of features
 *
 * An n-gram is always a stretch of the document's own bytes, so nothing is copied to look one up.  While they are counted the
 * tables are held to a number of entries: when one is full its rarest go, first those that came once, then twice, until half
 * of it is free.  What is kept then depends on the order of documents, which is for the caller to fix.
 *
 * Memory: some 40 bytes and the letters for each n-gram while counting; 12 bytes a feature to read documents.
 */
#include "ngrams.h"

#include <math.h>
#include <string.h>

#define LOOK 4096 /* n-grams between two looks at the cancel flag */

static bool
is_blank(char byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

size_t
ngrams_squeeze(const char *text, size_t n, char *out)
{
	size_t length = 0;

	for (size_t i = 0; i < n; i++)
	{
		if (is_blank(text[i]))
			continue;
		if (length == 0)
			out[length++] = ' ';
		else if (is_blank(text[i - 1]))
			out[length++] = ' ';
		out[length++] = text[i];
	}
	if (length > 0)
		out[length++] = ' ';
	return length;
}

/* Behind the character at `at`; bytes that continue none stand alone. */
static const char *
next_character(const char *at, const char *end)
{
	at++;
	while (at < end && ((unsigned char) *at & 0xc0) == 0x80)
		at++;
	return at;
}

typedef struct Walk
{
	Env *env;
	NgramVisit visit;
	void *arg;
	bool is_word;
	int32_t min, max;
	int32_t steps;
} Walk;

static CoreStatus
step(Walk *walk, const char *from, const char *to)
{
	if (++walk->steps % LOOK == 0 && walk->env->cancelled(walk->env))
		return CORE_CANCELLED;
	/* Every document has a blank: it says nothing. */
	if (to - from == 1 && *from == ' ')
		return CORE_OK;
	return walk->visit(walk->arg, walk->is_word, from, (size_t) (to - from));
}

/* All n-grams of from .. end, the units of which begin where `next` says. */
static CoreStatus
walk_stretch(Walk *walk, const char *from, const char *end, const char *(*next)(const char *, const char *) )
{
	CoreStatus status = CORE_OK;
	int32_t units = 0;

	for (const char *at = from; at < end && units < walk->min; at = next(at, end))
		units++;
	if (units < walk->min)
		return walk->is_word ? CORE_OK : step(walk, from, end);
	for (; from < end && status == CORE_OK; from = next(from, end))
	{
		const char *to = from;

		for (int32_t n = 1; n <= walk->max && to < end && status == CORE_OK; n++)
		{
			to = next(to, end);
			/* Behind a word stands a blank, but for the last one. */
			if (n >= walk->min)
				status = step(walk, from, walk->is_word && to < end ? to - 1 : to);
		}
	}
	return status;
}

static const char *
next_word(const char *at, const char *end)
{
	const char *blank = memchr(at, ' ', (size_t) (end - at));

	return blank == NULL ? end : blank + 1;
}

CoreStatus
ngrams_each(Env *env, const NgramRanges *ranges, const Document *document, NgramVisit visit, void *arg)
{
	Walk walk = {.env = env, .visit = visit, .arg = arg, .is_word = true};
	const char *end = document->text + document->n_text;
	CoreStatus status = CORE_OK;

	if (ranges->word_max > 0 && document->n_words > 0)
	{
		walk.min = ranges->word_min;
		walk.max = ranges->word_max;
		status = walk_stretch(&walk, document->words, document->words + document->n_words, next_word);
	}
	if (ranges->char_max == 0 || document->n_text == 0)
		return status;
	walk.is_word = false;
	walk.min = ranges->char_min;
	walk.max = ranges->char_max;
	for (const char *at = document->text; at + 1 < end && status == CORE_OK;)
	{
		const char *behind = next_word(at + 1, end);

		status = walk_stretch(&walk, at, behind, next_character);
		at = behind - 1;
	}
	return status;
}

/* ---- counting ---- */

CoreStatus
ngrams_begin(NgramCounter *counter, Env *env, const NgramRanges *ranges, int32_t room, size_t limit)
{
	CoreStatus status;

	*counter = (NgramCounter){.ranges = *ranges, .room = room};
	if ((status = lexicon_begin(&counter->words, env, limit)) != CORE_OK)
		return status;
	if ((status = lexicon_begin(&counter->chars, env, limit)) != CORE_OK)
		ngrams_end(counter);
	return status;
}

void
ngrams_end(NgramCounter *counter)
{
	lexicon_end(&counter->words);
	if (counter->chars.env != NULL)
		lexicon_end(&counter->chars);
}

static CoreStatus
rank(LexiconBuilder *table, int64_t min_count, int32_t limit)
{
	Env *env = table->env;
	int32_t *place = env->alloc(env, sizeof(int32_t) * ((size_t) table->n + 1));
	CoreStatus status = CORE_NO_MEMORY;

	if (place == NULL)
		return status;
	status = lexicon_rank(table, min_count, limit, place);
	env->release(env, place);
	return status;
}

/* At least half of a full table is freed. */
static CoreStatus
lose_rarest(NgramCounter *counter, LexiconBuilder *table, int64_t *rare)
{
	CoreStatus status = CORE_OK;

	while (table->n > counter->room / 2 && status == CORE_OK)
	{
		++*rare;
		status = rank(table, *rare + 1, counter->room);
	}
	return status;
}

static CoreStatus
count_one(void *arg, bool is_word, const char *bytes, size_t n)
{
	NgramCounter *counter = arg;
	LexiconBuilder *table = is_word ? &counter->words : &counter->chars;
	int32_t index;
	CoreStatus status = lexicon_add(table, bytes, n, &index);

	counter->occurrences++;
	if (status == CORE_OK && table->n > counter->room)
		status = lose_rarest(counter, table, &counter->rare[!is_word]);
	return status;
}

CoreStatus
ngrams_count(NgramCounter *counter, const Document *document)
{
	return ngrams_each(counter->words.env, &counter->ranges, document, count_one, counter);
}

/* The same words in a table of their own size: what was lost has left slots behind. */
static CoreStatus
compact(LexiconBuilder *table)
{
	LexiconBuilder fresh;
	CoreStatus status = lexicon_begin(&fresh, table->env, 0);
	int32_t index;

	if (status != CORE_OK)
		return status;
	for (int32_t i = 0; i < table->n && status == CORE_OK; i++)
	{
		status = lexicon_add(&fresh, table->bytes + table->start[i],
							 (size_t) (table->start[i + 1] - table->start[i]), &index);
		if (status == CORE_OK)
			fresh.count[i] = table->count[i];
	}
	if (status != CORE_OK)
	{
		lexicon_end(&fresh);
		return status;
	}
	lexicon_end(table);
	*table = fresh;
	return CORE_OK;
}

CoreStatus
ngrams_rank(NgramCounter *counter, int64_t min_count, int32_t max_features)
{
	LexiconBuilder *tables[] = {&counter->words, &counter->chars};
	CoreStatus status = CORE_OK;

	for (int i = 0; i < 2 && status == CORE_OK; i++)
	{
		status = rank(tables[i], min_count, max_features);
		if (status == CORE_OK)
			status = compact(tables[i]);
	}
	return status;
}

/* ---- features ---- */

typedef struct RowFill
{
	const NgramTables *tables;
	NgramRow *row;
} RowFill;

static CoreStatus
fill_one(void *arg, bool is_word, const char *bytes, size_t n)
{
	RowFill *fill = arg;
	NgramRow *row = fill->row;
	int32_t feature = lexicon_find(is_word ? &fill->tables->words : &fill->tables->chars, bytes, n);

	if (feature < 0)
		return CORE_OK;
	if (!is_word)
		feature += fill->tables->words.n;
	if (row->times[feature]++ == 0)
		row->col[row->n++] = feature;
	return CORE_OK;
}

CoreStatus
ngrams_row(Env *env, const NgramTables *tables, const Document *document, bool weigh, NgramRow *row)
{
	RowFill fill = {.tables = tables, .row = row};
	CoreStatus status;

	row->n = 0;
	status = ngrams_each(env, &tables->ranges, document, fill_one, &fill);
	for (int32_t i = 0; i < row->n; i++)
	{
		row->value[i] = (float) row->times[row->col[i]];
		row->times[row->col[i]] = 0;
	}
	if (status == CORE_OK && weigh)
		ngrams_weigh(tables, row->n, row->col, row->value);
	return status;
}

static void
weigh_mean(int32_t n, float *value)
{
	double sum = 0;

	for (int32_t i = 0; i < n; i++)
		sum += value[i];
	for (int32_t i = 0; i < n; i++)
		value[i] = (float) (value[i] / sum);
}

void
ngrams_weigh(const NgramTables *tables, int32_t n, const int32_t *col, float *value)
{
	double squares[2] = {0, 0};
	float scale[2];
	int32_t kinds;

	if (tables->weighting == WEIGHTING_MEAN)
	{
		weigh_mean(n, value);
		return;
	}
	for (int32_t i = 0; i < n; i++)
	{
		float tf = value[i] == 1.0f ? 1.0f : 1.0f + logf(value[i]);

		value[i] = tf * tables->idf[col[i]];
		squares[col[i] >= tables->words.n] += (double) value[i] * value[i];
	}
	kinds = (squares[0] > 0) + (squares[1] > 0);
	for (int kind = 0; kind < 2; kind++)
		scale[kind] = squares[kind] > 0 ? (float) (1 / sqrt(kinds * squares[kind])) : 0.0f;
	for (int32_t i = 0; i < n; i++)
		value[i] *= scale[col[i] >= tables->words.n];
}

void
ngrams_idf(int64_t documents, const int32_t *df, int32_t features, float *idf)
{
	for (int32_t f = 0; f < features; f++)
		idf[f] = (float) (log((1.0 + (double) documents) / (1.0 + df[f])) + 1.0);
}
