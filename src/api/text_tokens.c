/*
 * text_tokens.c - the words of a text as an array
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "bridge/args.h"
#include "bridge/compat.h"
#include "bridge/memory.h"
#include "bridge/tokenizer.h"
#include "bridge/utf8.h"
#include "bridge/word_lists.h"

#define TOKENIZERS 4 /* kept: a query over texts in several languages asks for one after the other */

typedef struct KeptTokenizer
{
	MemoryContext memory; /* of all below; NULL: there is none */
	TokenizerOptions options;
	Tokenizer *tokenizer;
} KeptTokenizer;

/* The tokenizers of calls before: good for as long as the same lists are seen. */
typedef struct TokensCall
{
	WordListStamp stamp;
	KeptTokenizer kept[TOKENIZERS];
	int next; /* to give way */
} TokensCall;

static bool
same_text(const char *left, const char *right)
{
	return left == NULL || right == NULL ? left == right : strcmp(left, right) == 0;
}

static bool
same_options(const TokenizerOptions *left, const TokenizerOptions *right)
{
	return same_text(left->tokenizer, right->tokenizer) && same_text(left->stemmer, right->stemmer) &&
		   left->stop_words == right->stop_words;
}

static char *
copy_text(MemoryContext memory, const char *string)
{
	return string == NULL ? NULL : MemoryContextStrdup(memory, string);
}

static void
kept_free(KeptTokenizer *kept)
{
	MemoryContext memory = kept->memory;

	*kept = (KeptTokenizer){0};
	if (memory != NULL)
		MemoryContextDelete(memory);
}

/* One more tokenizer.  It is found only once it is whole. */
static Tokenizer *
kept_create(TokensCall *call, MemoryContext parent, const TokenizerOptions *options)
{
	KeptTokenizer *kept = &call->kept[call->next];

	call->next = (call->next + 1) % TOKENIZERS;
	kept_free(kept);
	kept->memory = AllocSetContextCreate(parent, "promoai text_tokens", ALLOCSET_SMALL_SIZES);
	kept->options = (TokenizerOptions){.tokenizer = copy_text(kept->memory, options->tokenizer),
									   .stop_words = options->stop_words,
									   .stemmer = copy_text(kept->memory, options->stemmer)};
	kept->tokenizer = tokenizer_create(options, kept->memory);
	return kept->tokenizer;
}

static Tokenizer *
call_tokenizer(Args *args)
{
	MemoryContext memory = args->fcinfo->flinfo->fn_mcxt;
	TokensCall *call = args->state;
	TokenizerOptions options = tokenizer_options_from_args(args, false);
	WordListStamp stamp = word_lists_stamp();

	if (call == NULL)
		args->state = call = MemoryContextAllocZero(memory, sizeof(TokensCall));
	if (!word_lists_same(&call->stamp, &stamp))
		for (int i = 0; i < TOKENIZERS; i++)
			kept_free(&call->kept[i]);
	call->stamp = stamp;
	for (int i = 0; i < TOKENIZERS; i++)
		if (call->kept[i].tokenizer != NULL && same_options(&call->kept[i].options, &options))
			return call->kept[i].tokenizer;
	return kept_create(call, memory, &options);
}

/* Bytes of the words as an array; in another encoding than UTF-8 they may be others. */
static uint64
array_bytes(const Tokens *tokens)
{
	uint64 bytes = ARR_OVERHEAD_NONULLS(1);

	for (int32 i = 0; i < tokens->n; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		bytes += INTALIGN(VARHDRSZ + tokens->start[i + 1] - tokens->start[i]);
	}
	if (bytes >= MaxAllocSize)
		ereport(
			ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			errmsg("the %d words of this document do not fit into an array, which may have 1 GB", tokens->n),
			errhint("Split the document."));
	return bytes;
}

/*
 * The words as an array, made in place: 4 bytes, or up to 7, beside each word's own.  construct_array would take a copy of each
 * first, and is not to be cancelled.
 */
static ArrayType *
array_of_words(const Tokens *tokens)
{
	uint64 need = array_bytes(tokens);
	StringInfoData array;
	ArrayType header = {.ndim = 1, .elemtype = TEXTOID};
	int32 dimension[] = {tokens->n, 1};

	memory_require_setting(need, "the array of these words");
	initStringInfo(&array);
	enlargeStringInfo(&array, (int) need - 1);
	appendBinaryStringInfo(&array, (char *) &header, sizeof(header));
	appendBinaryStringInfo(&array, (char *) dimension, sizeof(dimension));
	for (int32 i = 0; i < tokens->n; i++)
	{
		Size n;
		const char *word =
			utf8_to_server(tokens->words + tokens->start[i], tokens->start[i + 1] - tokens->start[i], &n);

		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		enlargeStringInfo(&array, (int) n + VARHDRSZ + ALIGNOF_INT);
		SET_VARSIZE(array.data + array.len, VARHDRSZ + n);
		array.len += VARHDRSZ;
		appendBinaryStringInfo(&array, word, (int) n);
		while (array.len % ALIGNOF_INT != 0)
			appendStringInfoChar(&array, '\0');
		if (word != tokens->words + tokens->start[i])
			pfree((char *) word);
	}
	SET_VARSIZE(array.data, array.len);
	return (ArrayType *) array.data;
}

/* text_tokens(doc, tokenizer, stop_words, stemmer) -> text[] */
PG_FUNCTION_INFO_V1(promoai_text_tokens);
Datum
promoai_text_tokens(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	const Tokens *tokens;
	text *doc;

	if (args_null(args, "doc"))
		PG_RETURN_NULL();
	doc = DatumGetTextPP(args_datum(args, "doc", NULL));
	tokens = tokenizer_run(call_tokenizer(args), VARDATA_ANY(doc), VARSIZE_ANY_EXHDR(doc));
	if (tokens->n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(TEXTOID));
	PG_RETURN_ARRAYTYPE_P(array_of_words(tokens));
}
