/*
 * average_wire.h - the binary form of promoai.embed_average_state, read with distrust
 *
 * In network order: int16 version, int32 length of the vectors, int64 how many there were, float8 [length] their sums.  Whoever
 * may call SQL can write such bytes.  What passes here can be added to, combined and divided without harm.
 */
#ifndef CORE_TEXT_AVERAGE_WIRE_H
#define CORE_TEXT_AVERAGE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define AVERAGE_STATE_VERSION 1
#define AVERAGE_MAX_VECTORS                                                                                  \
	(INT64_C(1) << 53) /* sums in double of so many of the largest floats do not overflow */
#define AVERAGE_MAX_LENGTH 134217599 /* doubles in a datum, which ends at 1 GB, beside its header */

typedef struct AverageWire
{
	int32_t length;
	int64_t n;
	const uint8_t *sums; /* [length], within the bytes */
} AverageWire;

/* NULL, or why these bytes are no state. */
extern const char *average_wire_read(const uint8_t *bytes, size_t n, AverageWire *wire);

#endif
