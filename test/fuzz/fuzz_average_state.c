/*
 * fuzz_average_state.c - average_wire_read against any bytes (libFuzzer)
 *
 * What is accepted is within the bytes, and its sums can be added to those of another and divided.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "text/average_wire.h"
#include "wire.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AverageWire wire;
	double *sums;

	if (average_wire_read(bytes, n, &wire) != NULL)
		return 0;
	if (wire.length < 0 || wire.sums + 8 * (size_t) wire.length != bytes + n || wire.n < 1)
		abort();
	sums = core_malloc(sizeof(double) * (size_t) wire.length);
	wire_copy(wire.sums, (size_t) wire.length, sums);
	for (int32_t i = 0; i < wire.length; i++)
		if (!isfinite(sums[i] + sums[i]) || !isfinite(sums[i] / (double) wire.n))
			abort();
	free(sums);
	return 0;
}
