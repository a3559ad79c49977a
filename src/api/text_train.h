/*
 * text_train.h - training of classifiers of texts, and their kinds
 */
#ifndef PROMOAI_API_TEXT_TRAIN_H
#define PROMOAI_API_TEXT_TRAIN_H

/* Called from _PG_init: registers the kinds and the team's job. */
extern void text_classify_init(void);

#endif
