/*
 * sgns_body.h - one kernel of sgns_kernel.h; sgns_kernel.c has it compiled for each width (kernel_widths.h)
 */
#include "../vectors_body.h"

typedef int32_t NAME(Whole) __attribute__((vector_size(WIDTH * sizeof(int32_t)), may_alias));

#define INLINE static inline __attribute__((always_inline))

/* 1 / (1 + exp(-x)): exp as a power of two times a polynomial of degree 6, to 1e-6 of the value. */
TARGET INLINE
NAME(Vector) NAME(sigmoid)(NAME(Vector) x)
{
	typedef NAME(Vector) V;
	typedef NAME(Whole) W;
	V low = (V){0} - 30.0f;
	V high = (V){0} + 30.0f;
	V power;
	V rest;
	V sum;
	W whole;
	W below;
	W above;

	below = (W) (x < low);
	above = (W) (x > high);
	x = (V) (((W) x & ~(below | above)) | ((W) low & below) | ((W) high & above));
	power = x * -1.4426950408889634f;
	whole = __builtin_convertvector(power + 64.5f, W) -
			64; /* nearest: the sum is positive, so cutting is rounding */
	rest = (power - __builtin_convertvector(whole, V)) * 0.6931471805599453f;
	sum = 1.0f / 720 * rest + 1.0f / 120;
	sum = sum * rest + 1.0f / 24;
	sum = sum * rest + 1.0f / 6;
	sum = sum * rest + 0.5f;
	sum = sum * rest + 1.0f;
	sum = sum * rest + 1.0f;
	return 1.0f / (1.0f + sum * (V) ((whole + 127) << 23));
}

/* The word at its coming into the window: the mean of its rows. */
TARGET INLINE void
NAME(enter)(const SgnsStep *step, int32_t word, int64_t slot)
{
	typedef NAME(Vector) V;
	int vectors = (int) (step->stride / WIDTH);
	V *composed = (V *) (step->composed + slot * step->stride);
	V *entered = (V *) (step->entered + slot * step->stride);
	const V *first = (const V *) (step->in + word * step->stride);
	int64_t from = step->sub_start == NULL ? 0 : step->sub_start[word];
	int64_t to = step->sub_start == NULL ? 0 : step->sub_start[word + 1];
	float share = 1.0f / (float) (1 + to - from);

	for (int v = 0; v < vectors; v++)
		composed[v] = first[v];
	for (int64_t s = from; s < to; s++)
	{
		const V *row = (const V *) (step->in + step->sub_row[s] * step->stride);

		for (int v = 0; v < vectors; v++)
			composed[v] += row[v];
	}
	for (int v = 0; v < vectors; v++)
		entered[v] = composed[v] = share * composed[v];
}

/* The word leaves the window: its rows learn what it has learned there. */
TARGET INLINE void
NAME(leave)(const SgnsStep *step, int32_t word, int64_t slot)
{
	typedef NAME(Vector) V;
	int vectors = (int) (step->stride / WIDTH);
	const V *composed = (const V *) (step->composed + slot * step->stride);
	V *moved = (V *) (step->entered + slot * step->stride);
	V *first = (V *) (step->in + word * step->stride);

	for (int v = 0; v < vectors; v++)
	{
		moved[v] = composed[v] - moved[v];
		first[v] += moved[v];
	}
	if (step->sub_start == NULL)
		return;
	for (int64_t s = step->sub_start[word]; s < step->sub_start[word + 1]; s++)
	{
		V *row = (V *) (step->in + step->sub_row[s] * step->stride);

		for (int v = 0; v < vectors; v++)
			row[v] += moved[v];
	}
}

/* out [n] the products of one row with n others, n a constant to the compiler where it matters. */
TARGET INLINE void
NAME(products)(const float *row, float *const *others, int n, int vectors, float *out)
{
	typedef NAME(Vector) V;
	V sums[8] = {{0}};
	const V *x = (const V *) row;
	Four low;
	Four high;

	for (int v = 0; v < vectors; v++)
#pragma GCC unroll 6
		for (int t = 0; t < n; t++)
			sums[t] += x[v] * ((const V *) others[t])[v];
	low = NAME(sums)(sums[0], sums[1], sums[2], sums[3]);
	high = NAME(sums)(sums[4], sums[5], sums[6], sums[7]);
	for (int t = 0; t < n; t++)
		out[t] = t < 4 ? low[t] : high[t - 4];
}

/*
 * Rows and targets move along each other, both as they were before: moves [rows x stride] is set (begin) or added to, targets
 * are changed in place.  rates [rows x SGNS_NEGATIVES_MAX + 1] by target, from `base` on.
 */
TARGET INLINE void
NAME(move)(float *const *rows, int n_rows, float *const *targets, int n, const float *rates, float *moves,
		   int64_t stride, bool begin)
{
	typedef NAME(Vector) V;
	int vectors = (int) (stride / WIDTH);

	for (int v = 0; v < vectors; v++)
	{
		V old[TARGETS];
		V new[TARGETS];

#pragma GCC unroll 6
		for (int t = 0; t < n; t++)
			old[t] = new[t] = ((V *) targets[t])[v];
		for (int r = 0; r < n_rows; r++)
		{
			const float *rate = rates + r * (SGNS_NEGATIVES_MAX + 1);
			V x = ((const V *) rows[r])[v];
			V *move = (V *) (moves + r * stride) + v;
			V sum = begin ? (V){0} : *move;

#pragma GCC unroll 6
			for (int t = 0; t < n; t++)
			{
				sum += rate[t] * old[t];
				new[t] += rate[t] * x;
			}
			*move = sum;
		}
#pragma GCC unroll 6
		for (int t = 0; t < n; t++)
			((V *) targets[t])[v] = new[t];
	}
}

/* Targets 0 is the true one.  Sets moves [n_rows x stride]. */
TARGET INLINE void
NAME(pairs)(const SgnsStep *step, float *const *rows, int n_rows, float *const *targets, int n_targets,
			float rate, SgnsSums *sums)
{
	typedef NAME(Vector) V;
	enum
	{
		ROOM = SGNS_NEGATIVES_MAX + 1
	};
	float rates[SGNS_SLOTS * ROOM] __attribute__((aligned(64)));
	int vectors = (int) (step->stride / WIDTH);
	int padded = (n_targets + WIDTH - 1) / WIDTH * WIDTH;

	for (int r = 0; r < n_rows; r++)
	{
		float *row = rates + r * ROOM;
		int t = 0;

		for (; t + TARGETS <= n_targets; t += TARGETS)
			NAME(products)(rows[r], targets + t, TARGETS, vectors, row + t);
		for (; t < n_targets; t++)
			NAME(products)(rows[r], targets + t, 1, vectors, row + t);
		for (t = n_targets; t < padded; t++)
			row[t] = 0;
		if (sums != NULL)
		{
			sums->pairs++;
			for (t = 0; t < n_targets; t++)
				sums->loss += surprise(t == 0 ? row[t] : -row[t]);
		}
		for (t = 0; t < padded; t += WIDTH)
			*(V *) (row + t) = -rate * NAME(sigmoid)(*(V *) (row + t));
		row[0] += rate;
	}
	for (int t = 0; t < n_targets;)
	{
		bool whole = t + TARGETS <= n_targets;

		if (whole)
			NAME(move)(rows, n_rows, targets + t, TARGETS, rates + t, step->moves, step->stride, t == 0);
		else
			NAME(move)(rows, n_rows, targets + t, 1, rates + t, step->moves, step->stride, t == 0);
		t += whole ? TARGETS : 1;
	}
}

/* The words about a centre word, each with all targets. */
TARGET INLINE void
NAME(skipgram)(const SgnsStep *step, float *const *rows, int n_rows, float *const *targets, float rate,
			   SgnsSums *sums)
{
	typedef NAME(Vector) V;
	int vectors = (int) (step->stride / WIDTH);

	NAME(pairs)(step, rows, n_rows, targets, step->negatives + 1, rate, sums);
	for (int r = 0; r < n_rows; r++)
		for (int v = 0; v < vectors; v++)
			((V *) rows[r])[v] += ((const V *) (step->moves + r * step->stride))[v];
}

/* Their mean with all targets; each of them learns what the mean has learned. */
TARGET INLINE void
NAME(cbow)(const SgnsStep *step, float *const *rows, int n_rows, float *const *targets, float rate,
		   SgnsSums *sums)
{
	typedef NAME(Vector) V;
	int vectors = (int) (step->stride / WIDTH);
	float share = 1.0f / (float) n_rows;
	V *mean = (V *) step->mean;

	for (int v = 0; v < vectors; v++)
	{
		V sum = {0};

		for (int r = 0; r < n_rows; r++)
			sum += ((const V *) rows[r])[v];
		mean[v] = share * sum;
	}
	NAME(pairs)(step, &step->mean, 1, targets, step->negatives + 1, rate, sums);
	for (int r = 0; r < n_rows; r++)
		for (int v = 0; v < vectors; v++)
			((V *) rows[r])[v] += ((const V *) step->moves)[v];
}

/* Rows of a centre word and of negatives that are not it, on their way into the cache. */
TARGET INLINE void
NAME(draw)(const SgnsStep *step, int32_t word, float **targets, uint64_t *state)
{
	targets[0] = step->out + word * step->stride;
	for (int t = 1; t <= step->negatives; t++)
	{
		int32_t drawn = word_draw(step->draw, step->words, state);

		if (drawn == word)
			drawn = word_draw(step->draw, step->words, state);
		if (drawn == word)
			drawn = word + 1 < step->words ? word + 1 : 0;
		targets[t] = step->out + drawn * step->stride;
	}
	for (int t = 0; t <= step->negatives; t++)
		for (int64_t at = 0; at < step->stride; at += 16)
			__builtin_prefetch(targets[t] + at);
}

TARGET static void
NAME(run)(const SgnsStep *step, const int32_t *words, int32_t n, float rate, uint64_t *state, SgnsSums *sums)
{
	int32_t window = step->window;
	int32_t slots = 2 * window + 1;
	float *drawn[2][SGNS_NEGATIVES_MAX + 1];

	NAME(draw)(step, words[0], drawn[0], state);
	for (int32_t i = 0; i < window && i < n; i++)
		NAME(enter)(step, words[i], i);
	for (int32_t centre = 0; centre < n; centre++)
	{
		uint64_t bits = word_draw_bits(state);
		int32_t reach = 1 + (int32_t) (((bits >> 32) * (uint32_t) window) >> 32);
		int32_t from = centre > reach ? centre - reach : 0;
		int32_t to = centre + reach < n ? centre + reach : n - 1;
		bool looked_at = (uint32_t) bits % LOSS_EVERY == 0;
		float **targets = drawn[centre & 1];
		float *rows[SGNS_SLOTS];
		int n_rows = 0;

		if (centre + 1 < n)
			NAME(draw)(step, words[centre + 1], drawn[(centre + 1) & 1], state);
		if (centre + window < n)
			NAME(enter)(step, words[centre + window], (centre + window) % slots);
		for (int32_t i = from; i <= to; i++)
			if (i != centre)
				rows[n_rows++] = step->composed + (i % slots) * step->stride;
		if (n_rows > 0 && step->cbow)
			NAME(cbow)(step, rows, n_rows, targets, rate, looked_at ? sums : NULL);
		else if (n_rows > 0)
			NAME(skipgram)(step, rows, n_rows, targets, rate, looked_at ? sums : NULL);
		if (centre >= window)
			NAME(leave)(step, words[centre - window], (centre - window) % slots);
	}
	for (int32_t i = n > window ? n - window : 0; i < n; i++)
		NAME(leave)(step, words[i], i % slots);
}

#undef INLINE
