/*
 * rank_body.h - the part of a kernel of rank_kernel.h that is the same for all machines; included once for each
 *
 * WIDTH: doubles in a vector.  NAME(x): x with the kernel's suffix.  TARGET: what it may use of the machine.  Products of floats are exact in double precision, so it does not matter whether
 * additions are fused with them.
 */
typedef double NAME(Doubles) __attribute__((vector_size(WIDTH * sizeof(double))));
typedef float NAME(Singles) __attribute__((vector_size(WIDTH * sizeof(float)), aligned(4), may_alias));

/* Sixteen products more; sums: the lanes, WIDTH by WIDTH. */
TARGET static inline __attribute__((always_inline)) void
NAME(add)(const float *a, const float *b, NAME(Doubles) * sums)
{
#pragma GCC unroll 8
	for (int k = 0; k < 16 / WIDTH; k++)
		sums[k] += __builtin_convertvector(*(const NAME(Singles) *) (a + k * WIDTH), NAME(Doubles)) *
				   __builtin_convertvector(*(const NAME(Singles) *) (b + k * WIDTH), NAME(Doubles));
}

/* Lanes are added to those that stand half of them away, until one is left. */
TARGET static inline __attribute__((always_inline)) float
NAME(score)(const float *a, const float *b, int32_t factors)
{
	NAME(Doubles) sums[16 / WIDTH] = {{0}};
	int32_t whole = factors / 16 * 16;

	for (int32_t j = 0; j < whole; j += 16)
		NAME(add)(a + j, b + j, sums);
	if (whole < factors)
	{
		float rest[2][16] = {{0}};

		memcpy(rest[0], a + whole, (size_t) (factors - whole) * sizeof(float));
		memcpy(rest[1], b + whole, (size_t) (factors - whole) * sizeof(float));
		NAME(add)(rest[0], rest[1], sums);
	}
#pragma GCC unroll 4
	for (int half = 8 / WIDTH; half > 0; half /= 2)
	{
#pragma GCC unroll 4
		for (int k = 0; k < half; k++)
			sums[k] += sums[k + half];
	}
#if WIDTH == 8
	return (float) (((sums[0][0] + sums[0][4]) + (sums[0][2] + sums[0][6])) +
					((sums[0][1] + sums[0][5]) + (sums[0][3] + sums[0][7])));
#elif WIDTH == 4
	return (float) ((sums[0][0] + sums[0][2]) + (sums[0][1] + sums[0][3]));
#else
	return (float) (sums[0][0] + sums[0][1]);
#endif
}

TARGET static void
NAME(scores)(const float *rows, int64_t n, int32_t factors, const float *query, float *out)
{
	for (int64_t i = 0; i < n; i++)
		out[i] = NAME(score)(rows + i * factors, query, factors);
}

/* Lane by lane: a where the condition holds, else b. */
TARGET static inline __attribute__((always_inline)) Floats
NAME(choose)(Ints condition, Floats a, Floats b)
{
	return (Floats) ((condition & (Ints) a) | (~condition & (Ints) b));
}

TARGET static void
NAME(least)(const RankLimits *limits, int32_t from, int32_t n, const RankQuery *query, float threshold,
			int cosine, int32_t *least)
{
	for (int32_t i = 0; i < n; i += 8)
	{
		Floats step = *(const Floats *) (limits->step + from + i) * query->step;
		Floats error = *(const Floats *) (limits->error + from + i);
		Floats largest = *(const Floats *) (limits->largest + from + i);
		Floats wanted = (Floats){0} + threshold;
		Floats slack;
		Floats most;
		Floats room;

		if (cosine)
			wanted *= threshold < 0 ? largest : *(const Floats *) (limits->smallest + from + i);
		/* The last term is for products and scores that leave the normal floats. */
		slack =
			query->norm * error + query->error * (largest + error) + 1e-6f * query->norm * largest + 1e-37f;
		most = (wanted - slack) / step;
		room = (wanted * (threshold < 0 ? -1.0f : 1.0f) + slack) / step * 1e-6f + 2.0f;
		most -= room;
		/* What is no number, or comes of a step that is none to rely on, asks for nothing. */
		most = NAME(choose)((most > -1e9f) & (step > 1e-30f) & (step < 1e30f), most, (Floats){0} - 1e9f);
		most = NAME(choose)(most < 1e9f, most, (Floats){0} + 1e9f);
		*(Ints *) (least + i) = __builtin_convertvector(most, Ints) + query->offset;
	}
}
