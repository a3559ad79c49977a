/*
 * text_serve.h - what the files that answer from classifiers of texts share
 */
#ifndef PROMOAI_API_TEXT_SERVE_H
#define PROMOAI_API_TEXT_SERVE_H

#include "postgres.h"

#include "api/text_model.h"
#include "bridge/args.h"

/*
 * The model that the arguments "model" and "version" name, or the value that "model" is; args->state then belongs to the
 * value.  `sentiment`: one of the kind sentiment only.
 */
extern TextModel *text_serve_open(Args *args, bool sentiment);

#endif
