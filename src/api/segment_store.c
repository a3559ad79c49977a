/*
 * segment_store.c - rows of features on disk, in an order that is random and always the same
 *
 * The order is that of a hash of (seed, id), so any stretch of rows is a random sample of all, and which one does not depend
 * on the order in which rows came.  Phases:
 *
 *   1. each row as it comes is appended to the file of its part, PARTS by the hash's first bits
 *   2. parts are read one by one and sorted in memory by the hash; ids that come twice meet there.  The numbers go to one file,
 *      as t(x) of core/segment/scale.h, which on the way finds the scales; the ids, sorted and each with its row's place, go
 *      to a file of their part, and the file of phase 1 is gone
 *   3. the numbers are read from the first to the last row as often as wanted, and scaled on the way
 *   4. the parts' ids are merged
 *
 * Memory: a buffer of 8 kB for each file; in phase 2 one part of the rows, with 32 bytes a row for sorting.  Files are
 * PostgreSQL's temporary ones: temp_file_limit and temp_tablespaces apply, and they go with the transaction's resources.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "api/segment_store.h"
#include "bridge/memory.h"
#include "core/merge_sort.h"
#include "core/radix.h"
#include "core/rng.h"

#define PARTS 256
#define PART_SHIFT 56 /* of the hash, to its part */
#define ORDER_STREAM UINT64CONST(0x6f72646572) /* of random numbers */
#define BLOCK 1024 /* rows at a time */
#define FILE_BYTES (BLCKSZ + 512) /* of a file's buffer and the like */

typedef struct Part
{
	BufFile *file; /* rows as they came; then ids with their rows' places, sorted */
	int64 n;
	uint64 bytes; /* of the rows */
} Part;

struct SegmentStore
{
	MemoryContext memory; /* of the files' buffers; rows come while another is in use */
	int32 features;
	uint64 seed;
	IdKind kind;
	int64 n;
	uint64 id_bytes; /* of all texts */
	float *low, *high; /* [features] */
	Part part[PARTS];
	BufFile *rows; /* in order */
	int64 next; /* row to be read */
	ScaleStream scale;

	/* while a part is sorted */
	char *bytes; /* of its rows */
	IdKey repeated; /* the least id that came twice */
	bool has_repeated;
	int64 surplus; /* rows whose id was there already */
};

/* ---- files ---- */

static void
read_exactly(BufFile *file, void *to, Size bytes)
{
	if (BufFileRead(file, to, bytes) != bytes)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not read from a temporary file of rows")));
}

static void
to_start(BufFile *file)
{
	if (BufFileSeek(file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not rewind a temporary file of rows")));
}

/* Not const before PostgreSQL 16. */
static void
append(BufFile *file, const void *data, Size bytes)
{
	BufFileWrite(file, (void *) data, bytes);
}

/* An id in a file: 8 bytes of a number, 16 of a uuid, 4 of a length and then a text. */
static void
write_id(BufFile *file, const IdKey *id)
{
	int32 length = id->length;

	if (id->kind == ID_INTEGER)
		append(file, &id->number, sizeof(id->number));
	else
	{
		if (id->kind == ID_TEXT)
			append(file, &length, sizeof(length));
		append(file, id->bytes, length);
	}
}

/* The id that stands at `at`; returns its bytes. */
static inline Size
id_at(IdKind kind, const char *at, IdKey *id)
{
	int32 length = UUID_LEN;

	*id = (IdKey){.kind = kind};
	if (kind == ID_INTEGER)
	{
		memcpy(&id->number, at, sizeof(id->number));
		return sizeof(id->number);
	}
	if (kind == ID_TEXT)
		memcpy(&length, at, sizeof(length));
	id->length = length;
	id->bytes = at + (kind == ID_TEXT ? sizeof(length) : 0);
	return (Size) length + (kind == ID_TEXT ? sizeof(length) : 0);
}

/* ---- rows as they come ---- */

SegmentStore *
segment_store_create(int32 features, uint64 seed)
{
	SegmentStore *store = palloc0(sizeof(SegmentStore));

	store->memory = CurrentMemoryContext;
	store->features = features;
	store->seed = seed;
	store->low = palloc(sizeof(float) * features);
	store->high = palloc(sizeof(float) * features);
	for (int32 f = 0; f < features; f++)
	{
		store->low[f] = INFINITY;
		store->high[f] = -INFINITY;
	}
	return store;
}

static inline uint64
order_of(const SegmentStore *store, const IdKey *id)
{
	uint64 key = id->kind == ID_INTEGER
					 ? (uint64) id->number
					 : hash_bytes_extended((const unsigned char *) id->bytes, id->length, store->seed);

	return rng_hash3(store->seed, ORDER_STREAM, key);
}

void
segment_store_add(void *arg, const IdKey *id, const float *numbers)
{
	SegmentStore *store = arg;
	Part *part = &store->part[order_of(store, id) >> PART_SHIFT];
	Size width = sizeof(float) * store->features;

	if (part->file == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(store->memory);

		part->file = BufFileCreateTemp(false);
		MemoryContextSwitchTo(caller);
	}
	if (store->n == PG_INT32_MAX - 1)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many distinct ids")));
	write_id(part->file, id);
	append(part->file, numbers, width);
	store->kind = id->kind;
	store->id_bytes += id->kind == ID_TEXT ? id->length : 0;
	part->bytes += width + (id->kind == ID_INTEGER ? sizeof(id->number)
												   : id->length + (id->kind == ID_TEXT ? sizeof(int32) : 0));
	part->n++;
	store->n++;
	for (int32 f = 0; f < store->features; f++)
	{
		store->low[f] = numbers[f] < store->low[f] ? numbers[f] : store->low[f];
		store->high[f] = numbers[f] > store->high[f] ? numbers[f] : store->high[f];
	}
}

/* ---- sizes ---- */

uint64
segment_store_bytes(void)
{
	return (PARTS + 1) * (uint64) FILE_BYTES;
}

uint64
segment_store_arrange_bytes(const SegmentStore *store)
{
	uint64 most = 0;

	for (int p = 0; p < PARTS; p++)
		most =
			Max(most, memory_add(store->part[p].bytes, memory_mul(store->part[p].n, 2 * sizeof(RadixItem))));
	return memory_add(most, BLOCK * sizeof(float) * (uint64) store->features);
}

uint64
segment_store_ids_bytes(const SegmentStore *store)
{
	switch (store->kind)
	{
		case ID_INTEGER:
			return memory_mul(store->n, sizeof(int64));
		case ID_UUID:
			return memory_mul(store->n, UUID_LEN);
		default:
			return memory_add(store->id_bytes, memory_mul(store->n + 1, sizeof(uint64)));
	}
}

/* ---- one part in order ---- */

static IdKey
id_of(const SegmentStore *store, const RadixItem *item)
{
	IdKey id;

	id_at(store->kind, store->bytes + item->index, &id);
	return id;
}

static int
compare_ids(const void *left, const void *right, const void *arg)
{
	IdKey a = id_of(arg, left);
	IdKey b = id_of(arg, right);

	return id_compare(&a, &b);
}

/* An id came twice: keep the least such, and count. */
static void
note_repeated(SegmentStore *store, const IdKey *id)
{
	store->surplus++;
	if (store->has_repeated && id_compare(&store->repeated, id) <= 0)
		return;
	store->has_repeated = true;
	store->repeated = *id;
	if (id->kind != ID_INTEGER)
		store->repeated.bytes = memcpy(palloc(Max(id->length, 1)), id->bytes, id->length);
}

/* Rows of equal hashes, of which there are hardly any: by their ids. */
static void
settle_ties(SegmentStore *store, PgEnv *env, RadixItem *items, RadixItem *spare, int64 n)
{
	for (int64 begin = 0, end; begin < n; begin = end)
	{
		void *from = items + begin;
		void *to = spare;

		for (end = begin + 1; end < n && items[end].key == items[begin].key;)
			end++;
		if (end - begin == 1)
			continue;
		env_check(env, merge_sort(&env->base, &from, &to, end - begin, sizeof(RadixItem), compare_ids, store),
				  "putting rows in order");
		if (from != items + begin)
			memcpy(items + begin, from, sizeof(RadixItem) * (end - begin));
		for (int64 i = begin + 1; i < end; i++)
		{
			IdKey before = id_of(store, &items[i - 1]);
			IdKey id = id_of(store, &items[i]);

			if (id_compare(&before, &id) == 0)
				note_repeated(store, &id);
		}
	}
}

/* The part's rows into store->bytes and where each begins into items, by the hash. */
static void
load_part(SegmentStore *store, PgEnv *env, Part *part, RadixItem *items, RadixItem *spare)
{
	Size width = sizeof(float) * store->features;
	uint64 at = 0;

	to_start(part->file);
	for (uint64 done = 0; done < part->bytes; done += Min(part->bytes - done, 1 << 20))
	{
		CHECK_FOR_INTERRUPTS();
		read_exactly(part->file, store->bytes + done, Min(part->bytes - done, 1 << 20));
	}
	for (int64 i = 0; i < part->n; i++)
	{
		IdKey id;
		Size id_bytes = id_at(store->kind, store->bytes + at, &id);

		items[i] = (RadixItem){.key = order_of(store, &id), .index = (int64) at};
		at += id_bytes + width;
	}
	env_check(env, radix_sort(&env->base, items, spare, part->n), "putting rows in order");
	settle_ties(store, env, items, spare, part->n);
}

/* The numbers, as t(x), to the end of store->rows. */
static void
write_rows(SegmentStore *store, const Part *part, const RadixItem *items, float *block)
{
	Size width = sizeof(float) * store->features;

	for (int64 from = 0; from < part->n; from += BLOCK)
	{
		int64 count = Min(part->n - from, BLOCK);

		CHECK_FOR_INTERRUPTS();
		for (int64 i = 0; i < count; i++)
		{
			const char *row = store->bytes + items[from + i].index;
			IdKey id;

			memcpy(block + i * store->features, row + id_at(store->kind, row, &id), width);
		}
		scale_stream_add(&store->scale, block, count);
		append(store->rows, block, width * count);
	}
}

static void
write_numbers(SegmentStore *store, PgEnv *env, const Part *part, int32 first, RadixItem *items,
			  RadixItem *spare)
{
	for (int64 i = 0; i < part->n; i++)
		items[i] = (RadixItem){.key = radix_key_integer(id_of(store, &items[i]).number), .index = first + i};
	env_check(env, radix_sort(&env->base, items, spare, part->n), "putting ids in order");
	for (int64 i = 0; i < part->n; i++)
	{
		IdKey id = {.kind = ID_INTEGER, .number = (int64) (items[i].key ^ radix_key_integer(0))};
		int32 place = (int32) items[i].index;

		if (unlikely(i % 8192 == 0))
			CHECK_FOR_INTERRUPTS();
		write_id(part->file, &id);
		append(part->file, &place, sizeof(place));
	}
}

static void
write_texts(SegmentStore *store, PgEnv *env, const Part *part, int32 first, RadixItem *items,
			RadixItem *spare)
{
	void *sorted = items;
	void *scratch = spare;

	/* The hash has done its work: its field now keeps the place. */
	for (int64 i = 0; i < part->n; i++)
		items[i].key = (uint64) (first + i);
	env_check(env, merge_sort(&env->base, &sorted, &scratch, part->n, sizeof(RadixItem), compare_ids, store),
			  "putting ids in order");
	for (int64 i = 0; i < part->n; i++)
	{
		const RadixItem *item = (const RadixItem *) sorted + i;
		IdKey id = id_of(store, item);
		int32 place = (int32) item->key;

		if (unlikely(i % 8192 == 0))
			CHECK_FOR_INTERRUPTS();
		write_id(part->file, &id);
		append(part->file, &place, sizeof(place));
	}
}

/* The ids, sorted, each with its row's place, into a file that takes the part's stead. */
static void
write_ids(SegmentStore *store, PgEnv *env, Part *part, int32 first, RadixItem *items, RadixItem *spare)
{
	BufFileClose(part->file);
	part->file = BufFileCreateTemp(false);
	if (store->kind == ID_INTEGER)
		write_numbers(store, env, part, first, items, spare);
	else
		write_texts(store, env, part, first, items, spare);
}

static void
refuse_repeated(const SegmentStore *store)
{
	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 errmsg("source has several rows of id %s", id_text(&store->repeated)),
			 errdetail(INT64_FORMAT " rows have " INT64_FORMAT " different ids.", store->n,
					   store->n - store->surplus),
			 errhint("The first column must tell the rows apart: GROUP BY it, one row for each customer.")));
}

static void
arrange_parts(SegmentStore *store, PgEnv *env)
{
	uint64 bytes = 0;
	int64 most = 0;
	int32 first = 0;
	RadixItem *items;
	RadixItem *spare;
	float *block = palloc_extended(sizeof(float) * BLOCK * (Size) store->features, MCXT_ALLOC_HUGE);

	for (int p = 0; p < PARTS; p++)
	{
		bytes = Max(bytes, store->part[p].bytes);
		most = Max(most, store->part[p].n);
	}
	store->bytes = MemoryContextAllocHuge(CurrentMemoryContext, bytes);
	items = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(RadixItem) * most);
	spare = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(RadixItem) * most);
	for (int p = 0; p < PARTS; p++)
	{
		Part *part = &store->part[p];

		if (part->n == 0)
			continue;
		load_part(store, env, part, items, spare);
		write_rows(store, part, items, block);
		write_ids(store, env, part, first, items, spare);
		first += (int32) part->n;
	}
	pfree(spare);
	pfree(items);
	pfree(store->bytes);
	pfree(block);
	store->bytes = NULL;
}

void
segment_store_arrange(SegmentStore *store, PgEnv *env, ScaleMethod method, int64 sample, FeatureScale *scales)
{
	Size width = sizeof(float) * store->features;
	float *rows = NULL;

	store->scale = (ScaleStream){.method = method,
								 .features = store->features,
								 .low = store->low,
								 .high = store->high,
								 .scales = scales,
								 .mean = palloc(sizeof(double) * store->features),
								 .squares = palloc(sizeof(double) * store->features)};
	env_check(env, scale_stream_open(&store->scale), "standardizing");
	store->rows = BufFileCreateTemp(false);
	arrange_parts(store, env);
	if (store->has_repeated)
		refuse_repeated(store);
	sample = Min(sample, store->n);
	if (method == SCALE_ROBUST)
	{
		rows = MemoryContextAllocHuge(CurrentMemoryContext, width * sample);
		to_start(store->rows);
		read_exactly(store->rows, rows, width * sample);
	}
	env_check(env, scale_stream_close(&env->base, &store->scale, rows, sample), "standardizing");
	if (rows != NULL)
		pfree(rows);
	segment_store_rewind(store);
}

/* ---- rows in order ---- */

void
segment_store_rewind(SegmentStore *store)
{
	to_start(store->rows);
	store->next = 0;
}

int64
segment_store_read(SegmentStore *store, float *to, int64 rows)
{
	int64 count = Min(rows, store->n - store->next);

	for (int64 from = 0; from < count; from += BLOCK)
	{
		int64 some = Min(count - from, BLOCK);
		float *block = to + from * store->features;

		CHECK_FOR_INTERRUPTS();
		read_exactly(store->rows, block, sizeof(float) * (Size) store->features * some);
		scale_stream_apply(&store->scale, block, some);
	}
	store->next += count;
	return count;
}

/* ---- ids in order ---- */

/* The next id of one part. */
typedef struct Cursor
{
	BufFile *file;
	int64 left; /* beyond this one */
	IdKey id;
	int32 place; /* of its row */
	char bytes[ID_TEXT_MAX];
} Cursor;

static void
cursor_next(Cursor *cursor, IdKind kind)
{
	int32 length = UUID_LEN;

	cursor->left--;
	cursor->id = (IdKey){.kind = kind};
	if (kind == ID_INTEGER)
		read_exactly(cursor->file, &cursor->id.number, sizeof(cursor->id.number));
	else
	{
		if (kind == ID_TEXT)
			read_exactly(cursor->file, &length, sizeof(length));
		read_exactly(cursor->file, cursor->bytes, length);
		cursor->id.bytes = cursor->bytes;
		cursor->id.length = length;
	}
	read_exactly(cursor->file, &cursor->place, sizeof(cursor->place));
}

/* PostgreSQL's heap has the greatest on top. */
static int
least_first(Datum left, Datum right, void *arg)
{
	return id_compare(&((Cursor *) DatumGetPointer(right))->id, &((Cursor *) DatumGetPointer(left))->id);
}

typedef struct IdArrays
{
	int64 *numbers;
	uint64 *start;
	char *bytes;
} IdArrays;

static void
put_id(const IdArrays *arrays, int64 i, const IdKey *id)
{
	switch (id->kind)
	{
		case ID_INTEGER:
			arrays->numbers[i] = id->number;
			break;
		case ID_UUID:
			memcpy(arrays->bytes + i * UUID_LEN, id->bytes, UUID_LEN);
			break;
		case ID_TEXT:
			memcpy(arrays->bytes + arrays->start[i], id->bytes, id->length);
			arrays->start[i + 1] = arrays->start[i] + id->length;
			break;
	}
}

static binaryheap *
open_cursors(SegmentStore *store, Cursor *cursors)
{
	binaryheap *heap = binaryheap_allocate(PARTS, least_first, NULL);

	for (int p = 0; p < PARTS; p++)
	{
		if (store->part[p].n == 0)
			continue;
		cursors[p].file = store->part[p].file;
		cursors[p].left = store->part[p].n;
		to_start(cursors[p].file);
		cursor_next(&cursors[p], store->kind);
		binaryheap_add_unordered(heap, PointerGetDatum(&cursors[p]));
	}
	binaryheap_build(heap);
	return heap;
}

IdSet *
segment_store_ids(SegmentStore *store, const int32 *labels, int32 *sorted)
{
	MemoryContext memory = CurrentMemoryContext;
	Cursor *cursors = palloc(sizeof(Cursor) * PARTS);
	binaryheap *heap = open_cursors(store, cursors);
	IdSet *set = palloc0(sizeof(IdSet));
	IdArrays arrays = {0};

	if (store->kind == ID_INTEGER)
		arrays.numbers = MemoryContextAllocHuge(memory, sizeof(int64) * store->n);
	else
		arrays.bytes = MemoryContextAllocHuge(
			memory, Max(store->kind == ID_UUID ? (Size) UUID_LEN * (Size) store->n : store->id_bytes, 1));
	if (store->kind == ID_TEXT)
	{
		arrays.start = MemoryContextAllocHuge(memory, sizeof(uint64) * (store->n + 1));
		arrays.start[0] = 0;
	}
	for (int64 i = 0; i < store->n; i++)
	{
		Cursor *cursor = (Cursor *) DatumGetPointer(binaryheap_first(heap));

		if (unlikely(i % 8192 == 0))
			CHECK_FOR_INTERRUPTS();
		put_id(&arrays, i, &cursor->id);
		sorted[i] = labels[cursor->place];
		if (cursor->left == 0)
			binaryheap_remove_first(heap);
		else
		{
			cursor_next(cursor, store->kind);
			binaryheap_replace_first(heap, PointerGetDatum(cursor));
		}
	}
	*set = (IdSet){.kind = store->kind,
				   .n = (int32) store->n,
				   .numbers = arrays.numbers,
				   .start = arrays.start,
				   .bytes = arrays.bytes};
	binaryheap_free(heap);
	pfree(cursors);
	return set;
}

void
segment_store_close(SegmentStore *store)
{
	for (int p = 0; p < PARTS; p++)
		if (store->part[p].file != NULL)
			BufFileClose(store->part[p].file);
	if (store->rows != NULL)
		BufFileClose(store->rows);
	pfree(store->low);
	pfree(store->high);
	pfree(store);
}
