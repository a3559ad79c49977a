/*
 * content_train.h - training of models of items' attributes
 */
#ifndef PROMOAI_API_CONTENT_TRAIN_H
#define PROMOAI_API_CONTENT_TRAIN_H

/* Called once from _PG_init: registers the kind. */
extern void content_init(void);

#endif
