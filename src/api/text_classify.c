/*
 * text_classify.c - what classifiers of texts say of a document: label, probabilities, what spoke for it; sentiment
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "api/text_serve.h"
#include "bridge/compat.h"
#include "bridge/rows.h"
#include "bridge/utf8.h"
#include "core/text/labelled.h"
#include "model/cache.h"
#include "model/value.h"

#define MAX_K MAX_CLASSES

/* ---- the model ---- */

static void
require_kind(const char *kind, bool sentiment)
{
	bool is_sentiment = strcmp(kind, SENTIMENT_KIND) == 0;

	if (is_sentiment || (!sentiment && strcmp(kind, CLASSIFY_KIND) == 0))
		return;
	if (sentiment)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("a model of kind \"%s\" does not tell sentiment", kind),
						errhint("Models of sentiment are trained by promoai.sentiment_train.")));
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("a model of kind \"%s\" does not label texts", kind),
			 errhint("Such models are trained by promoai.text_classify_train and promoai.sentiment_train.")));
}

TextModel *
text_serve_open(Args *args, bool sentiment)
{
	const LoadedModel *loaded;

	if (args->types[args_find(args, "model")] == TEXTOID)
	{
		Model *model = registry_open(args_text(args, "model"), MODEL_USE);
		int32 wanted = args_int_or(args, "version", 1, PG_INT32_MAX, 0);

		require_kind(model->kind, sentiment);
		loaded = cache_get(model, registry_version(model, wanted), CurrentMemoryContext);
	}
	else
	{
		loaded = value_get(args_datum(args, "model", NULL), &args->state, args->fcinfo->flinfo->fn_mcxt);
		require_kind(loaded->version->kind, sentiment);
	}
	return loaded->state;
}

/* The argument "doc" scored; false when no feature of it is known. */
static bool
score_document(TextModel *model, const Args *args)
{
	text *doc = DatumGetTextPP(args_datum(args, "doc", NULL));
	Document document = text_model_document(model, VARDATA_ANY(doc), VARSIZE_ANY_EXHDR(doc));

	return text_model_score(model, &document);
}

/* ---- one label ---- */

/* text_label(model or value, doc, version): NULL for NULL */
PG_FUNCTION_INFO_V1(promoai_text_label);
Datum
promoai_text_label(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	TextModel *model = text_serve_open(args, false);

	if (args_null(args, "doc"))
		PG_RETURN_NULL();
	(void) score_document(model, args);
	if (model->classes == 2)
		text_model_calibrate(model, model->score);
	PG_RETURN_TEXT_P(cstring_to_text(text_model_label(model, text_model_best(model, model->score))));
}

/* text_classify(model or value, doc, threshold, version) -> (label, probability, out_of_scope) */
PG_FUNCTION_INFO_V1(promoai_text_classify);
Datum
promoai_text_classify(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	TextModel *model = text_serve_open(args, false);
	Datum values[3] = {0};
	bool nulls[3] = {true, true, true};
	double threshold = model->threshold;
	bool known;
	int32 best;

	if (!args_null(args, "threshold"))
	{
		threshold = DatumGetFloat8(args_datum(args, "threshold", NULL));
		if (!(threshold >= 0 && threshold <= 1))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("argument \"threshold\" must be between 0 and 1, got %g", threshold)));
	}
	if (args_null(args, "doc"))
		return rows_single(fcinfo, values, nulls);
	known = score_document(model, args);
	text_model_calibrate(model, model->score);
	best = text_model_best(model, model->score);
	memset(nulls, false, sizeof(nulls));
	values[0] = CStringGetTextDatum(text_model_label(model, best));
	values[1] = Float8GetDatum(model->score[best]);
	values[2] = BoolGetDatum(!known || model->score[best] < threshold);
	return rows_single(fcinfo, values, nulls);
}

/* sentiment(model or value, doc, version): 2p - 1; 0 where no word is known */
PG_FUNCTION_INFO_V1(promoai_sentiment);
Datum
promoai_sentiment(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	TextModel *model = text_serve_open(args, true);

	if (args_null(args, "doc"))
		PG_RETURN_NULL();
	if (!score_document(model, args))
		PG_RETURN_FLOAT8(0);
	text_model_calibrate(model, model->score);
	PG_RETURN_FLOAT8((double) model->score[SENTIMENT_GOOD] - model->score[SENTIMENT_BAD]);
}

/* ---- the best few ---- */

typedef struct Ranked
{
	int32 place;
	double score;
} Ranked;

static int
best_first(const void *left, const void *right)
{
	const Ranked *a = left;
	const Ranked *b = right;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->place - b->place;
}

/* The score as the probability is made of it. */
static double
logit(const TextModel *model, int32 class, float score)
{
	return model->calibration.scale * score +
		   (model->classes == 2 && class == 1 ? model->calibration.shift : 0);
}

/* text_classify_top(model or value, doc, k, version) -> (label, probability, score) */
PG_FUNCTION_INFO_V1(promoai_text_classify_top);
Datum
promoai_text_classify_top(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	TextModel *model = text_serve_open(args, false);
	int32 k = args_int(args, "k", 1, MAX_K);
	ReturnSetInfo *rows = rows_open(fcinfo);
	Ranked *ranked;

	if (args_null(args, "doc"))
		return (Datum) 0;
	(void) score_document(model, args);
	ranked = palloc(sizeof(Ranked) * (Size) model->classes);
	for (int32 c = 0; c < model->classes; c++)
		ranked[c] = (Ranked){.place = c, .score = logit(model, c, model->score[c])};
	text_model_calibrate(model, model->score);
	qsort(ranked, (size_t) model->classes, sizeof(Ranked), best_first);
	for (int32 i = 0; i < Min(k, model->classes); i++)
	{
		Datum values[] = {CStringGetTextDatum(text_model_label(model, ranked[i].place)),
						  Float8GetDatum(model->score[ranked[i].place]), Float8GetDatum(ranked[i].score)};
		bool nulls[lengthof(values)] = {0};

		rows_put(rows, values, nulls);
	}
	return (Datum) 0;
}

/* ---- what spoke for it ---- */

/* The class that is to be explained: the one named, else the best. */
static int32
asked_class(const TextModel *model, const Args *args)
{
	char *label = args_text_or_null(args, "label");

	if (label == NULL)
	{
		int32 best = 0;

		for (int32 c = 1; c < model->classes; c++)
			if (logit(model, c, model->score[c]) > logit(model, best, model->score[best]))
				best = c;
		return best;
	}
	for (int32 c = 0; c < model->classes; c++)
		if (strcmp(text_model_label(model, c), label) == 0)
			return c;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("the model has no label \"%s\"", args_quoted(label))));
}

static void
put_contribution(ReturnSetInfo *rows, const char *feature, const char *kind, double contribution)
{
	Datum values[] = {feature == NULL ? (Datum) 0 : CStringGetTextDatum(feature), CStringGetTextDatum(kind),
					  Float8GetDatum(contribution)};
	bool nulls[] = {feature == NULL, false, false};

	rows_put(rows, values, nulls);
}

static char *
feature_text(const TextModel *model, int32 feature)
{
	size_t n;
	const char *bytes = ngrams_bytes(&model->tables, feature, &n);
	Size length;
	const char *text = utf8_to_server(bytes, n, &length);
	char *copy = pnstrdup(text, length);

	for (char *blank = copy; (blank = strchr(blank, NGRAM_BLANK)) != NULL;)
		*blank = ' ';
	return copy;
}

static int
strongest_first(const void *left, const void *right)
{
	const Ranked *a = left;
	const Ranked *b = right;

	if (fabs(a->score) != fabs(b->score))
		return fabs(a->score) > fabs(b->score) ? -1 : 1;
	return a->place - b->place;
}

/* text_explain(model or value, doc, label, version) -> (feature, kind, contribution) */
PG_FUNCTION_INFO_V1(promoai_text_explain);
Datum
promoai_text_explain(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	TextModel *model = text_serve_open(args, false);
	ReturnSetInfo *rows = rows_open(fcinfo);
	int32 features = ngrams_features(&model->tables);
	const NgramRow *row = &model->row;
	Ranked *ranked;
	int32 class;
	float bias;

	if (args_null(args, "doc"))
		return (Datum) 0;
	(void) score_document(model, args);
	class = asked_class(model, args);
	ranked = palloc_extended(sizeof(Ranked) * ((Size) row->n + 1), MCXT_ALLOC_HUGE);
	for (int32 i = 0; i < row->n; i++)
		ranked[i] =
			(Ranked){.place = row->col[i],
					 .score = model->calibration.scale * (double) row->value[i] *
							  model->weights[(Size) row->col[i] * (Size) model->classes + (Size) class]};
	qsort(ranked, (size_t) row->n, sizeof(Ranked), strongest_first);
	bias = model->weights[(Size) features * (Size) model->classes + (Size) class];
	put_contribution(rows, NULL, "bias", logit(model, class, bias));
	for (int32 i = 0; i < row->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_contribution(rows, feature_text(model, ranked[i].place),
						 ranked[i].place < model->tables.words.n ? "words" : "characters", ranked[i].score);
	}
	return (Datum) 0;
}
