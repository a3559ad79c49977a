/*
 * embed_team.c - the memory that a training of word vectors shares, and the job done in it
 *
 * Per token 4 bytes, per text 8, per n-gram of a word 4; two rows of floats a word, one more for each bucket of n-grams in use
 * (GloVe: four rows a word, 16 bytes a pair).
 */
#include "postgres.h"

#include "api/embed_team.h"
#include "bridge/memory.h"

uint64
embed_region_plan(EmbedRegion *region)
{
	uint64 cursor = 0;
	uint64 words = (uint64) region->words;
	uint64 stride =
		(uint64) (region->glove ? glove_stride(region->counts.dim) : sgns_stride(region->sgns.dim));
	uint64 row = stride * sizeof(float);
	uint64 squares = region->glove ? words : 0;

	memory_take(&cursor, 1, sizeof(EmbedRegion));
	region->token = memory_take(&cursor, region->tokens, sizeof(int32));
	region->start = memory_take(&cursor, (uint64) region->docs + 1, sizeof(int64));
	region->count = memory_take(&cursor, words, sizeof(int64));
	region->sub_start = memory_take(&cursor, region->grams > 0 ? words + 1 : 0, sizeof(int64));
	region->sub_row = memory_take(&cursor, region->grams, sizeof(int32));
	region->pair = memory_take(&cursor, region->pairs, sizeof(GlovePair));
	region->in = memory_take(&cursor, region->rows, row);
	region->out = memory_take(&cursor, words, row);
	region->squares[0] = memory_take(&cursor, squares, row);
	region->squares[1] = memory_take(&cursor, squares, row);
	region->scratch =
		memory_take(&cursor, region->glove ? glove_shared_bytes() : sgns_shared_bytes(region->words), 1);
	return cursor;
}

uint64
embed_member_bytes(const EmbedRegion *region)
{
	return region->glove ? 0 : sgns_member_bytes(region->sgns.dim);
}

void *
embed_region_at(EmbedRegion *region, Size offset)
{
	return (char *) region + offset;
}

Corpus
embed_region_corpus(EmbedRegion *region)
{
	return (Corpus){.words = region->words,
					.docs = region->docs,
					.tokens = region->tokens,
					.start = embed_region_at(region, region->start),
					.token = embed_region_at(region, region->token),
					.count = embed_region_at(region, region->count)};
}

SgnsProblem
embed_region_sgns(EmbedRegion *region)
{
	return (SgnsProblem){.params = region->sgns,
						 .corpus = embed_region_corpus(region),
						 .rows = region->rows,
						 .sub_start = region->grams > 0 ? embed_region_at(region, region->sub_start) : NULL,
						 .sub_row = embed_region_at(region, region->sub_row),
						 .in = embed_region_at(region, region->in),
						 .out = embed_region_at(region, region->out)};
}

GloveProblem
embed_region_glove(EmbedRegion *region)
{
	return (GloveProblem){.params = region->counts,
						  .words = region->words,
						  .n = region->pairs,
						  .pairs = embed_region_at(region, region->pair),
						  .rows = {embed_region_at(region, region->in), embed_region_at(region, region->out)},
						  .squares = {embed_region_at(region, region->squares[0]),
									  embed_region_at(region, region->squares[1])}};
}

static CoreStatus
embed_job(Env *env, void *memory)
{
	EmbedRegion *region = memory;
	void *scratch = embed_region_at(region, region->scratch);
	CoreStatus status;
	double loss;

	if (region->glove)
	{
		GloveProblem problem = embed_region_glove(region);

		status = glove_train(env, &problem, scratch, &loss);
	}
	else
	{
		SgnsProblem problem = embed_region_sgns(region);

		status = sgns_train(env, &problem, scratch, &loss);
	}
	if (env->leader)
		region->loss = loss;
	return status;
}

void
embed_team_init(void)
{
	team_register(EMBED_JOB, embed_job);
}
