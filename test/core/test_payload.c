/*
 * test_payload.c - checksums, and stored models that are read back, damaged, cut short and made up
 *
 * With an argument, writes seeds for the fuzzer into that directory instead.  Built a second time with PAYLOAD_SWAP, to
 * run what big-endian machines run.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "crc32c.h"
#include "payload.h"
#include "rng.h"

#ifndef PAYLOAD_SWAP
#define PAYLOAD_SWAP 0
#endif

static const float floats[5] = {1.5f, -2.25f, 0.0f, 1e30f, 3.0f};
static const int64_t longs[3] = {1, -5, INT64_MAX};
static const int16_t shorts[2] = {258, -2};
static const char text[] = "shop";

static Payload
example(void)
{
	Payload payload = {0};

	payload_add(&payload, "factors", sizeof(float), 5, floats);
	payload_add(&payload, "nothing", 8, 0, NULL);
	payload_add(&payload, "ids", sizeof(int64_t), 3, longs);
	payload_add(&payload, "a name of 23 characters", sizeof(int16_t), 2, shorts);
	payload_add(&payload, "text", 1, 4, text);
	return payload;
}

/* The stream of a payload, in memory aligned to 64 that the caller frees. */
static unsigned char *
stream_of(const Payload *payload, uint64_t *bytes)
{
	CoreEnv env;
	PayloadWriter *writer;
	unsigned char *stream;

	core_env_init(&env);
	CHECK(payload_writer_open(&env.env, payload, &writer) == CORE_OK);
	*bytes = payload_writer_bytes(writer);
	stream = aligned_alloc(64, (size_t) (*bytes + 127) / 64 * 64);
	payload_writer_copy(writer, 0, (size_t) *bytes, stream);
	payload_writer_close(&env.env, writer);
	CHECK(env.live == 0);
	return stream;
}

/*
 * Read a copy of bytes [n], which ends where its memory ends so that reading on is noticed; the copy stays in *copy for
 * the caller to free.
 */
static CoreStatus
read_copy(const unsigned char *bytes, uint64_t n, Payload *payload, unsigned char **copy)
{
	CoreEnv env;
	CoreStatus status;

	core_env_init(&env);
	/* aligned_alloc wants whole lines; posix_memalign does not. */
	if (posix_memalign((void **) copy, 64, n > 0 ? (size_t) n : 1) != 0)
		exit(2);
	memcpy(*copy, bytes, (size_t) n);
	status = payload_read(&env.env, *copy, n, payload);
	CHECK(env.live == 0);
	return status;
}

static bool
is_corrupt(const unsigned char *bytes, uint64_t n)
{
	Payload payload;
	unsigned char *copy;
	CoreStatus status = read_copy(bytes, n, &payload, &copy);

	free(copy);
	return status == CORE_CORRUPT && payload.n == 0;
}

static void
test_checksum(void)
{
	unsigned char bytes[300];
	bool same = true;

	/* The check value of the CRC catalogues, and those of RFC 3720. */
	CHECK(crc32c(0, "123456789", 9) == 0xe3069283);
	memset(bytes, 0, 32);
	CHECK(crc32c_by_tables(0, bytes, 32) == 0x8a9136aa);
	memset(bytes, 0xff, 32);
	CHECK(crc32c_by_tables(0, bytes, 32) == 0x62a8ab43);
	for (int i = 0; i < 300; i++)
		bytes[i] = (unsigned char) rng_hash3(1, 2, (uint64_t) i);
	for (size_t from = 0; from < 9; from++)
	{
		for (size_t n = 0; n < 290; n++)
		{
			uint32_t expected = 0xffffffff;

			for (size_t i = 0; i < n; i++)
			{
				expected ^= bytes[from + i];
				for (int bit = 0; bit < 8; bit++)
					expected = expected >> 1 ^ (0x82f63b78 & -(expected & 1));
			}
			expected = ~expected;
			same &= crc32c_by_tables(0, bytes + from, n) == expected;
			same &= crc32c(crc32c(0, bytes + from, n / 3), bytes + from + n / 3, n - n / 3) == expected;
			same &= !crc32c_has_instruction() || crc32c_by_instruction(0, bytes + from, n) == expected;
		}
	}
	CHECK(same);
}

static void
test_round_trip(void)
{
	Payload payload = example();
	Payload back;
	uint64_t bytes;
	uint64_t count = 99;
	unsigned char *stream = stream_of(&payload, &bytes);
	unsigned char *copy;

	CHECK(read_copy(stream, bytes, &back, &copy) == CORE_OK);
	CHECK(back.n == 5);
	CHECK(memcmp(payload_get(&back, "factors", sizeof(float), &count), floats, sizeof(floats)) == 0 &&
		  count == 5);
	CHECK(memcmp(payload_get(&back, "ids", sizeof(int64_t), &count), longs, sizeof(longs)) == 0 &&
		  count == 3);
	CHECK(memcmp(payload_get(&back, "a name of 23 characters", 2, &count), shorts, 4) == 0 && count == 2);
	CHECK(memcmp(payload_get(&back, "text", 1, &count), text, 4) == 0 && count == 4);
	CHECK(payload_get(&back, "nothing", 8, &count) != NULL && count == 0);
	CHECK(payload_get(&back, "ids", 4, &count) == NULL);
	CHECK(payload_get(&back, "id", 8, &count) == NULL);
	for (int i = 0; i < back.n; i++)
		CHECK((uintptr_t) back.section[i].data % 64 == 0);
	free(copy);
	free(stream);
}

/* The bytes are laid down by the format, not by the machine. */
static void
test_layout(void)
{
	Payload payload = {0};
	uint64_t bytes;
	unsigned char *stream;
	static const unsigned char head[24] = {'P', 'R', 'O', 'M', 'O', 'A', 'I', 0, 1, 0, 0, 0,
										   1,   0,   0,   0,   132, 0,   0,   0, 0, 0, 0, 0};

	payload_add(&payload, "n", sizeof(int16_t), 2, shorts);
	stream = stream_of(&payload, &bytes);
	CHECK(bytes == 132);
	CHECK(memcmp(stream, head, sizeof(head)) == 0);
	CHECK(memcmp(stream + 32, "n\0\0\0", 4) == 0);
	CHECK(stream[56] == 2 && stream[64] == 128 && stream[72] == 4);
	/* On a machine that is told to swap, memory is taken for the other order. */
	CHECK(memcmp(stream + 128, PAYLOAD_SWAP ? "\1\2\xff\xfe" : "\2\1\xfe\xff", 4) == 0);
	free(stream);
}

/* Any stretch is the same as that part of the whole. */
static void
test_stretches(void)
{
	Payload payload = example();
	uint64_t bytes;
	unsigned char *whole = stream_of(&payload, &bytes);
	unsigned char part[200];
	PayloadWriter *writer;
	CoreEnv env;
	bool same = true;

	core_env_init(&env);
	payload_writer_open(&env.env, &payload, &writer);
	for (uint64_t from = 0; from <= bytes; from++)
	{
		for (size_t n = 0; n <= sizeof(part) && from + n <= bytes; n += 1 + n / 5)
		{
			memset(part, 0xee, sizeof(part));
			payload_writer_copy(writer, from, n, part);
			same &= memcmp(part, whole + from, n) == 0;
			same &= n == sizeof(part) || part[n] == 0xee;
		}
	}
	CHECK(same);
	payload_writer_close(&env.env, writer);
	free(whole);
}

static void
test_damage(void)
{
	Payload payload = example();
	uint64_t bytes;
	unsigned char *stream = stream_of(&payload, &bytes);
	bool found = true;

	for (uint64_t at = 0; at < bytes; at++)
	{
		for (int bit = 0; bit < 8; bit++)
		{
			stream[at] ^= (unsigned char) (1 << bit);
			found &= is_corrupt(stream, bytes);
			stream[at] ^= (unsigned char) (1 << bit);
		}
		stream[at] ^= 0xff;
		found &= is_corrupt(stream, bytes);
		stream[at] ^= 0xff;
	}
	CHECK(found);
	for (uint64_t n = 0; n < bytes; n++)
		found &= is_corrupt(stream, n);
	CHECK(found);
	stream[bytes] = 0;
	CHECK(is_corrupt(stream, bytes + 1));
	free(stream);
}

/* Give header and directory the checksum that fits them. */
static void
sign(unsigned char *stream, uint32_t sections)
{
	uint32_t crc;

	memset(stream + 24, 0, 4);
	crc = crc32c(0, stream, 32 + 48 * (size_t) sections);
	for (int i = 0; i < 4; i++)
		stream[24 + i] = (unsigned char) (crc >> 8 * i);
}

/* Lies that carry a good checksum: any directory byte changed, and the header's counts. */
static void
test_forged(void)
{
	Payload payload = example();
	uint64_t bytes;
	unsigned char *stream = stream_of(&payload, &bytes);
	unsigned char *forged = core_malloc((size_t) bytes);
	int accepted = 0;

	for (uint64_t at = 8; at < 32 + 48 * 5; at++)
	{
		for (int value = 0; value < 256; value++)
		{
			Payload back;
			unsigned char *copy;

			memcpy(forged, stream, (size_t) bytes);
			forged[at] = (unsigned char) value;
			sign(forged, 5);
			if (read_copy(forged, bytes, &back, &copy) == CORE_OK)
				accepted += memcmp(forged, stream, (size_t) bytes) != 0;
			free(copy);
		}
	}
	/* What the reader cannot know: letters of names, and widths that divide the section as well. */
	CHECK(accepted > 0 && accepted <= 5 * 23 * 255 + 5 * 3);
	for (uint32_t sections = 0; sections < 40; sections++)
	{
		memcpy(forged, stream, (size_t) bytes);
		forged[12] = (unsigned char) sections;
		if (32 + 48 * (uint64_t) sections <= bytes)
			sign(forged, sections);
		CHECK(is_corrupt(forged, bytes) == (sections != 5));
	}
	free(forged);
	free(stream);
}

static void
test_garbage(void)
{
	unsigned char garbage[512];
	bool found = true;

	for (uint64_t round = 0; round < 20000; round++)
	{
		uint32_t n = rng_below(1, 1, round, sizeof(garbage) + 1);

		for (uint32_t i = 0; i < n; i++)
			garbage[i] = (unsigned char) rng_hash3(2, round, i);
		/* Half of them begin well. */
		if (round % 2 == 0 && n >= 32)
		{
			memcpy(garbage, "PROMOAI\0\1\0\0\0\3\0\0\0", 16);
			memset(garbage + 16, 0, 16);
			garbage[16] = (unsigned char) n;
			garbage[17] = (unsigned char) (n >> 8);
			if (n >= 32 + 48 * 3)
				sign(garbage, 3);
		}
		found &= is_corrupt(garbage, n);
	}
	CHECK(found);
}

static void
test_refused(void)
{
	static const char *names[] = {"", "a name of 24 characters!", "twice"};
	Payload payload;
	PayloadWriter *writer;
	CoreEnv env;
	uint64_t count;

	core_env_init(&env);
	for (int i = 0; i < 3; i++)
	{
		payload = (Payload){0};
		payload_add(&payload, "twice", 1, 4, text);
		payload_add(&payload, names[i], 1, 4, text);
		CHECK(payload_writer_open(&env.env, &payload, &writer) == CORE_CORRUPT && writer == NULL);
	}
	payload = (Payload){0};
	payload_add(&payload, "three", 3, 1, text);
	CHECK(payload_writer_open(&env.env, &payload, &writer) == CORE_CORRUPT);
	payload = (Payload){0};
	payload_add(&payload, "huge", 8, UINT64_MAX / 4, text);
	CHECK(payload_writer_open(&env.env, &payload, &writer) == CORE_CORRUPT);
	payload = (Payload){0};
	for (int i = 0; i < PAYLOAD_MAX_SECTIONS + 3; i++)
	{
		char name[16];

		snprintf(name, sizeof(name), "s%d", i);
		payload_add(&payload, name, 1, 4, text);
		CHECK((payload_writer_open(&env.env, &payload, &writer) == CORE_OK) == (i < PAYLOAD_MAX_SECTIONS));
		if (writer != NULL)
			payload_writer_close(&env.env, writer);
	}
	CHECK(payload_get(&payload, "absent", 1, &count) == NULL);
	CHECK(env.live == 0);
}

static void
test_empty(void)
{
	Payload payload = {0};
	Payload back;
	uint64_t bytes;
	unsigned char *stream = stream_of(&payload, &bytes);
	unsigned char *copy;

	CHECK(bytes == 32);
	CHECK(read_copy(stream, bytes, &back, &copy) == CORE_OK && back.n == 0);
	CHECK(is_corrupt(stream, 0));
	free(copy);
	free(stream);
}

/* Opened once more, the same bytes give the same sections, whichever way round this machine keeps numbers. */
static void
test_opened_again(void)
{
	Payload payload = example();
	Payload read;
	Payload opened = {.n = 7};
	uint64_t bytes;
	unsigned char *stream = stream_of(&payload, &bytes);
	unsigned char *copy;

	CHECK(read_copy(stream, bytes, &read, &copy) == CORE_OK && !read.trusted);
	CHECK(payload_open(copy, bytes, &opened) == CORE_OK && opened.trusted && opened.n == read.n);
	for (int i = 0; i < read.n; i++)
		CHECK(memcmp(&opened.section[i], &read.section[i], sizeof(PayloadSection)) == 0);
	CHECK(payload_open(copy, bytes - 1, &opened) == CORE_CORRUPT && opened.n == 0 && !opened.trusted);
	copy[40] ^= 1; /* in the directory */
	CHECK(payload_open(copy, bytes, &opened) == CORE_CORRUPT && opened.n == 0);
	free(copy);
	free(stream);
}

static void
test_not_aligned(void)
{
	Payload payload = example();
	uint64_t bytes;
	unsigned char *stream = stream_of(&payload, &bytes);
	unsigned char *moved = aligned_alloc(64, 1024);
	CoreEnv env;

	core_env_init(&env);
	memcpy(moved + 8, stream, (size_t) bytes);
	CHECK(payload_read(&env.env, moved + 8, bytes, &payload) == CORE_CORRUPT);
	free(moved);
	free(stream);
}

/* Large enough for several looks at the cancel flag while writing and reading. */
static void
test_stops(void)
{
	size_t n = (size_t) 5 << 18;
	int32_t *numbers = core_malloc(n * sizeof(int32_t));
	Payload payload = {0};
	PayloadWriter *writer;
	uint64_t bytes;
	unsigned char *stream;
	CoreEnv env;
	long looks;

	for (size_t i = 0; i < n; i++)
		numbers[i] = (int32_t) i;
	payload_add(&payload, "numbers", sizeof(int32_t), n, numbers);
	core_env_init(&env);
	env.fail_at = 1;
	CHECK(payload_writer_open(&env.env, &payload, &writer) == CORE_NO_MEMORY && writer == NULL);
	core_env_init(&env);
	CHECK(payload_writer_open(&env.env, &payload, &writer) == CORE_OK);
	payload_writer_close(&env.env, writer);
	looks = env.looks;
	CHECK(looks >= 5);
	for (long look = 1; look <= looks; look++)
	{
		core_env_init(&env);
		env.cancel_at = look;
		CHECK(payload_writer_open(&env.env, &payload, &writer) == CORE_CANCELLED && writer == NULL &&
			  env.live == 0);
	}
	stream = stream_of(&payload, &bytes);
	for (long look = 1; look <= looks; look++)
	{
		core_env_init(&env);
		env.cancel_at = look;
		CHECK(payload_read(&env.env, stream, bytes, &payload) == CORE_CANCELLED && payload.n == 0);
	}
	core_env_init(&env);
	CHECK(payload_read(&env.env, stream, bytes, &payload) == CORE_OK);
	CHECK(payload.n == 1 && memcmp(payload.section[0].data, numbers, n * sizeof(int32_t)) == 0);
	free(stream);
	free(numbers);
}

/* Whole and cut streams for the fuzzer to start from. */
static void
write_seeds(const char *directory)
{
	Payload payload = example();
	uint64_t bytes;
	unsigned char *stream = stream_of(&payload, &bytes);

	for (uint64_t n = bytes; n > 0; n /= 2)
	{
		char path[4096];
		FILE *file;

		snprintf(path, sizeof(path), "%s/seed-%llu", directory, (unsigned long long) n);
		file = fopen(path, "wb");
		if (file == NULL || fwrite(stream, 1, (size_t) n, file) != n || fclose(file) != 0)
		{
			perror(path);
			exit(2);
		}
	}
	free(stream);
}

int
main(int argc, char **argv)
{
	if (argc > 1)
	{
		write_seeds(argv[1]);
		return 0;
	}
	test_checksum();
	test_round_trip();
	test_layout();
	test_stretches();
	test_damage();
	test_forged();
	test_garbage();
	test_refused();
	test_empty();
	test_opened_again();
	test_not_aligned();
	test_stops();
	return check_finish();
}
