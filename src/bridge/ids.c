/*
 * ids.c - shop ids to dense indices and back
 *
 * IdTable.  Keys lie in arrays in order of their index (numbers, or bytes one after the other with their starts).  An
 * open-addressing table of 8-byte slots finds them: a slot holds 32 bits of the key's hash and the index, so a probe
 * seldom touches a key that is not the right one, and growing the table needs no key at all.  Per id: 8 bytes of key
 * (text: 8 + its length, uuid: 16) and 10.7 to 21.3 bytes of slots; twice the slots while the table grows.
 *
 * Integers that are small and close together, as shops' numbers mostly are, take a shorter way: a window of the numbers from
 * 0 on, in which a number's place holds its index.  The window grows as long as it stays in proportion to the number of
 * ids (4 to 32 bytes each); numbers outside it are hashed.
 *
 * IdSet.  The same keys sorted; what a payload stores.  Lookup is a binary search.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "bridge/compat.h"
#include "bridge/ids.h"
#include "core/rng.h"
#include "bridge/memory.h"

#define IDS_FIRST_SLOTS 1024
#define IDS_FIRST_KEYS 512

/* The window covers at most this many numbers per id, and may always cover the first IDS_FREE_WINDOW. */
#define IDS_WINDOW_PER_ID 8
#define IDS_FREE_WINDOW 65536

#define IDS_STRETCH (1 << 18) /* ids between two looks at interrupts */

typedef struct IdSlot
{
	uint32 tag; /* 32 bits of the key's hash */
	uint32 place; /* index + 1; 0: empty */
} IdSlot;

struct IdTable
{
	IdKind kind;
	MemoryContext memory;
	int32 n;

	IdSlot *slots; /* [n_slots], a power of two, at most 3/4 full */
	uint32 n_slots;
	uint32 n_slotted; /* slots in use */

	int32 *window; /* [n_window] ID_INTEGER: index + 1 of the number, 0 when it is not there */
	uint64 n_window;
	int64 *numbers; /* [room] ID_INTEGER */
	uint64 *start; /* [room + 1] others: where each key's bytes start */
	int64 room;
	char *bytes; /* [bytes_room] */
	uint64 bytes_room;
};

static inline void
check_stretch(uint32 i)
{
	if (unlikely(i % IDS_STRETCH == 0))
		CHECK_FOR_INTERRUPTS();
}

/* ---- growing ---- */

IdTable *
ids_create(IdKind kind, MemoryContext memory)
{
	IdTable *table = MemoryContextAllocZero(memory, sizeof(IdTable));

	table->kind = kind;
	table->memory = memory;
	table->n_slots = IDS_FIRST_SLOTS;
	table->slots = MemoryContextAllocZero(memory, sizeof(IdSlot) * table->n_slots);
	table->room = IDS_FIRST_KEYS;
	if (kind == ID_INTEGER)
		table->numbers = MemoryContextAlloc(memory, sizeof(int64) * table->room);
	else
	{
		table->start = MemoryContextAllocZero(memory, sizeof(uint64) * (table->room + 1));
		table->bytes_room = table->room * 16;
		table->bytes = MemoryContextAlloc(memory, table->bytes_room);
	}
	return table;
}

void
ids_free(IdTable *table)
{
	pfree(table->slots);
	if (table->window != NULL)
		pfree(table->window);
	if (table->numbers != NULL)
		pfree(table->numbers);
	if (table->start != NULL)
		pfree(table->start);
	if (table->bytes != NULL)
		pfree(table->bytes);
	pfree(table);
}

int32
ids_count(const IdTable *table)
{
	return table->n;
}

uint64
ids_memory(const IdTable *table)
{
	return (uint64) table->n_slots * sizeof(IdSlot) + table->n_window * sizeof(int32) +
		   (uint64) table->room * sizeof(int64) + table->bytes_room;
}

static void
ids_grow_slots(IdTable *table)
{
	uint32 n_slots = table->n_slots * 2;
	IdSlot *slots;

	if (n_slots == 0)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many distinct ids")));
	slots = MemoryContextAllocExtended(table->memory, sizeof(IdSlot) * (Size) n_slots,
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (uint32 i = 0; i < table->n_slots; i++)
	{
		uint32 at = table->slots[i].tag & (n_slots - 1);

		check_stretch(i);
		if (table->slots[i].place == 0)
			continue;
		while (slots[at].place != 0)
			at = (at + 1) & (n_slots - 1);
		slots[at] = table->slots[i];
	}
	pfree(table->slots);
	table->slots = slots;
	table->n_slots = n_slots;
}

/* Make room for one more key of `length` bytes. */
static void
ids_make_room(IdTable *table, int length)
{
	if (table->n == PG_INT32_MAX - 1)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many distinct ids")));
	if (table->n == table->room)
	{
		table->room *= 2;
		if (table->kind == ID_INTEGER)
			table->numbers = repalloc_huge(table->numbers, sizeof(int64) * table->room);
		else
			table->start = repalloc_huge(table->start, sizeof(uint64) * (table->room + 1));
	}
	if (table->kind != ID_INTEGER && table->start[table->n] + length > table->bytes_room)
	{
		table->bytes_room = table->bytes_room * 2 + length;
		table->bytes = repalloc_huge(table->bytes, table->bytes_room);
	}
}

/* Give a key that is not there the next index, and a slot; its bytes or number are in place. */
static int32
ids_append(IdTable *table, uint32 tag)
{
	uint32 at;

	if (table->n_slotted >= table->n_slots - table->n_slots / 4)
		ids_grow_slots(table);
	table->n_slotted++;
	at = tag & (table->n_slots - 1);
	while (table->slots[at].place != 0)
		at = (at + 1) & (table->n_slots - 1);
	table->slots[at].tag = tag;
	table->slots[at].place = (uint32) table->n + 1;
	return table->n++;
}

/* Let the window cover `number`, if that keeps it in proportion; the ids it covers then move into it. */
static bool
ids_widen(IdTable *table, uint64 number)
{
	uint64 allowed = Max((uint64) table->n * IDS_WINDOW_PER_ID, IDS_FREE_WINDOW);
	uint64 n_window;

	if (number >= allowed)
		return false;
	n_window = pg_nextpower2_64(Max(number + 1, IDS_FIRST_SLOTS));
	if (table->window == NULL)
		table->window = MemoryContextAllocExtended(table->memory, sizeof(int32) * n_window,
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	else
	{
		table->window = repalloc_huge(table->window, sizeof(int32) * n_window);
		memset(table->window + table->n_window, 0, sizeof(int32) * (n_window - table->n_window));
	}
	table->n_window = n_window;
	for (int32 i = 0; i < table->n; i++)
		if ((uint64) table->numbers[i] < n_window)
			table->window[table->numbers[i]] = i + 1;
	return true;
}

static int32
ids_append_to_window(IdTable *table, int64 number)
{
	ids_make_room(table, 0);
	table->numbers[table->n] = number;
	table->window[number] = table->n + 1;
	return table->n++;
}

/* A number that the window does not cover, or not yet. */
static int32
ids_add_number_outside(IdTable *table, int64 number)
{
	uint32 tag = (uint32) (((uint64) number * UINT64CONST(0x9E3779B97F4A7C15)) >> 32);
	uint32 at = tag & (table->n_slots - 1);

	for (; table->slots[at].place != 0; at = (at + 1) & (table->n_slots - 1))
	{
		uint32 index = table->slots[at].place - 1;

		if (table->slots[at].tag == tag && table->numbers[index] == number)
			return (int32) index;
	}
	if (ids_widen(table, (uint64) number))
		return ids_append_to_window(table, number);
	ids_make_room(table, 0);
	table->numbers[table->n] = number;
	return ids_append(table, tag);
}

int32
ids_add_number(IdTable *table, int64 number)
{
	if (likely((uint64) number < table->n_window))
	{
		int32 place = table->window[number];

		return likely(place != 0) ? place - 1 : ids_append_to_window(table, number);
	}
	return ids_add_number_outside(table, number);
}

int32
ids_add_bytes(IdTable *table, const char *bytes, int length)
{
	uint32 tag = hash_bytes((const unsigned char *) bytes, length);
	uint32 at = tag & (table->n_slots - 1);
	uint64 start;

	for (; table->slots[at].place != 0; at = (at + 1) & (table->n_slots - 1))
	{
		uint32 index = table->slots[at].place - 1;

		start = table->start[index];
		if (table->slots[at].tag == tag && table->start[index + 1] - start == (uint64) length &&
			memcmp(table->bytes + start, bytes, length) == 0)
			return (int32) index;
	}
	ids_make_room(table, length);
	start = table->start[table->n];
	memcpy(table->bytes + start, bytes, length);
	table->start[table->n + 1] = start + length;
	return ids_append(table, tag);
}

IdKey
ids_key(const IdTable *table, int32 index)
{
	IdKey key = {.kind = table->kind};

	if (table->kind == ID_INTEGER)
		key.number = table->numbers[index];
	else
	{
		key.bytes = table->bytes + table->start[index];
		key.length = (int) (table->start[index + 1] - table->start[index]);
	}
	return key;
}

char *
ids_text(const IdTable *table, int32 index)
{
	IdKey key = ids_key(table, index);

	return id_text(&key);
}

/* ---- sorting ---- */

typedef struct NumberedNumber
{
	int64 number;
	int32 index;
} NumberedNumber;

typedef struct NumberedBytes
{
	uint64 prefix; /* the first eight bytes, as a number that sorts as they do */
	const char *bytes;
	int32 length;
	int32 index;
} NumberedBytes;

#define ST_SORT sort_numbers
#define ST_ELEMENT_TYPE NumberedNumber
#define ST_COMPARE(a, b) ((a)->number < (b)->number ? -1 : (a)->number > (b)->number)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

static int
compare_bytes(const char *a, int a_length, const char *b, int b_length)
{
	int order = memcmp(a, b, Min(a_length, b_length));

	return order != 0 ? order : a_length - b_length;
}

static inline int
compare_numbered_bytes(const NumberedBytes *a, const NumberedBytes *b)
{
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	return compare_bytes(a->bytes, a->length, b->bytes, b->length);
}

#define ST_SORT sort_bytes
#define ST_ELEMENT_TYPE NumberedBytes
#define ST_COMPARE(a, b) compare_numbered_bytes(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

static void
ids_sort_numbers(const IdTable *table, IdSet *set, MemoryContext memory, int32 *rank)
{
	NumberedNumber *order = MemoryContextAllocHuge(memory, sizeof(NumberedNumber) * (Size) Max(table->n, 1));
	int64 *numbers = MemoryContextAllocHuge(memory, sizeof(int64) * (Size) Max(table->n, 1));

	for (int32 i = 0; i < table->n; i++)
	{
		check_stretch(i);
		order[i] = (NumberedNumber){.number = table->numbers[i], .index = i};
	}
	sort_numbers(order, table->n);
	for (int32 i = 0; i < table->n; i++)
	{
		check_stretch(i);
		numbers[i] = order[i].number;
		rank[order[i].index] = i;
	}
	pfree(order);
	set->numbers = numbers;
}

static uint64
bytes_prefix(const char *bytes, int length)
{
	uint64 prefix = 0;

	for (int i = 0; i < 8; i++)
		prefix = prefix << 8 | (i < length ? (unsigned char) bytes[i] : 0);
	return prefix;
}

static void
ids_sort_bytes(const IdTable *table, IdSet *set, MemoryContext memory, int32 *rank)
{
	NumberedBytes *order = MemoryContextAllocHuge(memory, sizeof(NumberedBytes) * (Size) Max(table->n, 1));
	uint64 *start = MemoryContextAllocHuge(memory, sizeof(uint64) * ((Size) table->n + 1));
	char *bytes = MemoryContextAllocHuge(memory, Max(table->start[table->n], 1));

	for (int32 i = 0; i < table->n; i++)
	{
		IdKey key = ids_key(table, i);

		check_stretch(i);
		order[i] = (NumberedBytes){bytes_prefix(key.bytes, key.length), key.bytes, key.length, i};
	}
	sort_bytes(order, table->n);
	start[0] = 0;
	for (int32 i = 0; i < table->n; i++)
	{
		check_stretch(i);
		memcpy(bytes + start[i], order[i].bytes, order[i].length);
		start[i + 1] = start[i] + order[i].length;
		rank[order[i].index] = i;
	}
	pfree(order);
	set->start = start;
	set->bytes = bytes;
}

uint64
ids_sort_memory(const IdTable *table)
{
	uint64 order = table->kind == ID_INTEGER ? sizeof(NumberedNumber) : sizeof(NumberedBytes);
	uint64 bytes = table->kind == ID_INTEGER ? 0 : table->start[table->n];

	return memory_add(memory_mul(table->n, order + sizeof(int32) + sizeof(int64)), bytes);
}

IdSet *
ids_sort(const IdTable *table, MemoryContext memory, int32 *rank)
{
	IdSet *set = MemoryContextAllocZero(memory, sizeof(IdSet));

	set->kind = table->kind;
	set->n = table->n;
	if (table->kind == ID_INTEGER)
		ids_sort_numbers(table, set, memory, rank);
	else
		ids_sort_bytes(table, set, memory, rank);
	return set;
}

/* ---- fixed ---- */

IdKey
idset_key(const IdSet *set, int32 index)
{
	IdKey key = {.kind = set->kind};

	switch (set->kind)
	{
		case ID_INTEGER:
			key.number = set->numbers[index];
			break;
		case ID_UUID:
			key.bytes = set->bytes + (Size) index * UUID_LEN;
			key.length = UUID_LEN;
			break;
		case ID_TEXT:
			key.bytes = set->bytes + set->start[index];
			key.length = (int) (set->start[index + 1] - set->start[index]);
			break;
	}
	return key;
}

uint64
idset_bytes(const IdSet *set)
{
	uint64 n = (uint64) set->n;

	switch (set->kind)
	{
		case ID_INTEGER:
			return n * sizeof(int64);
		case ID_UUID:
			return n * UUID_LEN;
		case ID_TEXT:
			return (n + 1) * sizeof(uint64) + set->start[n];
	}
	return 0;
}

IdSet *
idset_copy(const IdSet *set, MemoryContext memory)
{
	MemoryContext caller = MemoryContextSwitchTo(memory);
	IdSet *copy = memory_copy(set, 1, sizeof(IdSet));
	uint64 n = (uint64) set->n;

	if (set->kind == ID_INTEGER)
		copy->numbers = memory_copy(set->numbers, n, sizeof(int64));
	else if (set->kind == ID_UUID)
		copy->bytes = memory_copy(set->bytes, n, UUID_LEN);
	else
	{
		copy->start = memory_copy(set->start, n + 1, sizeof(uint64));
		copy->bytes = memory_copy(set->bytes, set->start[n], 1);
	}
	MemoryContextSwitchTo(caller);
	return copy;
}

/* The arrays are ours as long as a set was made by ids_sort or idset_copy and not read from a payload. */
void
idset_keep(IdSet *set, const int32 *place)
{
	int64 *numbers = (int64 *) set->numbers;
	uint64 *start = (uint64 *) set->start;
	char *bytes = (char *) set->bytes;
	int32 kept = 0;

	for (int32 i = 0; i < set->n; i++)
	{
		IdKey key = idset_key(set, i);

		if (place[i] < 0)
			continue;
		Assert(place[i] == kept);
		switch (set->kind)
		{
			case ID_INTEGER:
				numbers[kept] = key.number;
				break;
			case ID_UUID:
				memmove(bytes + (Size) kept * UUID_LEN, key.bytes, UUID_LEN);
				break;
			case ID_TEXT:
				memmove(bytes + start[kept], key.bytes, key.length);
				start[kept + 1] = start[kept] + key.length;
				break;
		}
		kept++;
	}
	set->n = kept;
}

static int32
ids_add(IdTable *table, const IdKey *key)
{
	return key->kind == ID_INTEGER ? ids_add_number(table, key->number)
								   : ids_add_bytes(table, key->bytes, key->length);
}

IdSet *
idset_union(const IdSet *const *sets, int n, MemoryContext memory, int32 **place)
{
	IdKind kind = n > 0 ? sets[0]->kind : ID_INTEGER;
	IdTable *table;
	int32 *rank;
	IdSet *all;

	for (int s = 0; s < n; s++)
		kind = sets[s]->kind == kind ? kind : ID_TEXT;
	table = ids_create(kind, memory);
	for (int s = 0; s < n; s++)
	{
		place[s] = MemoryContextAllocHuge(memory, sizeof(int32) * Max((Size) sets[s]->n, 1));
		for (int32 i = 0; i < sets[s]->n; i++)
		{
			IdKey key = idset_key(sets[s], i);
			IdKey converted = id_convert(&key, kind, "an id");

			check_stretch(i);
			place[s][i] = ids_add(table, &converted);
		}
	}
	rank = MemoryContextAllocHuge(memory, sizeof(int32) * Max((Size) ids_count(table), 1));
	all = ids_sort(table, memory, rank);
	for (int s = 0; s < n; s++)
		for (int32 i = 0; i < sets[s]->n; i++)
			place[s][i] = rank[place[s][i]];
	pfree(rank);
	ids_free(table);
	return all;
}

int32 *
idset_places(const IdSet *from, const IdSet *to, const char *what, MemoryContext memory)
{
	int32 *place = MemoryContextAllocHuge(memory, sizeof(int32) * Max((Size) from->n, 1));

	for (int32 i = 0; i < from->n; i++)
	{
		IdKey key = idset_key(from, i);
		IdKey converted = id_convert(&key, to->kind, what);

		check_stretch(i);
		place[i] = idset_find(to, &converted);
	}
	return place;
}

int
id_compare(const IdKey *a, const IdKey *b)
{
	if (a->kind == ID_INTEGER)
		return a->number < b->number ? -1 : a->number > b->number;
	return compare_bytes(a->bytes, a->length, b->bytes, b->length);
}

int32
idset_find(const IdSet *set, const IdKey *key)
{
	int32 low = 0;
	int32 high = set->n;

	while (low < high)
	{
		int32 middle = low + (high - low) / 2;
		IdKey at = idset_key(set, middle);
		int order = id_compare(&at, key);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

char *
idset_text(const IdSet *set, int32 index)
{
	IdKey key = idset_key(set, index);

	return id_text(&key);
}

/* ---- payload: PREFIX_kind, PREFIX_ids, PREFIX_starts (text only) ---- */

static const char *
section_name(const char *prefix, const char *part)
{
	return psprintf("%s_%s", prefix, part);
}

void
idset_write(const IdSet *set, const char *prefix, Payload *payload)
{
	uint32 *kind = palloc(sizeof(uint32));

	*kind = set->kind;
	payload_add(payload, section_name(prefix, "kind"), sizeof(uint32), 1, kind);
	switch (set->kind)
	{
		case ID_INTEGER:
			payload_add(payload, section_name(prefix, "ids"), sizeof(int64), set->n, set->numbers);
			break;
		case ID_UUID:
			payload_add(payload, section_name(prefix, "ids"), 1, (uint64) set->n * UUID_LEN, set->bytes);
			break;
		case ID_TEXT:
			payload_add(payload, section_name(prefix, "ids"), 1, set->start[set->n], set->bytes);
			payload_add(payload, section_name(prefix, "starts"), sizeof(uint64), (uint64) set->n + 1,
						set->start);
			payload_add(payload, section_name(prefix, "encoding"), 1, strlen(GetDatabaseEncodingName()),
						GetDatabaseEncodingName());
			break;
	}
}

/* Ids are bytes in the encoding of the database they were read in: a restore into another one must not serve them. */
static bool
idset_check_encoding(const Payload *payload, const char *prefix)
{
	uint64 n;
	const char *name = payload_get(payload, section_name(prefix, "encoding"), 1, &n);
	const char *here = GetDatabaseEncodingName();

	if (name == NULL || n >= NAMEDATALEN)
		return false;
	if (n != strlen(here) || memcmp(name, here, n) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the model was trained in a database of another encoding than this one, %s", here),
				 errhint("Train it again here.")));
	return true;
}

/* Starts must begin at 0, not fall, and end where the bytes end. */
static bool
idset_read_text(const Payload *payload, const char *prefix, uint64 bytes, IdSet *set)
{
	uint64 n;

	if (!idset_check_encoding(payload, prefix))
		return false;
	set->start = payload_get(payload, section_name(prefix, "starts"), sizeof(uint64), &n);
	if (set->start == NULL || n < 1 || n > PG_INT32_MAX || set->start[0] != 0 || set->start[n - 1] != bytes)
		return false;
	set->n = (int32) (n - 1);
	for (int32 i = 0; i < set->n && !payload->trusted; i++)
		if (set->start[i] > set->start[i + 1] || set->start[i + 1] > bytes ||
			set->start[i + 1] - set->start[i] > ID_TEXT_MAX ||
			!pg_verify_mbstr(GetDatabaseEncoding(), set->bytes + set->start[i],
							 (int) (set->start[i + 1] - set->start[i]), true))
			return false;
	return true;
}

bool
idset_read(const Payload *payload, const char *prefix, IdSet *set)
{
	uint64 n;
	const uint32 *kind = payload_get(payload, section_name(prefix, "kind"), sizeof(uint32), &n);

	memset(set, 0, sizeof(*set));
	if (kind == NULL || n != 1)
		return false;
	set->kind = *kind;
	if (set->kind == ID_INTEGER)
		set->numbers = payload_get(payload, section_name(prefix, "ids"), sizeof(int64), &n);
	else
		set->bytes = payload_get(payload, section_name(prefix, "ids"), 1, &n);
	if ((set->numbers == NULL && set->bytes == NULL) || n > (uint64) PG_INT32_MAX * ID_TEXT_MAX)
		return false;

	switch (set->kind)
	{
		case ID_INTEGER:
			set->n = (int32) n;
			return n <= PG_INT32_MAX;
		case ID_UUID:
			set->n = (int32) (n / UUID_LEN);
			return n % UUID_LEN == 0 && n / UUID_LEN <= PG_INT32_MAX;
		case ID_TEXT:
			return idset_read_text(payload, prefix, n, set);
	}
	return false;
}

/* ---- ids in SQL ---- */

bool
id_kind_of_type(Oid type, IdKind *kind)
{
	switch (getBaseType(type))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
			*kind = ID_INTEGER;
			return true;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			*kind = ID_TEXT;
			return true;
		case UUIDOID:
			*kind = ID_UUID;
			return true;
		default:
			return false;
	}
}

static int64
integer_from_numeric(Datum value, const char *what)
{
	Datum whole = DirectFunctionCall2(numeric_trunc, value, Int32GetDatum(0));
	Numeric number = DatumGetNumeric(value);

	if (numeric_is_nan(number) || numeric_is_inf(number) ||
		!DatumGetBool(DirectFunctionCall2(numeric_eq, value, whole)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must be a whole number, got %s", what,
							   DatumGetCString(DirectFunctionCall1(numeric_out, value)))));
	if (DatumGetBool(
			DirectFunctionCall2(numeric_gt, whole, NumericGetDatum(int64_to_numeric(PG_INT64_MAX)))) ||
		DatumGetBool(DirectFunctionCall2(numeric_lt, whole, NumericGetDatum(int64_to_numeric(PG_INT64_MIN)))))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("%s must fit into bigint, got %s", what,
							   DatumGetCString(DirectFunctionCall1(numeric_out, value)))));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
}

static IdKey
key_from_text(Datum value, bool trailing_blanks, const char *what)
{
	struct varlena *text = PG_DETOAST_DATUM_PACKED(value);
	IdKey key = {.kind = ID_TEXT, .bytes = VARDATA_ANY(text), .length = VARSIZE_ANY_EXHDR(text)};

	if (trailing_blanks)
		key.length = bpchartruelen(VARDATA_ANY(text), key.length);
	if (key.length > ID_TEXT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s is an id of %d bytes, more than the allowed %d", what, key.length, ID_TEXT_MAX)));
	return key;
}

IdKey
id_from_datum(Datum value, Oid type, const char *what)
{
	IdKey key = {.kind = ID_INTEGER};

	switch (getBaseType(type))
	{
		case INT2OID:
			key.number = DatumGetInt16(value);
			return key;
		case INT4OID:
			key.number = DatumGetInt32(value);
			return key;
		case INT8OID:
			key.number = DatumGetInt64(value);
			return key;
		case NUMERICOID:
			key.number = integer_from_numeric(value, what);
			return key;
		case TEXTOID:
		case VARCHAROID:
			return key_from_text(value, false, what);
		case BPCHAROID:
			return key_from_text(value, true, what);
		case UUIDOID:
			key.kind = ID_UUID;
			key.bytes = (const char *) DatumGetUUIDP(value)->data;
			key.length = UUID_LEN;
			return key;
		default:
			elog(ERROR, "type %u cannot hold ids", type);
	}
}

char *
id_text(const IdKey *key)
{
	switch (key->kind)
	{
		case ID_INTEGER:
			return psprintf(INT64_FORMAT, key->number);
		case ID_TEXT:
			return pnstrdup(key->bytes, key->length);
		case ID_UUID:
			return DatumGetCString(DirectFunctionCall1(uuid_out, PointerGetDatum(key->bytes)));
	}
	elog(ERROR, "unexpected kind of id %d", (int) key->kind);
}

/* Only as an integer is written by the server: '17850', but not ' 17850' or '017850', so that an id is one customer. */
static int64
integer_from_text(const char *text, const char *what)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' ||
		strcmp(psprintf(INT64_FORMAT, (int64) number), text) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						errmsg("%s is \"%s\", but the model's ids are whole numbers", what, text)));
	return number;
}

IdKey
id_convert(const IdKey *key, IdKind kind, const char *what)
{
	IdKey converted = {.kind = kind};
	char *text;

	if (key->kind == kind)
		return *key;

	text = id_text(key);
	if (kind == ID_TEXT)
	{
		converted.bytes = text;
		converted.length = strlen(text);
	}
	else if (kind == ID_INTEGER && key->kind == ID_TEXT)
		converted.number = integer_from_text(text, what);
	else if (kind == ID_UUID && key->kind == ID_TEXT)
	{
		converted.bytes =
			(const char *) DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(text)))->data;
		converted.length = UUID_LEN;
	}
	else
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("%s is %s \"%s\", but the model's ids are of type %s", what,
							   id_kind_name(key->kind), text, id_kind_name(kind))));
	return converted;
}

const char *
id_kind_name(IdKind kind)
{
	switch (kind)
	{
		case ID_INTEGER:
			return "integer";
		case ID_TEXT:
			return "text";
		case ID_UUID:
			return "uuid";
	}
	return "unknown";
}

/* ---- hashes ---- */

uint64
id_hash(const IdKey *key)
{
	if (key->kind == ID_INTEGER)
		return rng_mix((uint64) key->number + UINT64CONST(0x9e3779b97f4a7c15));
	return hash_bytes_extended((const unsigned char *) key->bytes, key->length, 0);
}
