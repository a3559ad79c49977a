/*
 * itemsets_kernel.c - the intersection of two bitmaps and the choice among its forms
 *
 * Plain C counts bits by the sums of neighbouring fields; x86-64 processors with POPCNT count a word in one instruction.
 * There are no wider forms: bitmaps span one item's baskets only, a few words in most shops.
 */
#include "itemsets_kernel.h"

#include "../kernel_table.h"

static inline int64_t
count_bits(uint64_t word)
{
	word -= word >> 1 & UINT64_C(0x5555555555555555);
	word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
	word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (int64_t) (word * UINT64_C(0x0101010101010101) >> 56);
}

static int64_t
plain_intersect(const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out)
{
	int64_t count = 0;

	for (size_t w = 0; w < words; w++)
	{
		out[w] = a[w] & b[w];
		count += count_bits(out[w]);
	}
	return count;
}

static const ItemsetKernel plain_kernel = {plain_intersect};

#ifdef __x86_64__
__attribute__((target("popcnt"))) static int64_t
popcnt_intersect(const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out)
{
	int64_t count = 0;

	for (size_t w = 0; w < words; w++)
	{
		uint64_t word = a[w] & b[w];

		out[w] = word;
		count += __builtin_popcountll(word);
	}
	return count;
}

static const ItemsetKernel popcnt_kernel = {popcnt_intersect};
#endif

KERNEL_TABLE(const ItemsetKernel *, itemset_kernel, {CPU_PLAIN, &plain_kernel},
			 ON_X86({CPU_SSE42, &popcnt_kernel}))
