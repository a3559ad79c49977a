/*
 * value.c - a model as a value
 *
 * Opening copies the payload to aligned memory, checks every checksum and lets the kind look at its sections: for 25 MB
 * some 20 ms.  A function call site does that once per query and holds on to the result.  Whether the next row brings
 * the same value is told by the first KEY_BYTES bytes of the stream, where header and directory with the checksums of all
 * sections stand, and by the size.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "utils/memutils.h"

#include "bridge/compat.h"
#include "bridge/env.h"
#include "model/internal.h"
#include "model/value.h"

#define KIND_BYTES 16
#define KEY_BYTES 2048

typedef struct HeldValue
{
	MemoryContext context;
	LoadedModel loaded;
	Size bytes; /* of kind and payload */
	Size key_bytes;
	char key[KEY_BYTES];
} HeldValue;

static void
value_damaged(void)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid or damaged model value"),
					errhint("Model values are made by promoai.model_value(model).")));
}

struct varlena *
value_make(const Model *model, const ModelVersion *version)
{
	Size bytes = VARHDRSZ + KIND_BYTES + (Size) version->payload_bytes;
	struct varlena *value;

	if (version->payload_bytes < 0 || bytes > MaxAllocSize)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("model \"%s\", version %d, is too large for a value: " INT64_FORMAT " bytes",
							   model->name, version->version, version->payload_bytes)));
	value = palloc0(bytes);
	SET_VARSIZE(value, bytes);
	strlcpy(VARDATA(value), version->kind, KIND_BYTES);
	memcpy(VARDATA(value) + KIND_BYTES, store_read(model, version, CurrentMemoryContext),
		   (Size) version->payload_bytes);
	return value;
}

/* Open `bytes` bytes of kind and payload in `memory`; false when they are not what they should be. */
static bool
value_open(const char *data, Size bytes, MemoryContext memory, LoadedModel *loaded)
{
	ModelVersion *version = MemoryContextAllocZero(memory, sizeof(ModelVersion));
	PgEnv env;
	CoreStatus status;
	char *payload;

	if (bytes <= KIND_BYTES || memchr(data, '\0', KIND_BYTES) == NULL ||
		strspn(data, "abcdefghijklmnopqrstuvwxyz_") != strlen(data))
		return false;
	bytes -= KIND_BYTES;
	version->kind = MemoryContextStrdup(memory, data);
	version->payload_bytes = (int64) bytes;
	payload = MemoryContextAllocHuge(memory, bytes + PAYLOAD_ALIGN);
	payload = (char *) TYPEALIGN(PAYLOAD_ALIGN, payload);
	memcpy(payload, data + KIND_BYTES, bytes);

	env_init(&env, memory);
	status = payload_read(&env.base, payload, bytes, &loaded->payload);
	if (status == CORE_CORRUPT)
		return false;
	env_check(&env, status, "opening a model value");
	loaded->version = version;
	return kind_find(version->kind)->load(loaded, memory);
}

struct varlena *
value_from_bytes(const char *data, Size bytes)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "model value", ALLOCSET_DEFAULT_SIZES);
	LoadedModel loaded = {0};
	struct varlena *value;

	if (!value_open(data, bytes, scratch, &loaded))
		value_damaged();
	MemoryContextDelete(scratch);
	value = palloc(VARHDRSZ + bytes);
	SET_VARSIZE(value, VARHDRSZ + bytes);
	memcpy(VARDATA(value), data, bytes);
	return value;
}

/* Looks at the first bytes only, so a value that comes from a table again and again is not fetched whole each time. */
static bool
value_is_held(const HeldValue *held, Datum value)
{
	struct varlena *head;
	bool same;

	if (held == NULL || toast_raw_datum_size(value) - VARHDRSZ != held->bytes)
		return false;
	head = PG_DETOAST_DATUM_SLICE(value, 0, (int32) held->key_bytes);
	same = VARSIZE_ANY_EXHDR(head) == held->key_bytes &&
		   memcmp(held->key, VARDATA_ANY(head), held->key_bytes) == 0;
	pfree(head);
	return same;
}

/* The value opened anew, in a context of its own below `memory`. */
static HeldValue *
value_hold(Datum value, MemoryContext memory)
{
	struct varlena *plain = PG_DETOAST_DATUM_PACKED(value);
	Size bytes = VARSIZE_ANY_EXHDR(plain);
	MemoryContext context = AllocSetContextCreate(memory, "promoai model value", ALLOCSET_DEFAULT_SIZES);
	HeldValue *held = MemoryContextAllocZero(context, sizeof(HeldValue));

	held->context = context;
	if (!value_open(VARDATA_ANY(plain), bytes, context, &held->loaded))
		value_damaged();
	held->bytes = bytes;
	held->key_bytes = Min(bytes, KEY_BYTES);
	memcpy(held->key, VARDATA_ANY(plain), held->key_bytes);
	if ((Pointer) plain != DatumGetPointer(value))
		pfree(plain);
	return held;
}

const LoadedModel *
value_get(Datum value, void **slot, MemoryContext memory)
{
	HeldValue *held = *slot;

	if (!value_is_held(held, value))
	{
		*slot = NULL;
		if (held != NULL)
			MemoryContextDelete(held->context);
		held = value_hold(value, memory);
		*slot = held;
	}
	return &held->loaded;
}
