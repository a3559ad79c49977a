/*
 * rank_kernel.c - the kernels of ranking and the choice among them
 *
 * plain: any machine.  avx2: AVX2 with FMA.  vnni: AVX-512 with VNNI, whose instruction multiplies bytes without a sign by
 * bytes with one, which is why items' codes carry 128 more than they mean.
 */
#include "rank_kernel.h"

#include <stddef.h>
#include <string.h>

#include "../kernel_table.h"

typedef float Floats __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t Ints __attribute__((vector_size(32), aligned(4), may_alias));

/* GCC tells that passing such vectors to functions depends on the target: none here is passed out of line. */
#pragma GCC diagnostic ignored "-Wpsabi"

#define WIDTH 2
#define NAME(x) plain_##x
#define TARGET
#include "rank_body.h"
#undef WIDTH
#undef NAME
#undef TARGET

static int32_t
plain_scan(const uint8_t *codes, int32_t quads, int32_t from, int32_t n, const RankQuery *queries,
		   int32_t n_queries, const int32_t *least, RankHit *hits)
{
	int32_t found = 0;

	for (int32_t i = 0; i < n; i++)
	{
		const uint8_t *block = codes + (int64_t) (from + i) * quads * (RANK_LANES * 4);

		for (int32_t q = 0; q < n_queries; q++)
		{
			RankHit *hit = &hits[found];
			int reached = 0;

			*hit = (RankHit){.query = q, .block = from + i};
			for (int32_t d = 0; d < quads; d++)
			{
				const uint8_t *quad = block + d * (RANK_LANES * 4);
				const int8_t *code = queries[q].codes + d * 4;

				for (int lane = 0; lane < RANK_LANES; lane++)
					hit->dots[lane] += quad[lane * 4] * code[0] + quad[lane * 4 + 1] * code[1] +
									   quad[lane * 4 + 2] * code[2] + quad[lane * 4 + 3] * code[3];
			}
			for (int lane = 0; lane < RANK_LANES; lane++)
				reached |= hit->dots[lane] >= least[q * n + i];
			found += reached;
		}
	}
	return found;
}

static const RankKernel plain_kernel = {plain_scores, plain_least, plain_scan};

#ifdef __x86_64__
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 4
#define NAME(x) avx2_##x
#include "rank_body.h"
#undef WIDTH
#undef NAME

/* Half a block, 8 items, and one query: 32 bytes of codes a quad. */
TARGET static inline __m256i
avx2_half(const uint8_t *half, int32_t quads, const RankQuery *query)
{
	__m256i sum = _mm256_set1_epi32(query->offset);

	for (int32_t d = 0; d < quads; d++)
	{
		__m256i items = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *) (half + d * (RANK_LANES * 4))),
										 _mm256_set1_epi8((char) 0x80));
		int32_t code;
		__m256i codes;
		__m256i pairs;

		memcpy(&code, query->codes + d * 4, sizeof(code));
		codes = _mm256_set1_epi32(code);
		/* At most 2 x 127 x 127: no saturation. */
		pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(items, codes));
		sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
	}
	return sum;
}

TARGET static int32_t
avx2_scan(const uint8_t *codes, int32_t quads, int32_t from, int32_t n, const RankQuery *queries,
		  int32_t n_queries, const int32_t *least, RankHit *hits)
{
	int32_t found = 0;

	for (int32_t i = 0; i < n; i++)
	{
		const uint8_t *block = codes + (int64_t) (from + i) * quads * (RANK_LANES * 4);

		for (int32_t q = 0; q < n_queries; q++)
		{
			__m256i low = avx2_half(block, quads, &queries[q]);
			__m256i high = avx2_half(block + 32, quads, &queries[q]);
			__m256i below = _mm256_set1_epi32(least[q * n + i] - 1);
			__m256i above = _mm256_or_si256(_mm256_cmpgt_epi32(low, below), _mm256_cmpgt_epi32(high, below));

			if (_mm256_testz_si256(above, above))
				continue;
			hits[found].query = q;
			hits[found].block = from + i;
			_mm256_storeu_si256((__m256i *) hits[found].dots, low);
			_mm256_storeu_si256((__m256i *) (hits[found].dots + 8), high);
			found++;
		}
	}
	return found;
}

static const RankKernel avx2_kernel = {avx2_scores, avx2_least, avx2_scan};
#undef TARGET

#define TARGET __attribute__((target("avx2,fma,avx512f,avx512vl,avx512bw,avx512dq,avx512vnni")))
#define WIDTH 8
#define NAME(x) vnni_##x
#include "rank_body.h"
#undef WIDTH
#undef NAME

/* `queries` is known to the compiler, so that the sums are registers. */
TARGET static inline __attribute__((always_inline)) int32_t
vnni_blocks(const uint8_t *codes, int32_t quads, int32_t from, int32_t n, const RankQuery *query, int queries,
			const int32_t *least, RankHit *hits)
{
	int32_t found = 0;

	for (int32_t i = 0; i < n; i++)
	{
		const uint8_t *block = codes + (int64_t) (from + i) * quads * (RANK_LANES * 4);
		__m512i sums[RANK_QUERIES];

#pragma GCC unroll 8
		for (int q = 0; q < queries; q++)
			sums[q] = _mm512_setzero_si512();
		for (int32_t d = 0; d < quads; d++)
		{
			__m512i items = _mm512_loadu_si512(block + d * (RANK_LANES * 4));

#pragma GCC unroll 8
			for (int q = 0; q < queries; q++)
			{
				int32_t code;

				memcpy(&code, query[q].codes + d * 4, sizeof(code));
				sums[q] = _mm512_dpbusd_epi32(sums[q], items, _mm512_set1_epi32(code));
			}
		}
#pragma GCC unroll 8
		for (int q = 0; q < queries; q++)
		{
			if (_mm512_cmp_epi32_mask(sums[q], _mm512_set1_epi32(least[q * n + i]), _MM_CMPINT_NLT) == 0)
				continue;
			hits[found].query = q;
			hits[found].block = from + i;
			_mm512_storeu_si512(hits[found].dots, sums[q]);
			found++;
		}
	}
	return found;
}

TARGET static int32_t
vnni_scan(const uint8_t *codes, int32_t quads, int32_t from, int32_t n, const RankQuery *queries,
		  int32_t n_queries, const int32_t *least, RankHit *hits)
{
	switch (n_queries)
	{
		case 1:
			return vnni_blocks(codes, quads, from, n, queries, 1, least, hits);
		case 2:
			return vnni_blocks(codes, quads, from, n, queries, 2, least, hits);
		case 3:
		case 4:
		case 5:
		case 6:
		case 7:
		{
			int32_t found = 0;

			/* By twos: hits of a block need not stand together. */
			for (int32_t q = 0; q < n_queries; q += 2)
			{
				int32_t more = vnni_scan(codes, quads, from, n, queries + q, n_queries - q > 1 ? 2 : 1,
										 least + (int64_t) q * n, hits + found);

				for (int32_t h = 0; h < more; h++)
					hits[found + h].query += q;
				found += more;
			}
			return found;
		}
		default:
			return vnni_blocks(codes, quads, from, n, queries, 8, least, hits);
	}
}

static const RankKernel vnni_kernel = {vnni_scores, vnni_least, vnni_scan};
#undef TARGET
#endif

KERNEL_TABLE(const RankKernel *, rank_kernel, {CPU_PLAIN, &plain_kernel},
			 ON_X86({CPU_AVX2, &avx2_kernel}, {CPU_VNNI, &vnni_kernel}))
