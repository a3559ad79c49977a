/*
 * recommender_report.c - the row that a trainer of recommenders returns: promoai.recommender_report
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "api/recommender_report.h"
#include "bridge/rows.h"

Datum
recommender_report(FunctionCallInfo fcinfo, const Interactions *in, const ModelDraft *draft,
				   const ModelVersion *version)
{
	Datum values[12];
	bool nulls[12] = {0};
	int i = 0;

	values[i++] = CStringGetTextDatum(draft->model);
	values[i++] = Int32GetDatum(version->version);
	values[i++] = CStringGetTextDatum(draft->kind);
	values[i++] = Int64GetDatum(in->rows_read);
	values[i++] = Int64GetDatum(in->rows_skipped);
	values[i++] = Int64GetDatum(in->rows_merged);
	values[i++] = Int64GetDatum(in->pairs_dropped);
	values[i++] = Int64GetDatum(in->customers->n);
	values[i++] = Int64GetDatum(in->items->n);
	values[i++] = Int64GetDatum(in->pairs);
	values[i++] = JsonbPGetDatum(registry_metrics_jsonb(draft->metrics, draft->n_metrics));
	values[i++] = Float8GetDatum(draft_seconds(draft));
	return rows_single(fcinfo, values, nulls);
}
