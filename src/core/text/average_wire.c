/*
 * average_wire.c - the binary form of promoai.embed_average_state: one pass that checks
 */
#include "average_wire.h"

#include <float.h>
#include <math.h>

#include "../wire.h"

#define HEADER_BYTES (2 + 4 + 8)

const char *
average_wire_read(const uint8_t *bytes, size_t n, AverageWire *wire)
{
	WireReader reader = {bytes};

	if (n < HEADER_BYTES)
		return "it ends before its header does";
	if (wire_take(&reader, 2) != AVERAGE_STATE_VERSION)
		return "its version is not known";
	wire->length = (int32_t) wire_take(&reader, 4);
	wire->n = (int64_t) wire_take(&reader, 8);
	wire->sums = reader.at;
	if (wire->n < 1 || wire->n > AVERAGE_MAX_VECTORS)
		return "its count is out of range";
	if (wire->length < 0 || wire->length > AVERAGE_MAX_LENGTH ||
		(uint64_t) wire->length * 8 != n - HEADER_BYTES)
		return "its length does not agree with its numbers";
	for (int32_t i = 0; i < wire->length; i++)
	{
		double sum = wire_take_double(&reader);

		if (!isfinite(sum) || fabs(sum) > (double) wire->n * (double) FLT_MAX)
			return "a sum is out of range";
	}
	return NULL;
}
