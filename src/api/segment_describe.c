/*
 * segment_describe.c - segments in words
 *
 * The features that set a segment apart by half a standard deviation or more make its description, at most three, the
 * strongest first.  Medians are shown beside those of all customers, means where the medians are the same.  How strong is
 * said by Cohen's (1988) measures: 0.8 is a large effect, 0.5 one that is seen without counting; 2 stands for hardly any
 * overlap.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/segment_serve.h"
#include "bridge/language.h"
#include "bridge/rows.h"

#define MAX_TRAITS 3
#define SEEN 0.5
#define LARGE 0.8
#define APART 2.0

/* A figure as people write it: whole from a hundred on, else three digits. */
static char *
figure_text(double value)
{
	return fabs(value) >= 100 && fabs(value) < 1e15 ? psprintf("%.0f", value) : psprintf("%.3g", value);
}

static const char *
strength_text(double effect, Language language)
{
	bool above = effect > 0;

	if (fabs(effect) >= APART)
		return above ? language_pick(language, "far above the rest", "远高于其他客户")
					 : language_pick(language, "far below the rest", "远低于其他客户");
	if (fabs(effect) >= LARGE)
		return above ? language_pick(language, "high", "高") : language_pick(language, "low", "低");
	return above ? language_pick(language, "rather high", "偏高")
				 : language_pick(language, "rather low", "偏低");
}

static void
append_trait(StringInfo text, const SegmentModel *model, const SegmentTrait *trait, Language language)
{
	bool means = trait->here[PROFILE_MEDIAN] == trait->all[PROFILE_MEDIAN];
	int figure = means ? PROFILE_MEAN : PROFILE_MEDIAN;
	const char *form =
		means ? language_pick(language, "%s %s (mean %s, of all %s)", "%s%s（均值%s，全体%s）")
			  : language_pick(language, "%s %s (median %s, of all %s)", "%s%s（中位数%s，全体%s）");

	appendStringInfo(text, form, model->names[trait->feature], strength_text(trait->size.effect, language),
					 figure_text(trait->here[figure]), figure_text(trait->all[figure]));
}

/* The traits that count, at most MAX_TRAITS. */
static int
count_traits(const SegmentModel *model, const SegmentTrait *traits)
{
	int n = 0;

	while (n < MAX_TRAITS && n < model->features && fabs(traits[n].size.effect) >= SEEN)
		n++;
	return n;
}

static char *
describe(const SegmentModel *model, const SegmentTrait *traits, int n, Language language)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int t = 0; t < n; t++)
	{
		if (t > 0)
			appendStringInfoString(&text, language_pick(language, "; ", "；"));
		append_trait(&text, model, &traits[t], language);
	}
	if (n == 0)
		appendStringInfoString(&text, model->k == 1
										  ? language_pick(language, "all customers", "全部客户")
										  : language_pick(language, "near the average in every feature",
														  "各项特征都接近平均水平"));
	return text.data;
}

/* segment_describe(model, language, version) -> (segment, size, share, features, description) */
PG_FUNCTION_INFO_V1(promoai_segment_describe);
Datum
promoai_segment_describe(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	Language language = language_of(args);
	const SegmentModel *model = segment_open(args);
	ReturnSetInfo *rows = rows_open(fcinfo);

	for (int32 s = 0; s < model->k; s++)
	{
		SegmentTrait *traits = segment_traits(model, s);
		int n = count_traits(model, traits);
		Datum names[MAX_TRAITS];
		Datum values[5];
		bool nulls[5] = {0};

		CHECK_FOR_INTERRUPTS();
		for (int t = 0; t < n; t++)
			names[t] = CStringGetTextDatum(model->names[traits[t].feature]);
		values[0] = Int32GetDatum(model->numbers[s]);
		values[1] = Int64GetDatum(model->sizes[s]);
		values[2] = Float8GetDatum((double) model->sizes[s] / (double) model->n);
		values[3] = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
		values[4] = CStringGetTextDatum(describe(model, traits, n, language));
		rows_put(rows, values, nulls);
	}
	return (Datum) 0;
}
