/*
 * itemsets_kernel.h - the intersection of two bitmaps, in plain C and for processors that count bits
 */
#ifndef CORE_ITEMSETS_KERNEL_H
#define CORE_ITEMSETS_KERNEL_H

#include <stddef.h>
#include <stdint.h>

typedef struct ItemsetKernel
{
	/* out [words] = a & b; returns how many bits are set in it. */
	int64_t (*intersect)(const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out);
} ItemsetKernel;

/* Kernels by number from 0, the better ones last; NULL when this machine cannot run it. */
#define ITEMSET_KERNELS 2
extern const ItemsetKernel *itemset_kernel_numbered(int number);

/* The best one. */
extern const ItemsetKernel *itemset_kernel(void);

#endif
