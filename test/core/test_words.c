/*
 * test_words.c - word vectors: gradients by finite differences, kernels against the plain one, teams, cancel, n-grams, GloVe's
 * counts, the weights of words and what texts have in common
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core_env.h"
#include "cpu.h"
#include "text/glove_kernel.h"
#include "text/nearest.h"
#include "text/sgns.h"
#include "text/sgns_kernel.h"
#include "text/sif.h"
#include "text/subwords.h"

#define WORDS 40

/* ---- one stretch of words, by a kernel and as the paper has it ---- */

typedef struct Case
{
	int32_t dim, window, negatives;
	bool cbow, subwords;
	int64_t stride;
	int32_t rows;
	int64_t sub_start[WORDS + 1];
	int32_t sub_row[3 * WORDS];
	WordColumn draw[WORDS];
	float *in, *out, *scratch;
	SgnsStep step;
} Case;

static float *
floats(size_t n)
{
	float *block = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);

	memset(block, 0, n * sizeof(float));
	return block;
}

static void
case_begin(Case *c, int32_t dim, int32_t window, int32_t negatives, bool cbow, bool subwords)
{
	int64_t count[WORDS];
	int32_t order[WORDS];

	*c = (Case){.dim = dim, .window = window, .negatives = negatives, .cbow = cbow, .subwords = subwords};
	c->stride = sgns_stride(dim);
	c->rows = WORDS + (subwords ? 17 : 0);
	for (int32_t w = 0; w < WORDS; w++)
	{
		count[w] = 1 + 100 / (w + 1);
		c->sub_start[w + 1] = c->sub_start[w] + w % 4; /* words with none too */
		for (int32_t s = 0; s < w % 4; s++)
			c->sub_row[c->sub_start[w] + s] = WORDS + (w * 7 + s * 5) % 17;
	}
	word_draw_fill(c->draw, count, WORDS, 0.75, order);
	c->in = floats((size_t) (c->rows * c->stride));
	c->out = floats((size_t) (WORDS * c->stride));
	c->scratch = floats((size_t) (c->stride * (3 * SGNS_SLOTS + 1)));
	for (int64_t r = 0; r < c->rows + WORDS; r++)
		for (int32_t d = 0; d < dim; d++)
			(r < c->rows ? c->in + r * c->stride : c->out + (r - c->rows) * c->stride)[d] =
				(float) (0.3 * rng_normal(5, (uint64_t) r, (uint64_t) d));
	c->step = (SgnsStep){.stride = c->stride,
						 .words = WORDS,
						 .window = window,
						 .negatives = negatives,
						 .cbow = cbow,
						 .in = c->in,
						 .out = c->out,
						 .sub_start = subwords ? c->sub_start : NULL,
						 .sub_row = c->sub_row,
						 .draw = c->draw,
						 .composed = c->scratch,
						 .entered = c->scratch + SGNS_SLOTS * c->stride,
						 .moves = c->scratch + 2 * SGNS_SLOTS * c->stride,
						 .mean = c->scratch + 3 * SGNS_SLOTS * c->stride};
}

static void
case_end(Case *c)
{
	free(c->in);
	free(c->out);
	free(c->scratch);
}

/* The mean of a word's rows. */
static void
compose(const Case *c, const double *in, int32_t word, double *out)
{
	int64_t from = c->subwords ? c->sub_start[word] : 0;
	int64_t to = c->subwords ? c->sub_start[word + 1] : 0;

	for (int32_t d = 0; d < c->dim; d++)
	{
		double sum = in[word * c->stride + d];

		for (int64_t s = from; s < to; s++)
			sum += in[c->sub_row[s] * c->stride + d];
		out[d] = sum / (double) (1 + to - from);
	}
}

/*
 * The loss of a stretch of two words with window 1, drawn as the kernel draws: -log s(v.u) - sum log s(-v.u'), over both centres.
 * in, out in double precision.
 */
static double
loss_of(const Case *c, const double *in, const double *out, const int32_t *words, uint64_t state)
{
	double v[64];
	double loss = 0;
	int32_t drawn[2][SGNS_NEGATIVES_MAX];

	for (int centre = 0; centre < 2; centre++)
	{
		/* The first centre's window is drawn, here always 1, before the second one's negatives. */
		if (centre == 1)
			word_draw_bits(&state);
		for (int n = 0; n < c->negatives; n++)
		{
			int32_t w = word_draw(c->draw, WORDS, &state);

			if (w == words[centre])
				w = word_draw(c->draw, WORDS, &state);
			if (w == words[centre])
				w = w + 1 < WORDS ? w + 1 : 0;
			drawn[centre][n] = w;
		}
	}
	for (int centre = 0; centre < 2; centre++)
	{
		compose(c, in, words[1 - centre], v);
		for (int t = 0; t <= c->negatives; t++)
		{
			int32_t target = t == 0 ? words[centre] : drawn[centre][t - 1];
			double x = 0;

			for (int32_t d = 0; d < c->dim; d++)
				x += v[d] * out[target * c->stride + d];
			loss += log1p(exp(t == 0 ? -x : x));
		}
	}
	return loss;
}

static double *
doubles_of(const float *from, int64_t n)
{
	double *out = core_malloc(sizeof(double) * (size_t) n);

	for (int64_t i = 0; i < n; i++)
		out[i] = from[i];
	return out;
}

/* d loss / d at[i] by a central difference. */
static double
slope(const Case *c, double *in, double *out, double *at, const int32_t *words)
{
	double here = *at;
	double up, down;

	*at = here + 1e-5;
	up = loss_of(c, in, out, words, 77);
	*at = here - 1e-5;
	down = loss_of(c, in, out, words, 77);
	*at = here;
	return (up - down) / 2e-5;
}

/*
 * With a learning rate that is next to nothing a row moves by rate times its gradient; a row that is one of n of a word gets the
 * word's whole gradient, n times its own.  The second word of the stretch is its own word's first use, so both centres see the
 * vectors as they were.
 */
static void
test_gradient(bool cbow, bool subwords)
{
	const float rate = 1e-3f;
	const int32_t words[2] = {7, 18};
	Case c;
	double *in, *out;
	uint64_t state = 77;
	SgnsSums sums = {0};
	double worst = 0;

	case_begin(&c, 20, 1, 3, cbow, subwords);
	in = doubles_of(c.in, c.rows * c.stride);
	out = doubles_of(c.out, WORDS * c.stride);
	sgns_kernel()(&c.step, words, 2, rate, &state, &sums);
	for (int64_t i = 0; i < WORDS * c.stride; i++)
		if (i % c.stride < c.dim)
			worst =
				fmax(worst, fabs((c.out[i] - out[i]) / (double) rate + slope(&c, in, out, &out[i], words)));
	CHECK(worst < 5e-3);
	worst = 0;
	for (int64_t r = 0; r < c.rows; r++)
		for (int32_t d = 0; d < c.dim; d++)
		{
			double gradient = 0;
			int64_t i = r * c.stride + d;

			/* Rows shared by both words count for each of them by its number of rows. */
			for (int w = 0; w < 2; w++)
			{
				int64_t from = c.sub_start[words[w]];
				int64_t n = subwords ? c.sub_start[words[w] + 1] - from : 0;
				int64_t uses = r == words[w];

				for (int64_t s = from; s < from + n; s++)
					uses += c.sub_row[s] == r;
				if (uses > 0)
					gradient +=
						(double) (uses * (1 + n)) * slope(&c, in, out, &in[words[w] * c.stride + d], words);
			}
			worst = fmax(worst, fabs((c.in[i] - in[i]) / (double) rate + gradient));
		}
	CHECK(worst < 5e-3);
	free(in);
	free(out);
	case_end(&c);
}

/* Every kernel that this machine runs, over many stretches, against the plain one. */
static void
test_kernels(bool cbow, bool subwords, int32_t negatives)
{
	for (int k = 1; k < SGNS_KERNELS; k++)
	{
		SgnsKernel kernels[2] = {sgns_kernel_numbered(0), sgns_kernel_numbered(k)};
		SgnsSums sums[2] = {{0}};
		Case cases[2];
		double worst = 0;

		if (kernels[1] == NULL)
			continue;
		for (int i = 0; i < 2; i++)
		{
			uint64_t state = 3;

			case_begin(&cases[i], 37, 4, negatives, cbow, subwords);
			for (int round = 0; round < 20; round++)
			{
				int32_t words[50];

				for (int t = 0; t < 50; t++)
					words[t] = (int32_t) rng_below(9, (uint64_t) round, (uint64_t) t, WORDS);
				kernels[i](&cases[i].step, words, 2 + (round * 7) % 49, 0.05f, &state, &sums[i]);
			}
		}
		for (int64_t i = 0; i < cases[0].rows * cases[0].stride; i++)
			worst = fmax(worst, fabs((double) cases[0].in[i] - cases[1].in[i]));
		for (int64_t i = 0; i < WORDS * cases[0].stride; i++)
			worst = fmax(worst, fabs((double) cases[0].out[i] - cases[1].out[i]));
		CHECK(worst < 1e-4);
		CHECK(sums[0].pairs == sums[1].pairs && sums[0].pairs > 0);
		CHECK_CLOSE(sums[0].loss, sums[1].loss, 1e-4);
		/* What pads rows stays zero. */
		for (int64_t r = 0; r < WORDS; r++)
			CHECK(cases[1].in[r * cases[1].stride + 37] == 0 && cases[1].out[r * cases[1].stride + 47] == 0);
		case_end(&cases[0]);
		case_end(&cases[1]);
	}
}

/* Words are drawn in proportion to the power of their counts. */
static void
test_draw(void)
{
	int64_t count[5] = {1000, 100, 10, 10, 1};
	WordColumn columns[5];
	int32_t scratch[5];
	double expected[5], sum = 0;
	long drawn[5] = {0};
	uint64_t state = 1;

	word_draw_fill(columns, count, 5, 0.75, scratch);
	for (int w = 0; w < 5; w++)
		sum += expected[w] = pow((double) count[w], 0.75);
	for (int i = 0; i < 1000000; i++)
		drawn[word_draw(columns, 5, &state)]++;
	for (int w = 0; w < 5; w++)
		CHECK(fabs((double) drawn[w] / 1e6 - expected[w] / sum) < 5 * sqrt(expected[w] / sum / 1e6));
}

/* ---- whole trainings ---- */

typedef struct Toy
{
	SgnsProblem problem;
	GloveProblem glove;
	bool counts;
	void *shared;
	double loss;
} Toy;

/* Texts about one of two subjects, words 0 .. 9 or 10 .. 19: words of a subject belong together. */
static void
toy_begin(Toy *toy, bool cbow)
{
	enum
	{
		DOCS = 600,
		LENGTH = 12
	};
	int64_t *start = core_malloc(sizeof(int64_t) * (DOCS + 1));
	int32_t *token = core_malloc(sizeof(int32_t) * DOCS * LENGTH);
	int64_t *count = calloc(20, sizeof(int64_t));
	size_t stride = (size_t) sgns_stride(16);

	*toy = (Toy){.shared = core_shared(1 << 16)};
	for (int64_t d = 0; d <= DOCS; d++)
		start[d] = d * LENGTH;
	for (int64_t t = 0; t < DOCS * LENGTH; t++)
	{
		token[t] = (int32_t) rng_below(4, 0, (uint64_t) t, 10) + (t / LENGTH % 2 ? 10 : 0);
		count[token[t]]++;
	}
	toy->problem.corpus = (Corpus){
		.words = 20, .docs = DOCS, .tokens = DOCS * LENGTH, .start = start, .token = token, .count = count};
	toy->problem.params = (SgnsParams){.dim = 16,
									   .window = 5,
									   .negatives = 5,
									   .epochs = 5,
									   .cbow = cbow,
									   .learning_rate = 0.05f,
									   .sample = 0,
									   .seed = 1};
	toy->problem.rows = 20;
	toy->problem.in = core_shared(sizeof(float) * 20 * stride);
	toy->problem.out = core_shared(sizeof(float) * 20 * stride);
}

static CoreStatus
toy_train(Env *env, void *arg)
{
	Toy *toy = arg;
	double loss;
	CoreStatus status = toy->counts ? glove_train(env, &toy->glove, toy->shared, &loss)
									: sgns_train(env, &toy->problem, toy->shared, &loss);

	if (env->leader)
		toy->loss = loss;
	return status;
}

static double
cosine(const float *a, const float *b, int32_t n)
{
	double ab = 0, aa = 0, bb = 0;

	for (int32_t d = 0; d < n; d++)
	{
		ab += (double) a[d] * b[d];
		aa += (double) a[d] * a[d];
		bb += (double) b[d] * b[d];
	}
	return ab / sqrt(aa * bb);
}

/* The share of words whose nearest word is of their subject. */
static double
told_apart(const float *vectors)
{
	int right = 0;

	for (int a = 0; a < 20; a++)
	{
		int best = -1;

		for (int b = 0; b < 20; b++)
			if (b != a && (best < 0 || cosine(vectors + a * 16, vectors + b * 16, 16) >
										   cosine(vectors + a * 16, vectors + best * 16, 16)))
				best = b;
		right += best / 10 == a / 10;
	}
	return right / 20.0;
}

static void
toy_end(Toy *toy)
{
	size_t bytes = sizeof(float) * 20 * (size_t) sgns_stride(16);

	free((void *) toy->problem.corpus.start);
	free((void *) toy->problem.corpus.token);
	free((void *) toy->problem.corpus.count);
	core_shared_free(toy->problem.in, bytes);
	core_shared_free(toy->problem.out, bytes);
	core_shared_free(toy->shared, 1 << 16);
}

static void
test_training(bool cbow)
{
	float vectors[2][20 * 16];

	for (int members = 1; members <= 3; members++)
	{
		CoreEnv envs[CORE_MAX_MEMBERS];
		CoreStatus status[CORE_MAX_MEMBERS];
		Toy toy;

		toy_begin(&toy, cbow);
		for (int m = 0; m < members; m++)
			core_env_init(&envs[m]);
		core_team_run(envs, members, toy_train, &toy, status);
		for (int m = 0; m < members; m++)
			CHECK(status[m] == CORE_OK);
		CHECK(envs[0].live == 0 && envs[0].steps == 5);
		CHECK(toy.loss > 0 && toy.loss < 6 * log(2.0));
		CHECK(sgns_vectors(&envs[0].env, &toy.problem, vectors[members == 1 ? 0 : 1]) == CORE_OK);
		CHECK(told_apart(vectors[members == 1 ? 0 : 1]) == 1);
		toy_end(&toy);
	}
	/* Alone, the same bytes again. */
	{
		CoreEnv env;
		Toy toy;

		core_env_init(&env);
		toy_begin(&toy, cbow);
		CHECK(toy_train(&env.env, &toy) == CORE_OK);
		CHECK(sgns_vectors(&env.env, &toy.problem, vectors[1]) == CORE_OK);
		CHECK(memcmp(vectors[0], vectors[1], sizeof(vectors[0])) == 0);
		toy_end(&toy);
	}
}

/* Cancels at any look, and allocations that fail, leave nothing behind. */
static void
test_unhappy(void)
{
	for (int at = 1; at < 400; at += 57)
	{
		CoreEnv env;
		Toy toy;

		core_env_init(&env);
		env.cancel_at = at;
		toy_begin(&toy, false);
		CHECK(toy_train(&env.env, &toy) == CORE_CANCELLED);
		CHECK(env.live == 0);
		toy_end(&toy);
	}
	for (int at = 1; at <= 2; at++)
	{
		CoreEnv env;
		Toy toy;

		core_env_init(&env);
		env.fail_at = at;
		toy_begin(&toy, false);
		CHECK(toy_train(&env.env, &toy) == CORE_NO_MEMORY);
		CHECK(env.live == 0);
		toy_end(&toy);
	}
}

/* ---- GloVe ---- */

/* The sums of 1 / distance, whether there is room for all meetings at once or not. */
static void
test_counts(void)
{
	Toy toy;
	double plain[20][20] = {{0}};
	CoreEnv env;

	toy_begin(&toy, false);
	core_env_init(&env);
	for (int64_t d = 0; d < toy.problem.corpus.docs; d++)
		for (int64_t t = toy.problem.corpus.start[d]; t < toy.problem.corpus.start[d + 1]; t++)
			for (int64_t o = toy.problem.corpus.start[d]; o < t; o++)
				if (t - o <= 5)
				{
					int32_t a = toy.problem.corpus.token[t];
					int32_t b = toy.problem.corpus.token[o];

					plain[a < b ? a : b][a < b ? b : a] += 1.0 / (double) (t - o);
				}
	for (int64_t room = 100; room <= 100000; room *= 10)
	{
		RadixItem *items = core_malloc(sizeof(RadixItem) * (size_t) room);
		RadixItem *scratch = core_malloc(sizeof(RadixItem) * (size_t) room);
		int64_t n = 0;
		CoreStatus status = glove_count(&env.env, &toy.problem.corpus, 5, items, scratch, room, &n);

		CHECK(status == (room == 100 ? CORE_NO_MEMORY : CORE_OK));
		for (int64_t i = 0; status == CORE_OK && i < n; i++)
			CHECK_CLOSE((double) items[i].index * 0x1p-32,
						plain[items[i].key >> 32][items[i].key & 0xffffffff], 1e-6);
		CHECK(status != CORE_OK || n == 110);
		free(items);
		free(scratch);
	}
	toy_end(&toy);
}

static void
glove_begin(Toy *toy, GlovePair *pairs, int64_t n)
{
	size_t bytes = sizeof(float) * 20 * (size_t) glove_stride(16);

	toy->counts = true;
	toy->glove =
		(GloveProblem){.params = {.dim = 16, .epochs = 25, .learning_rate = 0.05f, .x_max = 100, .seed = 1},
					   .words = 20,
					   .n = n,
					   .pairs = pairs};
	for (int i = 0; i < 2; i++)
	{
		toy->glove.rows[i] = core_shared(bytes);
		toy->glove.squares[i] = core_shared(bytes);
	}
}

static void
glove_end(Toy *toy)
{
	size_t bytes = sizeof(float) * 20 * (size_t) glove_stride(16);

	for (int i = 0; i < 2; i++)
	{
		core_shared_free(toy->glove.rows[i], bytes);
		core_shared_free(toy->glove.squares[i], bytes);
	}
}

static void
test_glove(void)
{
	RadixItem items[2000], scratch[2000];
	GlovePair pairs[2000];
	float vectors[20 * 16];
	int64_t n;

	for (int members = 1; members <= 2; members++)
	{
		CoreEnv envs[CORE_MAX_MEMBERS];
		CoreStatus status[CORE_MAX_MEMBERS];
		Toy toy;

		toy_begin(&toy, false);
		core_env_init(&envs[0]);
		core_env_init(&envs[1]);
		CHECK(glove_count(&envs[0].env, &toy.problem.corpus, 5, items, scratch, 2000, &n) == CORE_OK);
		glove_begin(&toy, pairs, n);
		CHECK(glove_pairs(&envs[0].env, &toy.glove.params, items, n, pairs) == CORE_OK);
		core_team_run(envs, members, toy_train, &toy, status);
		CHECK(status[0] == CORE_OK && envs[0].last_step == 25);
		CHECK(toy.loss < 0.1 * envs[0].losses[0]);
		CHECK(glove_vectors(&envs[0].env, &toy.glove, vectors) == CORE_OK);
		CHECK(told_apart(vectors) > 0.9);
		glove_end(&toy);
		toy_end(&toy);
	}
}

/* One pair's steps against the gradient of f (w.v + b + c - log x)^2 / 2 by finite differences, by each kernel. */
static double
pair_loss(const double *w, const double *v, double b, double c, const GlovePair *pair)
{
	double error = b + c - pair->log_count;

	for (int d = 0; d < 16; d++)
		error += w[d] * v[d];
	return pair->weight * error * error / 2;
}

static void
test_glove_gradient(void)
{
	const GlovePair pair = {.word = 3, .other = 3, .log_count = 1.2f, .weight = 0.7f};

	for (int k = 0; k < GLOVE_KERNELS; k++)
	{
		GloveKernel kernel = glove_kernel_numbered(k);
		int64_t bias = glove_stride(16) - GLOVE_LANES;
		double old[2][17], worst = 0;
		Toy toy;

		if (kernel == NULL)
			continue;
		toy_begin(&toy, false);
		glove_begin(&toy, NULL, 0);
		toy.glove.params.learning_rate = 1e-3f;
		for (int role = 0; role < 2; role++)
			for (int64_t i = 0; i < 20 * glove_stride(16); i++)
			{
				int64_t d = i % glove_stride(16);

				toy.glove.squares[role][i] = 1;
				toy.glove.rows[role][i] =
					d < 16 || d == bias ? (float) (0.3 * rng_normal(8, (uint64_t) role, (uint64_t) i)) : 0;
				if (i / glove_stride(16) == 3 && (d < 16 || d == bias))
					old[role][d < 16 ? d : 16] = toy.glove.rows[role][i];
			}
		kernel(&toy.glove, &pair, 1);
		for (int role = 0; role < 2; role++)
			for (int d = 0; d < 17; d++)
			{
				double here = old[role][d];
				double up, down;
				float moved = toy.glove.rows[role][3 * glove_stride(16) + (d < 16 ? d : bias)];

				old[role][d] = here + 1e-5;
				up = pair_loss(old[0], old[1], old[0][16], old[1][16], &pair);
				old[role][d] = here - 1e-5;
				down = pair_loss(old[0], old[1], old[0][16], old[1][16], &pair);
				old[role][d] = here;
				worst = fmax(worst, fabs((moved - here) / 1e-3 + (up - down) / 2e-5));
			}
		CHECK(worst < 2e-3);
		glove_end(&toy);
		toy_end(&toy);
	}
}

/* ---- n-grams, texts, neighbours ---- */

static void
test_subwords(void)
{
	Subwords subwords = {.min_n = 3, .max_n = 4, .buckets = 1000};
	uint32_t bucket[SUBWORDS_MAX];
	char longest[2000];
	LexiconBuilder words;
	uint64_t bits[16];
	uint32_t before[16];
	int64_t start[4];
	int32_t row[64];
	int32_t index;
	Lexicon view;
	CoreEnv env;

	/* <tea>: <te tea ea> <tea tea> ; two Chinese characters are four with the ends. */
	CHECK(subwords_of(&subwords, "tea", 3, bucket) == 5);
	CHECK(bucket[0] == lexicon_hash("<te", 3) % 1000);
	CHECK(subwords_of(&subwords, "\xe8\x8c\xb6\xe5\x8f\xb6", 6, bucket) == 3);
	CHECK(subwords_of(&subwords, "", 0, bucket) == 0);
	memset(longest, 'x', sizeof(longest));
	subwords.min_n = 1;
	subwords.max_n = SUBWORDS_N_MAX;
	CHECK(subwords_of(&subwords, longest, sizeof(longest), bucket) <= SUBWORDS_MAX);
	memset(longest, 0x80, sizeof(longest)); /* continues nothing */
	CHECK(subwords_of(&subwords, longest, sizeof(longest), bucket) <= SUBWORDS_MAX);
	subwords.min_n = 3;
	subwords.max_n = 4;

	core_env_init(&env);
	CHECK(lexicon_begin(&words, &env.env, 0) == CORE_OK);
	lexicon_add(&words, "tea", 3, &index);
	lexicon_add(&words, "team", 4, &index);
	lexicon_add(&words, "a", 1, &index);
	view = lexicon_view(&words);
	CHECK(subwords_mark(&env.env, &subwords, &view, bits, before, start) == CORE_OK);
	CHECK(start[3] == 5 + 7 + 1 && subwords_sound(&subwords) && subwords.n <= 13 && subwords.n > 5);
	CHECK(subwords_rows(&env.env, &subwords, &view, 3, row) == CORE_OK);
	for (int64_t s = 0; s < start[3]; s++)
		CHECK(row[s] >= 3 && row[s] < 3 + subwords.n);
	CHECK(row[0] == row[start[1]]); /* <te of both */
	subwords.n++;
	CHECK(!subwords_sound(&subwords));
	lexicon_end(&words);
}

/* The first singular vector of the texts' means, here known: all lie along one line but for noise. */
static void
test_sif(void)
{
	float vectors[20 * 16], component[16], v[16];
	double along = 0;
	CoreEnv env;
	Toy toy;
	Sif sif = {.dim = 16, .total = 7200, .component = component};

	toy_begin(&toy, false);
	core_env_init(&env);
	for (int i = 0; i < 20 * 16; i++)
		vectors[i] = (float) (i % 16 == 5 ? 3 : 0.01 * rng_normal(3, 0, (uint64_t) i));
	CHECK(sif_component(&env.env, &toy.problem.corpus, 16, vectors, component) == CORE_OK);
	CHECK(component[5] > 0.9999 && env.live == 0);
	memcpy(v, vectors, sizeof(v));
	sif_finish(&sif, v, 1);
	for (int d = 0; d < 16; d++)
		along += (double) v[d] * component[d];
	CHECK(fabs(along) < 1e-6);
	CHECK_CLOSE(sif_weight(&sif, 72), 1e-3 / (1e-3 + 0.01), 1e-6);
	sif.total = 0;
	CHECK(sif_weight(&sif, 72) == 1);
	memset(vectors, 0, sizeof(vectors));
	CHECK(sif_component(&env.env, &toy.problem.corpus, 16, vectors, component) == CORE_OK);
	CHECK(component[5] == 0);
	toy_end(&toy);
}

static void
test_nearest(void)
{
	const float vectors[5 * 2] = {1, 0, 0.8f, 0.6f, 0, 1, 0, 0, -1, 0};
	const float norms[5] = {1, 1, 1, 0, 1};
	const float query[2] = {2, 0};
	const int32_t self = 0;
	NearestTask task = {
		.vectors = vectors, .norms = norms, .n = 5, .dim = 2, .excluded = &self, .n_excluded = 1};
	const float units[4 * 2] = {1, 0, 0.8f, 0.6f, 0, 1, 0.6f, 0.8f};
	const int32_t label[4] = {0, 0, 1, 1};
	TopEntry heap[5];
	int64_t hits;
	CoreEnv env;
	TopK top;

	core_env_init(&env);
	topk_init(&top, heap, 5);
	CHECK(nearest_find(&env.env, &task, query, &top) == CORE_OK);
	CHECK(top.n == 3 && heap[0].index == 1 && heap[1].index == 2 && heap[2].index == 4);
	CHECK_CLOSE(heap[0].score, 0.8, 1e-6);
	CHECK(nearest_labels(&env.env, units, label, 4, 2, 1, 4, &hits) == CORE_OK);
	CHECK(hits == 2); /* the two in the middle take each other */
	CHECK(nearest_halves(&env.env, units, units, 4, 2, 1, 4, &hits) == CORE_OK);
	CHECK(hits == 4 && env.live == 0);
}

int
main(void)
{
	for (int form = 0; form < 4; form++)
	{
		test_gradient(form & 1, form & 2);
		test_kernels(form & 1, form & 2, 5);
		test_kernels(form & 1, form & 2, 13);
	}
	test_draw();
	test_training(false);
	test_training(true);
	test_unhappy();
	test_counts();
	test_glove();
	test_glove_gradient();
	test_subwords();
	test_sif();
	test_nearest();
	return check_finish();
}
