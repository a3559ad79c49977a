/*
 * fuzz_payload.c - payload_read against any bytes (libFuzzer)
 *
 * What is accepted is written again and must give the same bytes: there is one stream for a list of sections.
 */
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "crc32c.h"
#include "payload.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Make the checksum of header and directory fit, or the fuzzer would never come further. */
static void
sign(unsigned char *stream, size_t n)
{
	size_t head;
	uint32_t crc;

	if (n < 32)
		return;
	head = 32 + 48 * (size_t) stream[12];
	if (head > n)
		return;
	memset(stream + 24, 0, 4);
	crc = crc32c(0, stream, head);
	for (int i = 0; i < 4; i++)
		stream[24 + i] = (unsigned char) (crc >> 8 * i);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	CoreEnv env;
	Payload payload;
	void *stream;

	core_env_init(&env);
	if (posix_memalign(&stream, 64, n > 0 ? n : 1) != 0)
		abort();
	if (n > 0)
		memcpy(stream, bytes, n);
	sign(stream, n);
	if (payload_read(&env.env, stream, n, &payload) == CORE_OK)
	{
		PayloadWriter *writer;
		unsigned char *again = malloc(n);

		if (again == NULL || payload_writer_open(&env.env, &payload, &writer) != CORE_OK ||
			payload_writer_bytes(writer) != n)
			abort();
		payload_writer_copy(writer, 0, n, again);
		if (memcmp(again, stream, n) != 0)
			abort();
		payload_writer_close(&env.env, writer);
		free(again);
	}
	if (env.live != 0)
		abort();
	free(stream);
	return 0;
}
