/*
 * hash_embedding.c - a text as a vector of fixed length, by signed feature hashing (Weinberger et al. 2009)
 *
 * Features of a text, in lower case by the fixed rules of characters.h:
 *
 *   words        runs of letters and digits, as a whole; and pairs of neighbours
 *   n-grams      of 3 to 5 characters within a word, its beginning and end marked: what words that differ by a letter share
 *   characters   written without blanks (Chinese, Japanese), each, and pairs of neighbours
 *
 * Each is hashed to a place and a sign; its weight, by kind, grows with the square root of how often it comes.  The sum is
 * scaled to length 1.
 *
 * Values are fixed for ever and the same on every machine, since columns and indexes keep them: weights and sums are
 * integers, square roots and the last division are exact in IEEE arithmetic.
 *
 * Occurrences are counted in a hash table.  It is added to the sums and emptied when it is full, so that a text of any length
 * takes 128 kB, a short one some kilobytes of the stack: beyond BLOCK features, occurrences are counted block by block.
 */
#include "hash_embedding.h"

#include <math.h>
#include <string.h>

#include "characters.h"

#define BLOCK 4096 /* different features counted at a time */
#define STACK_SLOTS 1024 /* for texts of some 100 bytes */

#define MIN_GRAM 3
#define MAX_GRAM 5

typedef enum FeatureKind
{
	FEATURE_WORD = 1,
	FEATURE_PAIR,
	FEATURE_GRAM,
	FEATURE_CHARACTER,
	FEATURE_CHARACTERS
} FeatureKind;

/* Held against others on training parts of questions, titles and Chinese reviews: test/reference/text.py weights. */
static const int64_t kind_weight[] = {[FEATURE_WORD] = 8,
									  [FEATURE_PAIR] = 2,
									  [FEATURE_GRAM] = 6,
									  [FEATURE_CHARACTER] = 8,
									  [FEATURE_CHARACTERS] = 8};

typedef struct Slot
{
	uint64_t key; /* the feature's hash, never 0; 0: free */
	uint32_t count;
	uint32_t kind;
} Slot;

typedef struct Features
{
	Slot *slot; /* [slots] */
	uint32_t slots; /* a power of two */
	uint32_t used;
	int64_t sum[HASH_EMBEDDING_SIZE];
} Features;

static inline uint64_t
extend(uint64_t hash, uint32_t code)
{
	hash = (hash ^ code) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

static inline uint64_t
finish(uint64_t hash)
{
	hash *= 0xbf58476d1ce4e5b9u;
	hash ^= hash >> 32;
	hash *= 0x94d049bb133111ebu;
	hash ^= hash >> 29;
	return hash | (hash == 0);
}

static inline uint64_t
begin(FeatureKind kind)
{
	return extend(0x8e9d5a3b6c71f024u, kind);
}

/* What has been counted goes into the sums. */
static void
flush(Features *features)
{
	for (uint32_t at = 0; at < features->slots; at++)
	{
		const Slot *slot = &features->slot[at];
		int64_t weight;

		if (slot->key == 0)
			continue;
		weight =
			kind_weight[slot->kind] * (slot->count == 1 ? 256 : (int64_t) sqrt((double) slot->count * 65536));
		features->sum[slot->key & (HASH_EMBEDDING_SIZE - 1)] += slot->key & 0x8000 ? -weight : weight;
	}
	memset(features->slot, 0, sizeof(Slot) * features->slots);
	features->used = 0;
}

static inline void
count(Features *features, FeatureKind kind, uint64_t hash)
{
	uint64_t key = finish(hash);
	uint32_t mask = features->slots - 1;
	uint32_t at = (uint32_t) (key >> 32) & mask;

	while (features->slot[at].key != 0 && features->slot[at].key != key)
		at = (at + 1) & mask;
	if (features->slot[at].key == 0)
	{
		if (features->used == features->slots / 2)
		{
			flush(features);
			at = (uint32_t) (key >> 32) & mask;
		}
		features->slot[at] = (Slot){.key = key, .kind = kind};
		features->used++;
	}
	features->slot[at].count++;
}

/* ---- words ---- */

/* What is known of the text read so far. */
typedef struct Reader
{
	uint64_t word; /* hash of the word that is being read; 0: none */
	uint64_t word_before; /* of the word before, across blanks and punctuation; 0: none */
	uint32_t recent[MAX_GRAM]; /* its last characters, the latest first */
	int32_t length; /* of the word, its mark of beginning included, as far as n-grams look */
	uint32_t dense_before; /* a character without blanks right before; 0: none */
} Reader;

/* One more character of a word, or its mark of end: the n-grams that it ends. */
static inline void
take_letter(Features *features, Reader *reader, uint32_t code)
{
	uint64_t hash = begin(FEATURE_GRAM);

	memmove(reader->recent + 1, reader->recent, sizeof(uint32_t) * (MAX_GRAM - 1));
	reader->recent[0] = code;
	reader->length += reader->length < MAX_GRAM;
	for (int32_t i = 0; i < reader->length; i++)
	{
		hash = extend(hash, reader->recent[i]);
		if (i + 1 >= MIN_GRAM)
			count(features, FEATURE_GRAM, hash);
	}
}

static void
end_word(Features *features, Reader *reader)
{
	if (reader->word == 0)
		return;
	take_letter(features, reader, '>');
	count(features, FEATURE_WORD, reader->word);
	if (reader->word_before != 0)
		count(features, FEATURE_PAIR,
			  begin(FEATURE_PAIR) ^ (reader->word_before * 0xff51afd7ed558ccdu + reader->word));
	reader->word_before = reader->word;
	reader->word = 0;
}

static inline void
take_word_letter(Features *features, Reader *reader, uint32_t code)
{
	if (reader->word == 0)
	{
		reader->word = begin(FEATURE_WORD);
		reader->recent[0] = '<';
		reader->length = 1;
	}
	reader->word = extend(reader->word, code);
	take_letter(features, reader, code);
}

static inline void
take_dense(Features *features, Reader *reader, uint32_t code)
{
	count(features, FEATURE_CHARACTER, extend(begin(FEATURE_CHARACTER), code));
	if (reader->dense_before != 0)
		count(features, FEATURE_CHARACTERS,
			  extend(extend(begin(FEATURE_CHARACTERS), reader->dense_before), code));
}

static CoreStatus
read_text(Env *env, Features *features, const char *text, size_t n)
{
	const char *end = text + n;
	const char *look = text; /* where cancel was looked at */
	Reader reader = {0};

	for (const char *at = text; at < end;)
	{
		int32_t bytes;
		uint32_t code = character_lower(character_decode(at, end, &bytes));
		CharacterClass kind = character_class(code);

		if (kind == CLASS_WORD)
			take_word_letter(features, &reader, code);
		else
			end_word(features, &reader);
		if (kind == CLASS_DENSE)
			take_dense(features, &reader, code);
		reader.dense_before = kind == CLASS_DENSE ? code : 0;
		at += bytes;
		if (at - look >= 65536)
		{
			if (env->cancelled(env))
				return CORE_CANCELLED;
			look = at;
		}
	}
	end_word(features, &reader);
	flush(features);
	return CORE_OK;
}

/* ---- the vector ---- */

static void
scale(const int64_t sum[HASH_EMBEDDING_SIZE], float embedding[HASH_EMBEDDING_SIZE])
{
	unsigned __int128 squares = 0;
	double length;

	for (int i = 0; i < HASH_EMBEDDING_SIZE; i++)
		squares += (unsigned __int128) ((__int128) sum[i] * sum[i]);
	length = sqrt((double) squares);
	for (int i = 0; i < HASH_EMBEDDING_SIZE; i++)
		embedding[i] = squares == 0 ? 0 : (float) ((double) sum[i] / length);
}

/* Slots for the features of a text of n bytes: five at most end at a character, and a text has a last word. */
static uint32_t
slots_for(size_t n)
{
	uint32_t slots = 64;

	while (slots < 2 * BLOCK && slots / 2 < 5 * n + 8)
		slots *= 2;
	return slots;
}

CoreStatus
hash_embedding(Env *env, const char *text, size_t n, float embedding[HASH_EMBEDDING_SIZE])
{
	Slot on_stack[STACK_SLOTS];
	Features features = {.slot = on_stack, .slots = slots_for(n)};
	CoreStatus status;

	if (features.slots > STACK_SLOTS)
	{
		features.slot = env->alloc(env, sizeof(Slot) * features.slots);
		if (features.slot == NULL)
			return CORE_NO_MEMORY;
	}
	memset(features.slot, 0, sizeof(Slot) * features.slots);
	status = read_text(env, &features, text, n);
	if (features.slot != on_stack)
		env->release(env, features.slot);
	if (status == CORE_OK)
		scale(features.sum, embedding);
	return status;
}
