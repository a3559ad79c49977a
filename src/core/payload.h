/*
 * payload.h - how a trained model is laid out as bytes
 *
 * One stream: header, directory, then the sections, each aligned to 64 bytes so that a loaded payload is used in place.
 * Numbers are little-endian; on a big-endian machine sections are swapped by their element width while reading.
 *
 *   header     magic "PROMOAI" and a zero byte, u32 format version, u32 sections, u64 total bytes, u32 CRC-32C of header (with this
 *              field zero) and directory, u32 zero
 *   directory  per section: char name[24] zero-padded, u32 element width (1, 2, 4, 8), u32 CRC-32C, u64 offset, u64 bytes
 *
 * The reader trusts nothing: sizes, overlaps, alignment, names, order and checksums are all checked, so bytes that were
 * damaged or made up end in CORE_CORRUPT and never in a read outside the buffer.
 */
#ifndef CORE_PAYLOAD_H
#define CORE_PAYLOAD_H

#include "env.h"

#define PAYLOAD_FORMAT 1
#define PAYLOAD_MAX_SECTIONS 32
#define PAYLOAD_NAME 24
#define PAYLOAD_ALIGN 64

typedef struct PayloadSection
{
	char name[PAYLOAD_NAME]; /* zero-terminated */
	uint32_t width; /* bytes of one element */
	uint64_t bytes;
	const void *data;
} PayloadSection;

typedef struct Payload
{
	int n;
	bool trusted; /* every element was looked at before, in these very bytes: kinds need not do it again */
	PayloadSection section[PAYLOAD_MAX_SECTIONS];
} Payload;

/*
 * Append a section; `count` elements of `width` bytes.  The data is not copied and must outlive the payload.  A section too
 * many, or one whose name or width is impossible or used already, makes payload_writer_open answer CORE_CORRUPT.
 */
extern void payload_add(Payload *payload, const char *name, uint32_t width, uint64_t count, const void *data);

/* The section of that name with elements of that width, or NULL; *count receives the number of elements. */
extern const void *payload_get(const Payload *payload, const char *name, uint32_t width, uint64_t *count);

/* Writing: total size, then any stretch of the stream.  The writer holds header and directory. */
typedef struct PayloadWriter PayloadWriter;
extern CoreStatus payload_writer_open(Env *env, const Payload *payload, PayloadWriter **writer);
extern uint64_t payload_writer_bytes(const PayloadWriter *writer);
extern void payload_writer_copy(const PayloadWriter *writer, uint64_t offset, size_t bytes, void *out);
extern void payload_writer_close(Env *env, PayloadWriter *writer);

/*
 * Reading: check `bytes` bytes at `data` (aligned to 64, else CORE_CORRUPT) and point the payload's sections into them.
 * On a big-endian machine this changes the data, so the same bytes are read once only.
 */
extern CoreStatus payload_read(Env *env, void *data, uint64_t bytes, Payload *payload);

/*
 * The same bytes once more, where payload_read and the kind have found them good (in another process, for shared memory):
 * the layout is followed and checked, the sections are not read.  The payload is marked as trusted.
 */
extern CoreStatus payload_open(const void *data, uint64_t bytes, Payload *payload);

#endif
