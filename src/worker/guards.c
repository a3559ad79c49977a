/*
 * guards.c - what may speak against publishing
 *
 * Before training the source is read once, if something wants to know: how many rows there are, what share of each column is
 * NULL, how numbers lie against the deciles and the frequent values of the last published run (population stability index),
 * how many of the ids are new since then (core/drift.h).  What it looked like is kept with the schedule when the run ends in
 * a publication.
 *
 * After training the version that was written is compared with the published one (champion and challenger) on rows that
 * neither was trained on.  The challenger learns from all rows, so there are two ways:
 *
 *   - a validation source that the user names, and promises that no model is trained on: both versions are scored on it;
 *   - the newest period of the model's own source.  Rows later than the champion's training are new to it; the later half
 *     of that time (or `holdout`) is held out, and another model is trained by the same definition on the rows before it, held
 *     in memory and thrown away.  It is this one that stands for the challenger.  That costs a second training.  Where the source
 *     has no time and its rows stand each for itself (customers to be put into segments), a fifth of them is held out
 *     instead.
 *
 * Both are scored by the kind's evaluate, case by case, on the same cases, and compared by a one-sided paired t test: the
 * challenger is held back when it is worse by more than the tolerance at the 5 % level.  A kind that tells no cases is
 * compared by the standard errors of its metric.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "bridge/compat.h"
#include "bridge/source.h"
#include "core/drift.h"
#include "core/stats.h"
#include "model/cache.h"
#include "model/kind.h"
#include "worker/worker.h"

#define LEVEL 0.05 /* of the test */
#define INTERVAL_ERRORS 3.919928 /* standard errors in a 95 % interval */
#define ID_COLUMNS 2 /* integers that stand this far in front are ids */

/* ---- what was found lives as long as the job ---- */

static void
check_int(Job *job, const char *name, int64 value)
{
	MemoryContext caller = MemoryContextSwitchTo(job->memory);

	json_put_int(&job->checks, name, value);
	MemoryContextSwitchTo(caller);
}

static void
check_real(Job *job, const char *name, double value)
{
	MemoryContext caller = MemoryContextSwitchTo(job->memory);

	json_put_real(&job->checks, pstrdup(name), value);
	MemoryContextSwitchTo(caller);
}

static void
check_string(Job *job, const char *name, const char *value)
{
	MemoryContext caller = MemoryContextSwitchTo(job->memory);

	json_put_string(&job->checks, pstrdup(name), pstrdup(value));
	MemoryContextSwitchTo(caller);
}

static void
check_bool(Job *job, const char *name, bool value)
{
	MemoryContext caller = MemoryContextSwitchTo(job->memory);

	json_put_bool(&job->checks, name, value);
	MemoryContextSwitchTo(caller);
}

/* ---- looking at a source ---- */

typedef struct ColumnLook
{
	char *name;
	int64 nulls;
	DriftIds *ids; /* NULL: it has none; and so on */
	DriftNumbers *numbers;
} ColumnLook;

typedef struct SourceLook
{
	SourceReader reader;
	ColumnLook *columns; /* [n] */
	int n;
	int64 rows;
	char *time; /* name of the last column that is a time; NULL: none */
} SourceLook;

static SourceKind
look_kind(const SourceField *field, int place)
{
	IdKind kind;

	if (id_kind_of_type(field->type, &kind) && (kind != ID_INTEGER || place < ID_COLUMNS))
		return SOURCE_HASH;
	return source_accepts(SOURCE_LEVEL, field->type) ? SOURCE_LEVEL : SOURCE_ANY;
}

static void
look_row(void *arg, const SourceValue *values)
{
	SourceLook *look = arg;

	for (int c = 0; c < look->n; c++)
	{
		ColumnLook *column = &look->columns[c];

		if (look->reader.nulls[c])
			column->nulls++;
		else if (column->ids != NULL)
			drift_add_id(column->ids, values[c].hash);
		else if (column->numbers != NULL && isfinite(values[c].number))
			drift_add_number(column->numbers, values[c].number);
	}
	look->rows++;
}

/* Read the source; only counting rows where `count_only`. */
static void
look_at(SourceLook *look, const char *source, bool count_only)
{
	SourceField *fields = source_describe(source, &look->n);

	look->columns = palloc0(sizeof(ColumnLook) * Max(look->n, 1));
	look->rows = 0;
	look->reader = (SourceReader){.columns = palloc0(sizeof(SourceColumn) * Max(look->n, 1)),
								  .n_columns = look->n,
								  .memory = CurrentMemoryContext,
								  .row = look_row,
								  .arg = look};
	for (int c = 0; c < look->n; c++)
	{
		SourceKind kind = count_only ? SOURCE_ANY : look_kind(&fields[c], c);

		look->columns[c].name = pstrdup(fields[c].name);
		if (kind == SOURCE_HASH)
			look->columns[c].ids = palloc0(sizeof(DriftIds));
		if (kind == SOURCE_LEVEL)
			look->columns[c].numbers = palloc0(sizeof(DriftNumbers));
		look->reader.columns[c] =
			(SourceColumn){.name = fields[c].name, .kind = kind, .nullable = true, .any_value = true};
	}
	source_read(source, &look->reader);
}

/* ---- what it looked like, kept as flat jsonb: "2.ids", "3.shape" and the like, by column ---- */

static char *
hashes_to_text(const DriftIds *ids)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int32 i = 0; i < ids->n; i++)
		appendStringInfo(&text, UINT64_FORMAT " ", ids->hash[i]);
	return text.data;
}

static void
hashes_from_text(char *text, DriftIds *ids)
{
	char *rest = NULL;

	for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
		drift_add_id(ids, strtou64(word, NULL, 10));
}

/* In digits that read back as the same double under any extra_float_digits: a cut may be one value and no other. */
static char *
shape_to_text(const DriftShape *shape)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < shape->deciles.cuts; i++)
		appendStringInfo(&text, "%.17g ", shape->deciles.cut[i]);
	for (int i = 0; i <= shape->deciles.cuts; i++)
		appendStringInfo(&text, "%.17g ", shape->share[i]);
	return text.data;
}

/* An odd count of numbers: cuts, and one share more.  Of earlier versions each cut stands once. */
static bool
shape_from_text(char *text, DriftShape *shape)
{
	double numbers[DECILE_CUTS + DECILE_BINS];
	int n = 0;
	char *rest = NULL;

	for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
	{
		if (n == lengthof(numbers))
			return false;
		numbers[n++] = compat_float8in(word, NULL, "double precision", word);
	}
	if (n % 2 == 0)
		return false;
	shape->deciles.cuts = n / 2;
	memcpy(shape->deciles.cut, numbers, sizeof(double) * shape->deciles.cuts);
	memcpy(shape->share, numbers + shape->deciles.cuts, sizeof(double) * (shape->deciles.cuts + 1));
	return drift_shape_valid(shape);
}

/* By which a source is known again. */
static char *
source_mark(const char *source)
{
	return psprintf(UINT64_FORMAT,
					hash_bytes_extended((const unsigned char *) source, (int) strlen(source), 0));
}

static Jsonb *
look_to_jsonb(SourceLook *look, const char *source)
{
	JsonObject object;

	json_open(&object);
	json_put_string(&object, "source", source_mark(source));
	json_put_int(&object, "rows", look->rows);
	for (int c = 0; c < look->n; c++)
	{
		ColumnLook *column = &look->columns[c];
		DriftShape shape;

		json_put_string(&object, psprintf("%d.name", c + 1), column->name);
		json_put_int(&object, psprintf("%d.nulls", c + 1), column->nulls);
		if (column->ids != NULL)
			json_put_string(&object, psprintf("%d.ids", c + 1), hashes_to_text(column->ids));
		if (column->numbers != NULL && drift_shape(column->numbers, &shape))
			json_put_string(&object, psprintf("%d.shape", c + 1), shape_to_text(&shape));
	}
	return json_close(&object);
}

/* ---- input guards ---- */

/* The largest of the columns' figures. */
typedef struct Worst
{
	double value; /* NaN: none */
	const char *column;
} Worst;

static void
worst_of(Worst *worst, double value, const char *column)
{
	if (!isnan(value) && !(value <= worst->value))
		*worst = (Worst){value, column};
}

/* Where a column of that name stood, counted from 1; 0: there was none.  Of several of one name the one at its own place. */
static int
place_before(Jsonb *before, const char *name, int own)
{
	char *then = json_get_string(before, psprintf("%d.name", own));

	if (then != NULL && strcmp(then, name) == 0)
		return own;
	for (int place = 1; (then = json_get_string(before, psprintf("%d.name", place))) != NULL; place++)
		if (strcmp(then, name) == 0)
			return place;
	return 0;
}

static void
find_worst(const SourceLook *look, Jsonb *before, Worst *nulls, Worst *drift, Worst *unseen)
{
	for (int c = 0; c < look->n; c++)
	{
		const ColumnLook *column = &look->columns[c];
		int place = before == NULL ? 0 : place_before(before, column->name, c + 1);
		char *ids = place == 0 ? NULL : json_get_string(before, psprintf("%d.ids", place));
		char *shape_text = place == 0 ? NULL : json_get_string(before, psprintf("%d.shape", place));
		DriftShape shape;

		if (look->rows > 0)
			worst_of(nulls, (double) column->nulls / look->rows, column->name);
		if (column->ids != NULL && ids != NULL)
		{
			DriftIds *then = palloc0(sizeof(DriftIds));

			hashes_from_text(ids, then);
			worst_of(unseen, drift_unseen(then, column->ids), column->name);
		}
		if (column->numbers != NULL && shape_text != NULL && shape_from_text(shape_text, &shape))
			worst_of(drift, drift_index(&shape, column->numbers), column->name);
	}
}

static void
put_worst(Job *job, const char *what, const Worst *worst)
{
	if (worst->column == NULL)
		return;
	check_real(job, what, worst->value);
	check_string(job, psprintf("%s_column", what), worst->column);
}

/* A verdict lives as long as the job; the first one stands. */
static void pg_attribute_printf(2, 3) verdict(Job *job, const char *format, ...)
{
	StringInfoData text;
	MemoryContext caller = MemoryContextSwitchTo(job->memory);

	initStringInfo(&text);
	for (;;)
	{
		va_list args;
		int needed;

		va_start(args, format);
		needed = appendStringInfoVA(&text, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&text, needed);
	}
	MemoryContextSwitchTo(caller);
	if (job->verdict == NULL)
		job->verdict = text.data;
}

/* What the source looked like; NULL where it was another source, which has nothing to say about this one. */
static Jsonb *
profile_of(const Job *job)
{
	Jsonb *profile = job->schedule->profile;
	char *mark = profile == NULL ? NULL : json_get_string(profile, "source");

	return mark != NULL && strcmp(mark, source_mark(job->model->source)) == 0 ? profile : NULL;
}

static void
hold_to_limits(Job *job, const SourceLook *look)
{
	const GuardOptions *guards = &job->guards;
	Worst nulls = {.value = NAN};
	Worst drift = {.value = NAN};
	Worst unseen = {.value = NAN};

	find_worst(look, profile_of(job), &nulls, &drift, &unseen);
	put_worst(job, "null_share", &nulls);
	put_worst(job, "drift", &drift);
	put_worst(job, "unseen", &unseen);
	job->drift = drift.value;
	if (nulls.value > guards->max_null_share)
		verdict(job, "%.3g of column \"%s\" is NULL, more than max_null_share %.3g", nulls.value,
				nulls.column, guards->max_null_share);
	if (drift.value > guards->max_drift)
		verdict(
			job,
			"column \"%s\" has drifted since the last published run: population stability index %.3g, more than"
			" max_drift %.3g",
			drift.column, drift.value, guards->max_drift);
	if (unseen.value > guards->max_unseen)
		verdict(
			job,
			"%.3g of the ids in column \"%s\" are new since the last published run, more than max_unseen %.3g",
			unseen.value, unseen.column, guards->max_unseen);
}

/* A limit that is NaN is above nothing. */
static void
hold_to_rows(Job *job, int64 rows, const ModelVersion *champion)
{
	check_int(job, "rows", rows);
	if (champion == NULL)
		return;
	check_int(job, "rows_before", champion->rows_read);
	if ((double) rows < job->guards.min_rows_ratio * (double) champion->rows_read)
		verdict(job,
				"the source has " INT64_FORMAT " rows, less than min_rows_ratio %.3g of the " INT64_FORMAT
				" that version %d was trained on",
				rows, job->guards.min_rows_ratio, champion->rows_read, champion->version);
}

static bool
is_old(const Job *job, const ModelVersion *champion)
{
	Datum limit;

	if (job->schedule->max_age == NULL)
		return false;
	limit = DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(GetCurrentTimestamp()),
								IntervalPGetDatum(job->schedule->max_age));
	return champion->trained_at <= DatumGetTimestampTz(limit);
}

static void
skip(Job *job, const char *reason)
{
	verdict(job, "%s", reason);
	job->skip = true;
}

/* Nothing to be done: the published version is young enough, and there is not enough that is new. */
static void
look_for_new(Job *job, const ModelVersion *champion, int64 rows)
{
	const Schedule *schedule = job->schedule;

	if (champion == NULL || is_old(job, champion))
		return;
	if (schedule->min_new_rows >= 0 && rows - champion->rows_read < schedule->min_new_rows)
		skip(job, psprintf("the source has " INT64_FORMAT
						   " rows more than version %d was trained on; min_new_rows is " INT64_FORMAT,
						   rows - champion->rows_read, champion->version, schedule->min_new_rows));
	else if (schedule->min_new_rows < 0 && schedule->max_age != NULL)
		skip(job, psprintf("version %d is younger than max_age", champion->version));
}

void
guard_look(Job *job)
{
	const GuardOptions *guards = &job->guards;
	const ModelVersion *champion = job->model->published ? registry_version(job->model, 0) : NULL;
	bool limits = !isnan(guards->max_null_share) || !isnan(guards->max_drift) || !isnan(guards->max_unseen);
	bool count = job->schedule->min_new_rows >= 0 && champion != NULL && !is_old(job, champion);
	SourceLook look;
	MemoryContext caller;

	if ((!limits && !count) || job->model->source[0] == '\0')
	{
		look_for_new(job, champion, 0);
		return;
	}
	job->owner = registry_enter_owner(job->model);
	look_at(&look, job->model->source, !limits);
	registry_leave_owner(job->owner);
	look_for_new(job, champion, look.rows);
	if (job->verdict != NULL)
		return;
	hold_to_rows(job, look.rows, champion);
	if (!limits)
		return;
	hold_to_limits(job, &look);
	caller = MemoryContextSwitchTo(job->memory);
	job->profile = look_to_jsonb(&look, job->model->source);
	MemoryContextSwitchTo(caller);
}

/* ---- champion and challenger ---- */

/* What both are scored on. */
typedef struct Ring
{
	char *source;
	char *known; /* what is known already; NULL: nothing */
	char *search_path;
	char *
		before; /* what the challenger that is judged learns from; NULL: it is the version that was written */
	char *words;
} Ring;

/* Cannot be compared: a remark, or a verdict where comparing is demanded. */
static void
not_compared(Job *job, char *why)
{
	if (job->schedule->guard == GUARD_COMPARE)
		verdict(job, "not compared: %s", why);
	else
		job->remark = MemoryContextStrdup(job->memory, psprintf("not compared: %s", why));
}

static char *
last_time_column(const char *source)
{
	int n;
	SourceField *fields = source_describe(source, &n);
	char *name = NULL;

	for (int i = 0; i < n; i++)
		if (source_accepts(SOURCE_TIME, fields[i].type))
			name = pstrdup(fields[i].name);
	return name;
}

/* From when on rows are held out: they must be new to the champion, and some that are new to it are to be learned from. */
static TimestampTz
cut_of(const Job *job, const ModelVersion *champion)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz cut;

	if (job->schedule->holdout == NULL)
		return champion->trained_at + (now - champion->trained_at) / 2;
	cut = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(now),
												  IntervalPGetDatum(job->schedule->holdout)));
	return Max(cut, champion->trained_at);
}

/* A part of the model's own source; false when there is nothing to compare on. */
static bool
ring_of_source(Job *job, const ModelVersion *champion, Ring *ring)
{
	const char *source = job->model->source;
	char *column = source[0] == '\0' ? NULL : last_time_column(source); /* mixtures may have no source */
	TimestampTz cut = cut_of(job, champion);
	SourceLook look;

	*ring = (Ring){.search_path = job->model->search_path};
	if (column != NULL)
	{
		ring->source = source_split(source, column, cut, true);
		ring->known = ring->before = source_split(source, column, cut, false);
		ring->words = psprintf("rows after %s", timestamptz_to_str(cut));
	}
	else if (source[0] != '\0' && kind_find(job->model->kind)->compared_by_draw)
	{
		ring->source = source_draw(source, true);
		ring->before = source_draw(source, false);
		ring->words = "drawn rows, a fifth of all";
	}
	else
	{
		not_compared(job, "the source has no time, and no validation source is named");
		return false;
	}
	look_at(&look, ring->source, true);
	if (look.rows > 0)
		return true;
	not_compared(job, psprintf("there are no %s", ring->words));
	return false;
}

/* The definition, learning from other rows, without a holdout of its own. */
static Model
definition_on(const Job *job, char *source)
{
	Model model = *job->model;
	Jsonb *none;
	JsonObject object;

	json_open(&object);
	json_put_int(&object, "holdout", 0);
	none = json_close(&object);
	model.source = source;
	model.arguments =
		DatumGetJsonbP(DirectFunctionCall2(jsonb_concat,
										   DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(model.arguments),
															   CStringGetTextDatum("holdout_after")),
										   JsonbPGetDatum(none)));
	return model;
}

/* Trained in memory only.  On the way the transaction ends and another begins. */
static LoadedModel *
train_stand_in(Job *job, char *source)
{
	Model model = definition_on(job, source);
	PublishTo to = {.mode = PUBLISH_NOWHERE, .memory = CurrentMemoryContext};

	job->owner = registry_enter_owner(&model);
	registry_direct(&to);
	(void) kind_find(model.kind)->retrain(&model, job_read_done, job);
	registry_direct(NULL);
	PushActiveSnapshot(GetTransactionSnapshot());
	return to.loaded;
}

static ModelMetric *
score(Job *job, const Ring *ring, const LoadedModel *loaded, EvaluateCases *cases, int *n)
{
	Model reader = *job->model;
	EvaluateRequest request = {
		.source = ring->source, .known = ring->known, .k = job->guards.metrics_k, .cases = cases};
	ModelMetric *metrics;

	reader.search_path = ring->search_path;
	job->owner = registry_enter_owner(&reader);
	metrics = kind_find(reader.kind)->evaluate(job->model, loaded, &request, n);
	registry_leave_owner(job->owner);
	return metrics;
}

static int
compare_cases(const void *left, const void *right, void *arg)
{
	const uint64 *key = ((const EvaluateCases *) arg)->key;
	uint64 a = key[*(const int64 *) left];
	uint64 b = key[*(const int64 *) right];

	return (a > b) - (a < b);
}

static int64 *
order_of(EvaluateCases *cases)
{
	int64 *order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * Max(cases->n, 1));

	for (int64 i = 0; i < cases->n; i++)
		order[i] = i;
	qsort_arg(order, (size_t) cases->n, sizeof(int64), compare_cases, cases);
	return order;
}

/* a, b [n]: the measures of the cases that both have, so turned that higher is better. */
static int64
pair_up(EvaluateCases *champion, EvaluateCases *challenger, double **a, double **b)
{
	int64 *left = order_of(champion);
	int64 *right = order_of(challenger);
	int64 room = Min(champion->n, challenger->n);
	double sign = champion->lower_is_better ? -1 : 1;
	int64 n = 0;

	*a = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max(room, 1));
	*b = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max(room, 1));
	for (int64 i = 0, j = 0; i < champion->n && j < challenger->n;)
	{
		uint64 x = champion->key[left[i]];
		uint64 y = challenger->key[right[j]];

		if (x == y)
		{
			(*a)[n] = sign * champion->value[left[i]];
			(*b)[n++] = sign * challenger->value[right[j]];
		}
		i += x <= y;
		j += y <= x;
	}
	return n;
}

static double
mean_of(const double *values, int64 n)
{
	double sum = 0;

	for (int64 i = 0; i < n; i++)
		sum += values[i];
	return sum / Max(n, 1);
}

static const ModelMetric *
metric_named(const ModelMetric *metrics, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(metrics[i].metric, name) == 0)
			return &metrics[i];
	return NULL;
}

/* The probability that the challenger would look as bad as it does were it within the tolerance; NaN: cannot be told. */
static double
compare_metrics(const Job *job, const ModelMetric *champion, const ModelMetric *challenger, bool lower)
{
	double sign = lower ? -1 : 1;
	double gain =
		sign * (challenger->value - champion->value) + job->guards.tolerance * fabs(champion->value);
	double error = hypot((champion->high - champion->low) / INTERVAL_ERRORS,
						 (challenger->high - challenger->low) / INTERVAL_ERRORS);

	if (isnan(error) || error == 0)
		return isnan(gain) ? NAN : gain >= 0 ? 1 : 0;
	return normal_cdf(gain / error);
}

static void
judge(Job *job, const char *words, const char *measure, double champion, double challenger, double p, int64 n)
{
	check_string(job, "measure", measure);
	check_string(job, "compared_on", words);
	check_real(job, "champion", champion);
	check_real(job, "challenger", challenger);
	check_real(job, "p_worse", p);
	check_int(job, "cases", n);
	if (isnan(p))
		not_compared(job, psprintf("%s have too few cases", words));
	else if (p < LEVEL)
		verdict(
			job,
			"version %d is worse than version %d: %s %.4g instead of %.4g on %s (p = %.2g, tolerance %.3g)",
			job->version, job->champion, measure, challenger, champion, words, p, job->guards.tolerance);
}

static void
fight(Job *job, const Ring *ring, const LoadedModel *champion, const LoadedModel *challenger)
{
	EvaluateCases a = {.champion = champion, .challenger = challenger};
	EvaluateCases b = a;
	int n_a;
	int n_b;
	ModelMetric *metrics_a = score(job, ring, champion, &a, &n_a);
	ModelMetric *metrics_b = score(job, ring, challenger, &b, &n_b);
	const ModelMetric *one;
	const ModelMetric *other;
	double *x;
	double *y;
	int64 n;

	if (a.measure == NULL || b.measure == NULL)
	{
		not_compared(job, psprintf("models of kind \"%s\" do not say by what", job->model->kind));
		return;
	}
	if (a.key != NULL && b.key != NULL)
	{
		n = pair_up(&a, &b, &x, &y);
		judge(job, ring->words, a.measure, fabs(mean_of(x, n)), fabs(mean_of(y, n)),
			  worse_than(x, y, n, job->guards.tolerance * fabs(mean_of(x, n))), n);
		return;
	}
	one = metric_named(metrics_a, n_a, a.measure);
	other = metric_named(metrics_b, n_b, a.measure);
	if (one == NULL || other == NULL)
		not_compared(job, psprintf("%s have too few cases", ring->words));
	else
		judge(job, ring->words, a.measure, one->value, other->value,
			  compare_metrics(job, one, other, a.lower_is_better), other->n);
}

void
guard_compare(Job *job)
{
	const ModelKind *kind = kind_find(job->model->kind);
	ModelVersion *champion = job->champion > 0 ? registry_version(job->model, job->champion) : NULL;
	const LoadedModel *challenger;
	Ring ring;

	if (champion != NULL)
		hold_to_rows(job, registry_version(job->model, job->version)->rows_read, champion);
	if (job->schedule->guard == GUARD_NONE || champion == NULL || job->verdict != NULL)
		return;
	if (kind->evaluate == NULL)
	{
		not_compared(job, psprintf("models of kind \"%s\" cannot be evaluated", kind->name));
		return;
	}
	if (job->schedule->validation != NULL)
	{
		ring = (Ring){.source = job->schedule->validation,
					  .search_path = job->schedule->search_path,
					  .words = "the validation source"};
		challenger = cache_get(job->model, registry_version(job->model, job->version), CurrentMemoryContext);
	}
	else
	{
		bool found;

		job->owner = registry_enter_owner(job->model);
		found = ring_of_source(job, champion, &ring);
		registry_leave_owner(job->owner);
		if (!found)
			return;
		challenger = train_stand_in(job, ring.before);
	}
	fight(job, &ring, cache_get(job->model, champion, CurrentMemoryContext), challenger);
}

/* ---- a query of the user's ---- */

typedef struct Answer
{
	SourceReader reader;
	int64 rows;
	bool yes;
} Answer;

static void
answer_row(void *arg, const SourceValue *values)
{
	Answer *answer = arg;

	answer->yes = answer->rows++ == 0 && !answer->reader.nulls[0] && values[0].number != 0;
}

void
guard_ask(Job *job)
{
	SourceColumn column = {.name = "verdict", .kind = SOURCE_LEVEL, .nullable = true, .any_value = true};
	Answer answer = {.reader = {.columns = &column,
								.n_columns = 1,
								.memory = CurrentMemoryContext,
								.row = answer_row,
								.arg = &answer}};
	Model reader = *job->model;

	if (job->schedule->guard_query == NULL || job->verdict != NULL)
		return;
	reader.search_path = job->schedule->search_path;
	job->owner = registry_enter_owner(&reader);
	source_read(job->schedule->guard_query, &answer.reader);
	registry_leave_owner(job->owner);
	if (getBaseType(column.type) != BOOLOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("guard_query must say true or false, but returns %s", format_type_be(column.type)),
				 errhint("As in SELECT count(*) > 0, or SELECT avg(x) < 5.")));
	check_bool(job, "guard_query", answer.yes);
	if (!answer.yes)
		verdict(job, "guard_query %s",
				answer.rows == 1   ? "does not say true"
				: answer.rows == 0 ? "returned no row"
								   : "returned more than one row");
}
