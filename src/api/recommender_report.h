/*
 * recommender_report.h - the row that a trainer of recommenders returns: promoai.recommender_report
 */
#ifndef PROMOAI_API_RECOMMENDER_REPORT_H
#define PROMOAI_API_RECOMMENDER_REPORT_H

#include "postgres.h"

#include "api/interactions.h"
#include "model/registry.h"

extern Datum recommender_report(FunctionCallInfo fcinfo, const Interactions *in, const ModelDraft *draft,
								const ModelVersion *version);

#endif
