/*
 * text_model.c - classifiers of texts to payload sections and back, and what they say of a document
 *
 * Reading trusts nothing: tables of n-grams must lead nowhere outside, weights be finite and as many as features and classes
 * ask for, labels as many as classes.
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "api/text_model.h"
#include "bridge/memory.h"
#include "core/text/characters.h"
#include "core/text/dense_rows.h"
#include "core/text/labelled.h"

/* The section "classifier": doubles in this order. */
enum
{
	STORED_CLASSES,
	STORED_WEIGHTING,
	STORED_WORD_MIN,
	STORED_WORD_MAX,
	STORED_CHAR_MIN,
	STORED_CHAR_MAX,
	STORED_SCALE,
	STORED_SHIFT,
	STORED_THRESHOLD,
	N_STORED
};

static const char *const word_sections[] = {"word_start", "word_bytes", "word_slot"};
static const char *const char_sections[] = {"char_start", "char_bytes", "char_slot"};

static void
write_table(const Lexicon *table, const char *const *names, Payload *payload)
{
	payload_add(payload, names[0], sizeof(uint64), (uint64) table->n + 1, table->start);
	payload_add(payload, names[1], 1, table->start[table->n], table->bytes);
	payload_add(payload, names[2], sizeof(uint32), table->slots, table->slot);
}

void
text_model_write(const TextModel *model, Payload *payload)
{
	double *stored = palloc(sizeof(double) * N_STORED);
	int32 features = ngrams_features(&model->tables);

	stored[STORED_CLASSES] = model->classes;
	stored[STORED_WEIGHTING] = model->tables.weighting;
	stored[STORED_WORD_MIN] = model->tables.ranges.word_min;
	stored[STORED_WORD_MAX] = model->tables.ranges.word_max;
	stored[STORED_CHAR_MIN] = model->tables.ranges.char_min;
	stored[STORED_CHAR_MAX] = model->tables.ranges.char_max;
	stored[STORED_SCALE] = model->calibration.scale;
	stored[STORED_SHIFT] = model->calibration.shift;
	stored[STORED_THRESHOLD] = model->threshold;
	payload_add(payload, "classifier", sizeof(double), N_STORED, stored);
	write_table(&model->tables.words, word_sections, payload);
	write_table(&model->tables.chars, char_sections, payload);
	payload_add(payload, "idf", sizeof(float), (uint64) features, model->tables.idf);
	payload_add(payload, "weights", sizeof(float), labelled_weights(features, model->classes),
				model->weights);
	payload_add(payload, "class_rows", sizeof(int64), (uint64) model->classes, model->rows);
	if (model->labels.n > 0)
		idset_write(&model->labels, "label", payload);
	if (model->outside != NULL)
		payload_add(payload, "outside", 1, strlen(model->outside) + 1, model->outside);
	tokenizer_write(model->tokenizer, payload);
}

/* NaN is outside every range. */
static bool
whole_within(double value, double low, double high)
{
	return value >= low && value <= high && value == floor(value);
}

static bool
read_table(const Payload *payload, const char *const *names, Lexicon *table)
{
	uint64 starts;
	uint64 bytes;
	uint64 slots;

	table->start = payload_get(payload, names[0], sizeof(uint64), &starts);
	table->bytes = payload_get(payload, names[1], 1, &bytes);
	table->slot = payload_get(payload, names[2], sizeof(uint32), &slots);
	if (table->start == NULL || table->bytes == NULL || table->slot == NULL || starts == 0 ||
		starts > PG_INT32_MAX / 2 || slots > PG_UINT32_MAX)
		return false;
	table->n = (int32) (starts - 1);
	table->slots = (uint32) slots;
	return payload->trusted || lexicon_sound(table, bytes);
}

static bool
all_finite(const float *numbers, uint64 n)
{
	for (uint64 i = 0; i < n; i++)
		if (!isfinite(numbers[i]))
			return false;
	return true;
}

static bool
read_head(const Payload *payload, TextModel *model)
{
	uint64 n;
	const double *stored = payload_get(payload, "classifier", sizeof(double), &n);

	if (stored == NULL || n != N_STORED || !whole_within(stored[STORED_CLASSES], 2, MAX_CLASSES) ||
		!whole_within(stored[STORED_WEIGHTING], WEIGHTING_TFIDF, WEIGHTING_MEAN) ||
		!whole_within(stored[STORED_WORD_MAX], 0, NGRAM_MAX) ||
		!whole_within(stored[STORED_CHAR_MAX], 0, NGRAM_MAX) ||
		!whole_within(stored[STORED_WORD_MIN], 1, NGRAM_MAX) ||
		!whole_within(stored[STORED_CHAR_MIN], 1, NGRAM_MAX) ||
		!(stored[STORED_SCALE] > 0 && isfinite(stored[STORED_SCALE])) || !isfinite(stored[STORED_SHIFT]) ||
		!(stored[STORED_THRESHOLD] >= 0 && stored[STORED_THRESHOLD] <= 1))
		return false;
	model->classes = (int32) stored[STORED_CLASSES];
	model->tables.weighting = (NgramWeighting) stored[STORED_WEIGHTING];
	model->tables.ranges = (NgramRanges){.word_min = (int32) stored[STORED_WORD_MIN],
										 .word_max = (int32) stored[STORED_WORD_MAX],
										 .char_min = (int32) stored[STORED_CHAR_MIN],
										 .char_max = (int32) stored[STORED_CHAR_MAX]};
	model->calibration = (Calibration){.scale = stored[STORED_SCALE], .shift = stored[STORED_SHIFT]};
	model->threshold = stored[STORED_THRESHOLD];
	return true;
}

static bool
read_arrays(const Payload *payload, TextModel *model)
{
	uint64 features = (uint64) model->tables.words.n + (uint64) model->tables.chars.n;
	uint64 weights = (features + 1) * (uint64) model->classes;
	uint64 n_idf;
	uint64 n_weights;
	uint64 n_rows;

	model->tables.idf = payload_get(payload, "idf", sizeof(float), &n_idf);
	/* Nothing is written through these. */
	model->weights = (float *) payload_get(payload, "weights", sizeof(float), &n_weights);
	model->rows = (int64 *) payload_get(payload, "class_rows", sizeof(int64), &n_rows);
	if (model->tables.idf == NULL || model->weights == NULL || model->rows == NULL || n_idf != features ||
		n_weights != weights || n_rows != (uint64) model->classes)
		return false;
	return payload->trusted ||
		   (all_finite(model->tables.idf, features) && all_finite(model->weights, weights));
}

static bool
read_labels(const LoadedModel *loaded, TextModel *model)
{
	const Payload *payload = &loaded->payload;
	uint64 n;

	if (strcmp(loaded->version->kind, SENTIMENT_KIND) == 0)
		return model->classes == 2;
	if (!idset_read(payload, "label", &model->labels) || model->labels.n != model->classes)
		return false;
	model->outside = (char *) payload_get(payload, "outside", 1, &n);
	return model->outside == NULL ||
		   (n > 0 && strnlen(model->outside, n) == n - 1 &&
			pg_verify_mbstr(GetDatabaseEncoding(), model->outside, (int) n - 1, true));
}

bool
text_model_load(LoadedModel *loaded, MemoryContext memory)
{
	TextModel *model = MemoryContextAllocZero(memory, sizeof(TextModel));

	if (!read_head(&loaded->payload, model) ||
		!read_table(&loaded->payload, word_sections, &model->tables.words) ||
		!read_table(&loaded->payload, char_sections, &model->tables.chars) ||
		!read_arrays(&loaded->payload, model) || !read_labels(loaded, model))
		return false;
	model->tokenizer = tokenizer_read(&loaded->payload, memory);
	if (model->tokenizer == NULL)
		return false;
	text_model_open(model, memory);
	loaded->state = model;
	return true;
}

/* ---- answering ---- */

void
text_model_open(TextModel *model, MemoryContext memory)
{
	Size features = (Size) ngrams_features(&model->tables);

	model->memory = memory;
	model->room = (DocumentRoom){.memory = memory};
	model->row.times =
		MemoryContextAllocExtended(memory, sizeof(int32) * (features + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	model->row.col = MemoryContextAllocHuge(memory, sizeof(int32) * (features + 1));
	model->row.value = MemoryContextAllocHuge(memory, sizeof(float) * (features + 1));
	model->score = MemoryContextAlloc(memory, sizeof(float) * (Size) model->classes);
}

Document
text_model_document(TextModel *model, const char *bytes, Size n)
{
	return document_make(&model->room, tokenizer_run(model->tokenizer, bytes, n));
}

/* A letter or a mark by itself is in every text; what is written without blanks, a Korean syllable or a pictograph is a word. */
static bool
is_telling(uint32 code)
{
	return character_class(code) == CLASS_DENSE || character_within(code, 0xac00, 0xd7a3) ||
		   character_within(code, 0x2190, 0x2bff) || code >= 0x1f000;
}

static bool
says_something(const TextModel *model, int32 feature)
{
	size_t n;
	const char *at = ngrams_bytes(&model->tables, feature, &n);
	const char *end = at + n;
	int32 characters = 0;

	while (at < end)
	{
		int32 bytes;
		uint32 code = character_decode(at, end, &bytes);

		if (code != ' ' && code != NGRAM_BLANK && (++characters > 1 || is_telling(code)))
			return true;
		at += bytes;
	}
	return false;
}

bool
text_model_score(TextModel *model, const Document *document)
{
	PgEnv env;

	env_init(&env, model->memory);
	/* A document that was left half read has left marks. */
	for (int32 i = 0; i < model->row.n; i++)
		model->row.times[model->row.col[i]] = 0;
	env_check(&env, ngrams_row(&env.base, &model->tables, document, true, &model->row), "reading a text");
	memcpy(model->score, model->weights + (Size) ngrams_features(&model->tables) * (Size) model->classes,
		   sizeof(float) * (Size) model->classes);
	dense_rows()->gather(model->weights, model->classes, model->row.col, model->row.value, model->row.n,
						 model->score);
	for (int32 i = 0; i < model->row.n; i++)
		if (says_something(model, model->row.col[i]))
			return true;
	return false;
}

void
text_model_calibrate(const TextModel *model, float *score)
{
	calibrate_apply(&model->calibration, model->classes, score, score);
}

int32
text_model_best(const TextModel *model, const float *score)
{
	int32 best = 0;

	for (int32 c = 1; c < model->classes; c++)
		if (score[c] > score[best])
			best = c;
	return best;
}

char *
text_model_label(const TextModel *model, int32 class)
{
	if (model->labels.n == 0)
		return pstrdup(class == SENTIMENT_GOOD ? "good" : "bad");
	return idset_text(&model->labels, class);
}
