/*
 * cf_tune.c - settings of a recommender chosen on one part of the rows, reported on another
 *
 * Every combination of the grid learns from the rows before a validation period and is judged by that period; the best one
 * learns from all rows but the test period, which nothing was chosen by, and is judged by that; then it is trained on all rows
 * and published.
 *
 * Trials are kept as metrics of the version that is published, so a call that ran out of its time is taken up again by the
 * next one with the same source, grid or a larger one, and protocol; what was tried on other rows does not count, since the
 * split that stands beside each trial says on which rows it was, and gives their checksum.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/namespace.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/experiment.h"
#include "bridge/progress.h"
#include "bridge/rows.h"
#include "core/crc32c.h"
#include "core/recommend/resample.h"

#define MAX_TRIALS 10000
#define MAX_KEYS 32
#define CHECKSUM_STRETCH (INT64CONST(1) << 20)

typedef struct Trial
{
	const char *kind;
	Jsonb *arguments;
	uint32 hash; /* of the arguments */
	char *words; /* the arguments as text, by which trials are known again */
	bool done;
	MeanInterval figure;
	int32 customers;
	double seconds; /* NaN: of an earlier call */
} Trial;

typedef struct Tuning
{
	const char *model;
	const char *source;
	const char *search_path;
	Trial *trial; /* [n] in the order of the grid, each combination once */
	int n;
	int written; /* combinations of the grid, repeats among them */
	int measure; /* RankMeasure */
	int32 k;
	char *metric; /* ndcg@20 */
	const ExperimentSet *set;
	double max_seconds;
	TimestampTz started;
	Experiment experiment;
	Experiment validation;
	char *split; /* on which rows the trials are judged */
	int best; /* -1: none is done */
	MeanInterval test; /* of the best */
	int32 test_customers;
} Tuning;

/* ---- the grid ---- */

/* One key of a grid and its values. */
typedef struct GridKey
{
	char *name;
	JsonbValue *value; /* [n] */
	int n;
} GridKey;

static void
grid_error(const char *detail)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument \"grid\" is not a grid of arguments"),
		 errdetail_internal("%s", detail),
		 errhint(
			 "Such as {\"method\": \"ease\", \"regularization\": [50, 100, 200]}, or an array of such.")));
}

static bool
is_plain(const JsonbValue *value)
{
	return value->type == jbvString || value->type == jbvNumeric || value->type == jbvBool;
}

/* The values of one key: a plain value, or an array of such. */
static void
read_values(JsonbValue *value, GridKey *key)
{
	JsonbIterator *iterator;
	JsonbValue element;
	JsonbIteratorToken token;

	key->value = palloc(sizeof(JsonbValue));
	key->n = 0;
	if (is_plain(value))
	{
		key->value[key->n++] = *value;
		return;
	}
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		grid_error(psprintf("\"%s\" must be a string, a number, a boolean or an array of such.", key->name));
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (!is_plain(&element))
			grid_error(
				psprintf("\"%s\" holds something else than strings, numbers and booleans.", key->name));
		key->value = repalloc(key->value, sizeof(JsonbValue) * (key->n + 1));
		key->value[key->n++] = element;
	}
	if (key->n == 0)
		grid_error(psprintf("\"%s\" has no values.", key->name));
}

static int
read_keys(JsonbContainer *object, GridKey *keys)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbValue value;
	JsonbIteratorToken token;
	int n = 0;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			if (n == MAX_KEYS)
				grid_error(psprintf("There are more than %d keys.", MAX_KEYS));
			keys[n].name = pnstrdup(value.val.string.val, value.val.string.len);
		}
		else if (token == WJB_VALUE)
			read_values(&value, &keys[n++]);
	}
	return n;
}

static bool
value_is(const JsonbValue *value, const char *string)
{
	return value->type == jbvString && value->val.string.len == (int) strlen(string) &&
		   strncmp(value->val.string.val, string, value->val.string.len) == 0;
}

/* Is the combination there already?  Numbers are compared by value, so that 7 and 7.0 are one. */
static bool
has_trial(const Tuning *tuning, const Trial *trial)
{
	for (int t = 0; t < tuning->n; t++)
	{
		const Trial *other = &tuning->trial[t];

		if (other->hash == trial->hash && other->kind == trial->kind &&
			compareJsonbContainers(&other->arguments->root, &trial->arguments->root) == 0)
			return true;
	}
	return false;
}

/*
 * The combination whose values stand at `at` [n], unless it was there before: {"method": "mf"} means mf_train, which has no
 * such argument.
 */
static void
add_trial(Tuning *tuning, const GridKey *keys, const int *at, int n)
{
	JsonbParseState *state = NULL;
	Trial trial = {.kind = "cf", .seconds = NAN};

	CHECK_FOR_INTERRUPTS();
	if (tuning->written++ == MAX_TRIALS)
		grid_error(psprintf("It has more than %d combinations.", MAX_TRIALS));
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < n; i++)
	{
		JsonbValue name = {.type = jbvString,
						   .val.string = {.len = (int) strlen(keys[i].name), .val = keys[i].name}};
		JsonbValue value = keys[i].value[at[i]];

		if (strcmp(keys[i].name, "method") == 0 && value_is(&value, "mf"))
		{
			trial.kind = "mf";
			continue;
		}
		pushJsonbValue(&state, WJB_KEY, &name);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	trial.arguments = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	trial.hash = DatumGetUInt32(DirectFunctionCall1(jsonb_hash, JsonbPGetDatum(trial.arguments)));
	if (has_trial(tuning, &trial))
		return;
	trial.words = JsonbToCString(NULL, &trial.arguments->root, VARSIZE(trial.arguments));
	kind_find(trial.kind)->check(trial.arguments);
	tuning->trial = repalloc_huge(tuning->trial, sizeof(Trial) * ((Size) tuning->n + 1));
	tuning->trial[tuning->n++] = trial;
}

static void
require_method(const GridKey *keys, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(keys[i].name, "method") == 0)
			return;
	grid_error("It lacks the key \"method\".");
}

/* All combinations of one object, the last key running fastest. */
static void
read_object(Tuning *tuning, JsonbContainer *object)
{
	GridKey keys[MAX_KEYS];
	int at[MAX_KEYS] = {0};
	int n = read_keys(object, keys);
	int place = n;

	require_method(keys, n);
	while (place >= 0)
	{
		add_trial(tuning, keys, at, n);
		for (place = n - 1; place >= 0; place--)
		{
			if (++at[place] < keys[place].n)
				break;
			at[place] = 0;
		}
	}
}

static void
read_grid(Tuning *tuning, Jsonb *grid)
{
	JsonbIterator *iterator;
	JsonbValue element;
	JsonbIteratorToken token;

	tuning->trial = palloc(sizeof(Trial));
	if (JB_ROOT_IS_OBJECT(grid))
		read_object(tuning, &grid->root);
	else if (JB_ROOT_IS_ARRAY(grid) && !JB_ROOT_IS_SCALAR(grid))
	{
		iterator = JsonbIteratorInit(&grid->root);
		while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
		{
			if (token != WJB_ELEM)
				continue;
			if (element.type != jbvBinary || !JsonContainerIsObject(element.val.binary.data))
				grid_error("An array must hold objects.");
			read_object(tuning, element.val.binary.data);
		}
	}
	if (tuning->n == 0)
		grid_error("There is nothing to try.");
	for (int t = 1; t < tuning->n; t++)
		if (strcmp(tuning->trial[t].kind, tuning->trial[0].kind) != 0)
			grid_error("A model is of one kind: mf and the other methods cannot be mixed.");
}

/* ---- arguments ---- */

enum
{
	TARGETS_ALL,
	TARGETS_NEW,
	TARGETS_REPEATS
};

static const ExperimentSet tuning_sets[] = {[TARGETS_ALL] = {"all", JUDGE_ALL, false},
											[TARGETS_NEW] = {"new", JUDGE_NEW, true},
											[TARGETS_REPEATS] = {"repeats", JUDGE_REPEATS, false}};

/* Of customers held out only what was not shown is to be found: nothing is a repeat, and what was shown is no answer. */
static int32
settle_targets(int32 targets, ProtocolKind protocol)
{
	if (protocol != PROTOCOL_STRONG_GENERALIZATION)
		return Max(targets, TARGETS_ALL);
	if (targets == TARGETS_ALL || targets == TARGETS_REPEATS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("targets => '%s' makes no sense with protocol => 'strong_generalization'",
							   tuning_sets[targets].name),
						errdetail("It has only targets => 'new': what was not shown is to be found.")));
	return TARGETS_NEW;
}

static void
read_aim(Tuning *tuning, const Args *args)
{
	static const char *const sets[] = {
		[TARGETS_ALL] = "all", [TARGETS_NEW] = "new", [TARGETS_REPEATS] = "repeats", NULL};
	static const char *const measures[RANK_MEASURES + 1] = {"precision", "recall", "ndcg", "map",
															"hit_rate",  "mrr",    NULL};
	struct
	{
		int32 targets;
		int32 metric;
		double max_seconds;
	} aim;
	const Option options[] = {
		{"targets", OPTION_CHOICE, (char *) &aim.targets - (char *) &aim, .choices = sets, .nullable = true},
		{"metric", OPTION_CHOICE, (char *) &aim.metric - (char *) &aim, .choices = measures},
		{"max_seconds", OPTION_REAL, (char *) &aim.max_seconds - (char *) &aim, .min = 1, .max = 1e7},
		{NULL}};

	options_from_call(options, args, &aim);
	tuning->set = &tuning_sets[settle_targets(aim.targets, tuning->experiment.protocol.kind)];
	tuning->measure = aim.metric;
	tuning->max_seconds = aim.max_seconds;
	tuning->k = args_int(args, "k", 1, 1000);
	tuning->metric = psprintf("%s@%d", measures[aim.metric], tuning->k);
}

/* ---- trials ---- */

static double
seconds_since(TimestampTz began)
{
	return (double) (GetCurrentTimestamp() - began) / USECS_PER_SEC;
}

static uint32
checksum_of(uint32 checksum, const void *array, int64 n, Size width)
{
	for (int64 at = 0; array != NULL && at < n; at += CHECKSUM_STRETCH)
	{
		CHECK_FOR_INTERRUPTS();
		checksum = crc32c(checksum, (const char *) array + at * width, Min(n - at, CHECKSUM_STRETCH) * width);
	}
	return checksum;
}

/*
 * The rows that trials are judged on, so that those of another source are told apart.  Indices stand for ids: by which names
 * customers and items go does not change a figure.
 */
static char *
describe_rows(const Tuning *tuning)
{
	const Interactions *rows = &tuning->validation.all;
	uint32 checksum = checksum_of(0, rows->coo.row, rows->coo.n, sizeof(int32));

	checksum = checksum_of(checksum, rows->coo.col, rows->coo.n, sizeof(int32));
	checksum = checksum_of(checksum, rows->coo.value, rows->coo.n, sizeof(float));
	checksum = checksum_of(checksum, rows->time, rows->coo.n, sizeof(int64));
	return psprintf("%s, " INT64_FORMAT " rows, checksum %08x, targets %s",
					experiment_words(&tuning->validation), rows->coo.n, checksum, tuning->set->name);
}

/* Learn by a combination from one part, judged by the other. */
static void
run_trial(Tuning *tuning, const Trial *trial, Experiment *experiment, MeanInterval *figure, int32 *customers)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "promoai trial", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	Model definition = {.name = (char *) tuning->model,
						.kind = (char *) trial->kind,
						.source = (char *) tuning->source,
						.search_path = (char *) tuning->search_path,
						.arguments = trial->arguments};
	const Recommender *model =
		kind_find(trial->kind)->fit(&definition, &experiment->train, tuning->experiment.fit_limit, scratch);
	const double *values[1];
	Judged judged;

	if (model->methods->rated)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("lists of models of ratings are not tuned"),
				 errhint("promoai.mf_train gives the error of its predictions on a holdout.")));
	experiment_judge(experiment, model, tuning->set, &tuning->k, 1, &judged);
	values[0] = judged.measure[0][tuning->measure];
	env_check(&experiment->env,
			  resample_means(&experiment->env.base, values, 1, judged.n, experiment->protocol.seed, figure),
			  "resampling customers");
	*customers = judged.n;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

/* How a trial is called among the metrics of the version. */
static char *
trial_split(const Tuning *tuning, const Trial *trial)
{
	return psprintf("%s; tried with %s", tuning->split, trial->words);
}

/* Trials of an earlier call on the same rows. */
static void
recall_trials(Tuning *tuning)
{
	Model *model = registry_may(tuning->model, MODEL_OWN) ? registry_open(tuning->model, MODEL_OWN) : NULL;
	char *name = psprintf("validation_%s", tuning->metric);
	ModelMetric *metrics;
	int n;

	if (model == NULL || !model->published)
		return;
	metrics = registry_metrics(registry_version(model, 0), &n);
	for (int t = 0; t < tuning->n; t++)
	{
		Trial *trial = &tuning->trial[t];
		char *split = trial_split(tuning, trial);

		for (int m = 0; m < n && !trial->done; m++)
		{
			if (strcmp(metrics[m].metric, name) != 0 || strcmp(metrics[m].split, split) != 0)
				continue;
			trial->done = true;
			trial->figure =
				(MeanInterval){.mean = metrics[m].value, .low = metrics[m].low, .high = metrics[m].high};
			trial->customers = (int32) metrics[m].n;
		}
	}
}

/* Trials until all are done or the next one, the test and the last training, each as long as the longest so far, would not end in time. */
static void
run_trials(Tuning *tuning)
{
	double longest = 0;

	for (int t = 0; t < tuning->n; t++)
	{
		Trial *trial = &tuning->trial[t];
		TimestampTz began = GetCurrentTimestamp();

		CHECK_FOR_INTERRUPTS();
		if (trial->done)
			continue;
		if (tuning->best >= 0 && seconds_since(tuning->started) + 3 * longest > tuning->max_seconds)
			break;
		run_trial(tuning, trial, &tuning->validation, &trial->figure, &trial->customers);
		trial->done = true;
		trial->seconds = seconds_since(began);
		longest = Max(longest, trial->seconds);
		progress_step(t + 1, NAN);
		tuning->best = Max(tuning->best, 0);
	}
	tuning->best = -1;
	for (int t = 0; t < tuning->n; t++)
		if (tuning->trial[t].done && !isnan(tuning->trial[t].figure.mean) &&
			(tuning->best < 0 || tuning->trial[t].figure.mean > tuning->trial[tuning->best].figure.mean))
			tuning->best = t;
	if (tuning->best < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the validation part has no customer to judge by"),
						errdetail("The parts: %s.", tuning->split)));
}

/* ---- publishing ---- */

static void
nothing_to_do(void *arg)
{
}

/* A combination's arguments with the memory that the call allows, unless they speak of memory themselves. */
static Jsonb *
with_memory(const Tuning *tuning, const Trial *trial)
{
	const char *memory = tuning->experiment.memory;
	JsonbParseState *state = NULL;
	JsonbIterator *iterator = JsonbIteratorInit(&trial->arguments->root);
	JsonbIteratorToken token;
	JsonbValue name = {.type = jbvString, .val.string = {.len = strlen("memory"), .val = "memory"}};
	JsonbValue value;

	if (memory == NULL || findJsonbValueFromContainer(&trial->arguments->root, JB_FOBJECT, &name) != NULL)
		return trial->arguments;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) == WJB_KEY || token == WJB_VALUE)
		pushJsonbValue(&state, token, &value);
	pushJsonbValue(&state, WJB_KEY, &name);
	value =
		(JsonbValue){.type = jbvString, .val.string = {.len = (int) strlen(memory), .val = (char *) memory}};
	pushJsonbValue(&state, WJB_VALUE, &value);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* The best combination, trained on all rows, with all trials and the test among its metrics. */
static void
publish_best(Tuning *tuning)
{
	const Trial *best = &tuning->trial[tuning->best];
	ModelMetric *metrics = palloc(sizeof(ModelMetric) * ((Size) tuning->n + 1));
	Model definition = {.name = (char *) tuning->model,
						.kind = (char *) best->kind,
						.source = (char *) tuning->source,
						.search_path = (char *) tuning->search_path,
						.arguments = with_memory(tuning, best)};
	char *name = psprintf("validation_%s", tuning->metric);
	ModelVersion *version;
	int n = 0;

	for (int t = 0; t < tuning->n; t++)
	{
		const Trial *trial = &tuning->trial[t];

		if (trial->done)
			metrics[n++] = (ModelMetric){.metric = name,
										 .split = trial_split(tuning, trial),
										 .value = trial->figure.mean,
										 .low = trial->figure.low,
										 .high = trial->figure.high,
										 .n = trial->customers};
	}
	metrics[n++] = (ModelMetric){.metric = psprintf("test_%s", tuning->metric),
								 .split = experiment_words(&tuning->experiment),
								 .value = tuning->test.mean,
								 .low = tuning->test.low,
								 .high = tuning->test.high,
								 .n = tuning->test_customers};
	version = kind_find(best->kind)->retrain(&definition, nothing_to_do, NULL);
	registry_add_metrics(version, metrics, n);
}

/* Rows (trial, arguments, metric, value, low, high, customers, seconds, selected, test_value, test_low, test_high). */
static void
put_trials(FunctionCallInfo fcinfo, const Tuning *tuning)
{
	ReturnSetInfo *rows = rows_open(fcinfo);

	for (int t = 0; t < tuning->n; t++)
	{
		const Trial *trial = &tuning->trial[t];
		bool selected = t == tuning->best;
		Datum values[12] = {0};
		bool nulls[12] = {0};

		values[0] = Int32GetDatum(t + 1);
		values[1] = JsonbPGetDatum(trial->arguments);
		values[2] = CStringGetTextDatum(tuning->metric);
		values[3] = Float8GetDatum(trial->figure.mean);
		values[4] = Float8GetDatum(trial->figure.low);
		values[5] = Float8GetDatum(trial->figure.high);
		values[6] = Int32GetDatum(trial->customers);
		values[7] = Float8GetDatum(trial->seconds);
		values[8] = BoolGetDatum(selected);
		values[9] = Float8GetDatum(tuning->test.mean);
		values[10] = Float8GetDatum(tuning->test.low);
		values[11] = Float8GetDatum(tuning->test.high);
		for (int i = 3; i < 12; i++)
			nulls[i] =
				i != 6 && i != 8 && (isnan(DatumGetFloat8(values[i])) || (i < 9 ? !trial->done : !selected));
		nulls[6] = !trial->done;
		rows_put(rows, values, nulls);
	}
}

/* What is left for another call. */
static void
tell_left(const Tuning *tuning)
{
	int done = 0;

	for (int t = 0; t < tuning->n; t++)
		done += tuning->trial[t].done;
	if (done < tuning->n)
		ereport(NOTICE, (errmsg("%d of %d trials done within max_seconds", done, tuning->n),
						 errhint("The same call again goes on with the others.")));
}

/*
 * cf_tune(model, source, grid, protocol, from_time, test_days, test_share, targets, metric, k, max_seconds, seed, memory)
 *		-> (trial, arguments, metric, value, low, high, customers, seconds, selected, test_value, test_low, test_high)
 */
PG_FUNCTION_INFO_V1(promoai_cf_tune);
Datum
promoai_cf_tune(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	Tuning tuning = {.model = args_text(args, "model"),
					 .source = args_text(args, "source"),
					 .search_path = pstrdup(namespace_search_path),
					 .started = GetCurrentTimestamp(),
					 .best = -1};

	experiment_open(&tuning.experiment, args);
	read_aim(&tuning, args);
	if (tuning.experiment.protocol.kind == PROTOCOL_SAMPLED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("protocol => 'sampled' is for comparison with papers; nothing is chosen by it")));
	read_grid(&tuning, DatumGetJsonbP(args_datum(args, "grid", NULL)));
	PreventCommandDuringRecovery("cf_tune()");
	registry_begin(tuning.model, tuning.trial[0].kind);

	progress_start(tuning.model);
	tuning.experiment.models = 1;
	tuning.experiment.judged = JUDGE_MEASURES;
	experiment_read(&tuning.experiment, tuning.source);
	experiment_validation(&tuning.experiment, &tuning.validation);
	tuning.split = describe_rows(&tuning);
	recall_trials(&tuning);
	progress_phase(PROGRESS_EVALUATING, tuning.n);
	run_trials(&tuning);
	run_trial(&tuning, &tuning.trial[tuning.best], &tuning.experiment, &tuning.test, &tuning.test_customers);
	publish_best(&tuning);
	tell_left(&tuning);
	put_trials(fcinfo, &tuning);
	return (Datum) 0;
}
