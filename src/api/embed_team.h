/*
 * embed_team.h - the memory that a training of word vectors shares, and the job done in it
 */
#ifndef PROMOAI_API_EMBED_TEAM_H
#define PROMOAI_API_EMBED_TEAM_H

#include "postgres.h"

#include "bridge/team.h"
#include "core/text/glove.h"
#include "core/text/sgns.h"

/* The head of the region.  Offsets are from its beginning, since members map it at different addresses. */
typedef struct EmbedRegion
{
	bool glove;
	SgnsParams sgns;
	GloveParams counts;
	int32 words;
	int32 rows; /* words and n-grams */
	int64 docs;
	int64 tokens;
	int64 grams; /* n-grams of all words; 0: words have none */
	int64 pairs; /* glove */
	double loss; /* filled */

	Size token; /* int32 [tokens] */
	Size start; /* int64 [docs + 1] */
	Size count; /* int64 [words] */
	Size sub_start; /* int64 [words + 1] */
	Size sub_row; /* int32 [grams] */
	Size pair; /* GlovePair [pairs] */
	Size in; /* float [rows x stride] */
	Size out; /* float [words x stride] */
	Size squares[2]; /* glove: float [words x stride] */
	Size scratch;
} EmbedRegion;

/* Lays out; returns its bytes. */
extern uint64 embed_region_plan(EmbedRegion *region);
extern uint64 embed_member_bytes(const EmbedRegion *region);

extern void *embed_region_at(EmbedRegion *region, Size offset);
extern Corpus embed_region_corpus(EmbedRegion *region);
extern SgnsProblem embed_region_sgns(EmbedRegion *region);
extern GloveProblem embed_region_glove(EmbedRegion *region);

#define EMBED_JOB "word vectors"

/* Called once from _PG_init: registers the job. */
extern void embed_team_init(void);

#endif
