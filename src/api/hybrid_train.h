/*
 * hybrid_train.h - training of hybrids
 */
#ifndef PROMOAI_API_HYBRID_TRAIN_H
#define PROMOAI_API_HYBRID_TRAIN_H

/* Called once from _PG_init: registers the kind. */
extern void hybrid_init(void);

#endif
