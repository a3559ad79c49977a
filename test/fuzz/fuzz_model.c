/*
 * fuzz_model.c - any bytes as a model's value, as model_bytes takes them in, of every kind (libFuzzer)
 *
 * A value is let in or refused as damaged (22P03), as a kind that is not known (0A000), of a database of another encoding (55000), or
 * for want of memory: never by an internal error.  Checksums are made to fit first, or the fuzzer would never come further.
 */
#include "postgres.h"

#include <stdlib.h>

#include "core/crc32c.h"
#include "model/value.h"

#include "server.h"

#define KIND_BYTES 16
#define HEAD_BYTES 32
#define ENTRY_BYTES 48

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void
put(unsigned char *at, uint64 value, int n)
{
	for (int i = 0; i < n; i++)
		at[i] = (unsigned char) (value >> 8 * i);
}

static uint64
take(const unsigned char *at, int n)
{
	uint64 value = 0;

	for (int i = n - 1; i >= 0; i--)
		value = value << 8 | at[i];
	return value;
}

/* Sizes and checksums of a payload, and of those that stand in it as members. */
static void
sign(unsigned char *stream, size_t n, int depth)
{
	size_t head;

	if (n < HEAD_BYTES || depth > 8)
		return;
	head = HEAD_BYTES + ENTRY_BYTES * (size_t) stream[12];
	if (head > n)
		return;
	for (unsigned char *entry = stream + HEAD_BYTES; entry < stream + head; entry += ENTRY_BYTES)
	{
		uint64 offset = take(entry + 32, 8);
		uint64 bytes = take(entry + 40, 8);

		if (offset > n || bytes > n - offset)
			continue;
		if (strncmp((char *) entry, "member_", 7) == 0 && offset >= head)
			sign(stream + offset, (size_t) bytes, depth + 1);
		put(entry + 28, crc32c(0, stream + offset, (size_t) bytes), 4);
	}
	put(stream + 16, n, 8);
	put(stream + 24, 0, 4);
	put(stream + 24, crc32c(0, stream, head), 4);
}

typedef struct Input
{
	char *bytes;
	size_t n;
} Input;

static void
take_in(void *arg)
{
	Input *input = arg;

	value_from_bytes(input->bytes, input->n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static bool started = false;
	Input input = {malloc(n > 0 ? n : 1), n};
	int ended;

	if (!started)
		server_start();
	started = true;
	memcpy(input.bytes, bytes, n);
	if (n > KIND_BYTES)
		sign((unsigned char *) input.bytes + KIND_BYTES, n - KIND_BYTES, 0);
	ended = server_call(take_in, &input);
	if (ended != 0 && ended != ERRCODE_INVALID_BINARY_REPRESENTATION &&
		ended != ERRCODE_FEATURE_NOT_SUPPORTED && ended != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE &&
		ended != ERRCODE_OUT_OF_MEMORY)
	{
		fprintf(stderr, "refused with %s: %s\n", unpack_sql_state(ended), server_message());
		abort();
	}
	free(input.bytes);
	return 0;
}
