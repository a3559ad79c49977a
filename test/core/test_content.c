/*
 * test_content.c - words, vectors of attributes against plain sums, the regression against its normal equations
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "recommend/content.h"
#include "recommend/content_ridge.h"
#include "text/plain_words.h"
#include "rng.h"

static CoreEnv core;

static Env *
fresh(void)
{
	core_env_init(&core);
	return &core.env;
}

/* ---- words ---- */

/* The words of a text, each followed by a bar. */
static void
words_are(const char *text, size_t n, const char *expected)
{
	char found[1024] = "";
	char word[PLAIN_WORD_MAX];
	PlainWords reader;

	plain_words_open(&reader, text, n);
	for (int32_t length; (length = plain_words_next(&reader, word)) > 0;)
	{
		strncat(found, word, (size_t) length);
		strcat(found, "|");
	}
	if (strcmp(found, expected) != 0)
		printf("# \"%s\" gave %s, expected %s\n", text, found, expected);
	CHECK(strcmp(found, expected) == 0);
}

static void
test_words(void)
{
	static const char *const cases[][2] = {{"", ""},
										   {" ,;- ", ""},
										   {"RED T-Light HOLDER, 3 pcs", "red|t|light|holder|3|pcs|"},
										   {"Crème BRÛLÉE Ärger", "crème|brûlée|ärger|"},
										   {"ΑΘΗΝΑ МОСКВА Ёлка", "αθηνα|москва|ёлка|"},
										   {"红色陶瓷杯", "红色|色陶|陶瓷|瓷杯|"},
										   {"茶 tea杯", "茶|tea|杯|"},
										   {"新款T恤衫500ml", "新款|t|恤衫|500ml|"},
										   {"ＡＢＣ１２３", "abc123|"},
										   {"满100减20！", "满|100|减|20|"},
										   {"a×b “quoted”…", "a|b|quoted|"},
										   {"🙂tea🙂", "tea|"}};
	char long_word[400];
	char word[PLAIN_WORD_MAX];
	PlainWords reader;

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
		words_are(cases[c][0], strlen(cases[c][0]), cases[c][1]);
	words_are("ab\xff\xfe"
			  "cd\xc3",
			  7, "ab|cd|"); /* not UTF-8, and cut off */
	words_are("tea\0pot", 7, "tea|pot|");
	memset(long_word, 'x', sizeof(long_word));
	plain_words_open(&reader, long_word, sizeof(long_word));
	CHECK(plain_words_next(&reader, word) > PLAIN_WORD_MAX - 8);
	CHECK(plain_words_next(&reader, word) == 0);
}

/* ---- vectors ---- */

#define ITEMS 60
#define LEVELS 5
#define WORDS 40
#define WIDTH 7

typedef struct Made
{
	int32_t level[ITEMS];
	double number[ITEMS];
	float vector[ITEMS * WIDTH];
	double counts[ITEMS][WORDS];
	int64_t start[ITEMS + 1];
	int32_t col[ITEMS * WORDS];
	float value[ITEMS * WORDS];
	ContentColumn columns[4];
} Made;

/* Attributes with gaps: the last item has none at all. */
static void
make(Made *made)
{
	int64_t n = 0;

	memset(made, 0, sizeof(*made));
	for (int32_t i = 0; i < ITEMS; i++)
	{
		bool none = i == ITEMS - 1;

		made->level[i] = none || i % 9 == 0 ? -1 : (int32_t) rng_below(1, 0, (uint64_t) i, LEVELS);
		made->number[i] = none || i % 7 == 0 ? NAN : (double) rng_below(1, 1, (uint64_t) i, 12);
		for (int32_t d = 0; d < WIDTH && !none && i % 5 != 0; d++)
			made->vector[i * WIDTH + d] = (float) rng_normal(1, 2, (uint64_t) (i * WIDTH + d));
		made->start[i] = n;
		for (int32_t w = 0; w < WORDS && !none; w++)
		{
			uint32_t count = rng_below(1, 3, (uint64_t) (i * WORDS + w), 20);

			if (count > 3 || count == 0)
				continue;
			made->counts[i][w] = count;
			made->col[n] = w;
			made->value[n++] = (float) count;
		}
	}
	made->start[ITEMS] = n;
	made->columns[0] =
		(ContentColumn){.kind = CONTENT_LEVEL, .weight = 2, .width = LEVELS, .level = made->level};
	made->columns[1] =
		(ContentColumn){.kind = CONTENT_NUMBER, .weight = 0.5, .width = 2, .number = made->number};
	made->columns[2] = (ContentColumn){
		.kind = CONTENT_WORDS,
		.weight = 1,
		.width = WORDS,
		.words = {
			.rows = ITEMS, .cols = WORDS, .start = made->start, .col = made->col, .value = made->value}};
	made->columns[3] =
		(ContentColumn){.kind = CONTENT_VECTOR, .weight = 3, .width = WIDTH, .vector = made->vector};
}

static ContentVectors
room_for(int32_t items, int32_t features, int32_t width, int64_t entries)
{
	return (ContentVectors){.items = items,
							.rows = {.rows = items,
									 .cols = features,
									 .start = core_malloc(sizeof(int64_t) * ((size_t) items + 1)),
									 .col = core_malloc(sizeof(int32_t) * (size_t) (entries + 1)),
									 .value = core_malloc(sizeof(float) * (size_t) (entries + 1))},
							.index = {.rows = features,
									  .cols = items,
									  .start = core_malloc(sizeof(int64_t) * ((size_t) features + 1)),
									  .col = core_malloc(sizeof(int32_t) * (size_t) (entries + 1)),
									  .value = core_malloc(sizeof(float) * (size_t) (entries + 1))},
							.width = width,
							.dense = core_malloc(sizeof(float) * ((size_t) items * (size_t) width + 1))};
}

static void
let_go(ContentVectors *vectors)
{
	free(vectors->rows.start);
	free(vectors->rows.col);
	free(vectors->rows.value);
	free(vectors->index.start);
	free(vectors->index.col);
	free(vectors->index.value);
	free(vectors->dense);
}

static ContentVectors
build(Env *env, const Made *made)
{
	ContentVectors vectors;
	int32_t features;
	int32_t width;
	int64_t entries;

	CHECK(content_extent(made->columns, 4, ITEMS, &features, &width, &entries));
	CHECK(features == LEVELS + WORDS && width == 2 + WIDTH);
	vectors = room_for(ITEMS, features, width, entries);
	CHECK(content_build(env, made->columns, 4, &vectors) == CORE_OK);
	return vectors;
}

/* The angle of a number, counting what lies below it. */
static double
angle_of(const Made *made, int32_t item)
{
	double below = 0;
	double same = 0;
	double n = 0;

	for (int32_t i = 0; i < ITEMS; i++)
	{
		if (isnan(made->number[i]))
			continue;
		n++;
		below += made->number[i] < made->number[item];
		same += made->number[i] == made->number[item];
	}
	return acos(-1.0) * (below + same / 2) / n;
}

/* One attribute's cosine, and whether both items have it. */
static double
plain_part(const Made *made, int which, int32_t a, int32_t b, bool *has_a, bool *has_b)
{
	double dot = 0;
	double left = 0;
	double right = 0;

	if (which == 0)
	{
		*has_a = made->level[a] >= 0;
		*has_b = made->level[b] >= 0;
		return *has_a && made->level[a] == made->level[b];
	}
	if (which == 1)
	{
		*has_a = !isnan(made->number[a]);
		*has_b = !isnan(made->number[b]);
		return *has_a && *has_b ? cos(angle_of(made, a) - angle_of(made, b)) : 0;
	}
	for (int32_t d = 0; d < (which == 2 ? WORDS : WIDTH); d++)
	{
		double x = which == 2 ? made->counts[a][d] : made->vector[a * WIDTH + d];
		double y = which == 2 ? made->counts[b][d] : made->vector[b * WIDTH + d];

		if (which == 2)
		{
			double with = 0;

			for (int32_t i = 0; i < ITEMS; i++)
				with += made->counts[i][d] > 0;
			x *= log((1.0 + ITEMS) / (1 + with)) + 1;
			y *= log((1.0 + ITEMS) / (1 + with)) + 1;
		}
		dot += x * y;
		left += x * x;
		right += y * y;
	}
	*has_a = left > 0;
	*has_b = right > 0;
	return dot == 0 ? 0 : dot / sqrt(left) / sqrt(right);
}

static double
plain_cosine(const Made *made, int32_t a, int32_t b)
{
	double dot = 0;
	double left = 0;
	double right = 0;

	for (int c = 0; c < 4; c++)
	{
		double weight = made->columns[c].weight;
		bool has_a;
		bool has_b;

		dot += weight * plain_part(made, c, a, b, &has_a, &has_b);
		left += has_a ? weight : 0;
		right += has_b ? weight : 0;
	}
	return left > 0 && right > 0 ? dot / sqrt(left * right) : 0;
}

static void
test_vectors(void)
{
	Env *env = fresh();
	Made *made = core_malloc(sizeof(Made));
	ContentVectors vectors;
	const int32_t query[] = {3, 17, 40};
	const float weights[] = {0.2f, 0.5f, 0.3f};
	float scores[ITEMS];
	double worst = 0;
	double worst_sum = 0;

	make(made);
	vectors = build(env, made);
	CHECK(content_check(&vectors, csr_entries(&vectors.rows)));
	CHECK(!content_has(&vectors, ITEMS - 1) && content_has(&vectors, 0));
	for (int32_t a = 0; a < ITEMS; a++)
		for (int32_t b = 0; b < ITEMS; b++)
			worst = fmax(worst, fabs(content_cosine(&vectors, a, b) - plain_cosine(made, a, b)));
	CHECK_CLOSE(worst, 0, 1e-6);
	CHECK(content_scores(env, &vectors, query, weights, 3, scores) == CORE_OK);
	for (int32_t i = 0; i < ITEMS; i++)
	{
		double sum = 0;

		for (int h = 0; h < 3; h++)
			sum += weights[h] * plain_cosine(made, query[h], i);
		worst_sum = fmax(worst_sum, fabs(scores[i] - sum));
	}
	CHECK_CLOSE(worst_sum, 0, 1e-6);
	let_go(&vectors);
	free(made);
}

static void
test_selection(void)
{
	Env *env = fresh();
	Made *made = core_malloc(sizeof(Made));
	const int32_t row[] = {5, -1, 0, 59, 30};
	ContentVectors vectors;
	ContentVectors some;

	make(made);
	vectors = build(env, made);
	some = room_for(5, vectors.rows.cols, vectors.width, csr_entries(&vectors.rows));
	CHECK(content_select(env, &vectors, row, &some) == CORE_OK);
	CHECK(content_check(&some, csr_entries(&some.rows)));
	CHECK(!content_has(&some, 1) && !content_has(&some, 3));
	CHECK(content_cosine(&some, 0, 4) == content_cosine(&vectors, 5, 30));
	CHECK(content_cosine(&some, 1, 4) == 0);

	/* Stored bytes that are not what they claim to be. */
	vectors.rows.col[0] = vectors.rows.cols;
	CHECK(!content_check(&vectors, csr_entries(&vectors.rows)));
	vectors.rows.col[0] = -1;
	CHECK(!content_check(&vectors, csr_entries(&vectors.rows)));
	some.dense[0] = NAN;
	CHECK(!content_check(&some, csr_entries(&some.rows)));
	some.dense[0] = 0;
	CHECK(!content_check(&some, csr_entries(&some.rows) + 1));
	some.rows.start[1] = 1 << 30;
	CHECK(!content_check(&some, csr_entries(&some.rows)));
	let_go(&vectors);
	let_go(&some);
	free(made);
}

/* More numbers than are sorted at once, all of them ties of a few. */
static void
test_many_numbers(void)
{
	enum
	{
		MANY = 200000
	};
	Env *env = fresh();
	double *number = core_malloc(sizeof(double) * MANY);
	ContentColumn column = {.kind = CONTENT_NUMBER, .weight = 1, .width = 2, .number = number};
	ContentVectors vectors = room_for(MANY, 0, 2, 0);
	double worst = 0;

	for (int32_t i = 0; i < MANY; i++)
		number[i] = (i * 7919LL) % MANY / 2; /* every whole number twice */
	CHECK(content_build(env, &column, 1, &vectors) == CORE_OK);
	for (int32_t i = 0; i < MANY; i++)
	{
		double angle = acos(-1.0) * (2 * number[i] + 1) / MANY;

		worst = fmax(worst, fabs(vectors.dense[2 * i] - cos(angle)));
		worst = fmax(worst, fabs(vectors.dense[2 * i + 1] - sin(angle)));
	}
	CHECK_CLOSE(worst, 0, 1e-6);
	let_go(&vectors);
	free(number);
}

/* ---- regression ---- */

/* x of an item as a plain row. */
static void
plain_row(const ContentVectors *vectors, int32_t item, double *row)
{
	memset(row, 0, sizeof(double) * (size_t) (vectors->rows.cols + vectors->width));
	for (int64_t e = vectors->rows.start[item]; e < vectors->rows.start[item + 1]; e++)
		row[vectors->rows.col[e]] = vectors->rows.value[e];
	for (int32_t d = 0; d < vectors->width; d++)
		row[vectors->rows.cols + d] = vectors->dense[item * vectors->width + d];
}

/* At the minimum the gradient is zero: X'(y - a - Xb) = regularization b, and the residuals add up to zero. */
static void
test_ridge(double regularization)
{
	enum
	{
		SIZE = LEVELS + WORDS + 2 + WIDTH
	};
	Env *env = fresh();
	Made *made = core_malloc(sizeof(Made));
	double coefficient[SIZE];
	double gradient[SIZE] = {0};
	double row[SIZE];
	int32_t item[ITEMS - 10];
	double target[ITEMS - 10];
	ContentRidge ridge = {.coefficient = coefficient};
	ContentVectors vectors;
	double total = 0;
	double worst = 0;

	make(made);
	vectors = build(env, made);
	for (int32_t i = 0; i < ITEMS - 10; i++)
	{
		item[i] = i + 5;
		target[i] = 3 + rng_normal(2, 0, (uint64_t) i);
	}
	CHECK(content_ridge_fit(env, &vectors, item, ITEMS - 10, target, regularization, 1e-12, 10000, &ridge) ==
		  CORE_OK);
	for (int32_t i = 0; i < ITEMS - 10; i++)
	{
		double residual = target[i] - content_ridge_predict(&vectors, &ridge, item[i]);

		total += residual;
		plain_row(&vectors, item[i], row);
		for (int32_t d = 0; d < SIZE; d++)
			gradient[d] += residual * row[d];
	}
	for (int32_t d = 0; d < SIZE; d++)
		worst = fmax(worst, fabs(gradient[d] - regularization * coefficient[d]));
	CHECK_CLOSE(worst, 0, 1e-8);
	CHECK_CLOSE(total, 0, 1e-8);
	let_go(&vectors);
	free(made);
}

static void
test_ridge_of_nothing(void)
{
	Env *env = fresh();
	double coefficient[2] = {7, 7};
	double target[2] = {4, 4};
	int32_t item[2] = {0, 1};
	double number[2] = {1, 1};
	ContentColumn column = {.kind = CONTENT_NUMBER, .weight = 1, .width = 2, .number = number};
	ContentRidge ridge = {.coefficient = coefficient};
	ContentVectors vectors = room_for(2, 0, 2, 0);

	CHECK(content_build(env, &column, 1, &vectors) == CORE_OK);
	CHECK(content_cosine(&vectors, 0, 1) > 0.999999f);
	CHECK(content_ridge_fit(env, &vectors, item, 2, target, 1, 1e-9, 100, &ridge) == CORE_OK);
	CHECK_CLOSE(content_ridge_predict(&vectors, &ridge, 1), 4, 1e-12);
	let_go(&vectors);
}

/* ---- cancel, memory ---- */

/* Whichever allocation fails and whenever the end is wanted: the status says so and nothing is left behind. */
static void
test_stopping(void)
{
	Env *env = fresh();
	Made *made = core_malloc(sizeof(Made));
	const int32_t query[] = {3};
	float scores[ITEMS];
	ContentVectors vectors;
	long allocations;
	long looks;

	make(made);
	vectors = build(env, made);
	CHECK(content_scores(env, &vectors, query, NULL, 1, scores) == CORE_OK);
	allocations = core.allocations;
	looks = core.looks;
	CHECK(allocations > 2 && looks > 4);
	for (long at = 1; at <= allocations + looks; at++)
	{
		CoreStatus status;

		env = fresh();
		core.fail_at = at <= allocations ? at : 0;
		core.cancel_at = at <= allocations ? 0 : at - allocations;
		status = content_build(env, made->columns, 4, &vectors);
		if (status == CORE_OK)
			status = content_scores(env, &vectors, query, NULL, 1, scores);
		CHECK(status == (at <= allocations ? CORE_NO_MEMORY : CORE_CANCELLED));
		CHECK(core.live == 0);
	}
	let_go(&vectors);
	free(made);
}

int
main(void)
{
	test_words();
	test_vectors();
	test_selection();
	test_many_numbers();
	test_ridge(0.1);
	test_ridge(10);
	test_ridge_of_nothing();
	test_stopping();
	return check_finish();
}
