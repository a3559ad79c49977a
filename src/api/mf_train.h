/*
 * mf_train.h - training of factor models: the SQL function, retraining, and the jobs of its team
 */
#ifndef PROMOAI_API_MF_TRAIN_H
#define PROMOAI_API_MF_TRAIN_H

#include "postgres.h"

#include "model/kind.h"

/* Called once from _PG_init: registers the kind and the team's jobs. */
extern void mf_init(void);

#endif
