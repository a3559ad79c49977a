/*
 * embed_model.h - word vectors as they are stored and served
 */
#ifndef PROMOAI_API_EMBED_MODEL_H
#define PROMOAI_API_EMBED_MODEL_H

#include "postgres.h"

#include "bridge/args.h"
#include "bridge/tokenizer.h"
#include "core/text/lexicon.h"
#include "core/text/sif.h"
#include "core/text/subwords.h"
#include "model/kind.h"

#define EMBED_KIND "embed"
#define EMBED_DIM_MAX 2000

/* Everything that serving needs; the arrays point into a payload, or into a training's memory before it is stored. */
typedef struct EmbedModel
{
	int32 dim;
	Lexicon words; /* the most frequent first, where counts are known */
	const int64 *count; /* [words] */
	const float *vectors; /* [words x dim] */
	const float *norms; /* [words] their lengths */
	Subwords subwords; /* max_n 0: words that are not known have no vector */
	const float *grams; /* [subwords.n x dim] */
	Sif sif;
	Tokenizer *tokenizer;
} EmbedModel;

/* Append the model's sections; the arrays must outlive the payload. */
extern void embed_model_write(const EmbedModel *model, Payload *payload);

/* ModelKind.load: state becomes an EmbedModel *. */
extern bool embed_model_load(LoadedModel *loaded, MemoryContext memory);

/* norms [n] the lengths of vectors [n x dim]. */
extern void embed_norms(const float *vectors, int64 n, int32 dim, float *norms);

/* The vector of a word in UTF-8, by its n-grams where it is not known, into vector [dim]; false: it has none. */
extern bool embed_model_word(const EmbedModel *model, const char *word, Size n, float *vector);

/*
 * The vector of tokens from, from + every, ... into vector [dim]; how many words it was made of.  known, when not NULL, is
 * raised by how many of them the vocabulary has.
 */
extern int64 embed_model_tokens(const EmbedModel *model, const Tokens *tokens, int32 from, int32 every,
								float *vector, int64 *known);

/* The model that the argument "model" names (with "version") or is. */
extern const EmbedModel *embed_open(Args *args);

#endif
