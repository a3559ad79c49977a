/*
 * store.c - a version's payload as rows
 *
 * The payload's stream of bytes is cut into chunks of a size at which one row fills one page: an index scan in chunk
 * order then reads the heap in order and never visits TOAST.  The size follows from MaxHeapTupleSize; the table's
 * toast_tuple_target keeps such rows in one piece, EXTERNAL storage keeps them uncompressed.  With pages larger than
 * 8 kB the size stays the same and several rows share a page.  A reader takes chunks of any size, so dumps restore
 * into servers with other pages.
 *
 * Writing holds one chunk in memory, reading puts the chunks into one allocation of the known size.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "bridge/compat.h"
#include "bridge/memory.h"
#include "bridge/progress.h"
#include "bridge/testpoint.h"
#include "model/internal.h"
#include "model/tables.h"

#define TOAST_TARGET 8160 /* of registry_payload, in sql/parts/00_schema.sql */
#define ROW_OVERHEAD (MAXALIGN(SizeofHeapTupleHeader) + UUID_LEN + sizeof(int32) + VARHDRSZ)
#define CHUNK_BYTES (Min(MaxHeapTupleSize, TOAST_TARGET) - ROW_OVERHEAD)

StaticAssertDecl(BLCKSZ >= 8192, "promoai needs a server with pages of 8 kB or more");

/* ---- writing ---- */

static void
store_write_chunk(SPIPlanPtr plan, const pg_uuid_t *version_id, int32 chunk, bytea *bytes)
{
	Datum values[] = {UUIDPGetDatum(version_id), Int32GetDatum(chunk), PointerGetDatum(bytes)};
	int code = SPI_execute_plan(plan, values, NULL, false, 0);

	if (code != SPI_OK_INSERT)
		elog(ERROR, "payload cannot be written: %s", SPI_result_code_string(code));
}

void
store_write(const pg_uuid_t *version_id, const PayloadWriter *writer)
{
	Oid types[] = {UUIDOID, INT4OID, BYTEAOID};
	SPIPlanPtr plan = SPI_prepare(
		"INSERT INTO promoai.registry_payload (version_id, chunk, bytes) VALUES ($1, $2, $3)", 3, types);
	bytea *bytes = palloc(VARHDRSZ + CHUNK_BYTES);
	uint64 total = payload_writer_bytes(writer);
	uint64 chunks = (total + CHUNK_BYTES - 1) / CHUNK_BYTES;

	if (plan == NULL)
		elog(ERROR, "payload cannot be written: %s", SPI_result_code_string(SPI_result));
	if (chunks > PG_INT32_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("model is too large to be stored")));

	progress_phase(PROGRESS_WRITING, (int64) chunks);
	for (uint64 chunk = 0; chunk < chunks; chunk++)
	{
		uint64 offset = chunk * CHUNK_BYTES;
		size_t length = Min(total - offset, CHUNK_BYTES);

		CHECK_FOR_INTERRUPTS();
		if (chunk == chunks / 2)
			test_point("writing payload");
		SET_VARSIZE(bytes, VARHDRSZ + length);
		payload_writer_copy(writer, offset, length, VARDATA(bytes));
		store_write_chunk(plan, version_id, (int32) chunk, bytes);
		progress_step((int64) chunk + 1, NAN);
	}
	pfree(bytes);
	SPI_freeplan(plan);
}

/* ---- reading ---- */

void
store_damaged(const Model *model, const ModelVersion *version, const char *detail)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_DATA_CORRUPTED),
		 errmsg("the stored payload of model \"%s\", version %d, is damaged", model->name, version->version),
		 errdetail_internal("%s", detail),
		 errhint("Publish another version with promoai.model_publish(), or train the model again.")));
}

/* Copy one row's bytes to their place; returns how many there are. */
static uint64
store_take_chunk(Datum value, char *place, uint64 room)
{
	bytea *bytes = DatumGetByteaPP(value);
	uint64 length = VARSIZE_ANY_EXHDR(bytes);

	if (length <= room)
		memcpy(place, VARDATA_ANY(bytes), length);
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
	return length;
}

/* Fill `data` from the chunks; returns what is wrong, or NULL. */
static const char *
store_fill(const ModelVersion *version, char *data)
{
	uint64 total = version->payload_bytes;
	uint64 filled = 0;
	int32 chunk = 0;
	TableScan scan;
	ScanKeyData key;

	key_uuid(&key, PAYLOAD_VERSION_ID, &version->id);
	scan_open(&scan, PAYLOAD_BY_CHUNK, registry_snapshot(), &key, 1);
	while (filled <= total && scan_next(&scan))
	{
		CHECK_FOR_INTERRUPTS();
		if (DatumGetInt32(scan.values[PAYLOAD_CHUNK - 1]) != chunk)
			break;
		filled += store_take_chunk(scan.values[PAYLOAD_BYTES - 1], data + filled, total - filled);
		chunk++;
	}
	scan_close(&scan);

	if (filled > total)
		return psprintf("There are more than the " UINT64_FORMAT " bytes that were written.", total);
	if (filled < total)
		return psprintf("Chunk %d is missing: " UINT64_FORMAT " of " UINT64_FORMAT " bytes were found.",
						chunk, filled, total);
	return NULL;
}

void
store_read_into(const Model *model, const ModelVersion *version, void *data)
{
	const char *wrong = store_fill(version, data);

	if (wrong != NULL)
		store_damaged(model, version, wrong);
}

void *
store_read(const Model *model, const ModelVersion *version, MemoryContext memory)
{
	Size bytes = (Size) version->payload_bytes + PAYLOAD_ALIGN;
	char *data = MemoryContextAllocHuge(memory, bytes);

	memory_want_huge_pages(data, bytes);
	data = (char *) TYPEALIGN(PAYLOAD_ALIGN, data);
	store_read_into(model, version, data);
	return data;
}
