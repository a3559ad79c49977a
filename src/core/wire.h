/*
 * wire.h - numbers in network order, taken off a stranger's bytes one after the other
 *
 * The reader does not look for the end: whoever takes has counted before what there is.
 */
#ifndef CORE_WIRE_H
#define CORE_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct WireReader
{
	const uint8_t *at;
} WireReader;

static inline uint64_t
wire_take(WireReader *reader, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | *reader->at++;
	return value;
}

static inline double
wire_take_double(WireReader *reader)
{
	uint64_t bits = wire_take(reader, 8);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* n numbers of 8 bytes, of any kind: their bits are kept. */
static inline void
wire_copy(const uint8_t *from, size_t n, double *to)
{
	WireReader reader = {from};

	for (size_t i = 0; i < n; i++)
	{
		uint64_t bits = wire_take(&reader, 8);

		memcpy(&to[i], &bits, sizeof(bits));
	}
}

#endif
