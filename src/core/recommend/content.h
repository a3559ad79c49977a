/*
 * content.h - items as vectors of their attributes, and how like one another they are
 *
 * Each attribute is a block of an item's vector, of length one (of zero where the item lacks it), times the square root of
 * the attribute's weight; the whole is brought to length one.  So the cosine of two items that have all attributes is the mean
 * of their attributes' cosines by weight.
 *
 *   level    one dimension per level, 1 where the item has it
 *   words    tf-idf: count (ln((1 + items) / (1 + items with the word)) + 1)
 *   number   an angle on half a circle: pi times the share of the items that lie below (half of those that are equal); two
 *            numbers' cosine is 1 where they are equal and -1 at opposite ends, whatever their unit or distribution
 *   vector   as it is
 *
 * Levels and words are kept sparse, with an inverted index (from dimension to items); numbers and vectors dense.
 */
#ifndef CORE_CONTENT_H
#define CORE_CONTENT_H

#include "../env.h"
#include "../sparse.h"

typedef enum ContentKind
{
	CONTENT_LEVEL,
	CONTENT_WORDS,
	CONTENT_NUMBER,
	CONTENT_VECTOR
} ContentKind;

/* One attribute of all items. */
typedef struct ContentColumn
{
	ContentKind kind;
	double weight; /* > 0 */
	int32_t width; /* levels, words in the vocabulary, 2 for a number, elements of a vector */
	const int32_t *level; /* [items] -1: none */
	Csr words; /* items x width: counts */
	const double *number; /* [items] NaN: none */
	const float *vector; /* [items x width]; zeros: none */
} ContentColumn;

typedef struct ContentVectors
{
	int32_t items;
	Csr rows; /* items x features: the sparse part */
	Csr index; /* features x items: its transpose */
	int32_t width; /* of the dense part */
	float *dense; /* [items x width] */
} ContentVectors;

/* features, width and entries that the columns need; false when they are more than an index can count. */
extern bool content_extent(const ContentColumn *columns, int32_t n, int32_t items, int32_t *features,
						   int32_t *width, int64_t *entries);

/*
 * Fill `out`, whose arrays the caller has provided for content_extent's sizes (entries is an upper bound).  Scratch 24 bytes an
 * item with numbers, 8 a feature.  O(entries + items (width + log items)).
 */
extern CoreStatus content_build(Env *env, const ContentColumn *columns, int32_t n, ContentVectors *out);

/*
 * The vectors of some items: row [out->items] says which item of `from` each is, -1 for one without attributes.  Arrays of
 * `out` are provided for as many entries as those items have.
 */
extern CoreStatus content_select(Env *env, const ContentVectors *from, const int32_t *row,
								 ContentVectors *out);

/* True when the item has any attribute. */
extern bool content_has(const ContentVectors *vectors, int32_t item);

/* The cosine of two items. */
extern float content_cosine(const ContentVectors *vectors, int32_t a, int32_t b);

/*
 * scores [items]: sum over the query's items [n] of weights [n] (NULL: 1 / n) times their cosine with each item.  Goes
 * through the inverted index of the query's dimensions alone.
 */
extern CoreStatus content_scores(Env *env, const ContentVectors *vectors, const int32_t *query,
								 const float *weights, int32_t n, float *scores);

/* Whether stored arrays are such vectors: indices in range and ascending, numbers finite, the index as long as the rows. */
extern bool content_check(const ContentVectors *vectors, int64_t entries);

#endif
