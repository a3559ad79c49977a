/*
 * hash_embedding.h - a text as a vector of fixed length, without training
 */
#ifndef CORE_TEXT_HASH_EMBEDDING_H
#define CORE_TEXT_HASH_EMBEDDING_H

#include "../env.h"

#define HASH_EMBEDDING_SIZE 256

/*
 * The embedding of a text in UTF-8: of length 1, or all zero where the text has no words.  CORE_CANCELLED, CORE_NO_MEMORY for
 * 128 kB that longer texts need.
 */
extern CoreStatus hash_embedding(Env *env, const char *text, size_t n, float embedding[HASH_EMBEDDING_SIZE]);

#endif
