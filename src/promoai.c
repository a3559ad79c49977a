/*
 * promoai.c - the door: what happens when the server loads the library
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "api/cf_train.h"
#include "api/basket_train.h"
#include "api/clv_model.h"
#include "api/content_train.h"
#include "api/embed_train.h"
#include "api/hybrid_train.h"
#include "api/mf_train.h"
#include "api/recommend.h"
#include "api/segment_train.h"
#include "api/text_train.h"
#include "bridge/env.h"
#include "bridge/language.h"
#include "bridge/testpoint.h"
#include "model/cache.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	env_init_library();
	testpoint_init();
	language_init();
	cache_init();
	mf_init();
	cf_init();
	basket_init();
	recommend_all_init();
	segment_init();
	clv_init();
	content_init();
	hybrid_init();
	embed_init();
	text_classify_init();
	worker_init();
	MarkGUCPrefixReserved("promoai");
}
