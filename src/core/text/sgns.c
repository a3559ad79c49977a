/*
 * sgns.c - word vectors by negative sampling (Mikolov et al. 2013), with subwords (Bojanowski et al. 2017)
 *
 * A word about a centre word is to tell the centre from words drawn at random, skipgram, or the mean of all words about it is,
 * cbow.  The loss of a pair with negatives N is -log s(v.u) - sum over N of log s(-v.u'), s the logistic function, v the mean
 * of the word's rows, u rows of targets.
 *
 * What makes it fast (Ji et al. 2016): the words of one window share the centre's negatives, so their products are those of two
 * small matrices, and each row is fetched once for all of them.  And a word is composed of its n-grams once, when it comes into
 * the window; what it learns there goes to its rows when it leaves, where other programs do both for each pair.  As there, every
 * row of a word gets all that the word has learned, not its share of it.
 *
 * Phases: the leader fills the table that negatives are drawn from, all draw rows; an epoch each.  Work is cut into chunks of
 * the corpus, claimed in order, and documents into stretches of SGNS_STRETCH words.  Which words of a document are kept and which
 * are drawn depends on seed, epoch and document alone, the learning rate on how far its place in the corpus is.
 *
 * Memory, shared: 12 bytes a word beside the problem's arrays; 1.2 kB and three floats a dimension for each place in the
 * window for each member.
 */
#include "sgns.h"

#include <math.h>
#include <string.h>

#include "../rng.h"
#include "../team.h"
#include "sgns_kernel.h"

#define ROWS 4096 /* in a chunk of rows */
#define FIXED 0x1p20 /* losses are added up in whole numbers: in any order */

/* Streams of the seed. */
enum
{
	STREAM_ROWS = 1,
	STREAM_DOCUMENTS = 1000
};

typedef struct Shared
{
	TeamShared team;
	_Atomic int64_t loss[2]; /* of odd and even epochs */
	_Atomic int64_t pairs[2];
} Shared;

typedef struct View
{
	Shared *head;
	float *keep; /* [words] probability that a word is not thinned out */
	WordColumn *draw; /* [words] */
} View;

typedef struct Training
{
	Team team;
	const SgnsProblem *problem;
	View view;
	SgnsKernel kernel;
	SgnsStep step;
	int32_t *stretch; /* [SGNS_STRETCH] words at hand */
} Training;

int64_t
sgns_stride(int32_t dim)
{
	return ((int64_t) dim + SGNS_LANES - 1) / SGNS_LANES * SGNS_LANES;
}

static size_t
lay_out(int32_t words, char *memory, View *view)
{
	size_t keep = (sizeof(Shared) + 63) / 64 * 64;
	size_t draw = keep + (sizeof(float) * (size_t) words + 63) / 64 * 64;

	if (view != NULL)
		*view = (View){.head = (Shared *) memory,
					   .keep = (float *) (memory + keep),
					   .draw = (WordColumn *) (memory + draw)};
	return draw + sizeof(WordColumn) * (size_t) words;
}

size_t
sgns_shared_bytes(int32_t words)
{
	return lay_out(words, NULL, NULL);
}

size_t
sgns_member_bytes(int32_t dim)
{
	return sizeof(float) * (size_t) sgns_stride(dim) * (3 * SGNS_SLOTS + 1) + sizeof(int32_t) * SGNS_STRETCH;
}

/* ---- before the first epoch ---- */

static CoreStatus
fill_tables(Training *training)
{
	const Corpus *corpus = &training->problem->corpus;
	double sample = training->problem->params.sample;
	Env *env = training->team.env;
	int32_t *scratch = env->alloc(env, sizeof(int32_t) * (size_t) corpus->words);

	if (scratch == NULL)
		return CORE_NO_MEMORY;
	word_draw_fill(training->view.draw, corpus->count, corpus->words, 0.75, scratch);
	env->release(env, scratch);
	for (int32_t w = 0; w < corpus->words; w++)
	{
		double share = (double) corpus->count[w] / (double) corpus->tokens;

		training->view.keep[w] =
			sample > 0 ? (float) fmin(1, (sqrt(share / sample) + 1) * (sample / share)) : 1.0f;
	}
	return CORE_OK;
}

/* Rows of words and n-grams evenly within 1 / dim of 0, targets 0. */
static void
draw_rows(Training *training)
{
	const SgnsProblem *problem = training->problem;
	int32_t dim = problem->params.dim;
	int64_t stride = training->step.stride;
	int64_t chunks = ((int64_t) problem->rows + ROWS - 1) / ROWS;

	for (int64_t chunk; (chunk = team_claim(&training->team, chunks)) >= 0;)
		for (int64_t r = chunk * ROWS; r < (chunk + 1) * ROWS && r < problem->rows; r++)
		{
			uint64_t state = rng_hash3(problem->params.seed, STREAM_ROWS, (uint64_t) r);
			float *row = problem->in + r * stride;

			if (r < problem->corpus.words)
				memset(problem->out + r * stride, 0, sizeof(float) * (size_t) stride);
			for (int32_t d = 0; d < dim; d++)
				row[d] = ((float) (word_draw_bits(&state) >> 40) * 0x1p-23f - 1.0f) / (float) dim;
			for (int64_t d = dim; d < stride; d++)
				row[d] = 0;
		}
}

/* ---- an epoch ---- */

static void
learn_document(Training *training, int32_t epoch, int64_t document, SgnsSums *sums)
{
	const SgnsParams *params = &training->problem->params;
	const Corpus *corpus = &training->problem->corpus;
	int64_t at = corpus->start[document];
	int64_t end = corpus->start[document + 1];
	uint64_t state = rng_hash3(params->seed, STREAM_DOCUMENTS + (uint64_t) epoch, (uint64_t) document);

	while (at < end && !team_stopped(&training->team))
	{
		double done = (epoch + (double) at / (double) corpus->tokens) / params->epochs;
		int64_t to = end - at < SGNS_STRETCH ? end : at + SGNS_STRETCH;
		int32_t n = 0;

		for (; at < to; at++)
		{
			float keep = training->view.keep[corpus->token[at]];

			if (keep >= 1 || (float) (word_draw_bits(&state) >> 40) * 0x1p-24f < keep)
				training->stretch[n++] = corpus->token[at];
		}
		if (n > 1)
			training->kernel(&training->step, training->stretch, n,
							 (float) (params->learning_rate * (1 - done)), &state, sums);
	}
}

static CoreStatus
run_epoch(Training *training, int32_t epoch, double *loss)
{
	const Corpus *corpus = &training->problem->corpus;
	Shared *head = training->view.head;
	Env *env = training->team.env;
	SgnsSums sums = {0};
	CoreStatus status;

	for (int64_t chunk; (chunk = team_claim(&training->team, corpus_chunks(corpus))) >= 0;)
	{
		int64_t end = corpus_document_at(corpus, (chunk + 1) * CORPUS_CHUNK);

		for (int64_t d = corpus_document_at(corpus, chunk * CORPUS_CHUNK); d < end; d++)
			learn_document(training, epoch, d, &sums);
	}
	if (isfinite(sums.loss) && sums.loss < 0x1p42)
		atomic_fetch_add(&head->loss[epoch & 1], (int64_t) (sums.loss * FIXED));
	else
		team_fail(&training->team, CORE_NOT_FINITE);
	atomic_fetch_add(&head->pairs[epoch & 1], sums.pairs);
	if ((status = team_meet(&training->team)) != CORE_OK)
		return status;
	*loss = head->pairs[epoch & 1] == 0
				? NAN
				: (double) head->loss[epoch & 1] / FIXED / (double) head->pairs[epoch & 1];
	if (env->leader)
		env->progress(env, epoch + 1, training->problem->params.epochs, *loss);
	return CORE_OK;
}

/* The sums of the epoch before this one, for the next: nobody reads them any more, behind the barrier, nor adds to them yet. */
static CoreStatus
clear_sums(Training *training, int32_t epoch)
{
	if (training->team.env->leader)
	{
		atomic_store(&training->view.head->loss[epoch & 1], 0);
		atomic_store(&training->view.head->pairs[epoch & 1], 0);
	}
	return team_meet(&training->team);
}

static CoreStatus
run(Training *training, double *loss)
{
	CoreStatus status;

	if (training->team.env->leader)
		team_fail(&training->team, fill_tables(training));
	draw_rows(training);
	if ((status = team_meet(&training->team)) != CORE_OK)
		return status;
	for (int32_t epoch = 0; epoch < training->problem->params.epochs; epoch++)
	{
		if ((status = clear_sums(training, epoch)) != CORE_OK ||
			(status = run_epoch(training, epoch, loss)) != CORE_OK)
			return status;
	}
	return CORE_OK;
}

CoreStatus
sgns_train(Env *env, const SgnsProblem *problem, void *shared, double *loss)
{
	int64_t stride = sgns_stride(problem->params.dim);
	float *own = env->alloc(env, sgns_member_bytes(problem->params.dim));
	Training training = {.problem = problem, .kernel = sgns_kernel()};
	CoreStatus status;

	lay_out(problem->corpus.words, shared, &training.view);
	training.team = team_join(env, &training.view.head->team);
	*loss = NAN;
	if (own == NULL)
	{
		team_fail(&training.team, CORE_NO_MEMORY);
		return team_meet(&training.team);
	}
	training.step = (SgnsStep){.stride = stride,
							   .words = problem->corpus.words,
							   .window = problem->params.window,
							   .negatives = problem->params.negatives,
							   .cbow = problem->params.cbow,
							   .in = problem->in,
							   .out = problem->out,
							   .sub_start = problem->sub_start,
							   .sub_row = problem->sub_row,
							   .draw = training.view.draw,
							   .composed = own,
							   .entered = own + SGNS_SLOTS * stride,
							   .moves = own + 2 * SGNS_SLOTS * stride,
							   .mean = own + 3 * SGNS_SLOTS * stride};
	training.stretch = (int32_t *) (own + (3 * SGNS_SLOTS + 1) * stride);
	status = run(&training, loss);
	env->release(env, own);
	return status;
}

/* ---- the answer ---- */

CoreStatus
sgns_vectors(Env *env, const SgnsProblem *problem, float *vectors)
{
	int32_t dim = problem->params.dim;
	int64_t stride = sgns_stride(dim);

	for (int64_t w = 0; w < problem->corpus.words; w++)
	{
		float *to = vectors + w * dim;
		int64_t from = problem->sub_start == NULL ? 0 : problem->sub_start[w];
		int64_t end = problem->sub_start == NULL ? 0 : problem->sub_start[w + 1];
		float share = 1.0f / (float) (1 + end - from);

		if (w % 1024 == 0 && env->cancelled(env))
			return CORE_CANCELLED;
		memcpy(to, problem->in + w * stride, sizeof(float) * (size_t) dim);
		for (int64_t s = from; s < end; s++)
			for (int32_t d = 0; d < dim; d++)
				to[d] += problem->in[problem->sub_row[s] * stride + d];
		for (int32_t d = 0; d < dim; d++)
		{
			to[d] *= share;
			if (!isfinite(to[d]))
				return CORE_NOT_FINITE;
		}
	}
	return CORE_OK;
}
