/*
 * content_model.c - a model of attributes to payload sections and back; as in recommender.c, reading trusts nothing
 *
 * Rows and inverted index are both stored, so that a loaded model is asked in place.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "api/content_model.h"
#include "bridge/memory.h"

/* The section "content": doubles in this order. */
enum
{
	CONTENT_FACTORED,
	CONTENT_TRANSFORM,
	CONTENT_FEATURES,
	CONTENT_WIDTH,
	N_CONTENT
};

uint64
content_vectors_bytes(uint64 items, uint64 features, uint64 width, uint64 entries)
{
	uint64 starts = memory_mul(memory_add(items, memory_add(features, 2)), sizeof(int64));
	uint64 sparse = memory_mul(entries, 2 * (sizeof(int32) + sizeof(float)));

	return memory_add(memory_add(starts, sparse), memory_mul(memory_mul(items, width), sizeof(float)));
}

static void *
room(uint64 n, uint64 width)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, memory_mul(Max(n, 1), width));
}

static Csr
make_rows(int32 rows, int32 cols, int64 entries)
{
	return (Csr){.rows = rows,
				 .cols = cols,
				 .start = room((uint64) rows + 1, sizeof(int64)),
				 .col = room(entries, sizeof(int32)),
				 .value = room(entries, sizeof(float))};
}

void
content_vectors_make(ContentVectors *vectors, int32 items, int32 features, int32 width, int64 entries)
{
	*vectors = (ContentVectors){.items = items,
								.rows = make_rows(items, features, entries),
								.index = make_rows(features, items, entries),
								.width = width,
								.dense = room((uint64) items * width, sizeof(float))};
}

static void
write_rows(const Csr *rows, const char *const *names, Payload *payload)
{
	uint64 entries = csr_entries(rows);

	payload_add(payload, names[0], sizeof(int64), (uint64) rows->rows + 1, rows->start);
	payload_add(payload, names[1], sizeof(int32), entries, rows->col);
	payload_add(payload, names[2], sizeof(float), entries, rows->value);
}

static const char *const row_sections[] = {"vector_start", "vector_feature", "vector_value"};
static const char *const index_sections[] = {"posting_start", "posting_item", "posting_value"};

void
content_model_write(const ContentModel *model, Payload *payload)
{
	const ContentVectors *vectors = &model->vectors;
	double *content = palloc0(sizeof(double) * N_CONTENT);

	content[CONTENT_FACTORED] = model->factored;
	content[CONTENT_TRANSFORM] = model->transform;
	content[CONTENT_FEATURES] = vectors->rows.cols;
	content[CONTENT_WIDTH] = vectors->width;
	payload_add(payload, "content", sizeof(double), N_CONTENT, content);
	if (model->factored)
		mf_model_write(&model->mf, payload);
	else
		recommender_write(&model->mf.base, payload);
	write_rows(&vectors->rows, row_sections, payload);
	write_rows(&vectors->index, index_sections, payload);
	payload_add(payload, "dense", sizeof(float), (uint64) vectors->items * vectors->width, vectors->dense);
}

static bool
read_rows(const Payload *payload, const char *const *names, int32 rows, int32 cols, uint64 *entries, Csr *out)
{
	uint64 values;

	*out = (Csr){.rows = rows, .cols = cols};
	out->start = (int64 *) recommender_section(payload, names[0], sizeof(int64), (uint64) rows + 1);
	out->col = (int32 *) payload_get(payload, names[1], sizeof(int32), entries);
	out->value = (float *) payload_get(payload, names[2], sizeof(float), &values);
	return out->start != NULL && out->col != NULL && out->value != NULL && values == *entries;
}

static bool
read_vectors(const Payload *payload, const double *content, ContentModel *model)
{
	ContentVectors *vectors = &model->vectors;
	int32 items = model->mf.base.items.n;
	int32 features = (int32) content[CONTENT_FEATURES];
	uint64 entries;
	uint64 postings;

	vectors->items = items;
	vectors->width = (int32) content[CONTENT_WIDTH];
	if (!read_rows(payload, row_sections, items, features, &entries, &vectors->rows) ||
		!read_rows(payload, index_sections, features, items, &postings, &vectors->index) ||
		entries != postings)
		return false;
	vectors->dense = (float *) recommender_section(payload, "dense", sizeof(float),
												   memory_mul(items, (uint64) vectors->width));
	return vectors->dense != NULL && (payload->trusted || content_check(vectors, (int64) entries));
}

/* NaN is outside every range. */
static bool
whole_within(double value, double low, double high)
{
	return value >= low && value <= high && value == floor(value);
}

bool
content_model_load(LoadedModel *loaded, MemoryContext memory)
{
	ContentModel *model = MemoryContextAllocZero(memory, sizeof(ContentModel));
	const double *content = recommender_section(&loaded->payload, "content", sizeof(double), N_CONTENT);

	if (content == NULL || !whole_within(content[CONTENT_FACTORED], 0, 1) ||
		!whole_within(content[CONTENT_TRANSFORM], FEEDBACK_BINARY, FEEDBACK_NONE) ||
		!whole_within(content[CONTENT_FEATURES], 0, PG_INT32_MAX) ||
		!whole_within(content[CONTENT_WIDTH], 0, PG_INT32_MAX))
		return false;
	model->factored = content[CONTENT_FACTORED] != 0;
	model->transform = (FeedbackTransform) content[CONTENT_TRANSFORM];
	if (model->factored)
	{
		if (!mf_model_load(loaded, memory))
			return false;
		model->mf = *(const MfModel *) loaded->state;
	}
	else
	{
		if (!recommender_read(loaded, &model->mf.base))
			return false;
		model->mf.base.methods = &content_methods;
	}
	loaded->state = model;
	return read_vectors(&loaded->payload, content, model);
}
