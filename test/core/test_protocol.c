/*
 * test_protocol.c - parts to learn from and to be judged by, on cases small enough to be told by hand
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/protocol.h"
#include "rng.h"

#define ROWS 60
#define COLS 25
#define ENTRIES 900

/* Entries with times, in some order. */
typedef struct Source
{
	int64_t n;
	int32_t row[ENTRIES];
	int32_t col[ENTRIES];
	int64_t time[ENTRIES];
	uint8_t part[ENTRIES];
} Source;

static Coo
coo_of(Source *source)
{
	return (Coo){.n = source->n, .row = source->row, .col = source->col};
}

static void
add(Source *source, int32_t row, int32_t col, int64_t time)
{
	source->row[source->n] = row;
	source->col[source->n] = col;
	source->time[source->n++] = time;
}

static void
split(const Protocol *protocol, Source *source, int32_t rows)
{
	Coo coo = coo_of(source);
	CoreEnv env;

	core_env_init(&env);
	CHECK(protocol_split(&env.env, protocol, &coo, source->time, rows, source->part) == CORE_OK);
	CHECK(env.live == 0);
}

/* Random entries: few times, so that they tie; row 7 has one item only, row 8 none. */
static void
random_source(Source *source)
{
	memset(source, 0, sizeof(*source));
	for (uint64_t i = 0; i < ENTRIES - 2; i++)
	{
		int32_t row = (int32_t) rng_below(1, 1, i, ROWS);

		if (row != 7 && row != 8)
			add(source, row, (int32_t) rng_below(1, 2, i, COLS), rng_below(1, 3, i, 12));
	}
	add(source, 7, 3, 1);
	add(source, 7, 3, 5);
}

/* Part `wanted` of (row, col, time), however the entries stand. */
static uint8_t
part_of(const Source *source, int32_t row, int32_t col, int64_t time)
{
	for (int64_t i = 0; i < source->n; i++)
		if (source->row[i] == row && source->col[i] == col && source->time[i] == time)
			return source->part[i];
	return UINT8_MAX;
}

/* The same entries in another order are parted the same way. */
static void
check_order(const Protocol *protocol)
{
	static Source source, shuffled;

	random_source(&source);
	shuffled.n = 0;
	for (int64_t i = 0; i < source.n; i++)
	{
		int64_t from = (i * 457 + 31) % source.n;

		add(&shuffled, source.row[from], source.col[from], source.time[from]);
	}
	split(protocol, &source, ROWS);
	split(protocol, &shuffled, ROWS);
	for (int64_t i = 0; i < source.n; i++)
		CHECK(source.part[i] == part_of(&shuffled, source.row[i], source.col[i], source.time[i]));
}

static void
test_next_period(void)
{
	Protocol protocol = {.kind = PROTOCOL_NEXT_PERIOD, .from = 10, .until = 20};
	Source source = {.n = 0};

	add(&source, 0, 0, 9);
	add(&source, 0, 0, 10);
	add(&source, 1, 2, 19);
	add(&source, 1, 2, 20);
	add(&source, 2, 1, INT64_MIN);
	add(&source, 2, 1, INT64_MAX);
	split(&protocol, &source, 3);
	CHECK(memcmp(source.part,
				 (uint8_t[]){PROTOCOL_TRAIN, PROTOCOL_TEST, PROTOCOL_TEST, PROTOCOL_NONE, PROTOCOL_TRAIN,
							 PROTOCOL_NONE},
				 6) == 0);
	protocol = (Protocol){.kind = PROTOCOL_NEXT_PERIOD, .from = 3, .until = 7};
	check_order(&protocol);
}

/* Whose last item is known beyond doubt. */
static void
test_leave_last_out(void)
{
	Protocol protocol = {.kind = PROTOCOL_LEAVE_LAST_OUT, .seed = 3};
	Source source = {.n = 0};

	add(&source, 0, 5, 1);
	add(&source, 0, 6, 2); /* the last */
	add(&source, 1, 5, 1); /* all that customer 1 has */
	add(&source, 2, 4, 9); /* the last, twice at once */
	add(&source, 2, 4, 9);
	add(&source, 2, 4, 2); /* the same item before stays: a repeat */
	add(&source, 3, 1, 4); /* one item, bought twice at once: nothing else to learn from */
	add(&source, 3, 1, 4);
	split(&protocol, &source, 4);
	CHECK(memcmp(source.part,
				 (uint8_t[]){PROTOCOL_TRAIN, PROTOCOL_TEST, PROTOCOL_TRAIN, PROTOCOL_TEST, PROTOCOL_TEST,
							 PROTOCOL_TRAIN, PROTOCOL_TRAIN, PROTOCOL_TRAIN},
				 8) == 0);
	check_order(&protocol);
}

/* What comes back last is not the last that was bought. */
static void
test_returned(void)
{
	Protocol protocol = {.kind = PROTOCOL_LEAVE_LAST_OUT, .seed = 3};
	float value[] = {1, 2, -1, -1};
	Source source = {.n = 0};
	Coo coo;
	CoreEnv env;

	add(&source, 0, 5, 1);
	add(&source, 0, 6, 2);
	add(&source, 0, 5, 3);
	add(&source, 1, 5, 3);
	coo = coo_of(&source);
	coo.value = value;
	core_env_init(&env);
	CHECK(protocol_split(&env.env, &protocol, &coo, source.time, 2, source.part) == CORE_OK);
	CHECK(memcmp(source.part, (uint8_t[]){PROTOCOL_TRAIN, PROTOCOL_TEST, PROTOCOL_TRAIN, PROTOCOL_TRAIN},
				 4) == 0);
}

/* Each customer keeps something to learn from, and gives one item, of his latest time, to be judged by. */
static void
test_last_of_many(void)
{
	Protocol protocol = {.kind = PROTOCOL_SAMPLED, .seed = 4};
	static Source source;

	random_source(&source);
	split(&protocol, &source, ROWS);
	for (int32_t row = 0; row < ROWS; row++)
	{
		int64_t latest = -1;
		int32_t held = -1;
		bool one = true;
		bool learned = false;

		for (int64_t i = 0; i < source.n; i++)
			if (source.row[i] == row && source.time[i] > latest)
				latest = source.time[i];
		for (int64_t i = 0; i < source.n; i++)
		{
			if (source.row[i] != row)
				continue;
			learned |= source.part[i] == PROTOCOL_TRAIN;
			if (source.part[i] != PROTOCOL_TEST)
				continue;
			one &= held < 0 || held == source.col[i];
			held = source.col[i];
			CHECK(source.time[i] == latest);
		}
		CHECK(one && learned == (row != 8));
		CHECK((held >= 0) == (row != 8));
	}
}

/* Customers fall whole on one side; shares lie where chance can bring them, and nothing but the seed is chance. */
static void
test_strong_generalization(void)
{
	Protocol protocol = {.kind = PROTOCOL_STRONG_GENERALIZATION, .share = 0.4, .seed = 5};
	static Source source;
	int whole[ROWS][4];
	int drawn = 0;
	int shown = 0;
	int tested = 0;

	random_source(&source);
	split(&protocol, &source, ROWS);
	memset(whole, 0, sizeof(whole));
	for (int64_t i = 0; i < source.n; i++)
	{
		whole[source.row[i]][source.part[i]]++;
		for (int64_t j = 0; j < i; j++)
			if (source.row[j] == source.row[i] && source.col[j] == source.col[i])
				CHECK(source.part[j] == source.part[i]);
	}
	for (int32_t row = 0; row < ROWS; row++)
	{
		bool learned = whole[row][PROTOCOL_TRAIN] > 0;

		CHECK(whole[row][PROTOCOL_NONE] == 0);
		CHECK(!learned || whole[row][PROTOCOL_SHOWN] + whole[row][PROTOCOL_TEST] == 0);
		drawn += !learned && row != 8;
		shown += whole[row][PROTOCOL_SHOWN];
		tested += whole[row][PROTOCOL_TEST];
	}
	CHECK(drawn > 10 && drawn < 40);
	CHECK(shown > 2.5 * tested && shown < 6.5 * tested);
	check_order(&protocol);
	protocol.share = 0;
	split(&protocol, &source, ROWS);
	for (int64_t i = 0; i < source.n; i++)
		CHECK(source.part[i] == PROTOCOL_TRAIN);
	protocol.share = 1;
	split(&protocol, &source, ROWS);
	for (int64_t i = 0; i < source.n; i++)
		CHECK(source.part[i] == PROTOCOL_SHOWN || source.part[i] == PROTOCOL_TEST);
}

/* ---- what is ranked when lists are drawn ---- */

static int64_t *
starts(int32_t rows)
{
	return core_malloc(sizeof(int64_t) * ((size_t) rows + 1));
}

/* Row r of a matrix has items r, r + step, ... while there are any and fewer than `most`. */
static Csr
striped(int32_t rows, int32_t cols, int32_t from, int32_t step, int32_t most)
{
	Csr out = {.rows = rows, .cols = cols, .start = starts(rows)};

	out.col = core_malloc(sizeof(int32_t) * (size_t) rows * (size_t) cols);
	out.start[0] = 0;
	for (int32_t r = 0; r < rows; r++)
	{
		int64_t n = out.start[r];

		for (int32_t i = r % step + from; i < cols && n - out.start[r] < most && r % 7 != 3; i += step)
			out.col[n++] = i;
		out.start[r + 1] = n;
	}
	return out;
}

static bool
row_has(const Csr *matrix, int32_t row, int32_t col)
{
	for (int64_t e = matrix->start[row]; e < matrix->start[row + 1]; e++)
		if (matrix->col[e] == col)
			return true;
	return false;
}

static Csr
candidates_make(const Csr *test)
{
	return (Csr){.start = starts(test->rows),
				 .col = core_malloc(sizeof(int32_t) * (size_t) (protocol_candidates_room(test) + 1))};
}

static void
csr_free(Csr *matrix)
{
	free(matrix->start);
	free(matrix->col);
}

/* negatives: how many each row with test items must get. */
static void
check_candidates(int32_t cols, int32_t known_most, int32_t negatives)
{
	Protocol protocol = {.kind = PROTOCOL_SAMPLED, .seed = 6};
	Csr test = striped(40, cols, 0, 5, 2);
	Csr known = striped(40, cols, 1, 5, known_most);
	Csr out = candidates_make(&test);
	CoreEnv env;

	core_env_init(&env);
	CHECK(protocol_candidates(&env.env, &protocol, &known, &test, &out) == CORE_OK);
	CHECK(env.live == 0 && out.rows == test.rows && out.cols == cols);
	CHECK(out.start[out.rows] <= protocol_candidates_room(&test));
	for (int32_t r = 0; r < test.rows; r++)
	{
		int64_t own = test.start[r + 1] - test.start[r];

		CHECK(out.start[r + 1] - out.start[r] == (own > 0 ? own + negatives : 0));
		for (int64_t e = test.start[r]; e < test.start[r + 1]; e++)
			CHECK(row_has(&out, r, test.col[e]));
		for (int64_t e = out.start[r]; e < out.start[r + 1]; e++)
		{
			CHECK(out.col[e] >= 0 && out.col[e] < cols && !row_has(&known, r, out.col[e]));
			CHECK(e == out.start[r] || out.col[e - 1] < out.col[e]);
		}
	}
	csr_free(&test);
	csr_free(&known);
	csr_free(&out);
}

static void
test_candidates(void)
{
	check_candidates(1000, 200, PROTOCOL_NEGATIVES);
	/* 2 are the row's own, 3 known: of so few others none is left out. */
	check_candidates(30, 3, 25);
	check_candidates(107, 5, PROTOCOL_NEGATIVES);
}

/* Rows and items of the test that are not known: such items are no candidates. */
static void
test_unknown_candidates(void)
{
	Protocol protocol = {.kind = PROTOCOL_SAMPLED, .seed = 6};
	Csr test = striped(40, 300, 0, 5, 300);
	Csr known = striped(30, 200, 1, 5, 3);
	Csr out = candidates_make(&test);
	CoreEnv env;

	core_env_init(&env);
	CHECK(protocol_candidates(&env.env, &protocol, &known, &test, &out) == CORE_OK);
	CHECK(env.live == 0 && out.rows == 40 && out.cols == 200);
	for (int32_t r = 0; r < test.rows; r++)
	{
		CHECK(out.start[r + 1] - out.start[r] == (r % 7 != 3 ? 40 + PROTOCOL_NEGATIVES : 0));
		for (int64_t e = out.start[r]; e < out.start[r + 1]; e++)
		{
			CHECK(out.col[e] >= 0 && out.col[e] < 200);
			CHECK(r >= known.rows || !row_has(&known, r, out.col[e]));
			CHECK(e == out.start[r] || out.col[e - 1] < out.col[e]);
		}
	}
	csr_free(&test);
	csr_free(&known);
	csr_free(&out);
}

static void
test_interrupted(void)
{
	Protocol protocol = {.kind = PROTOCOL_LEAVE_LAST_OUT};
	static Source source;
	Csr test = striped(40, 50, 0, 5, 2);
	Csr known = striped(40, 50, 1, 5, 2);
	Csr out = candidates_make(&test);
	Coo coo;
	CoreEnv env;

	random_source(&source);
	coo = coo_of(&source);
	core_env_init(&env);
	env.fail_at = 1;
	CHECK(protocol_split(&env.env, &protocol, &coo, source.time, ROWS, source.part) == CORE_NO_MEMORY);
	core_env_init(&env);
	env.cancel_at = 1;
	CHECK(protocol_split(&env.env, &protocol, &coo, source.time, ROWS, source.part) == CORE_CANCELLED);
	CHECK(env.live == 0);
	core_env_init(&env);
	env.fail_at = 1;
	CHECK(protocol_candidates(&env.env, &protocol, &known, &test, &out) == CORE_NO_MEMORY);
	core_env_init(&env);
	env.cancel_at = 1;
	CHECK(protocol_candidates(&env.env, &protocol, &known, &test, &out) == CORE_CANCELLED);
	CHECK(env.live == 0);
	coo.n = 0;
	core_env_init(&env);
	CHECK(protocol_split(&env.env, &protocol, &coo, source.time, 0, source.part) == CORE_OK);
	csr_free(&test);
	csr_free(&known);
	csr_free(&out);
}

int
main(void)
{
	test_next_period();
	test_leave_last_out();
	test_returned();
	test_last_of_many();
	test_strong_generalization();
	test_candidates();
	test_unknown_candidates();
	test_interrupted();
	return check_finish();
}
