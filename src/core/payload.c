/*
 * payload.c - the bytes of a trained model, written and read
 *
 * There is exactly one stream for a list of sections: each begins at the first multiple of 64 behind the one before,
 * what lies between is zero, and the stream ends where the last section ends.  So the reader computes where everything
 * must be and compares, and no byte is without a check: those of header and directory and those of sections by
 * checksum, those between by being zero.
 *
 * Checksums and byte order are worked off in pieces, with a look at the cancel flag before each.
 */
#include <string.h>

#include "crc32c.h"
#include "payload.h"

#define HEADER_BYTES 32
#define ENTRY_BYTES 48
#define PIECE ((uint64_t) 1 << 20) /* bytes between two looks at the cancel flag */
#define HEAD_MAX (HEADER_BYTES + PAYLOAD_MAX_SECTIONS * ENTRY_BYTES)

/* Does this machine keep numbers the other way round?  The tests say yes to try that way on any machine. */
#ifndef PAYLOAD_SWAP
#define PAYLOAD_SWAP (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
#endif

static const char magic[8] = "PROMOAI";

struct PayloadWriter
{
	Payload payload;
	uint64_t offset[PAYLOAD_MAX_SECTIONS]; /* of each section */
	uint64_t bytes; /* of the whole stream */
	uint64_t head_bytes;
	unsigned char head[HEAD_MAX]; /* header and directory */
};

static uint64_t
smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
put32(unsigned char *at, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char) (number >> 8 * i);
}

static void
put64(unsigned char *at, uint64_t number)
{
	put32(at, (uint32_t) number);
	put32(at + 4, (uint32_t) (number >> 32));
}

static uint32_t
get32(const unsigned char *at)
{
	return at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 | (uint32_t) at[3] << 24;
}

static uint64_t
get64(const unsigned char *at)
{
	return get32(at) | (uint64_t) get32(at + 4) << 32;
}

static bool
width_is_good(uint32_t width)
{
	return width == 1 || width == 2 || width == 4 || width == 8;
}

/* The next multiple of PAYLOAD_ALIGN; false when there is none. */
static bool
align_up(uint64_t *offset)
{
	if (*offset > UINT64_MAX - (PAYLOAD_ALIGN - 1))
		return false;
	*offset = (*offset + PAYLOAD_ALIGN - 1) / PAYLOAD_ALIGN * PAYLOAD_ALIGN;
	return true;
}

static const PayloadSection *
find_section(const Payload *payload, const char *name)
{
	for (int i = 0; i < payload->n && i < PAYLOAD_MAX_SECTIONS; i++)
	{
		if (strcmp(payload->section[i].name, name) == 0)
			return &payload->section[i];
	}
	return NULL;
}

void
payload_add(Payload *payload, const char *name, uint32_t width, uint64_t count, const void *data)
{
	PayloadSection *section;
	size_t length = strlen(name);

	/* A list that cannot be written is marked by its length, and payload_writer_open refuses it. */
	if (payload->n >= PAYLOAD_MAX_SECTIONS || length == 0 || length >= PAYLOAD_NAME ||
		!width_is_good(width) || count > UINT64_MAX / width || find_section(payload, name) != NULL)
	{
		payload->n = PAYLOAD_MAX_SECTIONS + 1;
		return;
	}
	section = &payload->section[payload->n++];
	memset(section, 0, sizeof(*section));
	memcpy(section->name, name, length);
	section->width = width;
	section->bytes = count * width;
	section->data = data;
}

const void *
payload_get(const Payload *payload, const char *name, uint32_t width, uint64_t *count)
{
	const PayloadSection *section = find_section(payload, name);

	if (section == NULL || section->width != width)
		return NULL;
	*count = section->bytes / width;
	return section->data;
}

/* bytes [n] of a section from `offset` on, as they stand in the stream. */
static void
section_copy(const PayloadSection *section, uint64_t offset, size_t n, unsigned char *out)
{
	const unsigned char *data = section->data;
	uint64_t flip = section->width - 1;

	if (!PAYLOAD_SWAP)
	{
		memcpy(out, data + offset, n);
		return;
	}
	/* Within an element, the byte at i stands at width - 1 - i. */
	for (size_t i = 0; i < n; i++)
		out[i] = data[(offset + i) ^ flip];
}

/* The checksum of a section as it stands in the stream. */
static CoreStatus
section_crc(Env *env, const PayloadSection *section, uint32_t *crc)
{
	unsigned char swapped[4096];
	uint64_t looked = PIECE;

	*crc = 0;
	for (uint64_t at = 0; at < section->bytes;)
	{
		uint64_t n = smaller(PAYLOAD_SWAP ? sizeof(swapped) : PIECE, section->bytes - at);

		if (looked >= PIECE)
		{
			if (env->cancelled(env))
				return CORE_CANCELLED;
			looked = 0;
		}
		if (PAYLOAD_SWAP)
			section_copy(section, at, (size_t) n, swapped);
		*crc = crc32c(*crc, PAYLOAD_SWAP ? swapped : (const unsigned char *) section->data + at, (size_t) n);
		looked += n;
		at += n;
	}
	return CORE_OK;
}

/* Directory entry i of writer, once its offset is known. */
static CoreStatus
write_entry(Env *env, PayloadWriter *writer, int i)
{
	const PayloadSection *section = &writer->payload.section[i];
	unsigned char *entry = writer->head + HEADER_BYTES + i * ENTRY_BYTES;
	uint32_t crc;
	CoreStatus status = section_crc(env, section, &crc);

	memcpy(entry, section->name, PAYLOAD_NAME);
	put32(entry + 24, section->width);
	put32(entry + 28, crc);
	put64(entry + 32, writer->offset[i]);
	put64(entry + 40, section->bytes);
	return status;
}

/* The checksum of header and directory, the field that holds it taken as zero. */
static uint32_t
head_crc(const unsigned char *head, uint64_t bytes)
{
	static const unsigned char zeros[8] = {0};
	uint32_t crc = crc32c(0, head, 24);

	crc = crc32c(crc, zeros, 4);
	return crc32c(crc, head + 28, (size_t) bytes - 28);
}

/* Places, directory and header. */
static CoreStatus
write_head(Env *env, PayloadWriter *writer)
{
	const Payload *payload = &writer->payload;

	writer->head_bytes = HEADER_BYTES + (uint64_t) payload->n * ENTRY_BYTES;
	writer->bytes = writer->head_bytes;
	for (int i = 0; i < payload->n; i++)
	{
		uint64_t bytes = payload->section[i].bytes;
		CoreStatus status;

		if (!align_up(&writer->bytes) || bytes > UINT64_MAX - writer->bytes)
			return CORE_CORRUPT;
		writer->offset[i] = writer->bytes;
		writer->bytes += bytes;
		status = write_entry(env, writer, i);
		if (status != CORE_OK)
			return status;
	}
	memcpy(writer->head, magic, sizeof(magic));
	put32(writer->head + 8, PAYLOAD_FORMAT);
	put32(writer->head + 12, (uint32_t) payload->n);
	put64(writer->head + 16, writer->bytes);
	put32(writer->head + 24, 0);
	put32(writer->head + 28, 0);
	put32(writer->head + 24, head_crc(writer->head, writer->head_bytes));
	return CORE_OK;
}

CoreStatus
payload_writer_open(Env *env, const Payload *payload, PayloadWriter **writer)
{
	CoreStatus status;

	*writer = NULL;
	if (payload->n < 0 || payload->n > PAYLOAD_MAX_SECTIONS)
		return CORE_CORRUPT;
	*writer = env->alloc(env, sizeof(PayloadWriter));
	if (*writer == NULL)
		return CORE_NO_MEMORY;
	(*writer)->payload = *payload;
	status = write_head(env, *writer);
	if (status != CORE_OK)
	{
		env->release(env, *writer);
		*writer = NULL;
	}
	return status;
}

uint64_t
payload_writer_bytes(const PayloadWriter *writer)
{
	return writer->bytes;
}

/* The part of out [n], which is the stream from `offset` on, that lies in the stretch begin .. begin + bytes - 1. */
static bool
overlap(uint64_t offset, size_t n, uint64_t begin, uint64_t bytes, uint64_t *from, uint64_t *to)
{
	*from = offset > begin ? offset : begin;
	*to = smaller(offset + n, begin + bytes);
	return *from < *to;
}

void
payload_writer_copy(const PayloadWriter *writer, uint64_t offset, size_t bytes, void *out)
{
	unsigned char *to = out;
	uint64_t from;
	uint64_t end;

	memset(to, 0, bytes);
	if (overlap(offset, bytes, 0, writer->head_bytes, &from, &end))
		memcpy(to + (from - offset), writer->head + from, (size_t) (end - from));
	for (int i = 0; i < writer->payload.n; i++)
	{
		const PayloadSection *section = &writer->payload.section[i];

		if (overlap(offset, bytes, writer->offset[i], section->bytes, &from, &end))
			section_copy(section, from - writer->offset[i], (size_t) (end - from), to + (from - offset));
	}
}

void
payload_writer_close(Env *env, PayloadWriter *writer)
{
	env->release(env, writer);
}

/* A name is not empty, ends within its field, has only zeros behind its end and none of an earlier section. */
static bool
name_is_good(const Payload *payload, const char *name)
{
	const char *zero = memchr(name, 0, PAYLOAD_NAME);

	if (zero == NULL || zero == name)
		return false;
	for (; zero < name + PAYLOAD_NAME; zero++)
	{
		if (*zero != 0)
			return false;
	}
	return find_section(payload, name) == NULL;
}

/* True when data [from .. to - 1] is zero. */
static bool
gap_is_zero(const unsigned char *data, uint64_t from, uint64_t to)
{
	for (uint64_t at = from; at < to; at++)
	{
		if (data[at] != 0)
			return false;
	}
	return true;
}

/* The payload's next section from directory entry `entry`; *end is where the one before ended, and moves on. */
static bool
read_entry(const unsigned char *data, uint64_t bytes, const unsigned char *entry, uint64_t *end,
		   Payload *payload)
{
	PayloadSection section = {.width = get32(entry + 24), .bytes = get64(entry + 40)};
	uint64_t offset = *end;

	memcpy(section.name, entry, PAYLOAD_NAME);
	if (!name_is_good(payload, section.name) || !width_is_good(section.width) ||
		section.bytes % section.width != 0)
		return false;
	if (!align_up(&offset) || get64(entry + 32) != offset || offset > bytes ||
		section.bytes > bytes - offset || !gap_is_zero(data, *end, offset))
		return false;
	section.data = data + offset;
	*end = offset + section.bytes;
	payload->section[payload->n++] = section;
	return true;
}

/* Does the section hold what directory entry `entry` has the checksum of?  Its bytes as they are in the stream. */
static CoreStatus
check_section(Env *env, const PayloadSection *section, const unsigned char *entry)
{
	PayloadSection stream = {.width = 1, .bytes = section->bytes, .data = section->data};
	uint32_t crc;
	CoreStatus status = section_crc(env, &stream, &crc);

	if (status != CORE_OK)
		return status;
	return crc == get32(entry + 28) ? CORE_OK : CORE_CORRUPT;
}

/* Turn each element of section's bytes [bytes] round. */
static CoreStatus
swap_section(Env *env, unsigned char *data, const PayloadSection *section)
{
	uint32_t width = section->width;

	for (uint64_t at = 0; width > 1 && at < section->bytes; at += width)
	{
		if (at % PIECE == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		for (uint32_t i = 0; i < width / 2; i++)
		{
			unsigned char byte = data[at + i];

			data[at + i] = data[at + width - 1 - i];
			data[at + width - 1 - i] = byte;
		}
	}
	return CORE_OK;
}

/* Is there a header that fits `bytes` bytes and its own checksum? */
static bool
head_is_good(const unsigned char *data, uint64_t bytes)
{
	uint64_t sections;

	if (bytes < HEADER_BYTES || memcmp(data, magic, sizeof(magic)) != 0 || get32(data + 8) != PAYLOAD_FORMAT)
		return false;
	sections = get32(data + 12);
	if (sections > PAYLOAD_MAX_SECTIONS || bytes < HEADER_BYTES + sections * ENTRY_BYTES)
		return false;
	return get64(data + 16) == bytes && get32(data + 28) == 0 &&
		   get32(data + 24) == head_crc(data, HEADER_BYTES + sections * ENTRY_BYTES);
}

/* Header and directory: where the sections are. */
static bool
read_layout(const unsigned char *data, uint64_t bytes, Payload *payload)
{
	int sections;
	uint64_t end;

	payload->n = 0;
	payload->trusted = false;
	if ((uintptr_t) data % PAYLOAD_ALIGN != 0 || !head_is_good(data, bytes))
		return false;
	sections = (int) get32(data + 12);
	end = HEADER_BYTES + (uint64_t) sections * ENTRY_BYTES;
	for (int i = 0; i < sections; i++)
	{
		if (!read_entry(data, bytes, data + HEADER_BYTES + i * ENTRY_BYTES, &end, payload))
			return false;
	}
	return end == bytes;
}

CoreStatus
payload_read(Env *env, void *data, uint64_t bytes, Payload *payload)
{
	unsigned char *stream = data;
	CoreStatus status = read_layout(stream, bytes, payload) ? CORE_OK : CORE_CORRUPT;

	for (int i = 0; status == CORE_OK && i < payload->n; i++)
		status = check_section(env, &payload->section[i], stream + HEADER_BYTES + i * ENTRY_BYTES);
	for (int i = 0; PAYLOAD_SWAP && status == CORE_OK && i < payload->n; i++)
	{
		const PayloadSection *section = &payload->section[i];

		status = swap_section(env, stream + ((const unsigned char *) section->data - stream), section);
	}
	if (status != CORE_OK)
		payload->n = 0;
	return status;
}

CoreStatus
payload_open(const void *data, uint64_t bytes, Payload *payload)
{
	if (!read_layout(data, bytes, payload))
	{
		payload->n = 0;
		return CORE_CORRUPT;
	}
	payload->trusted = true;
	return CORE_OK;
}
