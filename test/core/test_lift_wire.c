/*
 * test_lift_wire.c - states of the lift aggregates as bytes: what is genuine passes, what is forged says why it does not
 *
 * With an argument, writes genuine states into that directory instead, for the fuzzer to start from.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "promote/lift_wire.h"
#include "promote/moments.h"
#include "rng.h"
#include "wire.h"

#define MAX_BYTES 100000
#define HEADER 49
#define N_ROWS 40
#define N_CLUSTERS 4

typedef struct Bytes
{
	uint8_t at[MAX_BYTES];
	size_t n;
} Bytes;

static void
put(Bytes *bytes, uint64_t value, int size)
{
	for (int i = size - 1; i >= 0; i--)
		bytes->at[bytes->n++] = (uint8_t) (value >> 8 * i);
}

static void
put_double(Bytes *bytes, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put(bytes, bits, 8);
}

static void
put_doubles(Bytes *bytes, const double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_double(bytes, values[i]);
}

static void
put_header(Bytes *bytes, FitErrors errors, bool summed, int32_t k, int32_t rows, int32_t clusters, int64_t n)
{
	bytes->n = 0;
	put(bytes, LIFT_STATE_VERSION, 2);
	put(bytes, errors, 1);
	put(bytes, LIFT_LINEAR, 1);
	put(bytes, summed, 1);
	put(bytes, (uint32_t) k, 4);
	put(bytes, (uint32_t) rows, 4);
	put(bytes, (uint32_t) clusters, 4);
	put(bytes, (uint64_t) n, 8);
	put(bytes, 3, 8);
	put(bytes, 0, 8);
	put_double(bytes, n > 0 ? 2 : 0);
}

/* A state of N_ROWS rows that are summed and `waiting` that are not. */
static void
make_state(Bytes *bytes, FitErrors errors, int32_t k, int32_t waiting)
{
	size_t width = (size_t) k + 1;
	double *rows = core_malloc(N_ROWS * width * sizeof(double));
	double *pivot = core_malloc(2 * width * sizeof(double));
	double *sums = core_malloc((fourth_size(k) + pairs_size(k)) * sizeof(double));
	double *scratch = core_malloc((fourth_scratch(k) + pairs_scratch(k)) * sizeof(double));
	bool clustered = errors == FIT_CLUSTERED;

	for (size_t i = 0; i < N_ROWS * width; i++)
		rows[i] = i % width == 0 ? (double) (i % 3 == 0) : 10 + rng_normal(7, 1, i);
	choose_pivot(rows, N_ROWS, (int32_t) width, k, pivot);
	memset(pivot + width, 0, width * sizeof(double));
	memset(sums, 0, (fourth_size(k) + pairs_size(k)) * sizeof(double));
	put_header(bytes, errors, true, k, waiting, clustered ? N_CLUSTERS : 0, N_ROWS);
	put_doubles(bytes, pivot, 2 * (size_t) k);
	if (errors == FIT_HC1)
		fourth_add(sums, k, rows, N_ROWS, (int32_t) width, pivot, scratch);
	else if (!clustered)
		pairs_add(sums, k, rows, N_ROWS, (int32_t) width, pivot, scratch);
	put_doubles(bytes, sums, lift_sums_size(errors, true, k));
	for (int c = 0; c < N_CLUSTERS && clustered; c++)
	{
		memset(sums, 0, pairs_size(k) * sizeof(double));
		pairs_add(sums, k, rows + (size_t) c * 10 * width, N_ROWS / N_CLUSTERS, (int32_t) width, pivot,
				  scratch);
		put(bytes, (uint64_t) (int64_t) (c - 2), 8);
		put_doubles(bytes, sums, pairs_size(k));
	}
	for (int r = 0; r < waiting; r++)
	{
		put_doubles(bytes, rows + (size_t) r * width, width);
		if (clustered)
			put(bytes, (uint64_t) r % 3, 8);
	}
	free(rows);
	free(pivot);
	free(sums);
	free(scratch);
}

static const FitErrors kinds[] = {FIT_HC1, FIT_CLUSTERED, FIT_CLASSICAL};

/* From memory of its exact size, so that a read beyond it is seen. */
static const char *
read_exactly(const uint8_t *bytes, size_t n, LiftWire *wire)
{
	uint8_t *own = core_malloc(n > 0 ? n : 1);
	const char *why;

	memcpy(own, bytes, n);
	why = lift_wire_read(own, n, wire);
	free(own);
	return why;
}

static void
test_genuine(void)
{
	static Bytes bytes;
	LiftWire wire;

	for (int e = 0; e < 3; e++)
		for (int32_t k = 1; k <= 5; k += 2)
		{
			double first;

			make_state(&bytes, kinds[e], k, 3);
			CHECK(lift_wire_read(bytes.at, bytes.n, &wire) == NULL);
			CHECK(wire.errors == kinds[e] && wire.k == k && wire.n == N_ROWS && wire.n_rows == 3 &&
				  wire.nulls == 3 && wire.summed && wire.promoted == 2);
			CHECK(wire.numbers == bytes.at + HEADER && wire.clusters == wire.numbers + 8 * wire.n_numbers);
			wire_copy(wire.rows, 1, &first);
			CHECK(first == 1);
			for (size_t n = 0; n < bytes.n; n++)
				if (read_exactly(bytes.at, n, &wire) == NULL)
					CHECK(!"a state that was cut passes");
			put(&bytes, 0, 8);
			CHECK(read_exactly(bytes.at, bytes.n, &wire) != NULL);
		}
	put_header(&bytes, FIT_HC1, false, 0, 0, 0, 0);
	CHECK(lift_wire_read(bytes.at, bytes.n, &wire) == NULL && wire.n == 0 && !wire.summed);
}

/* One byte changed: whatever passes still lies within its bytes. */
static void
test_changed(void)
{
	static Bytes bytes;
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	LiftWire wire;
	long refused = 0;

	for (int e = 0; e < 3; e++)
	{
		make_state(&bytes, kinds[e], 2, 2);
		for (size_t i = 0; i < bytes.n; i++)
			for (int v = 0; v < 5; v++)
			{
				uint8_t was = bytes.at[i];

				bytes.at[i] = values[v];
				if (read_exactly(bytes.at, bytes.n, &wire) != NULL)
					refused++;
				bytes.at[i] = was;
			}
	}
	CHECK(refused > 200);
}

static void
check_reason(Bytes *bytes, size_t at, uint64_t value, int size, const char *reason)
{
	Bytes *forged = core_malloc(sizeof(Bytes));
	LiftWire wire;
	const char *why;

	*forged = *bytes;
	forged->n = at;
	put(forged, value, size);
	why = read_exactly(forged->at, bytes->n, &wire);
	if (!CHECK(why != NULL && strcmp(why, reason) == 0))
		printf("%s, not %s\n", why == NULL ? "passes" : why, reason);
	free(forged);
}

static void
test_reasons(void)
{
	static Bytes bytes;
	size_t first;

	make_state(&bytes, FIT_CLASSICAL, 2, 0);
	check_reason(&bytes, 0, 2, 2, "its version is not known");
	check_reason(&bytes, 2, FIT_CLUSTERED_TWO_WAYS, 1, "its kind is not known");
	check_reason(&bytes, 3, 2, 1, "its kind is not known");
	check_reason(&bytes, 4, 0, 1, "its counts contradict each other");
	check_reason(&bytes, 5, 0x80000000, 4, "a count is out of range");
	check_reason(&bytes, 5, LIFT_MAX_COLUMNS + 1, 4, "a count is out of range");
	check_reason(&bytes, 9, MOMENTS_BLOCK + 1, 4, "a count is out of range");
	check_reason(&bytes, 9, 1, 4, "its length does not agree with its counts");
	check_reason(&bytes, 13, 1, 4, "its counts contradict each other");
	check_reason(&bytes, 17, (uint64_t) 1 << 54, 8, "a count is out of range");
	check_reason(&bytes, 17, N_ROWS + 1, 8, "a count is out of range");
	check_reason(&bytes, 41, 0x3fe0000000000000, 8, "a count is out of range"); /* half a row promoted */
	check_reason(&bytes, HEADER, 0x7ff8000000000000, 8, "a number is not finite");
	first = HEADER + 8 * (2 * 2 + pair_at(2, 1, 1));
	check_reason(&bytes, first, 0xbff0000000000000, 8, "a sum of squares is below zero");
	make_state(&bytes, FIT_CLUSTERED, 1, 1);
	first = HEADER + 8 * 2;
	check_reason(&bytes, first, 5, 8, "clusters are not in ascending order");
	check_reason(&bytes, first + 8, 0x4022000000000000, 8, "the clusters' rows do not add up"); /* 9 of 10 */
	check_reason(&bytes, first + 8, 0x4024400000000000, 8, "a count is out of range");
	check_reason(&bytes, first + 16, 0xfff0000000000000, 8, "a number is not finite");
	check_reason(&bytes, bytes.n - 24, 0x7ff0000000000000, 8, "a number is not finite");
	CHECK(bytes.n > HEADER);
}

static void
write_seeds(const char *directory)
{
	static Bytes bytes;

	for (int e = 0; e < 3; e++)
		for (int32_t k = 1; k <= 4; k++)
		{
			char path[4096];
			FILE *file;

			make_state(&bytes, kinds[e], k, k % 3);
			snprintf(path, sizeof(path), "%s/state-%d-%d", directory, e, k);
			file = fopen(path, "wb");
			if (file == NULL || fwrite(bytes.at, 1, bytes.n, file) != bytes.n || fclose(file) != 0)
			{
				perror(path);
				exit(2);
			}
		}
}

int
main(int argc, char **argv)
{
	if (argc > 1)
	{
		write_seeds(argv[1]);
		return 0;
	}
	test_genuine();
	test_changed();
	test_reasons();
	return check_finish();
}
