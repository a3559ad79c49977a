/*
 * gram_sum.c - the Gram matrix of one side's factors, alone or by a team
 *
 * Rows are parted into chunks by their number alone; a chunk's square is summed by one member, and every member adds the
 * chunks up in their order, so that all have the same bytes however many they are.
 */
#include "gram_sum.h"

#include <string.h>

#include "chunks.h"

#define CHUNKS 16 /* at most */
#define CHUNK_ROWS 1024 /* at least, while there are fewer than CHUNKS */

static int32_t
chunks_of(int32_t rows)
{
	int32_t chunks = rows / CHUNK_ROWS + 1;

	return chunks < CHUNKS ? chunks : CHUNKS;
}

size_t
gram_sum_shared_floats(int32_t factors, int32_t rows)
{
	size_t stride = gram_stride((size_t) factors);

	return bytes_times(bytes_times(stride, stride), (size_t) chunks_of(rows));
}

/* square [stride x stride], upper triangle = Y'Y of y [rows x factors], without a0. */
static CoreStatus
gram_square(Env *env, const GramSum *sum, const float *y, int64_t rows, float *square)
{
	memset(square, 0, (size_t) (sum->stride * sum->stride) * sizeof(float));
	memset(sum->rhs, 0, (size_t) sum->stride * sizeof(float));
	for (int64_t lo = 0; lo < rows; lo += GRAM_BLOCK)
	{
		int64_t n = chunks_smaller(GRAM_BLOCK, rows - lo);

		if (env->cancelled(env))
			return CORE_CANCELLED;
		sum->kernel->gather(y + lo * sum->factors, sum->factors, NULL, NULL, n, sum->block, sum->stride,
							sum->rhs);
		sum->kernel->add(sum->block, n, sum->stride, square, square);
	}
	return CORE_OK;
}

/* Chunk `chunk` into sum->square. */
static CoreStatus
square_chunk(Env *env, const GramSum *sum, const float *y, int32_t rows, int64_t chunk)
{
	int64_t chunks = chunks_of(rows);
	int64_t lo = rows * chunk / chunks;
	int64_t hi = rows * (chunk + 1) / chunks;

	return gram_square(env, sum, y + lo * sum->factors, hi - lo, sum->square);
}

/* gram += square, or = square for the first chunk. */
static void
add_chunk(const GramSum *sum, const float *square, bool first, float *gram)
{
	for (int64_t row = 0; row < sum->stride; row++)
	{
		for (int64_t at = row * (sum->stride + 1); at < (row + 1) * sum->stride; at++)
			gram[at] = first ? square[at] : gram[at] + square[at];
	}
}

/* The sum of the chunks is complete: apply the weight. */
static void
weigh(const GramSum *sum, float *gram)
{
	for (int64_t row = 0; row < sum->stride; row++)
	{
		for (int64_t at = row * (sum->stride + 1); at < (row + 1) * sum->stride; at++)
			gram[at] *= sum->weight;
	}
}

CoreStatus
gram_sum_alone(Env *env, const GramSum *sum, const float *y, int32_t rows, float *gram)
{
	CoreStatus status = CORE_OK;

	for (int32_t chunk = 0; status == CORE_OK && chunk < chunks_of(rows); chunk++)
	{
		status = square_chunk(env, sum, y, rows, chunk);
		if (status == CORE_OK)
			add_chunk(sum, sum->square, chunk == 0, gram);
	}
	if (status == CORE_OK)
		weigh(sum, gram);
	return status;
}

CoreStatus
gram_sum_phase(Team *team, const GramSum *sum, const float *y, int32_t rows, float *squares, float *gram)
{
	int64_t floats = sum->stride * sum->stride;
	int32_t chunks = chunks_of(rows);
	int64_t chunk;
	CoreStatus status;

	while ((chunk = team_claim(team, chunks)) >= 0)
	{
		team_fail(team, square_chunk(team->env, sum, y, rows, chunk));
		/* The team's memory is not aligned as the kernels want it. */
		memcpy(squares + chunk * floats, sum->square, (size_t) floats * sizeof(float));
	}
	status = team_meet(team);
	if (status != CORE_OK)
		return status;
	for (chunk = 0; chunk < chunks; chunk++)
		add_chunk(sum, squares + chunk * floats, chunk == 0, gram);
	weigh(sum, gram);
	return CORE_OK;
}
