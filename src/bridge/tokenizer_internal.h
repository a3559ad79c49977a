/*
 * tokenizer_internal.h - what tokenizer.c and tokenizer_lists.c share
 */
#ifndef PROMOAI_BRIDGE_TOKENIZER_INTERNAL_H
#define PROMOAI_BRIDGE_TOKENIZER_INTERNAL_H

#include "postgres.h"

#include "bridge/env.h"
#include "bridge/tokenizer.h"
#include "core/text/word_breaker.h"

struct Tokenizer
{
	PgEnv env; /* first, so that the breaker's Env * is a Tokenizer * */
	void *(*take)(Env *env, size_t bytes); /* as PgEnv allocates */
	uint64 refused; /* bytes that a document needed and may not have; 0: none */
	MemoryContext memory; /* holds the tokenizer and all that belongs to it */
	MemoryContextCallback on_delete;
	WordBreaker breaker;
	PgEnv stop_env; /* the builder's */
	LexiconBuilder stop_builder;
};

/* Raise what went wrong in the breaker. */
extern void tokenizer_check(Tokenizer *tokenizer, CoreStatus status);

/* The user's dictionary, and the stop words, as they are now.  In a context that is dropped soon after. */
extern void tokenizer_read_dictionary(Tokenizer *tokenizer);
extern void tokenizer_read_stop_words(Tokenizer *tokenizer);

#endif
