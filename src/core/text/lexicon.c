/*
 * lexicon.c - words to dense indices and back, by a hash table of open addressing with linear probing
 *
 * The table is at most half full.  Memory: 24 bytes a word, its letters, and 8 to 16 bytes of slots; doubling holds the old
 * and the new array for a moment.  Nothing changes when memory is short.
 */
#include "lexicon.h"

#include <string.h>

#include "../merge_sort.h"

#define FIRST_WORDS 1024
#define FIRST_BYTES 8192

/* Eight bytes at a time, read as little-endian numbers, each mixed in by a multiplication and a shift. */
uint64_t
lexicon_hash(const char *word, size_t n)
{
	const unsigned char *byte = (const unsigned char *) word;
	uint64_t hash = 0x9e3779b97f4a7c15u ^ n * 0xff51afd7ed558ccdu;

	for (; n > 0; n -= n < 8 ? n : 8, byte += 8)
	{
		uint64_t piece = 0;

		for (size_t i = 0; i < 8 && i < n; i++)
			piece |= (uint64_t) byte[i] << (8 * i);
		hash = (hash ^ piece) * 0xbf58476d1ce4e5b9u;
		hash ^= hash >> 29;
	}
	hash *= 0x94d049bb133111ebu;
	return hash ^ hash >> 32;
}

/* The slot where the word stands or would stand. */
static uint32_t
probe(const Lexicon *lexicon, const char *word, size_t n)
{
	uint32_t mask = lexicon->slots - 1;
	uint32_t at = (uint32_t) lexicon_hash(word, n) & mask;

	while (lexicon->slot[at] != 0)
	{
		uint32_t index = lexicon->slot[at] - 1;
		uint64_t start = lexicon->start[index];

		if (lexicon->start[index + 1] - start == n && memcmp(lexicon->bytes + start, word, n) == 0)
			break;
		at = (at + 1) & mask;
	}
	return at;
}

int32_t
lexicon_find(const Lexicon *lexicon, const char *word, size_t n)
{
	if (lexicon->n == 0)
		return -1;
	return (int32_t) lexicon->slot[probe(lexicon, word, n)] - 1;
}

bool
lexicon_sound(const Lexicon *lexicon, uint64_t bytes_n)
{
	uint32_t used = 0;

	if (lexicon->n < 0 || lexicon->slots == 0 || (lexicon->slots & (lexicon->slots - 1)) != 0 ||
		(uint32_t) lexicon->n > lexicon->slots / 2 || lexicon->start[0] != 0 ||
		lexicon->start[lexicon->n] > bytes_n)
		return false;
	for (int32_t i = 0; i < lexicon->n; i++)
		if (lexicon->start[i] > lexicon->start[i + 1])
			return false;
	for (uint32_t i = 0; i < lexicon->slots; i++)
	{
		if (lexicon->slot[i] > (uint32_t) lexicon->n)
			return false;
		used += lexicon->slot[i] != 0;
	}
	return used <= (uint32_t) lexicon->n;
}

Lexicon
lexicon_view(const LexiconBuilder *builder)
{
	return (Lexicon){.n = builder->n,
					 .start = builder->start,
					 .bytes = builder->bytes,
					 .slot = builder->slot,
					 .slots = builder->slots};
}

int32_t
lexicon_at(const LexiconBuilder *builder, const char *word, size_t n)
{
	Lexicon view = lexicon_view(builder);

	return lexicon_find(&view, word, n);
}

static void
release(Env *env, void *block)
{
	if (block != NULL)
		env->release(env, block);
}

void
lexicon_end(LexiconBuilder *builder)
{
	release(builder->env, builder->start);
	release(builder->env, builder->count);
	release(builder->env, builder->bytes);
	release(builder->env, builder->slot);
	*builder = (LexiconBuilder){.env = builder->env};
}

CoreStatus
lexicon_begin(LexiconBuilder *builder, Env *env, size_t limit)
{
	*builder = (LexiconBuilder){.env = env, .limit = limit};
	builder->room = FIRST_WORDS;
	builder->bytes_room = FIRST_BYTES;
	builder->slots = 2 * FIRST_WORDS;
	builder->start = env->alloc(env, sizeof(uint64_t) * (FIRST_WORDS + 1));
	builder->count = env->alloc(env, sizeof(int64_t) * FIRST_WORDS);
	builder->bytes = env->alloc(env, FIRST_BYTES);
	builder->slot = env->alloc(env, sizeof(uint32_t) * builder->slots);
	if (builder->start == NULL || builder->count == NULL || builder->bytes == NULL || builder->slot == NULL)
	{
		lexicon_end(builder);
		return CORE_NO_MEMORY;
	}
	builder->start[0] = 0;
	memset(builder->slot, 0, sizeof(uint32_t) * builder->slots);
	builder->taken =
		sizeof(uint64_t) * (2 * FIRST_WORDS + 1) + FIRST_BYTES + sizeof(uint32_t) * builder->slots;
	return CORE_OK;
}

static CoreStatus
fill_slots(LexiconBuilder *builder)
{
	Lexicon view = lexicon_view(builder);

	memset(builder->slot, 0, sizeof(uint32_t) * builder->slots);
	for (int32_t i = 0; i < builder->n; i++)
	{
		if (i % 8192 == 8191 && builder->env->cancelled(builder->env))
			return CORE_CANCELLED;
		builder->slot[probe(&view, builder->bytes + builder->start[i],
							builder->start[i + 1] - builder->start[i])] = (uint32_t) i + 1;
	}
	return CORE_OK;
}

/* Twice the room for words, all or nothing. */
static CoreStatus
grow_words(LexiconBuilder *builder)
{
	Env *env = builder->env;
	size_t room = 2 * (size_t) builder->room;
	size_t slots = 2 * (size_t) builder->slots;
	size_t more = (sizeof(uint64_t) + sizeof(int64_t)) * (room / 2) + sizeof(uint32_t) * (slots / 2);
	void *start;
	void *count;
	void *slot;

	if (builder->room > INT32_MAX / 4 || (builder->limit != 0 && builder->taken + more > builder->limit))
		return CORE_NO_MEMORY;
	start = env->alloc(env, sizeof(uint64_t) * (room + 1));
	count = env->alloc(env, sizeof(int64_t) * room);
	slot = env->alloc(env, sizeof(uint32_t) * slots);
	if (start == NULL || count == NULL || slot == NULL)
	{
		release(env, start);
		release(env, count);
		release(env, slot);
		return CORE_NO_MEMORY;
	}
	memcpy(start, builder->start, sizeof(uint64_t) * ((size_t) builder->n + 1));
	memcpy(count, builder->count, sizeof(int64_t) * (size_t) builder->n);
	release(env, builder->start);
	release(env, builder->count);
	release(env, builder->slot);
	builder->start = start;
	builder->count = count;
	builder->slot = slot;
	builder->slots = (uint32_t) slots;
	builder->room = (int32_t) room;
	builder->taken += more;
	return fill_slots(builder);
}

static CoreStatus
grow_bytes(LexiconBuilder *builder, size_t used, size_t n)
{
	Env *env = builder->env;
	size_t bytes = 2 * builder->bytes_room > used + n ? 2 * builder->bytes_room : used + n;
	size_t more = bytes - builder->bytes_room;
	char *grown;

	if (builder->limit != 0 && builder->taken + more > builder->limit)
		return CORE_NO_MEMORY;
	grown = env->alloc(env, bytes);
	if (grown == NULL)
		return CORE_NO_MEMORY;
	memcpy(grown, builder->bytes, used);
	release(env, builder->bytes);
	builder->bytes = grown;
	builder->bytes_room = bytes;
	builder->taken += more;
	return CORE_OK;
}

CoreStatus
lexicon_add(LexiconBuilder *builder, const char *word, size_t n, int32_t *index)
{
	Lexicon view = lexicon_view(builder);
	uint32_t at = probe(&view, word, n);
	uint64_t end = builder->start[builder->n];
	CoreStatus status;

	if (builder->slot[at] != 0)
	{
		*index = (int32_t) builder->slot[at] - 1;
		builder->count[*index]++;
		return CORE_OK;
	}
	if (builder->bytes_room - end < n && (status = grow_bytes(builder, end, n)) != CORE_OK)
		return status;
	if (builder->n == builder->room)
	{
		if ((status = grow_words(builder)) != CORE_OK)
			return status;
		view = lexicon_view(builder);
		at = probe(&view, word, n);
	}
	memcpy(builder->bytes + end, word, n);
	builder->start[builder->n + 1] = end + n;
	builder->count[builder->n] = 1;
	*index = builder->n++;
	builder->slot[at] = (uint32_t) *index + 1;
	return CORE_OK;
}

/* Words by their indices, the most frequent first, equal ones in order of their bytes. */
static int
compare_ranked(const void *left, const void *right, const void *arg)
{
	const LexiconBuilder *builder = arg;
	int32_t a = *(const int32_t *) left;
	int32_t b = *(const int32_t *) right;
	size_t n_a = (size_t) (builder->start[a + 1] - builder->start[a]);
	size_t n_b = (size_t) (builder->start[b + 1] - builder->start[b]);
	int order;

	if (builder->count[a] != builder->count[b])
		return builder->count[a] > builder->count[b] ? -1 : 1;
	order =
		memcmp(builder->bytes + builder->start[a], builder->bytes + builder->start[b], n_a < n_b ? n_a : n_b);
	return order != 0 ? order : (n_a > n_b) - (n_a < n_b);
}

/* What ranking needs beside the lexicon, and becomes part of it. */
typedef struct Ranking
{
	void *order; /* int32_t [n] old indices in their new order */
	void *spare; /* the same again */
	int64_t *count; /* [room] */
	uint64_t *start; /* [room + 1] */
	char *bytes; /* [bytes_room] */
} Ranking;

static void
ranking_end(Env *env, const Ranking *ranking)
{
	release(env, ranking->order);
	release(env, ranking->spare);
	release(env, ranking->count);
	release(env, ranking->start);
	release(env, ranking->bytes);
}

/* The first n of the order, copied in it. */
static CoreStatus
copy_ranked(const LexiconBuilder *builder, const Ranking *ranking, int32_t n, int32_t *place)
{
	const int32_t *order = ranking->order;

	ranking->start[0] = 0;
	for (int32_t i = 0; i < n; i++)
	{
		int32_t old = order[i];
		size_t length = (size_t) (builder->start[old + 1] - builder->start[old]);

		if (i % 8192 == 8191 && builder->env->cancelled(builder->env))
			return CORE_CANCELLED;
		memcpy(ranking->bytes + ranking->start[i], builder->bytes + builder->start[old], length);
		ranking->start[i + 1] = ranking->start[i] + length;
		ranking->count[i] = builder->count[old];
		place[old] = i;
	}
	return CORE_OK;
}

CoreStatus
lexicon_rank(LexiconBuilder *builder, int64_t min_count, int32_t max_words, int32_t *place)
{
	Env *env = builder->env;
	Ranking ranking = {.order = env->alloc(env, sizeof(int32_t) * ((size_t) builder->n + 1)),
					   .spare = env->alloc(env, sizeof(int32_t) * ((size_t) builder->n + 1)),
					   .count = env->alloc(env, sizeof(int64_t) * (size_t) builder->room),
					   .start = env->alloc(env, sizeof(uint64_t) * ((size_t) builder->room + 1)),
					   .bytes = env->alloc(env, builder->bytes_room)};
	CoreStatus status = CORE_NO_MEMORY;
	int32_t n = 0;

	if (ranking.order != NULL && ranking.spare != NULL && ranking.count != NULL && ranking.start != NULL &&
		ranking.bytes != NULL)
	{
		for (int32_t i = 0; i < builder->n; i++)
		{
			place[i] = -1;
			if (builder->count[i] >= min_count)
				((int32_t *) ranking.order)[n++] = i;
		}
		status = merge_sort(env, &ranking.order, &ranking.spare, n, sizeof(int32_t), compare_ranked, builder);
		n = n < max_words ? n : max_words;
	}
	if (status == CORE_OK)
		status = copy_ranked(builder, &ranking, n, place);
	if (status == CORE_OK)
	{
		LexiconBuilder old = *builder;

		builder->count = ranking.count;
		builder->start = ranking.start;
		builder->bytes = ranking.bytes;
		builder->n = n;
		ranking.count = old.count;
		ranking.start = old.start;
		ranking.bytes = old.bytes;
		status = fill_slots(builder);
	}
	ranking_end(env, &ranking);
	return status;
}
