/*
 * crc32c.c - CRC-32C by the processor's instruction or by tables
 *
 * Tables: slicing by 8 (Kounavis & Berry 2005), eight bytes a step.  An entry of table k is the remainder of one byte
 * followed by k zero bytes; that is linear in the byte's bits, so the eight remainders of single bits stand below and
 * the compiler makes the 2,048 entries from them.
 */
#include <string.h>

#include "cpu.h"
#include "crc32c.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_CRC_INSTRUCTION
#include <nmmintrin.h>
#endif

/* Remainder of the byte b, from those of its bits. */
#define BIT(b, n, remainder) ((((b) >> (n)) & 1) != 0 ? UINT32_C(remainder) : 0)

#define BYTE0(b)                                                                                             \
	(BIT(b, 0, 0xf26b8303) ^ BIT(b, 1, 0xe13b70f7) ^ BIT(b, 2, 0xc79a971f) ^ BIT(b, 3, 0x8ad958cf) ^         \
	 BIT(b, 4, 0x105ec76f) ^ BIT(b, 5, 0x20bd8ede) ^ BIT(b, 6, 0x417b1dbc) ^ BIT(b, 7, 0x82f63b78))
#define BYTE1(b)                                                                                             \
	(BIT(b, 0, 0x13a29877) ^ BIT(b, 1, 0x274530ee) ^ BIT(b, 2, 0x4e8a61dc) ^ BIT(b, 3, 0x9d14c3b8) ^         \
	 BIT(b, 4, 0x3fc5f181) ^ BIT(b, 5, 0x7f8be302) ^ BIT(b, 6, 0xff17c604) ^ BIT(b, 7, 0xfbc3faf9))
#define BYTE2(b)                                                                                             \
	(BIT(b, 0, 0xa541927e) ^ BIT(b, 1, 0x4f6f520d) ^ BIT(b, 2, 0x9edea41a) ^ BIT(b, 3, 0x38513ec5) ^         \
	 BIT(b, 4, 0x70a27d8a) ^ BIT(b, 5, 0xe144fb14) ^ BIT(b, 6, 0xc76580d9) ^ BIT(b, 7, 0x8b277743))
#define BYTE3(b)                                                                                             \
	(BIT(b, 0, 0xdd45aab8) ^ BIT(b, 1, 0xbf672381) ^ BIT(b, 2, 0x7b2231f3) ^ BIT(b, 3, 0xf64463e6) ^         \
	 BIT(b, 4, 0xe964b13d) ^ BIT(b, 5, 0xd725148b) ^ BIT(b, 6, 0xaba65fe7) ^ BIT(b, 7, 0x52a0c93f))
#define BYTE4(b)                                                                                             \
	(BIT(b, 0, 0x38116fac) ^ BIT(b, 1, 0x7022df58) ^ BIT(b, 2, 0xe045beb0) ^ BIT(b, 3, 0xc5670b91) ^         \
	 BIT(b, 4, 0x8f2261d3) ^ BIT(b, 5, 0x1ba8b557) ^ BIT(b, 6, 0x37516aae) ^ BIT(b, 7, 0x6ea2d55c))
#define BYTE5(b)                                                                                             \
	(BIT(b, 0, 0xef306b19) ^ BIT(b, 1, 0xdb8ca0c3) ^ BIT(b, 2, 0xb2f53777) ^ BIT(b, 3, 0x6006181f) ^         \
	 BIT(b, 4, 0xc00c303e) ^ BIT(b, 5, 0x85f4168d) ^ BIT(b, 6, 0x0e045beb) ^ BIT(b, 7, 0x1c08b7d6))
#define BYTE6(b)                                                                                             \
	(BIT(b, 0, 0x68032cc8) ^ BIT(b, 1, 0xd0065990) ^ BIT(b, 2, 0xa5e0c5d1) ^ BIT(b, 3, 0x4e2dfd53) ^         \
	 BIT(b, 4, 0x9c5bfaa6) ^ BIT(b, 5, 0x3d5b83bd) ^ BIT(b, 6, 0x7ab7077a) ^ BIT(b, 7, 0xf56e0ef4))
#define BYTE7(b)                                                                                             \
	(BIT(b, 0, 0x493c7d27) ^ BIT(b, 1, 0x9278fa4e) ^ BIT(b, 2, 0x211d826d) ^ BIT(b, 3, 0x423b04da) ^         \
	 BIT(b, 4, 0x847609b4) ^ BIT(b, 5, 0x0d006599) ^ BIT(b, 6, 0x1a00cb32) ^ BIT(b, 7, 0x34019664))

#define FOUR(byte, b) byte(b), byte(b + 1), byte(b + 2), byte(b + 3)
#define SIXTEEN(byte, b) FOUR(byte, b), FOUR(byte, b + 4), FOUR(byte, b + 8), FOUR(byte, b + 12)
#define SIXTY_FOUR(byte, b)                                                                                  \
	SIXTEEN(byte, b), SIXTEEN(byte, b + 16), SIXTEEN(byte, b + 32), SIXTEEN(byte, b + 48)
#define TABLE(byte)                                                                                          \
	{                                                                                                        \
		SIXTY_FOUR(byte, 0), SIXTY_FOUR(byte, 64), SIXTY_FOUR(byte, 128), SIXTY_FOUR(byte, 192)              \
	}

static const uint32_t tables[8][256] = {TABLE(BYTE0), TABLE(BYTE1), TABLE(BYTE2), TABLE(BYTE3),
										TABLE(BYTE4), TABLE(BYTE5), TABLE(BYTE6), TABLE(BYTE7)};

uint32_t
crc32c_by_tables(uint32_t crc, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;

	crc = ~crc;
	for (; n >= 8; n -= 8, at += 8)
	{
		crc ^= at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 | (uint32_t) at[3] << 24;
		crc = tables[7][crc & 255] ^ tables[6][crc >> 8 & 255] ^ tables[5][crc >> 16 & 255] ^
			  tables[4][crc >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^
			  tables[0][at[7]];
	}
	for (; n > 0; n--, at++)
		crc = crc >> 8 ^ tables[0][(crc ^ *at) & 255];
	return ~crc;
}

#ifdef HAVE_CRC_INSTRUCTION

bool
crc32c_has_instruction(void)
{
	return cpu_runs(CPU_SSE42);
}

__attribute__((target("sse4.2"))) uint32_t
crc32c_by_instruction(uint32_t crc, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;
	uint64_t wide = ~crc;

	for (; n >= 8; n -= 8, at += 8)
	{
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		wide = _mm_crc32_u64(wide, word);
	}
	crc = (uint32_t) wide;
	for (; n > 0; n--, at++)
		crc = _mm_crc32_u8(crc, *at);
	return ~crc;
}

#else

bool
crc32c_has_instruction(void)
{
	return false;
}

uint32_t
crc32c_by_instruction(uint32_t crc, const void *bytes, size_t n)
{
	return crc32c_by_tables(crc, bytes, n);
}

#endif

uint32_t
crc32c(uint32_t crc, const void *bytes, size_t n)
{
	return crc32c_has_instruction() ? crc32c_by_instruction(crc, bytes, n) : crc32c_by_tables(crc, bytes, n);
}
