/*
 * rank_body.h - the part of a kernel of rank_kernel.h that is the same for all machines; included once for each
 *
 * NAME(x): x with the kernel's suffix.  TARGET: what it may use of the machine.  Products of floats are exact in double precision, so it does not matter whether
 * additions are fused with them.
 */
TARGET static inline __attribute__((always_inline)) float
NAME(score)(const float *a, const float *b, int32_t factors)
{
	Eights even = {0};
	Eights odd = {0};
	Eights both;
	int32_t j = 0;

	for (; j + 16 <= factors; j += 16)
	{
		even += __builtin_convertvector(*(const Floats *) (a + j), Eights) *
				__builtin_convertvector(*(const Floats *) (b + j), Eights);
		odd += __builtin_convertvector(*(const Floats *) (a + j + 8), Eights) *
			   __builtin_convertvector(*(const Floats *) (b + j + 8), Eights);
	}
	for (; j < factors; j++)
	{
		if (j & 8)
			odd[j & 7] += (double) a[j] * b[j];
		else
			even[j & 7] += (double) a[j] * b[j];
	}
	both = even + odd;
	return (float) (((both[0] + both[4]) + (both[2] + both[6])) +
					((both[1] + both[5]) + (both[3] + both[7])));
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
