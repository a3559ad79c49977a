/*
 * tokenizer.c - core/text/word_breaker.h in a backend: texts in the database's encoding, memory, cancel and errors
 *
 * A text search configuration breaks words by itself, through PostgreSQL's parser and dictionaries; of the rest only the normal
 * form is made by the core then.
 *
 * Memory: what the core takes, counted against maintenance_work_mem once a document needs more than WORD_BREAKER_KEPT.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "bridge/args.h"
#include "bridge/compat.h"
#include "bridge/memory.h"
#include "bridge/tokenizer_internal.h"
#include "bridge/ts_config.h"
#include "bridge/utf8.h"
#include "core/text/characters.h"

/* ---- memory and errors ---- */

/* Blocks of a long document are taken only within maintenance_work_mem. */
static void *
tokenizer_alloc(Env *env, size_t bytes)
{
	Tokenizer *tokenizer = (Tokenizer *) env;

	if (bytes > WORD_BREAKER_KEPT)
	{
		uint64 need = memory_add(MemoryContextMemAllocated(tokenizer->memory, true), bytes);

		if (need > memory_limit(NULL))
		{
			tokenizer->refused = need;
			return NULL;
		}
	}
	return tokenizer->take(env, bytes);
}

void
tokenizer_check(Tokenizer *tokenizer, CoreStatus status)
{
	const IcuText *icu = &tokenizer->breaker.icu;
	uint64 refused = tokenizer->refused;

	if (likely(status == CORE_OK))
		return;
	tokenizer->refused = 0;
	if (status == CORE_NO_MEMORY && refused > 0)
		memory_require_setting(refused, "breaking this document into words");
	if (status == CORE_TOO_LARGE)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("a document of more than %d bytes once normalised cannot be broken into words",
					   PG_INT32_MAX));
	if (status == CORE_LIBRARY)
		ereport(ERROR, errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				errmsg("%s failed: %s", icu->failed, icu->reason));
	env_check(&tokenizer->env, status, "breaking a document into words");
}

/* ---- text search configurations ---- */

/* A lexeme in the database's encoding.  One of SQL_ASCII lets anything be one: what is not UTF-8 is no word. */
static void
put_lexeme(void *arg, const char *bytes, Size n)
{
	Tokenizer *tokenizer = arg;
	Size length;
	const char *word = utf8_from_server(bytes, n, &length);

	if (characters_sound(word, length))
		tokenizer_check(tokenizer, word_breaker_put(&tokenizer->breaker, word, (int32) length));
}

/* What the configuration makes of a document in UTF-8 whose normalised text is made elsewhere. */
static void
run_config(Tokenizer *tokenizer, const char *bytes, Size n)
{
	MemoryContext piece_memory =
		AllocSetContextCreate(CurrentMemoryContext, "promoai text search", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(piece_memory);
	Oid config = ts_config_find(tokenizer->breaker.config, false);

	for (Size at = 0; at < n;)
	{
		Size length = word_breaker_piece(bytes + at, n - at);
		Size server_length;
		const char *server = utf8_to_server(bytes + at, length, &server_length);

		CHECK_FOR_INTERRUPTS();
		ts_config_lexemes(config, server, server_length, put_lexeme, tokenizer);
		at += length;
		MemoryContextReset(piece_memory);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(piece_memory);
}

/* ---- running ---- */

const Tokens *
tokenizer_run_utf8(Tokenizer *tokenizer, const char *bytes, Size n)
{
	/* The error that ended an earlier document has been raised. */
	if (unlikely(tokenizer->env.error != NULL))
	{
		FreeErrorData(tokenizer->env.error);
		tokenizer->env.error = NULL;
	}
	tokenizer_check(tokenizer, word_breaker_run(&tokenizer->breaker, bytes, n));
	if (tokenizer->breaker.header[BREAKER_HEADER_KIND] == BREAKER_CONFIG)
		run_config(tokenizer, bytes, n);
	return word_breaker_tokens(&tokenizer->breaker);
}

const Tokens *
tokenizer_run(Tokenizer *tokenizer, const char *bytes, Size n)
{
	Size length;
	const char *utf8 = utf8_from_server(bytes, n, &length);
	const Tokens *tokens = tokenizer_run_utf8(tokenizer, utf8, length);

	if (utf8 != bytes)
		pfree((char *) utf8);
	return tokens;
}

/* ---- making one ---- */

/* Not a text search configuration, which leaves out what its dictionaries say. */
static bool
by_own_rules(const char *name)
{
	return name == NULL || strcmp(name, "icu") == 0 || strcmp(name, "simple") == 0;
}

TokenizerOptions
tokenizer_options_from_args(const Args *args, bool without_stop_words)
{
	char *name = args_text_or_null(args, "tokenizer");

	return (TokenizerOptions){.tokenizer = name,
							  .stop_words = without_stop_words && args_null(args, "stop_words")
												? by_own_rules(name)
												: args_bool(args, "stop_words"),
							  .stemmer = args_text_or_null(args, "stemmer")};
}

/* The stemmer's memory is malloc's. */
static void
tokenizer_on_delete(void *arg)
{
	Tokenizer *tokenizer = arg;

	word_breaker_close_libraries(&tokenizer->breaker);
}

static Tokenizer *
tokenizer_new(MemoryContext parent)
{
	MemoryContext memory = AllocSetContextCreate(parent, "promoai tokenizer", ALLOCSET_SMALL_SIZES);
	Tokenizer *tokenizer = MemoryContextAllocZero(memory, sizeof(Tokenizer));

	tokenizer->memory = memory;
	env_init(&tokenizer->env, memory);
	tokenizer->take = tokenizer->env.base.alloc;
	tokenizer->env.base.alloc = tokenizer_alloc;
	tokenizer->on_delete = (MemoryContextCallback){.func = tokenizer_on_delete, .arg = tokenizer};
	MemoryContextRegisterResetCallback(memory, &tokenizer->on_delete);
	return tokenizer;
}

static char *
stemmer_names(void)
{
	StringInfoData names;

	initStringInfo(&names);
	for (const char **name = word_breaker_stemmers(); *name != NULL; name++)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", *name);
	return names.data;
}

/* The name of a text search configuration, as it is kept: found whatever the search_path. */
static const char *
config_name(const TokenizerOptions *options)
{
	const char *name = options->tokenizer;
	Oid config = ts_config_find(name, true);

	if (!OidIsValid(config))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("there is no tokenizer \"%s\"", args_quoted(name)),
				errhint("It is icu, simple, or the name of a text search configuration such as "
						"pg_catalog.english."));
	if (options->stop_words || options->stemmer != NULL)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("argument \"%s\" is not for the text search configuration \"%s\"",
					   options->stop_words ? "stop_words" : "stemmer", name),
				errhint("A text search configuration brings its own dictionaries for stop words and stems."));
	return ts_config_name(config);
}

static void
choose_breaker(Tokenizer *tokenizer, const TokenizerOptions *options)
{
	WordBreaker *breaker = &tokenizer->breaker;
	const char *name = options->tokenizer;
	const char *config = NULL;
	BreakerKind kind = BREAKER_ICU;

	if (name != NULL && strcmp(name, "simple") == 0)
		kind = BREAKER_SIMPLE;
	else if (name != NULL && strcmp(name, "icu") != 0)
	{
		kind = BREAKER_CONFIG;
		config = config_name(options);
	}
	tokenizer_check(tokenizer, word_breaker_open(breaker, &tokenizer->env.base, kind));
	if (config != NULL)
		strlcpy(breaker->config, config, sizeof(breaker->config));
	if (options->stemmer != NULL && !word_breaker_stem(breaker, options->stemmer))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("there is no stemmer for \"%s\"", args_quoted(options->stemmer)),
				errhint("Languages with one are: %s.", stemmer_names()));
}

Tokenizer *
tokenizer_create(const TokenizerOptions *options, MemoryContext memory)
{
	Tokenizer *tokenizer = tokenizer_new(memory);
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "promoai word lists", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);

	choose_breaker(tokenizer, options);
	if (tokenizer->breaker.header[BREAKER_HEADER_KIND] != BREAKER_CONFIG)
		tokenizer_read_dictionary(tokenizer);
	if (options->stop_words)
		tokenizer_read_stop_words(tokenizer);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return tokenizer;
}

void
tokenizer_free(Tokenizer *tokenizer)
{
	MemoryContextDelete(tokenizer->memory);
}

/* ---- payloads ---- */

void
tokenizer_write(const Tokenizer *tokenizer, Payload *payload)
{
	word_breaker_write(&tokenizer->breaker, payload);
}

Tokenizer *
tokenizer_read(const Payload *payload, MemoryContext memory)
{
	Tokenizer *tokenizer = tokenizer_new(memory);
	CoreStatus status = word_breaker_read(&tokenizer->breaker, &tokenizer->env.base, payload);

	if (status == CORE_CORRUPT)
	{
		tokenizer_free(tokenizer);
		return NULL;
	}
	tokenizer_check(tokenizer, status);
	return tokenizer;
}
