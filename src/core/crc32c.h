/*
 * crc32c.h - CRC-32C (Castagnoli), the checksum of stored models
 */
#ifndef CORE_CRC32C_H
#define CORE_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The checksum of bytes [n] after those that gave crc; 0 to begin with.  The fastest way this processor has. */
extern uint32_t crc32c(uint32_t crc, const void *bytes, size_t n);

/* The ways: by tables, and by the processor's instruction, where crc32c_has_instruction says so. */
extern uint32_t crc32c_by_tables(uint32_t crc, const void *bytes, size_t n);
extern uint32_t crc32c_by_instruction(uint32_t crc, const void *bytes, size_t n);
extern bool crc32c_has_instruction(void);

#endif
