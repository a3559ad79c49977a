/*
 * rank_kernel.h - scores, and sums of products of small whole numbers that bound them, in plain C and for wider vectors
 *
 * A score is the sum of the products of two rows of floats, each product exact in double precision, added up in sixteen
 * lanes and a fixed tree, rounded to float once.  So it is the same on every machine and whichever way it is reached.
 */
#ifndef CORE_RANK_KERNEL_H
#define CORE_RANK_KERNEL_H

#include <stdint.h>

#define RANK_LANES 16 /* items in a block of codes */
#define RANK_QUERIES 8 /* scanned together */

/* A block in which some item may be good enough for a query. */
typedef struct RankHit
{
	int32_t query;
	int32_t block;
	int32_t dots[RANK_LANES];
} RankHit;

/* What turns a query's threshold into whole numbers; see rank_index.c. */
typedef struct RankLimits
{
	const float *step; /* [blocks] */
	const float *error; /* [blocks] */
	const float *largest; /* [blocks] */
	const float *smallest; /* [blocks] */
} RankLimits;

typedef struct RankQuery
{
	const int8_t *codes; /* [quads x 4] in -127 .. 127 */
	float step;
	float norm; /* |x|, rounded up */
	float error; /* |x - step codes|, rounded up */
	int32_t offset; /* 128 times the sum of the codes */
} RankQuery;

typedef struct RankKernel
{
	/* out [n] = scores of rows [n x factors] with query [factors]. */
	void (*scores)(const float *rows, int64_t n, int32_t factors, const float *query, float *out);

	/*
	 * least [n], n a multiple of 8: what dots of blocks `from` .. must reach at least for a score of `threshold`, with room for rounding.
	 * cosine: scores are divided by the items' norms.
	 */
	void (*least)(const RankLimits *limits, int32_t from, int32_t n, const RankQuery *query, float threshold,
				  int cosine, int32_t *least);

	/*
	 * Blocks from .. from + n - 1 of codes [blocks x quads x RANK_LANES x 4]: dots of codes and a query's codes.  Where one
	 * reaches least [query x n], the block becomes a hit.  Returns the number of hits, at most n * queries.
	 */
	int32_t (*scan)(const uint8_t *codes, int32_t quads, int32_t from, int32_t n, const RankQuery *queries,
					int32_t n_queries, const int32_t *least, RankHit *hits);
} RankKernel;

/* Kernels by number from 0, the better ones last; NULL when this machine cannot run it. */
#define RANK_KERNELS 3
extern const RankKernel *rank_kernel_numbered(int number);

/* The best one. */
extern const RankKernel *rank_kernel(void);

#endif
