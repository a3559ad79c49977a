/*
 * test_classify.c - classifiers of texts: n-grams, naive Bayes and linear models against scikit-learn, gradients against
 * differences, teams, cancel, calibration, the threshold of what is out of scope
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "classify_reference.h"
#include "core_env.h"
#include "text/bayes.h"
#include "text/calibrate.h"
#include "text/class_metrics.h"
#include "text/dense_rows.h"
#include "text/fasttext.h"
#include "text/linear.h"
#include "text/ngrams.h"

enum
{
	ROWS = 300,
	FEATURES = 40,
	CLASSES = 4,
	SHOWN = 10 /* rows whose scores the reference has */
};

static CoreEnv core;

/* ---- rows as reference_classify.py makes them ---- */

static uint32_t lcg;

static uint32_t
draw(void)
{
	lcg = lcg * 1664525u + 1013904223u;
	return lcg >> 8;
}

typedef struct Case
{
	int64_t start[ROWS + 1];
	int32_t col[ROWS * 6];
	float value[ROWS * 6];
	int32_t label[ROWS];
	float weights[(FEATURES + 1) * CLASSES];
	LinearShared shared;
	LinearParams params;
} Case;

static Labelled
labelled(Case *with)
{
	return (Labelled){
		.x = {.rows = ROWS, .cols = FEATURES, .start = with->start, .col = with->col, .value = with->value},
		.label = with->label,
		.classes = CLASSES};
}

static void
make_case(Case *with)
{
	int64_t at = 0;

	lcg = 1;
	for (int32_t i = 0; i < ROWS; i++)
	{
		float row[FEATURES] = {0};
		uint32_t home = draw() % CLASSES;

		for (int k = 0; k < 6; k++)
		{
			uint32_t f = draw() % 3 != 0 ? home * 10 + draw() % 10 : draw() % FEATURES;

			row[f] = 1.0f + (float) (draw() % 8) / 4;
		}
		with->start[i] = at;
		for (int32_t f = 0; f < FEATURES; f++)
			if (row[f] != 0)
			{
				with->col[at] = f;
				with->value[at++] = row[f];
			}
		with->label[i] = (int32_t) (draw() % 7 == 0 ? draw() % CLASSES : home);
	}
	with->start[ROWS] = at;
}

static void
score_row(const Case *with, int32_t row, float *score)
{
	const DenseRows *kernel = dense_rows();

	memcpy(score, with->weights + FEATURES * CLASSES, sizeof(float) * CLASSES);
	kernel->gather(with->weights, CLASSES, with->col + with->start[row], with->value + with->start[row],
				   (int32_t) (with->start[row + 1] - with->start[row]), score);
}

/* Labels of all rows, and scores of some, are those of the reference. */
static void
check_scores(const Case *with, const int *label, const double *reference, double tolerance)
{
	int wrong = 0;

	for (int32_t i = 0; i < ROWS; i++)
	{
		float score[CLASSES];
		int best = 0;

		score_row(with, i, score);
		for (int c = 0; c < CLASSES; c++)
		{
			best = score[c] > score[best] ? c : best;
			if (i < SHOWN)
				CHECK_CLOSE(score[c], reference[i * CLASSES + c], tolerance);
		}
		wrong += best != label[i];
	}
	CHECK(wrong == 0);
}

static CoreStatus
train_linear(Env *env, void *arg)
{
	Case *with = arg;
	Labelled rows = labelled(with);

	return linear_train(env, &rows, &with->params, &with->shared, with->weights);
}

static void
test_against_scikit_learn(void)
{
	Case *with = core_malloc(sizeof(Case));
	Labelled rows = labelled(with);
	BayesParams bayes = {.smoothing = 0.5};
	const struct
	{
		LinearLoss loss;
		const int *label;
		const double *score;
	} linear[] = {{LINEAR_HINGE, reference_hinge_label, reference_hinge_score},
				  {LINEAR_SQUARED_HINGE, reference_squared_hinge_label, reference_squared_hinge_score},
				  {LINEAR_LOGISTIC, reference_logistic_label, reference_logistic_score}};

	memset(with, 0, sizeof(Case));
	make_case(with);
	CHECK(bayes_train(&core.env, &rows, &bayes, with->weights) == CORE_OK);
	check_scores(with, reference_bayes_label, reference_bayes_score, 1e-5);
	bayes.complement = true;
	CHECK(bayes_train(&core.env, &rows, &bayes, with->weights) == CORE_OK);
	check_scores(with, reference_complement_label, reference_complement_score, 1e-5);
	for (int l = 0; l < 3; l++)
	{
		with->params = (LinearParams){
			.loss = linear[l].loss, .c = 0.7, .tolerance = 1e-5, .iterations = 20000, .seed = 3};
		memset(&with->shared, 0, sizeof(LinearShared));
		CHECK(train_linear(&core.env, with) == CORE_OK);
		CHECK(with->shared.unfinished == 0);
		check_scores(with, linear[l].label, linear[l].score, 1e-4);
	}
	free(with);
}

/* Where the objective is smooth its gradient vanishes at the solution, and is that of differences elsewhere. */
static void
test_gradients(void)
{
	Case *with = core_malloc(sizeof(Case));
	Labelled rows = labelled(with);
	double w[FEATURES + 1];
	double gradient[FEATURES + 1];

	memset(with, 0, sizeof(Case));
	make_case(with);
	for (int loss = LINEAR_SQUARED_HINGE; loss <= LINEAR_LOGISTIC; loss++)
	{
		with->params = (LinearParams){
			.loss = (LinearLoss) loss, .c = 2, .tolerance = 1e-6, .iterations = 20000, .seed = 1};
		memset(&with->shared, 0, sizeof(LinearShared));
		CHECK(train_linear(&core.env, with) == CORE_OK);
		for (int32_t c = 0; c < CLASSES; c++)
		{
			double largest = 0;

			for (int f = 0; f <= FEATURES; f++)
				w[f] = with->weights[f * CLASSES + c];
			(void) linear_objective(&rows, &with->params, c, w, gradient);
			for (int f = 0; f <= FEATURES; f++)
				largest = fmax(largest, fabs(gradient[f]));
			/* Weights are kept in single precision. */
			CHECK(largest < 2e-3);
		}
		for (int f = 0; f <= FEATURES; f++)
			w[f] = 0.1 * (f % 5) - 0.2;
		(void) linear_objective(&rows, &with->params, 1, w, gradient);
		for (int f = 0; f <= FEATURES; f += 7)
		{
			double up, down, kept = w[f];

			w[f] = kept + 1e-6;
			up = linear_objective(&rows, &with->params, 1, w, NULL);
			w[f] = kept - 1e-6;
			down = linear_objective(&rows, &with->params, 1, w, NULL);
			w[f] = kept;
			CHECK_CLOSE(gradient[f], (up - down) / 2e-6, 1e-6);
		}
	}
	free(with);
}

static void
test_two_classes(void)
{
	Case *with = core_malloc(sizeof(Case));
	Labelled rows = labelled(with);
	float weights[2 * (FEATURES + 1)];

	memset(with, 0, sizeof(Case));
	make_case(with);
	for (int i = 0; i < ROWS; i++)
		with->label[i] %= 2;
	rows.classes = 2;
	with->params = (LinearParams){
		.loss = LINEAR_SQUARED_HINGE, .c = 1, .tolerance = 1e-4, .iterations = 1000, .seed = 1};
	CHECK(linear_train(&core.env, &rows, &with->params, &with->shared, weights) == CORE_OK);
	for (int f = 0; f <= FEATURES; f++)
		CHECK(weights[2 * f] == -weights[2 * f + 1]);
	free(with);
}

static void
test_teams(void)
{
	Case *with = core_shared(sizeof(Case));
	float alone[(FEATURES + 1) * CLASSES];
	CoreEnv envs[3];
	CoreStatus status[3];

	for (int members = 1; members <= 3; members++)
	{
		memset(with, 0, sizeof(Case));
		make_case(with);
		with->params = (LinearParams){
			.loss = LINEAR_SQUARED_HINGE, .c = 1, .tolerance = 0.01, .iterations = 1000, .seed = 9};
		for (int m = 0; m < members; m++)
			core_env_init(&envs[m]);
		core_team_run(envs, members, train_linear, with, status);
		for (int m = 0; m < members; m++)
			CHECK(status[m] == CORE_OK && envs[m].live == 0);
		if (members == 1)
			memcpy(alone, with->weights, sizeof(alone));
		CHECK(memcmp(alone, with->weights, sizeof(alone)) == 0);
	}
	core_shared_free(with, sizeof(Case));
}

/* Every allocation that fails, and every look that says stop, leaves nothing behind. */
static void
test_stopping(void)
{
	Case *with = core_malloc(sizeof(Case));
	Labelled rows = labelled(with);
	BayesParams bayes = {.smoothing = 1};
	FasttextParams fast = {.dim = 8, .epochs = 3, .learning_rate = 0.1};
	double loss;

	memset(with, 0, sizeof(Case));
	make_case(with);
	with->params =
		(LinearParams){.loss = LINEAR_LOGISTIC, .c = 1, .tolerance = 1e-3, .iterations = 100, .seed = 1};
	for (int kind = 0; kind < 3; kind++)
		for (int fail = 1; fail <= 4; fail++)
		{
			CoreEnv env;
			CoreStatus status;

			core_env_init(&env);
			env.fail_at = fail;
			memset(&with->shared, 0, sizeof(LinearShared));
			status = kind == 0   ? train_linear(&env.env, with)
					 : kind == 1 ? bayes_train(&env.env, &rows, &bayes, with->weights)
								 : fasttext_train(&env.env, &rows, &fast, with->weights, &loss);
			CHECK(status == CORE_NO_MEMORY && env.live == 0);
			core_env_init(&env);
			env.cancel_at = 1;
			memset(&with->shared, 0, sizeof(LinearShared));
			status = kind == 0   ? train_linear(&env.env, with)
					 : kind == 1 ? bayes_train(&env.env, &rows, &bayes, with->weights)
								 : fasttext_train(&env.env, &rows, &fast, with->weights, &loss);
			CHECK(status == CORE_CANCELLED && env.live == 0);
		}
	free(with);
}

/* ---- fastText ---- */

static void
test_fasttext_step(void)
{
	enum
	{
		F = 5,
		C = 3,
		D = 7
	};
	float input[F * D], output[D * C], moved[F * D + D * C], scratch[2 * D + C];
	int32_t col[] = {0, 2, 3};
	float value[] = {0.25f, 0.5f, 0.25f};
	FasttextModel model = {.features = F, .classes = C, .dim = D, .input = input, .output = output};
	float *parts[] = {input, output};
	int sizes[] = {F * D, D * C};
	double step = 1e-2;

	for (int i = 0; i < F * D; i++)
		input[i] = (float) sin(i + 1);
	for (int i = 0; i < D * C; i++)
		output[i] = (float) cos(3 * i + 2);
	(void) fasttext_step(&model, 3, col, value, 1, 1, scratch);
	memcpy(moved, input, sizeof(input));
	memcpy(moved + F * D, output, sizeof(output));
	for (int i = 0; i < F * D; i++)
		input[i] = (float) sin(i + 1);
	for (int i = 0; i < D * C; i++)
		output[i] = (float) cos(3 * i + 2);
	for (int part = 0, at = 0; part < 2; part++)
		for (int i = 0; i < sizes[part]; i++, at++)
		{
			float kept = parts[part][i];
			double up, down;

			/* A rate of nought moves nothing. */
			parts[part][i] = kept + (float) step;
			up = fasttext_step(&model, 3, col, value, 1, 0, scratch);
			parts[part][i] = kept - (float) step;
			down = fasttext_step(&model, 3, col, value, 1, 0, scratch);
			parts[part][i] = kept;
			CHECK(fabs((kept - moved[at]) - (up - down) / (2 * step)) < 2e-4);
		}
}

static void
test_fasttext(void)
{
	Case *with = core_malloc(sizeof(Case));
	Labelled rows = labelled(with);
	FasttextParams params = {.dim = 16, .epochs = 40, .learning_rate = 0.02, .seed = 5};
	float again[(FEATURES + 1) * CLASSES];
	double loss;
	int right = 0;

	memset(with, 0, sizeof(Case));
	make_case(with);
	CHECK(fasttext_train(&core.env, &rows, &params, again, &loss) == CORE_OK);
	CHECK(fasttext_train(&core.env, &rows, &params, with->weights, &loss) == CORE_OK);
	CHECK(memcmp(again, with->weights, sizeof(again)) == 0);
	CHECK(loss < 1.0);
	for (int32_t i = 0; i < ROWS; i++)
	{
		float score[CLASSES];
		int best = 0;

		score_row(with, i, score);
		for (int c = 1; c < CLASSES; c++)
			best = score[c] > score[best] ? c : best;
		right += best == with->label[i];
	}
	CHECK(right > ROWS * 8 / 10);
	params.learning_rate = 1e30;
	CHECK(fasttext_train(&core.env, &rows, &params, with->weights, &loss) == CORE_NOT_FINITE);
	free(with);
}

static void
test_kernels(void)
{
	enum
	{
		WIDTH = 37,
		N = 9
	};
	float rows[N * WIDTH], weight[N], sums[DENSE_ROWS_KERNELS][WIDTH], dots[DENSE_ROWS_KERNELS][N];
	float scattered[DENSE_ROWS_KERNELS][N * WIDTH];
	int32_t row[N];

	for (int k = 0; k < DENSE_ROWS_KERNELS; k++)
	{
		const DenseRows *kernel = dense_rows_numbered(k);

		if (kernel == NULL)
			continue;
		for (int i = 0; i < N * WIDTH; i++)
			rows[i] = (float) sin(i);
		for (int i = 0; i < N; i++)
		{
			weight[i] = (float) cos(i);
			row[i] = (i * 4) % N;
		}
		memset(sums[k], 0, sizeof(sums[k]));
		kernel->gather(rows, WIDTH, row, weight, N, sums[k]);
		kernel->outer(rows, WIDTH, N, weight, sums[k], dots[k]);
		kernel->scatter(rows, WIDTH, row, weight, N, sums[k]);
		memcpy(scattered[k], rows, sizeof(rows));
		for (int i = 0; i < WIDTH; i++)
			CHECK_CLOSE(sums[k][i], sums[0][i], 1e-5);
		for (int i = 0; i < N; i++)
			CHECK_CLOSE(dots[k][i], dots[0][i], 1e-5);
		for (int i = 0; i < N * WIDTH; i++)
			CHECK_CLOSE(scattered[k][i], scattered[0][i], 1e-5);
	}
}

/* ---- n-grams ---- */

typedef struct Seen
{
	char joined[4096];
	LexiconBuilder table;
} Seen;

static CoreStatus
see(void *arg, bool is_word, const char *bytes, size_t n)
{
	Seen *seen = arg;
	int32_t index;

	if (is_word)
	{
		strncat(seen->joined, bytes, n);
		strcat(seen->joined, "|");
	}
	else
		return lexicon_add(&seen->table, bytes, n, &index);
	return CORE_OK;
}

static void
test_ngrams(void)
{
	NgramRanges ranges = {.word_min = 1, .word_max = 3, .char_min = 2, .char_max = 4};
	const char *given = "\tgood  food, 很好吃\na ";
	char text[64];
	Document document = {.text = text, .words = "good food a", .n_words = 11};
	Seen seen = {0};
	int64_t distinct = 0;

	document.n_text = ngrams_squeeze(given, strlen(given), text);
	CHECK(document.n_text == strlen(" good food, 很好吃 a ") &&
		  memcmp(text, " good food, 很好吃 a ", document.n_text) == 0);
	CHECK(lexicon_begin(&seen.table, &core.env, 0) == CORE_OK);
	CHECK(ngrams_each(&core.env, &ranges, &document, see, &seen) == CORE_OK);
	CHECK(strcmp(seen.joined, "good|good food|good food a|food|food a|a|") == 0);
	/* Those of scikit-learn, as often. */
	for (const char *at = reference_ngrams; *at != '\0'; distinct++)
	{
		const char *end = strchr(at, '|');
		const char *equals = end;
		int32_t index;

		while (*equals != '=')
			equals--;
		index = lexicon_at(&seen.table, at, (size_t) (equals - at));
		CHECK(index >= 0 && seen.table.count[index] == atoi(equals + 1));
		at = end + 1;
	}
	CHECK(distinct == seen.table.n);
	lexicon_end(&seen.table);

	/* Nothing, blanks, bytes that are no characters, stretches shorter than an n-gram. */
	CHECK(ngrams_squeeze(" \n\t ", 4, text) == 0 && ngrams_squeeze("", 0, text) == 0);
	document = (Document){.text = text, .n_text = ngrams_squeeze("\xe5\xa5 \x80\x80", 5, text), .words = ""};
	ranges.char_min = 4;
	CHECK(lexicon_begin(&seen.table, &core.env, 0) == CORE_OK);
	CHECK(ngrams_each(&core.env, &ranges, &document, see, &seen) == CORE_OK);
	CHECK(lexicon_at(&seen.table, " \xe5\xa5 ", 4) == 0);
	lexicon_end(&seen.table);
}

static Document
numbered_document(int32_t i, char *text, char *words)
{
	snprintf(words, 64, "w%d w%d common", i % 700, i % 11);
	snprintf(text, 128, " %s ", words);
	return (Document){.text = text, .n_text = strlen(text), .words = words, .n_words = strlen(words)};
}

static void
test_features(void)
{
	NgramRanges ranges = {.word_min = 1, .word_max = 2, .char_min = 3, .char_max = 3};
	NgramCounter counter;
	NgramTables tables;
	NgramRow row;
	char text[128], words[64];
	float idf[4096];
	double squares[2] = {0, 0};
	int32_t df[4096] = {0};

	/* More n-grams than there is room for: the rarest go, the frequent stay with their counts. */
	CHECK(ngrams_begin(&counter, &core.env, &ranges, 300, 0) == CORE_OK);
	for (int32_t i = 0; i < 7000; i++)
	{
		Document document = numbered_document(i, text, words);

		CHECK(ngrams_count(&counter, &document) == CORE_OK);
	}
	CHECK(counter.words.n <= 300 && counter.rare[0] > 0);
	CHECK(ngrams_rank(&counter, 100, 20) == CORE_OK);
	CHECK(counter.words.n == 20 && counter.words.slots <= 2048);
	CHECK(counter.words.count[lexicon_at(&counter.words, "common", 6)] == 7000);

	tables = (NgramTables){.ranges = ranges,
						   .words = lexicon_view(&counter.words),
						   .chars = lexicon_view(&counter.chars),
						   .idf = idf};
	CHECK(ngrams_features(&tables) < 4096);
	for (int f = 0; f < ngrams_features(&tables); f++)
		df[f] = f % 3;
	ngrams_idf(10, df, ngrams_features(&tables), idf);
	CHECK_CLOSE(idf[0], log(11.0) + 1, 1e-6);
	CHECK_CLOSE(idf[2], log(11.0 / 3) + 1, 1e-6);
	row = (NgramRow){
		.times = calloc(4096, sizeof(int32_t)), .col = malloc(4096 * 4), .value = malloc(4096 * 4)};
	Document document = numbered_document(5, text, words);

	CHECK(ngrams_row(&core.env, &tables, &document, true, &row) == CORE_OK && row.n > 3);
	for (int32_t i = 0; i < row.n; i++)
		squares[row.col[i] >= tables.words.n] += (double) row.value[i] * row.value[i];
	CHECK_CLOSE(squares[0], 0.5, 1e-5);
	CHECK_CLOSE(squares[1], 0.5, 1e-5);
	tables.weighting = WEIGHTING_MEAN;
	CHECK(ngrams_row(&core.env, &tables, &document, true, &row) == CORE_OK);
	squares[0] = 0;
	for (int32_t i = 0; i < row.n; i++)
		squares[0] += row.value[i];
	CHECK_CLOSE(squares[0], 1, 1e-6);
	for (int32_t i = 0; i < 4096; i++)
		CHECK(row.times[i] == 0);
	free(row.times);
	free(row.col);
	free(row.value);
	ngrams_end(&counter);
}

/* ---- probabilities ---- */

/* Labels drawn from softmax(scale x score + shift): the calibration is found again. */
static void
test_calibrate(void)
{
	enum
	{
		N = 20000
	};
	float *score = core_malloc(sizeof(float) * N * 3);
	int32_t *label = core_malloc(sizeof(int32_t) * N);
	Calibration truth[] = {{.scale = 2.5, .shift = 0.7}, {.scale = 0.3, .shift = 0}};

	lcg = 7;
	for (int kind = 0; kind < 2; kind++)
	{
		int classes = 2 + kind;
		Calibration found;

		for (int i = 0; i < N; i++)
		{
			float p[3];
			double u;

			for (int c = 0; c < classes; c++)
				score[i * classes + c] = (float) (draw() % 1000) / 250 * (float) (1 + 4 * kind);
			calibrate_apply(&truth[kind], classes, score + i * classes, p);
			u = (double) draw() / 0x1p24;
			label[i] = u < p[0] ? 0 : u < p[0] + p[1] ? 1 : 2;
		}
		label[0] = -1;
		CHECK(calibrate(&core.env, N, classes, score, label, &found) == CORE_OK);
		CHECK_CLOSE(found.scale, truth[kind].scale, 0.04);
		CHECK_CLOSE(found.shift, truth[kind].shift, 0.06);
	}
	/* Without an error the scale stays finite; without rows it is left alone. */
	for (int i = 0; i < N; i++)
	{
		label[i] = i % 2;
		score[2 * i] = (float) -(i % 2);
		score[2 * i + 1] = (float) (i % 2);
	}
	Calibration sure, none;

	CHECK(calibrate(&core.env, N, 2, score, label, &sure) == CORE_OK && sure.scale > 1 && sure.scale < 100);
	CHECK(calibrate(&core.env, 0, 2, score, label, &none) == CORE_OK && none.scale == 1 && none.shift == 0);
	free(score);
	free(label);
}

static void
test_metrics(void)
{
	/* Three classes; class 2 has no rows; the last row is of none. */
	const float p[] = {0.8f, 0.1f, 0.1f, 0.3f, 0.6f, 0.1f, 0.2f, 0.3f,
					   0.5f, 0.1f, 0.9f, 0.0f, 0.5f, 0.4f, 0.1f};
	const int32_t label[] = {0, 0, 1, 1, -1};
	const int32_t predicted[] = {0, 1, 2, 1, 0};
	ClassCases cases = {.n = 5, .classes = 3, .probability = p, .label = label, .predicted = predicted};
	ClassFigures figures[3];
	ClassSummary summary;
	const float top[] = {0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.4f, 0.3f, 0.2f};
	const bool out[] = {false, false, false, true, false, true, true, true};
	const bool in[8] = {false};
	double threshold;

	CHECK(class_metrics(&core.env, &cases, NULL, figures, &summary) == CORE_OK);
	CHECK(summary.rows == 4);
	CHECK_CLOSE(summary.accuracy, 0.5, 1e-12);
	CHECK_CLOSE(summary.balanced_accuracy, 0.5, 1e-12);
	CHECK_CLOSE(summary.log_loss, -(log(0.8) + log(0.3) + log(0.3) + log(0.9)) / 4, 1e-6);
	CHECK(figures[0].predicted == 1 && figures[0].correct == 1 && figures[2].predicted == 1);
	CHECK_CLOSE(figures[1].f1, 0.5, 1e-12);
	/* As scikit-learn: class 2, that a row was taken for, counts with 0. */
	CHECK_CLOSE(summary.macro_f1, (2.0 / 3 + 0.5 + 0) / 3, 1e-12);
	CHECK(isnan(figures[2].recall) && isnan(figures[2].auc) && figures[2].precision == 0);
	/* Of class 0 against the rest: 0.8 and 0.3 against 0.2 and 0.1. */
	CHECK_CLOSE(figures[0].auc, 1, 1e-12);

	CHECK(class_threshold(&core.env, 8, top, out, 0.05, &threshold) == CORE_OK);
	CHECK_CLOSE(threshold, 0.45, 1e-6);
	CHECK(class_threshold(&core.env, 8, top, in, 0.25, &threshold) == CORE_OK);
	CHECK_CLOSE(threshold, 0.4, 1e-6);
	CHECK(class_threshold(&core.env, 0, top, in, 0.25, &threshold) == CORE_OK && threshold == 0);
}

int
main(void)
{
	core_env_init(&core);
	test_ngrams();
	test_features();
	test_kernels();
	test_against_scikit_learn();
	test_gradients();
	test_two_classes();
	test_teams();
	test_stopping();
	test_fasttext_step();
	test_fasttext();
	test_calibrate();
	test_metrics();
	CHECK(core.live == 0);
	return check_finish();
}
