/*
 * sif.h - a vector for a text from those of its words
 */
#ifndef CORE_TEXT_SIF_H
#define CORE_TEXT_SIF_H

#include "corpus.h"

#define SIF_A 1e-3 /* Arora et al.: between 1e-4 and 1e-3 */

typedef struct Sif
{
	int32_t dim;
	double total; /* tokens that were counted; 0: nobody knows, all words weigh the same */
	const float *component; /* [dim] of unit length, or zeros: what all texts have in common */
} Sif;

/* The smooth inverse frequency of a word that came so often. */
static inline float
sif_weight(const Sif *sif, int64_t count)
{
	return sif->total > 0 ? (float) (SIF_A / (SIF_A + (double) count / sif->total)) : 1.0f;
}

/* sum [dim] of weighted vectors of n words becomes the text's vector. */
extern void sif_finish(const Sif *sif, float *sum, int64_t n);

/* The component of a corpus: vectors [words x dim].  Zeros where there is none. */
extern CoreStatus sif_component(Env *env, const Corpus *corpus, int32_t dim, const float *vectors,
								float *component);

#endif
