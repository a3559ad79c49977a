/*
 * bench_words.c - words a second of word vectors, and the vectors for others to judge
 *
 *   bench_words file method [dim window negatives epochs min_count subwords members [vectors]]
 *
 * The file has a document a line, words parted by blanks; method: skipgram or cbow.  Writes the vectors as word2vec's text
 * format where `vectors` is named.  Prints words, n-grams, tokens; the loss; words a second (tokens times epochs by the clock on
 * the wall, training alone); and last the seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_env.h"
#include "text/sgns.h"
#include "text/subwords.h"

typedef struct Bench
{
	SgnsProblem problem;
	void *shared;
	double loss;
} Bench;

static char *
read_file(const char *name, size_t *bytes)
{
	FILE *file = fopen(name, "rb");
	char *text;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
	{
		fprintf(stderr, "cannot read %s\n", name);
		exit(2);
	}
	*bytes = (size_t) ftell(file);
	rewind(file);
	text = core_malloc(*bytes + 1);
	if (fread(text, 1, *bytes, file) != *bytes)
		exit(2);
	text[*bytes] = '\n';
	fclose(file);
	return text;
}

/* Words as they come; -1 ends a document. */
static int32_t *
read_words(const char *text, size_t bytes, LexiconBuilder *words, int64_t *n)
{
	int32_t *token = core_malloc(sizeof(int32_t) * (bytes + 2));
	size_t from = 0;

	*n = 0;
	for (size_t i = 0; i <= bytes; i++)
	{
		if (text[i] != ' ' && text[i] != '\n')
			continue;
		if (i > from && lexicon_add(words, text + from, i - from, &token[(*n)++]) != CORE_OK)
			exit(1);
		if (text[i] == '\n')
			token[(*n)++] = -1;
		from = i + 1;
	}
	return token;
}

/* Ranks the words, leaves rare ones out, and parts documents. */
static void
make_corpus(LexiconBuilder *words, int32_t *token, int64_t n, int64_t min_count, Corpus *corpus)
{
	int32_t *place = core_malloc(sizeof(int32_t) * (size_t) words->n);
	int64_t *start = core_malloc(sizeof(int64_t) * (size_t) (n + 2));
	int64_t kept = 0;

	if (lexicon_rank(words, min_count, INT32_MAX, place) != CORE_OK)
		exit(1);
	*corpus = (Corpus){.words = words->n, .start = start, .token = token, .count = words->count};
	start[0] = 0;
	for (int64_t i = 0; i < n; i++)
	{
		if (token[i] < 0)
			start[++corpus->docs] = kept;
		else if (place[token[i]] >= 0)
			token[kept++] = place[token[i]];
	}
	corpus->tokens = kept;
	free(place);
}

static CoreStatus
train(Env *env, void *arg)
{
	Bench *bench = arg;

	return sgns_train(env, &bench->problem, bench->shared, &bench->loss);
}

static void
write_vectors(const char *name, const Bench *bench, const LexiconBuilder *words)
{
	int32_t dim = bench->problem.params.dim;
	float *vectors = core_malloc(sizeof(float) * (size_t) dim * (size_t) words->n);
	FILE *file = fopen(name, "w");
	CoreEnv env;

	core_env_init(&env);
	if (file == NULL || sgns_vectors(&env.env, &bench->problem, vectors) != CORE_OK)
		exit(1);
	fprintf(file, "%d %d\n", words->n, dim);
	for (int32_t w = 0; w < words->n; w++)
	{
		fprintf(file, "%.*s", (int) (words->start[w + 1] - words->start[w]), words->bytes + words->start[w]);
		for (int32_t d = 0; d < dim; d++)
			fprintf(file, " %.6g", (double) vectors[(int64_t) w * dim + d]);
		fprintf(file, "\n");
	}
	fclose(file);
}

static int
number(int argc, char **argv, int at, int missing)
{
	return argc > at ? atoi(argv[at]) : missing;
}

static void
add_subwords(SgnsProblem *problem, Env *env, const LexiconBuilder *words)
{
	Subwords subwords = {.min_n = 3, .max_n = 6, .buckets = 2000000};
	size_t blocks = (size_t) subwords_blocks(subwords.buckets);
	int64_t *start = core_malloc(sizeof(int64_t) * ((size_t) words->n + 1));
	Lexicon view = lexicon_view(words);
	int32_t *row;

	if (subwords_mark(env, &subwords, &view, core_malloc(8 * blocks), core_malloc(4 * blocks), start) !=
		CORE_OK)
		exit(1);
	row = core_malloc(sizeof(int32_t) * (size_t) start[words->n]);
	if (subwords_rows(env, &subwords, &view, words->n, row) != CORE_OK)
		exit(1);
	problem->sub_start = start;
	problem->sub_row = row;
	problem->rows += subwords.n;
}

int
main(int argc, char **argv)
{
	int members = number(argc, argv, 9, 1);
	CoreEnv envs[CORE_MAX_MEMBERS];
	CoreStatus status[CORE_MAX_MEMBERS];
	LexiconBuilder words;
	SgnsProblem *problem;
	Bench bench = {0};
	int64_t stride;
	int64_t n;
	size_t bytes;
	char *text = read_file(argv[1], &bytes);
	int32_t *token;
	double began;

	for (int m = 0; m < members; m++)
		core_env_init(&envs[m]);
	problem = &bench.problem;
	problem->params =
		(SgnsParams){.dim = number(argc, argv, 3, 100),
					 .window = number(argc, argv, 4, 5),
					 .negatives = number(argc, argv, 5, 5),
					 .epochs = number(argc, argv, 6, 5),
					 .cbow = strcmp(argv[2], "cbow") == 0,
					 .learning_rate = getenv("RATE") == NULL ? 0.05f : (float) atof(getenv("RATE")),
					 .sample = getenv("SAMPLE") == NULL ? 1e-3 : atof(getenv("SAMPLE")),
					 .seed = 42};
	lexicon_begin(&words, &envs[0].env, 0);
	token = read_words(text, bytes, &words, &n);
	make_corpus(&words, token, n, number(argc, argv, 7, 5), &problem->corpus);
	problem->rows = words.n;
	if (number(argc, argv, 8, 1))
		add_subwords(problem, &envs[0].env, &words);
	stride = sgns_stride(problem->params.dim);
	problem->in = core_shared(sizeof(float) * (size_t) stride * (size_t) problem->rows);
	problem->out = core_shared(sizeof(float) * (size_t) stride * (size_t) words.n);
	bench.shared = core_shared(sgns_shared_bytes(words.n));
	printf("%d words, %d n-grams, %lld tokens\n", words.n, problem->rows - words.n,
		   (long long) problem->corpus.tokens);
	began = core_seconds();
	core_team_run(envs, members, train, &bench, status);
	began = core_seconds() - began;
	for (int m = 0; m < members; m++)
		if (status[m] != CORE_OK)
			return 1;
	if (argc > 10)
		write_vectors(argv[10], &bench, &words);
	printf("loss %.6g\n%.0f words a second\n%.4f\n", bench.loss,
		   (double) problem->corpus.tokens * problem->params.epochs / began, began);
	return 0;
}
