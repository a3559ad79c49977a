/*
 * embed_train.c - training of word vectors
 *
 * Phases: arguments are checked and the model's name is claimed; the source is read into words' indices (embed_corpus.c);
 * rare words are left out; n-grams get their rows, or GloVe's pairs are counted; texts go into the team's region in their
 * drawn order; the vectors are learned; those of words and n-grams are taken out of the region, and the component that all
 * texts share; version, metrics and payload are written.
 *
 * Learning is the leader's alone, so that the same texts and seed give the same bytes however many workers there are, unless
 * deterministic => false lets workers change the same rows at the same time (Recht et al. 2011).
 *
 * Memory: the corpus, the region (embed_team.c), and the vectors as they are stored.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"

#include "api/embed_corpus.h"
#include "api/embed_team.h"
#include "api/embed_train.h"
#include "bridge/json.h"
#include "bridge/memory.h"
#include "bridge/progress.h"
#include "bridge/rows.h"
#include "core/text/sgns_kernel.h"

enum
{
	SKIPGRAM,
	CBOW,
	GLOVE
};

typedef struct EmbedOptions
{
	int32 method;
	int32 dim;
	int32 window_size;
	int32 negatives;
	int32 epochs;
	int32 min_count;
	int32 max_words;
	int32 subwords; /* 1, 0; -1: not given */
	int32 min_n;
	int32 max_n;
	int32 buckets;
	double sample;
	double learning_rate;
	double x_max;
	char *tokenizer;
	bool stop_words;
	char *stemmer;
	bool deterministic;
	int64 seed;
	char *memory;
	bool verbose;
} EmbedOptions;

static const char *const method_choices[] = {
	[SKIPGRAM] = "skipgram", [CBOW] = "cbow", [GLOVE] = "glove", NULL};

#define FIELD(field) .name = #field, .offset = offsetof(EmbedOptions, field)
#define EXACT 9007199254740992.0 /* whole numbers up to here are exact as double */

static const Option embed_options[] = {
	{FIELD(method), .type = OPTION_CHOICE, .choices = method_choices},
	{FIELD(dim), .type = OPTION_INT, .min = 1, .max = EMBED_DIM_MAX, .missing = 100},
	{FIELD(window_size), .type = OPTION_INT, .min = 1, .max = SGNS_WINDOW_MAX, .missing = 5},
	{FIELD(negatives), .type = OPTION_INT, .min = 1, .max = SGNS_NEGATIVES_MAX, .nullable = true},
	{FIELD(epochs), .type = OPTION_INT, .min = 1, .max = 10000, .nullable = true},
	{FIELD(min_count), .type = OPTION_INT, .min = 1, .max = PG_INT32_MAX, .missing = 5},
	{FIELD(max_words), .type = OPTION_INT, .min = 2, .max = 100000000, .missing = 1000000},
	{FIELD(subwords), .type = OPTION_BOOL_OR_NULL},
	{FIELD(min_n), .type = OPTION_INT, .min = 1, .max = SUBWORDS_N_MAX, .nullable = true},
	{FIELD(max_n), .type = OPTION_INT, .min = 1, .max = SUBWORDS_N_MAX, .nullable = true},
	{FIELD(buckets), .type = OPTION_INT, .min = 1, .max = 100000000, .nullable = true},
	{FIELD(sample), .type = OPTION_REAL, .min = 0, .max = 1, .nullable = true},
	{FIELD(learning_rate), .type = OPTION_REAL, .min = 1e-6, .max = 10, .missing = 0.05},
	{FIELD(x_max), .type = OPTION_REAL, .min = 1e-3, .max = 1e9, .nullable = true},
	{FIELD(tokenizer), .type = OPTION_TEXT},
	{FIELD(stop_words), .type = OPTION_BOOL},
	{FIELD(stemmer), .type = OPTION_TEXT},
	{FIELD(deterministic), .type = OPTION_BOOL, .missing = 1},
	{FIELD(seed), .type = OPTION_BIGINT, .min = -EXACT, .max = EXACT, .missing = 42},
	{FIELD(memory), .type = OPTION_TEXT},
	{FIELD(verbose), .type = OPTION_BOOL, .transient = true},
	{.name = NULL},
};

/* One training on its way. */
typedef struct Training
{
	EmbedOptions options;
	int workers; /* at most: as set when the training began, whatever the source does to the setting */
	PgEnv env;
	EmbedCorpus corpus;
	Subwords subwords;
	int64 *sub_start; /* [words + 1] */
	RadixItem *meetings; /* glove: [pairs] */
	EmbedRegion plan;
	Team *team;
	EmbedRegion *region;
	EmbedModel model;
	EmbedReport report;
	ModelMetric metrics[2];
	int n_metrics;
	ModelDraft draft;
} Training;

/* ---- arguments ---- */

static void
check_options(const EmbedOptions *options)
{
	const char *choice = option_written("method", method_choices[options->method]);
	const char *sampled = "skipgram and cbow";

	if (options->method != GLOVE)
		option_refuse(!isnan(options->x_max), "x_max", choice, "glove");
	else
	{
		option_refuse(options->negatives >= 0, "negatives", choice, sampled);
		option_refuse(options->subwords >= 0, "subwords", choice, sampled);
		option_refuse(options->min_n >= 0, "min_n", choice, sampled);
		option_refuse(options->max_n >= 0, "max_n", choice, sampled);
		option_refuse(options->buckets >= 0, "buckets", choice, sampled);
		option_refuse(!isnan(options->sample), "sample", choice, sampled);
	}
	if (options->subwords == 0)
	{
		option_refuse(options->min_n >= 0, "min_n", "subwords => false", NULL);
		option_refuse(options->max_n >= 0, "max_n", "subwords => false", NULL);
		option_refuse(options->buckets >= 0, "buckets", "subwords => false", NULL);
	}
}

/* What was not given, by method.  What a method has no use for stays NULL, in the stored definition too. */
static void
set_defaults(EmbedOptions *options)
{
	if (options->method == GLOVE)
	{
		option_default_int(&options->epochs, 25);
		option_default(&options->x_max, 100);
		return;
	}
	option_default_int(&options->epochs, 5);
	option_default_int(&options->negatives, 5);
	option_default(&options->sample, 1e-3);
	option_default_int(&options->subwords, 1);
	if (options->subwords == 0)
		return;
	option_default_int(&options->min_n, 3);
	option_default_int(&options->max_n, 6);
	option_default_int(&options->buckets, 2000000);
}

static void
settle_options(Training *training)
{
	EmbedOptions *options = &training->options;
	TokenizerOptions how;

	check_options(options);
	set_defaults(options);
	if (options->min_n > options->max_n)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"max_n\" must be at least \"min_n\", %d, got %d", options->min_n,
							   options->max_n)));
	how = (TokenizerOptions){
		.tokenizer = options->tokenizer, .stop_words = options->stop_words, .stemmer = options->stemmer};
	training->workers = max_parallel_maintenance_workers;
	training->corpus.limit = memory_limit(options->memory);
	training->corpus.tokenizer = tokenizer_create(&how, CurrentMemoryContext);
	env_init(&training->env, CurrentMemoryContext);
	training->corpus.env = &training->env;
}

/* ---- what is to be learned ---- */

static void
mark_subwords(Training *training)
{
	const EmbedOptions *options = &training->options;
	Lexicon words = lexicon_view(&training->corpus.words);
	Subwords *subwords = &training->subwords;
	uint64 blocks = (uint64) subwords_blocks(options->buckets);

	if (options->subwords == 0)
		return;
	*subwords = (Subwords){.min_n = options->min_n, .max_n = options->max_n, .buckets = options->buckets};
	memory_require(memory_add(embed_corpus_bytes(&training->corpus), blocks * 12 + 8 * (uint64) words.n),
				   training->corpus.limit, "marking n-grams");
	training->sub_start = memory_huge((uint64) words.n + 1, sizeof(int64));
	env_check(&training->env,
			  subwords_mark(&training->env.base, subwords, &words, memory_huge(blocks, sizeof(uint64)),
							memory_huge(blocks, sizeof(uint32)), training->sub_start),
			  "marking n-grams");
}

/* GloVe's pairs, in what the limit leaves, though no more than there can be. */
static int64
count_meetings(Training *training)
{
	EmbedCorpus *corpus = &training->corpus;
	Corpus texts = {.words = corpus->words.n,
					.docs = corpus->docs,
					.tokens = corpus->tokens,
					.start = corpus->start,
					.token = corpus->token};
	uint64 held = embed_corpus_bytes(corpus);
	uint64 most = memory_add(memory_mul(corpus->tokens, training->options.window_size), 65536);
	uint64 room = corpus->limit > held ? (corpus->limit - held) / (2 * sizeof(RadixItem)) : 0;
	RadixItem *scratch;
	CoreStatus status;
	int64 n;

	room = Min(room, most);
	memory_require(memory_add(held, 65536 * 2 * sizeof(RadixItem)), corpus->limit,
				   "counting words near each other");
	training->meetings = memory_huge(room, sizeof(RadixItem));
	scratch = memory_huge(room, sizeof(RadixItem));
	status = glove_count(&training->env.base, &texts, training->options.window_size, training->meetings,
						 scratch, (int64) room, &n);
	if (status == CORE_NO_MEMORY)
		memory_require(memory_add(held, memory_mul(room, 4 * sizeof(RadixItem))), corpus->limit,
					   "counting words near each other");
	env_check(&training->env, status, "counting words near each other");
	pfree(scratch);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source has no two words in one text"),
				 errhint("Lower min_count, or give longer texts.")));
	return n;
}

static void
plan_region(Training *training)
{
	const EmbedOptions *options = &training->options;
	EmbedRegion *plan = &training->plan;
	int32 words = training->corpus.words.n;

	*plan = (EmbedRegion){.glove = options->method == GLOVE,
						  .words = words,
						  .docs = training->corpus.docs,
						  .tokens = training->corpus.tokens};
	plan->sgns = (SgnsParams){.dim = options->dim,
							  .window = options->window_size,
							  .negatives = options->negatives,
							  .epochs = options->epochs,
							  .cbow = options->method == CBOW,
							  .learning_rate = (float) options->learning_rate,
							  .sample = options->sample,
							  .seed = (uint64) options->seed};
	plan->counts = (GloveParams){.dim = options->dim,
								 .epochs = options->epochs,
								 .learning_rate = (float) options->learning_rate,
								 .x_max = (float) options->x_max,
								 .seed = (uint64) options->seed};
	if (plan->glove)
		plan->pairs = count_meetings(training);
	else
		mark_subwords(training);
	plan->rows = words + training->subwords.n;
	plan->grams = training->sub_start == NULL ? 0 : training->sub_start[words];
}

/* All that is held at once, asked for before the region is made. */
static void
require_memory(const Training *training, uint64 region_bytes, int workers)
{
	const EmbedRegion *plan = &training->plan;
	uint64 dim = (uint64) training->options.dim;
	uint64 texts =
		memory_add(embed_corpus_bytes(&training->corpus), embed_corpus_order_bytes(&training->corpus));
	uint64 answer = memory_mul(plan->rows, (dim + 1) * sizeof(float));
	uint64 component = memory_mul(dim, 12 * dim + 4096);
	uint64 need = memory_add(region_bytes, memory_mul(embed_member_bytes(plan), (uint64) workers + 1));

	need =
		memory_add(need, Max(texts, memory_add(training->corpus.words.taken, memory_add(answer, component))));
	need = memory_add(need, memory_mul(plan->pairs, sizeof(RadixItem)));
	need = memory_add(need, (uint64) subwords_blocks(training->subwords.buckets) * 12);
	memory_require(need, training->corpus.limit, "training");
}

static void
fill_region(Training *training)
{
	EmbedRegion *region = training->region;
	EmbedCorpus *corpus = &training->corpus;
	Lexicon words = lexicon_view(&corpus->words);

	embed_corpus_order(corpus, (uint64) training->options.seed, embed_region_at(region, region->token),
					   embed_region_at(region, region->start));
	embed_corpus_free(corpus);
	memcpy(embed_region_at(region, region->count), corpus->words.count, sizeof(int64) * region->words);
	if (region->grams > 0)
	{
		memcpy(embed_region_at(region, region->sub_start), training->sub_start,
			   sizeof(int64) * ((Size) region->words + 1));
		env_check(&training->env,
				  subwords_rows(&training->env.base, &training->subwords, &words, region->words,
								embed_region_at(region, region->sub_row)),
				  "placing n-grams");
	}
	if (region->glove)
	{
		env_check(&training->env,
				  glove_pairs(&training->env.base, &region->counts, training->meetings, region->pairs,
							  embed_region_at(region, region->pair)),
				  "ordering pairs");
		pfree(training->meetings);
	}
}

/* Multiplications of all epochs, more or less. */
static double
training_work(const Training *training)
{
	const EmbedOptions *options = &training->options;
	double steps = training->plan.glove ? 4.0 * (double) training->plan.pairs
										: (double) training->plan.tokens * (options->window_size + 1) *
											  (options->negatives + 1);

	return 6.0 * steps * options->epochs * options->dim;
}

static void
training_learn(Training *training)
{
	const EmbedOptions *options = &training->options;
	uint64 bytes;
	int workers;

	progress_phase(PROGRESS_TRAINING, options->epochs);
	embed_corpus_thin(&training->corpus, options->min_count, options->max_words);
	plan_region(training);
	bytes = embed_region_plan(&training->plan);
	workers = options->deterministic ? 0 : Min(team_workers(training_work(training)), training->workers);
	require_memory(training, bytes, workers);
	training->team = team_create(bytes, workers);
	training->region = team_memory(training->team);
	*training->region = training->plan;
	fill_region(training);
	training->env.report = true;
	training->env.verbose = options->verbose;
	training->env.phase = "training";
	training->env.remedy = "Lower learning_rate.";
	team_run(training->team, EMBED_JOB, &training->env, "learning word vectors");
	training->env.report = training->env.verbose = false;
}

/* ---- the answer ---- */

/* Rows of n-grams without what pads them. */
static float *
take_grams(Training *training, const SgnsProblem *problem)
{
	Size dim = (Size) training->options.dim;
	Size stride = (Size) sgns_stride(training->options.dim);
	float *grams = memory_huge(Max(training->subwords.n, 1), dim * sizeof(float));

	for (Size g = 0; g < (Size) training->subwords.n; g++)
	{
		if (g % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		memcpy(grams + g * dim, problem->in + ((Size) problem->corpus.words + g) * stride,
			   sizeof(float) * dim);
	}
	return grams;
}

static void
training_answer(Training *training)
{
	EmbedRegion *region = training->region;
	EmbedModel *model = &training->model;
	Env *env = &training->env.base;
	int32 dim = training->options.dim;
	Corpus corpus = embed_region_corpus(region);
	float *vectors = memory_huge(region->words, sizeof(float) * dim);
	float *norms = memory_huge(region->words, sizeof(float));
	float *component = palloc(sizeof(float) * dim);

	if (region->glove)
	{
		GloveProblem problem = embed_region_glove(region);

		env_check(&training->env, glove_vectors(env, &problem, vectors), "learning word vectors");
	}
	else
	{
		SgnsProblem problem = embed_region_sgns(region);

		env_check(&training->env, sgns_vectors(env, &problem, vectors), "learning word vectors");
		model->grams = take_grams(training, &problem);
	}
	embed_norms(vectors, region->words, dim, norms);
	env_check(&training->env, sif_component(env, &corpus, dim, vectors, component),
			  "finding what texts have in common");
	model->dim = dim;
	model->words = lexicon_view(&training->corpus.words);
	model->count = training->corpus.words.count;
	model->vectors = vectors;
	model->norms = norms;
	model->subwords = training->subwords;
	model->sif = (Sif){.dim = dim, .total = (double) corpus.tokens, .component = component};
	model->tokenizer = training->corpus.tokenizer;
	training->report = (EmbedReport){.documents = region->docs,
									 .tokens = region->tokens,
									 .words = region->words,
									 .subwords = training->subwords.n,
									 .dim = dim};
}

static void
training_measure(Training *training)
{
	const EmbedCorpus *corpus = &training->corpus;
	double kept = (double) training->report.tokens / (double) Max(corpus->tokens_read, 1);

	training->metrics[0] = (ModelMetric){.metric = "coverage",
										 .split = "training words that have a vector",
										 .value = kept,
										 .low = NAN,
										 .high = NAN,
										 .n = corpus->tokens_read};
	training->n_metrics = 1;
	if (isfinite(training->region->loss))
		training->metrics[training->n_metrics++] =
			(ModelMetric){.metric = "loss",
						  .split = training->plan.glove ? "training pairs of the last epoch"
														: "1 in 16 words of the last epoch",
						  .value = training->region->loss,
						  .low = NAN,
						  .high = NAN,
						  .n = -1};
}

Jsonb *
embed_sizes(const EmbedReport *report)
{
	JsonObject sizes;

	json_open(&sizes);
	if (report->documents >= 0)
	{
		json_put_int(&sizes, "documents", report->documents);
		json_put_int(&sizes, "tokens", report->tokens);
	}
	json_put_int(&sizes, "words", report->words);
	json_put_int(&sizes, "subwords", report->subwords);
	json_put_int(&sizes, "dim", report->dim);
	return json_close(&sizes);
}

static ModelVersion *
training_publish(Training *training)
{
	Payload payload = {0};
	ModelVersion *version;

	progress_phase(PROGRESS_WRITING, 0);
	embed_model_write(&training->model, &payload);
	training->draft.kind = EMBED_KIND;
	training->draft.arguments = options_to_jsonb(embed_options, &training->options);
	training->draft.rows_read = training->corpus.rows_read;
	training->draft.rows_skipped = training->corpus.rows_skipped;
	training->draft.sizes = embed_sizes(&training->report);
	training->draft.metrics = training->metrics;
	training->draft.n_metrics = training->n_metrics;
	training->draft.payload = &payload;
	version = registry_publish(&training->draft);
	progress_end();
	return version;
}

static ModelVersion *
training_finish(Training *training)
{
	training_learn(training);
	training_answer(training);
	training_measure(training);
	team_destroy(training->team);
	return training_publish(training);
}

/* ---- the SQL function and the kind ---- */

Datum
embed_report_row(FunctionCallInfo fcinfo, const ModelDraft *draft, const ModelVersion *version,
				 const EmbedReport *report)
{
	Datum values[12];
	bool nulls[12] = {0};
	int i = 0;

	values[i++] = CStringGetTextDatum(draft->model);
	values[i++] = Int32GetDatum(version->version);
	values[i++] = CStringGetTextDatum(EMBED_KIND);
	values[i++] = Int64GetDatum(draft->rows_read);
	values[i++] = Int64GetDatum(draft->rows_skipped);
	nulls[i] = report->documents < 0;
	values[i++] = Int64GetDatum(report->documents);
	nulls[i] = report->documents < 0;
	values[i++] = Int64GetDatum(report->tokens);
	values[i++] = Int64GetDatum(report->words);
	values[i++] = Int64GetDatum(report->subwords);
	values[i++] = Int32GetDatum(report->dim);
	values[i++] = JsonbPGetDatum(registry_metrics_jsonb(draft->metrics, draft->n_metrics));
	values[i++] = Float8GetDatum(draft_seconds(draft));
	return rows_single(fcinfo, values, nulls);
}

PG_FUNCTION_INFO_V1(promoai_embed_train);
Datum
promoai_embed_train(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	Training training = {.draft = draft_of_call(args, true)};
	ModelVersion *version;

	options_from_call(embed_options, args, &training.options);
	settle_options(&training);
	registry_begin(training.draft.model, EMBED_KIND);

	progress_start(training.draft.model);
	embed_corpus_read(training.draft.source, &training.corpus);
	version = training_finish(&training);
	return embed_report_row(fcinfo, &training.draft, version, &training.report);
}

static ModelVersion *
embed_retrain(const Model *model, void (*read_done)(void *arg), void *arg)
{
	Training training = {0};

	if (json_get_string(model->arguments, "method") == NULL)
		return embed_import_again(model, read_done, arg);
	training.draft = draft_of_model(model);
	options_from_jsonb(embed_options, model->arguments, &training.options);
	settle_options(&training);

	progress_start(model->name);
	embed_corpus_read(model->source, &training.corpus);
	read_done(arg);
	return training_finish(&training);
}

void
embed_init(void)
{
	static const ModelKind kind = {
		.name = EMBED_KIND, .retrain = embed_retrain, .load = embed_model_load, .evaluate = embed_evaluate};

	kind_register(&kind);
	embed_team_init();
}
