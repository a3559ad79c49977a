/*
 * tokenizer.c - the words of a text: normalised, broken, filtered, stemmed
 *
 * A document is worked on in pieces of some kilobytes that end at a blank where there is one, so that a long document can be
 * cancelled.  Each goes through these steps:
 *
 *   1. normalised   NFKC and case folding by ICU (unorm2, Unicode's NFKC_Casefold); a curly apostrophe becomes a straight one.
 *                   Texts in ASCII need lower case only.
 *   2. dictionary   the user's words are looked for from left to right, the longest first.  They begin and end at a boundary of
 *                   letters, but anywhere among characters written without blanks.  What is left lies in gaps.
 *   3. broken       gaps are broken by ICU's word iterator (UAX #29, with ICU's dictionaries for Chinese, Japanese, Thai and so
 *                   on), in ASCII by the same rules in core/text/ascii_words.c, or by core/text/plain_words.c ('simple').
 *                   Words are what has a letter, a digit or a pictograph.
 *   4. filtered     stop words are left out, endings taken off (libstemmer).
 *
 * A text search configuration does all but the first step by itself, through PostgreSQL's parser and dictionaries.
 *
 * Memory: some 3 bytes for each of the document, counted against maintenance_work_mem.  The word iterator is opened once in a
 * backend.  ICU and libstemmer use malloc, and never call back.
 */
#include "postgres.h"

#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include <libstemmer.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "bridge/compat.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/tokenizer.h"
#include "bridge/ts_config.h"
#include "bridge/utf8.h"
#include "bridge/word_lists.h"
#include "core/text/ascii_words.h"
#include "core/text/characters.h"
#include "core/text/lexicon.h"
#include "core/text/phrases.h"
#include "core/text/plain_words.h"

#define PIECE 16384 /* bytes worked on at a time */
#define PIECE_CUT 4096 /* how far from its end a blank is looked for */
#define KEPT (1024 * 1024) /* buffers up to here are kept, whatever comes next */
#define MAX_STEM 255 /* longer words have no stem; libstemmer counts in int */

typedef enum Breaker
{
	BREAKER_ICU,
	BREAKER_SIMPLE,
	BREAKER_CONFIG
} Breaker;

/* The section "tokenizer". */
enum
{
	HEADER_VERSION,
	HEADER_BREAKER,
	HEADER_DICTIONARY, /* words in it */
	HEADER_STOP, /* stop words */
	HEADER_SIZE
};
#define TOKENIZER_VERSION 1

typedef struct Room
{
	void *data;
	Size room; /* elements */
	Size width; /* bytes of one */
} Room;

struct Tokenizer
{
	MemoryContext memory; /* holds the tokenizer and all that belongs to it */
	MemoryContextCallback on_delete;
	uint32 header[HEADER_SIZE];
	char *config; /* BREAKER_CONFIG: schema and name as SQL writes them */
	char *stemmer_name;
	struct sb_stemmer *stemmer;
	Phrases dictionary;
	Lexicon stop;
	PgEnv env; /* the builder's */
	LexiconBuilder stop_builder;
	Tokens tokens;
	Size n_words; /* bytes in words */
	Room text; /* char */
	Room words; /* char */
	Room start; /* int32 */
	Room wide; /* UChar: a piece in UTF-16 */
	Room normal; /* UChar: a piece normalised */
};

/* ---- the libraries ---- */

static const UNormalizer2 *normalizer = NULL;
static UBreakIterator *breaks = NULL;

static void
icu_check(UErrorCode status, const char *what)
{
	if (U_SUCCESS(status))
		return;
	if (status == U_MEMORY_ALLOCATION_ERROR)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	ereport(ERROR, errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			errmsg("%s failed: %s", what, u_errorName(status)));
}

static void
icu_open(void)
{
	UErrorCode status = U_ZERO_ERROR;

	if (breaks != NULL)
		return;
	normalizer = unorm2_getNFKCCasefoldInstance(&status);
	icu_check(status, "opening ICU's normalisation");
	breaks = ubrk_open(UBRK_WORD, "root", NULL, 0, &status);
	if (U_FAILURE(status))
		breaks = NULL;
	icu_check(status, "opening ICU's word iterator");
}

static void
tokenizer_on_delete(void *arg)
{
	Tokenizer *tokenizer = arg;

	if (tokenizer->stemmer != NULL)
		sb_stemmer_delete(tokenizer->stemmer);
	tokenizer->stemmer = NULL;
}

/* ---- buffers ---- */

/* Room for `need` elements; what is in the first `used` stays. */
static void
buffer_grow(Tokenizer *tokenizer, Room *buffer, Size need, Size used)
{
	Size room = Max(need, 2 * buffer->room);
	void *grown;

	if (need > PG_INT32_MAX)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("a document of more than %d bytes once normalised cannot be broken into words",
					   PG_INT32_MAX));
	room = Min(room, PG_INT32_MAX);
	if (room * buffer->width > KEPT)
		memory_require_setting(
			memory_add(MemoryContextMemAllocated(tokenizer->memory, true), (uint64) room * buffer->width),
			"breaking this document into words");
	grown = MemoryContextAllocHuge(tokenizer->memory, room * buffer->width);
	if (buffer->data != NULL)
	{
		memcpy(grown, buffer->data, used * buffer->width);
		pfree(buffer->data);
	}
	buffer->data = grown;
	buffer->room = room;
}

static inline void
buffer_require(Tokenizer *tokenizer, Room *buffer, Size need, Size used)
{
	if (unlikely(need > buffer->room))
		buffer_grow(tokenizer, buffer, need, used);
}

/* What a document much longer than this one has left behind. */
static void
buffer_shrink(Room *buffer, Size n)
{
	if (buffer->room * buffer->width <= KEPT || n > buffer->room / 16)
		return;
	pfree(buffer->data);
	buffer->data = NULL;
	buffer->room = 0;
}

/* ---- words ---- */

/* One more word, unless it is to be left out. */
static void
put_word(Tokenizer *tokenizer, const char *word, int32 n)
{
	Tokens *tokens = &tokenizer->tokens;
	int32 *start;

	if (tokenizer->stop.n > 0 && lexicon_find(&tokenizer->stop, word, n) >= 0)
		return;
	if (tokenizer->stemmer != NULL && n <= MAX_STEM)
	{
		const sb_symbol *stem = sb_stemmer_stem(tokenizer->stemmer, (const sb_symbol *) word, n);

		if (stem == NULL)
			ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
		if (sb_stemmer_length(tokenizer->stemmer) > 0)
		{
			word = (const char *) stem;
			n = sb_stemmer_length(tokenizer->stemmer);
		}
	}
	buffer_require(tokenizer, &tokenizer->words, tokenizer->n_words + n, tokenizer->n_words);
	buffer_require(tokenizer, &tokenizer->start, (Size) tokens->n + 2, (Size) tokens->n + 1);
	memcpy((char *) tokenizer->words.data + tokenizer->n_words, word, n);
	tokenizer->n_words += n;
	start = tokenizer->start.data;
	start[++tokens->n] = (int32) tokenizer->n_words;
}

static bool
is_ascii(const char *bytes, Size n)
{
	unsigned char all = 0;

	for (Size i = 0; i < n; i++)
		all |= (unsigned char) bytes[i];
	return all < 0x80;
}

/* UTF-8 as UTF-16 in `wide`; what is not a character becomes a blank. */
static int32
widen(Tokenizer *tokenizer, const char *bytes, int32 n)
{
	UErrorCode status = U_ZERO_ERROR;
	int32 length;

	buffer_require(tokenizer, &tokenizer->wide, (Size) n + 1, 0);
	u_strFromUTF8WithSub(tokenizer->wide.data, (int32) tokenizer->wide.room, &length, bytes, n, ' ', NULL,
						 &status);
	icu_check(status, "reading UTF-8");
	return length;
}

/* Bytes of UTF-8 that these units of UTF-16, whole characters, stand for. */
static int32
utf8_bytes(const UChar *units, int32 n)
{
	int32 bytes = 0;

	for (int32 i = 0; i < n; i++)
		bytes += units[i] < 0x80 ? 1 : units[i] < 0x800 || U16_IS_SURROGATE(units[i]) ? 2 : 3;
	return bytes;
}

/* Does a stretch without letters and digits begin with a pictograph or a flag?  (Not old signs such as the copyright's.) */
static bool
is_pictograph(const UChar *units, int32 n)
{
	UChar32 code;

	if (units[0] < 0x203c)
		return false;
	U16_GET_UNSAFE(units, 0, code);
	return u_hasBinaryProperty(code, UCHAR_EXTENDED_PICTOGRAPHIC) ||
		   u_hasBinaryProperty(code, UCHAR_REGIONAL_INDICATOR);
}

static void
break_by_icu(Tokenizer *tokenizer, const char *text, int32 n)
{
	UErrorCode status = U_ZERO_ERROR;
	int32 length = widen(tokenizer, text, n);
	UChar *units = tokenizer->wide.data;
	int32 from = 0;

	/* Versions of ICU differ on these two; here they stand between words, as in Unicode's rules and in ASCII. */
	for (int32 i = 0; i < length; i++)
		if (units[i] == '@' || units[i] == ':')
			units[i] = ' ';
	ubrk_setText(breaks, units, length, &status);
	icu_check(status, "breaking into words");
	for (int32 to = ubrk_next(breaks); to != UBRK_DONE; to = ubrk_next(breaks))
	{
		int32 bytes = utf8_bytes(units + from, to - from);

		if (ubrk_getRuleStatus(breaks) >= UBRK_WORD_NONE_LIMIT || is_pictograph(units + from, to - from))
			put_word(tokenizer, text, bytes);
		text += bytes;
		from = to;
	}
}

static void
break_ascii(Tokenizer *tokenizer, const char *text, int32 n)
{
	int32 from = 0;
	int32 end;

	while (ascii_words_next(text, n, &from, &end))
	{
		put_word(tokenizer, text + from, end - from);
		from = end;
	}
}

static void
break_simply(Tokenizer *tokenizer, const char *text, int32 n)
{
	PlainWords reader;
	char word[PLAIN_WORD_MAX];

	plain_words_open(&reader, text, n);
	for (int32 size; (size = plain_words_next(&reader, word)) > 0;)
		put_word(tokenizer, word, size);
}

static void
break_gap(Tokenizer *tokenizer, const char *text, int32 n)
{
	if (n == 0)
		return;
	if (tokenizer->header[HEADER_BREAKER] == BREAKER_SIMPLE)
		break_simply(tokenizer, text, n);
	else if (is_ascii(text, n))
		break_ascii(tokenizer, text, n);
	else
		break_by_icu(tokenizer, text, n);
}

/* ---- pieces ---- */

/*
 * Where a text of n bytes is best cut behind `low` and at `high` at the latest: behind the last blank there, else before the
 * last character that normalisation does not join to the one before it, else before any.
 */
static Size
cut_between(const char *bytes, Size low, Size high, Size n)
{
	Size any = 0;

	for (Size end = high; end > low; end--)
		if ((unsigned char) bytes[end - 1] <= ' ')
			return end;
	for (Size end = high; end > low; end--)
	{
		int32 length;
		uint32 code;

		if (((unsigned char) bytes[end] & 0xc0) == 0x80)
			continue;
		any = any == 0 ? end : any;
		code = character_decode(bytes + end, bytes + n, &length);
		if (code >= 0x80 && unorm2_hasBoundaryBefore(normalizer, (UChar32) code))
			return end;
	}
	return any > 0 ? any : high;
}

/* How much of a long document is worked on at once. */
static Size
piece_length(const char *bytes, Size left)
{
	return left <= PIECE ? left : cut_between(bytes, PIECE - PIECE_CUT, PIECE, left);
}

/* ---- the dictionary ---- */

static bool
is_letter(const char *at, const char *end)
{
	int32 bytes;

	return at < end && character_class(character_lower(character_decode(at, end, &bytes))) == CLASS_WORD;
}

/* May a word of the dictionary end before `at`?  `start` of the last character is found backwards. */
static bool
word_ends(const char *at, const char *end)
{
	const char *last = at - 1;

	while (((unsigned char) *last & 0xc0) == 0x80)
		last--;
	return !is_letter(last, end) || !is_letter(at, end);
}

/*
 * How much of a gap of n bytes can be broken where what follows it is not known: all before the word that it ends in.  That is
 * kept for the next piece, unless it is longer than pieces are cut within.
 */
static int32
gap_settled(const char *gap, int32 n)
{
	int32 blank = n;

	while (blank > 0 && (unsigned char) gap[blank - 1] > ' ')
		blank--;
	return n - blank < PIECE_CUT ? blank : n;
}

/*
 * The words of the dictionary, and what lies between them broken.  The bytes that this was done for: all of the last piece; of
 * others, what a word of the dictionary that goes on in the next piece may begin after.
 */
static int32
break_by_dictionary(Tokenizer *tokenizer, const char *text, int32 n, bool last)
{
	const char *end = text + n;
	const char *gap = text;
	const char *at = text;
	bool letter_before = false;

	while (at < end)
	{
		int32 bytes;
		bool letter = character_class(character_lower(character_decode(at, end, &bytes))) == CLASS_WORD;
		bool open = false;
		int32 longest =
			letter && letter_before ? 0 : phrases_longest(&tokenizer->dictionary, at, end, word_ends, &open);

		CHECK_FOR_INTERRUPTS(); /* a long word that keeps almost coming takes its length at each character */
		if (open && !last && end - at <= PIECE)
		{
			int32 settled = gap_settled(gap, (int32) (at - gap));

			break_gap(tokenizer, gap, settled);
			return (int32) (gap - text) + settled;
		}
		letter_before = letter;
		if (longest == 0)
		{
			at += bytes;
			continue;
		}
		break_gap(tokenizer, gap, (int32) (at - gap));
		put_word(tokenizer, at, longest);
		at += longest;
		gap = at;
		letter_before = false; /* the word ended where one may end */
	}
	break_gap(tokenizer, gap, (int32) (end - gap));
	return n;
}

/* ---- normalised ---- */

static void
normalise_ascii(char *out, const char *bytes, Size n)
{
	for (Size i = 0; i < n; i++)
		out[i] = bytes[i] >= 'A' && bytes[i] <= 'Z' ? bytes[i] + 32 : bytes[i];
}

/* The piece appended to the text; its length there. */
static int32
normalise(Tokenizer *tokenizer, const char *bytes, int32 n)
{
	Size used = tokenizer->tokens.n_text;
	UErrorCode status = U_ZERO_ERROR;
	UChar *units;
	int32 length;
	int32 out;

	buffer_require(tokenizer, &tokenizer->text, used + n + 1, used);
	if (is_ascii(bytes, n))
	{
		normalise_ascii((char *) tokenizer->text.data + used, bytes, n);
		return n;
	}
	length = widen(tokenizer, bytes, n);
	buffer_require(tokenizer, &tokenizer->normal, 2 * (Size) length + 64, 0);
	out = unorm2_normalize(normalizer, tokenizer->wide.data, length, tokenizer->normal.data,
						   (int32) tokenizer->normal.room, &status);
	if (status == U_BUFFER_OVERFLOW_ERROR)
	{
		status = U_ZERO_ERROR;
		buffer_require(tokenizer, &tokenizer->normal, out, 0);
		out = unorm2_normalize(normalizer, tokenizer->wide.data, length, tokenizer->normal.data,
							   (int32) tokenizer->normal.room, &status);
	}
	icu_check(status, "normalising");
	units = tokenizer->normal.data;
	for (int32 i = 0; i < out; i++)
		if (units[i] == 0x2019)
			units[i] = '\'';
	buffer_require(tokenizer, &tokenizer->text, used + 3 * (Size) out + 1, used);
	u_strToUTF8((char *) tokenizer->text.data + used, (int32) (tokenizer->text.room - used), &length, units,
				out, &status);
	icu_check(status, "writing UTF-8");
	return length;
}

static void
tokenizer_begin(Tokenizer *tokenizer, Size n)
{
	buffer_shrink(&tokenizer->text, n);
	buffer_shrink(&tokenizer->words, n);
	buffer_shrink(&tokenizer->start, n);
	buffer_require(tokenizer, &tokenizer->words, Min(n, PIECE) + 64, 0);
	buffer_require(tokenizer, &tokenizer->start, Min(n, PIECE) / 4 + 16, 0);
	tokenizer->tokens = (Tokens){0};
	tokenizer->n_words = 0;
	((int32 *) tokenizer->start.data)[0] = 0;
}

static const Tokens *
tokenizer_end(Tokenizer *tokenizer)
{
	tokenizer->tokens.text = tokenizer->text.data;
	tokenizer->tokens.words = tokenizer->words.data;
	tokenizer->tokens.start = tokenizer->start.data;
	return &tokenizer->tokens;
}

/* ---- text search configurations ---- */

/* A lexeme in the database's encoding.  One of SQL_ASCII lets anything be one: what is not UTF-8 is no word. */
static void
put_lexeme(void *arg, const char *bytes, Size n)
{
	Size length;
	const char *word = utf8_from_server(bytes, n, &length);

	if (pg_verify_mbstr(PG_UTF8, word, (int) length, true))
		put_word(arg, word, (int32) length);
}

/* What the configuration makes of a document in UTF-8 whose normalised text is made elsewhere. */
static void
run_config(Tokenizer *tokenizer, const char *bytes, Size n)
{
	MemoryContext piece_memory =
		AllocSetContextCreate(CurrentMemoryContext, "promoai text search", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(piece_memory);
	Oid config = ts_config_find(tokenizer->config, false);

	for (Size at = 0; at < n;)
	{
		Size length = piece_length(bytes + at, n - at);
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
	int32 broken = 0; /* of the normalised text */

	tokenizer_begin(tokenizer, n);
	for (Size at = 0; at < n;)
	{
		Size length = piece_length(bytes + at, n - at);
		const char *text;
		int32 left;

		tokenizer->tokens.n_text += normalise(tokenizer, bytes + at, (int32) length);
		text = (const char *) tokenizer->text.data + broken;
		left = tokenizer->tokens.n_text - broken;
		at += length;
		CHECK_FOR_INTERRUPTS();
		if (tokenizer->header[HEADER_BREAKER] == BREAKER_CONFIG)
			continue; /* its words come of the text as it is */
		if (tokenizer->dictionary.n > 0)
			left = break_by_dictionary(tokenizer, text, left, at == n);
		else
			break_gap(tokenizer, text, left);
		broken += left;
	}
	if (tokenizer->header[HEADER_BREAKER] == BREAKER_CONFIG)
		run_config(tokenizer, bytes, n);
	return tokenizer_end(tokenizer);
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

TokenizerOptions
tokenizer_options_from_args(const Args *args)
{
	return (TokenizerOptions){.tokenizer = args_text_or_null(args, "tokenizer"),
							  .stop_words = args_bool(args, "stop_words"),
							  .stemmer = args_text_or_null(args, "stemmer")};
}

static Tokenizer *
tokenizer_new(MemoryContext parent)
{
	MemoryContext memory = AllocSetContextCreate(parent, "promoai tokenizer", ALLOCSET_SMALL_SIZES);
	Tokenizer *tokenizer = MemoryContextAllocZero(memory, sizeof(Tokenizer));

	icu_open();
	tokenizer->memory = memory;
	tokenizer->header[HEADER_VERSION] = TOKENIZER_VERSION;
	tokenizer->text.width = sizeof(char);
	tokenizer->words.width = sizeof(char);
	tokenizer->start.width = sizeof(int32);
	tokenizer->wide.width = sizeof(UChar);
	tokenizer->normal.width = sizeof(UChar);
	tokenizer->on_delete = (MemoryContextCallback){.func = tokenizer_on_delete, .arg = tokenizer};
	MemoryContextRegisterResetCallback(memory, &tokenizer->on_delete);
	return tokenizer;
}

static bool
stemmer_open(Tokenizer *tokenizer, const char *name)
{
	tokenizer->stemmer_name = MemoryContextStrdup(tokenizer->memory, name);
	tokenizer->stemmer = sb_stemmer_new(name, "UTF_8");
	return tokenizer->stemmer != NULL;
}

static char *
stemmer_names(void)
{
	StringInfoData names;

	initStringInfo(&names);
	for (const char **name = sb_stemmer_list(); *name != NULL; name++)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", *name);
	return names.data;
}

static void
choose_breaker(Tokenizer *tokenizer, const TokenizerOptions *options)
{
	const char *name = options->tokenizer;
	Oid config;

	if (name == NULL || strcmp(name, "icu") == 0)
		tokenizer->header[HEADER_BREAKER] = BREAKER_ICU;
	else if (strcmp(name, "simple") == 0)
		tokenizer->header[HEADER_BREAKER] = BREAKER_SIMPLE;
	else
	{
		tokenizer->header[HEADER_BREAKER] = BREAKER_CONFIG;
		config = ts_config_find(name, true);
		if (!OidIsValid(config))
			ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("there is no tokenizer \"%s\"", name),
					errhint("It is icu, simple, or the name of a text search configuration such as "
							"pg_catalog.english."));
		if (options->stop_words || options->stemmer != NULL)
			ereport(
				ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("argument \"%s\" is not for the text search configuration \"%s\"",
					   options->stop_words ? "stop_words" : "stemmer", name),
				errhint("A text search configuration brings its own dictionaries for stop words and stems."));
		tokenizer->config = MemoryContextStrdup(tokenizer->memory, ts_config_name(config));
	}
}

/* ---- lists ---- */

/* What is gathered of a list: words in normalised form. */
typedef struct WordList
{
	Tokenizer *tokenizer;
	char **words; /* [n] zero-terminated */
	int n;
	int room;
} WordList;

/* A user's word as it stands in a normalised text, without the blanks about it; NULL when nothing is left. */
static char *
normal_word(Tokenizer *tokenizer, const char *bytes, Size n)
{
	Size length;
	const char *utf8 = utf8_from_server(bytes, n, &length);
	const char *from;
	const char *end;

	if (length > PIECE)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("a word of the dictionary is longer than %d bytes", PIECE));
	tokenizer->tokens.n_text = 0;
	from = tokenizer->text.data;
	n = normalise(tokenizer, utf8, (int32) length);
	from = tokenizer->text.data;
	end = from + n;
	while (from < end && (unsigned char) *from <= ' ')
		from++;
	while (from < end && (unsigned char) end[-1] <= ' ')
		end--;
	return from == end ? NULL : pnstrdup(from, end - from);
}

static void
list_add(void *arg, const char *bytes, Size n)
{
	WordList *list = arg;
	char *word = normal_word(list->tokenizer, bytes, n);

	if (word == NULL)
		return;
	if (list->n == list->room)
	{
		list->room = Max(2 * list->room, 64);
		memory_require_setting(memory_add(MemoryContextMemAllocated(CurrentMemoryContext, true),
										  memory_mul(list->room, sizeof(char *))),
							   "reading the dictionary and stop words");
		list->words = list->words == NULL
						  ? MemoryContextAllocHuge(CurrentMemoryContext, sizeof(char *) * list->room)
						  : repalloc_huge(list->words, sizeof(char *) * list->room);
	}
	list->words[list->n++] = word;
}

static int
compare_words(const void *left, const void *right)
{
	CHECK_FOR_INTERRUPTS(); /* a dictionary may have millions of words */
	return strcmp(*(char *const *) left, *(char *const *) right);
}

/* The user's dictionary as it is now, in order and each word once. */
static void
dictionary_read(Tokenizer *tokenizer)
{
	WordList list = {.tokenizer = tokenizer};
	uint64 *start;
	char *bytes;
	uint64 total = 0;
	int n = 0;

	word_lists_dictionary(list_add, &list);
	if (list.n == 0)
		return;
	qsort(list.words, list.n, sizeof(char *), compare_words);
	for (int i = 0; i < list.n; i++)
		total += strlen(list.words[i]);
	start = MemoryContextAllocHuge(tokenizer->memory, sizeof(uint64) * (list.n + 1));
	bytes = MemoryContextAllocHuge(tokenizer->memory, total);
	start[0] = 0;
	for (int i = 0; i < list.n; i++)
	{
		Size length = strlen(list.words[i]);

		if (i > 0 && strcmp(list.words[i - 1], list.words[i]) == 0)
			continue;
		memcpy(bytes + start[n], list.words[i], length);
		start[n + 1] = start[n] + length;
		n++;
	}
	tokenizer->header[HEADER_DICTIONARY] = n;
	if (!phrases_open(&tokenizer->dictionary, start, n, bytes, start[n]))
		elog(ERROR, "the dictionary is not in order");
}

typedef struct StopLists
{
	WordList added;
	WordList taken_off;
} StopLists;

static void
stop_word(void *arg, const char *bytes, Size n, bool stop)
{
	StopLists *lists = arg;

	list_add(stop ? &lists->added : &lists->taken_off, bytes, n);
}

static void
stop_put(Tokenizer *tokenizer, const WordList * not, const char *word, Size n)
{
	int32 index;

	for (int i = 0; i < not ->n; i++)
		if (strlen(not ->words[i]) == n && memcmp(not ->words[i], word, n) == 0)
			return;
	env_check(&tokenizer->env, lexicon_add(&tokenizer->stop_builder, word, n, &index), "reading stop words");
}

/* The built-in stop words less those that the user has taken off, and the user's own. */
static void
stop_read(Tokenizer *tokenizer)
{
	const char *const built_in[] = {word_lists_english, word_lists_chinese};
	StopLists lists = {.added.tokenizer = tokenizer, .taken_off.tokenizer = tokenizer};

	word_lists_stop(stop_word, &lists);
	env_init(&tokenizer->env, tokenizer->memory);
	env_check(&tokenizer->env, lexicon_begin(&tokenizer->stop_builder, &tokenizer->env.base, 0),
			  "reading stop words");
	for (int list = 0; list < 2; list++)
		for (const char *word = built_in[list]; *word != '\0';)
		{
			Size n = strcspn(word, " ");

			stop_put(tokenizer, &lists.taken_off, word, n);
			word += n + (word[n] == ' ');
		}
	for (int i = 0; i < lists.added.n; i++)
		stop_put(tokenizer, &lists.taken_off, lists.added.words[i], strlen(lists.added.words[i]));
	tokenizer->stop = lexicon_view(&tokenizer->stop_builder);
	tokenizer->header[HEADER_STOP] = tokenizer->stop.n;
}

Tokenizer *
tokenizer_create(const TokenizerOptions *options, MemoryContext memory)
{
	Tokenizer *tokenizer = tokenizer_new(memory);
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "promoai word lists", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);

	choose_breaker(tokenizer, options);
	if (options->stemmer != NULL && !stemmer_open(tokenizer, options->stemmer))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("there is no stemmer for \"%s\"", options->stemmer),
				errhint("Languages with one are: %s.", stemmer_names()));
	if (tokenizer->header[HEADER_BREAKER] != BREAKER_CONFIG)
		dictionary_read(tokenizer);
	if (options->stop_words)
		stop_read(tokenizer);
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

static void
write_name(Payload *payload, const char *section, const char *name)
{
	if (name != NULL)
		payload_add(payload, section, 1, strlen(name), name);
}

void
tokenizer_write(const Tokenizer *tokenizer, Payload *payload)
{
	const Phrases *dictionary = &tokenizer->dictionary;
	const Lexicon *stop = &tokenizer->stop;

	payload_add(payload, "tokenizer", sizeof(uint32), HEADER_SIZE, tokenizer->header);
	write_name(payload, "tokenizer config", tokenizer->config);
	write_name(payload, "tokenizer stemmer", tokenizer->stemmer_name);
	if (dictionary->n > 0)
	{
		payload_add(payload, "tokenizer words at", sizeof(uint64), (uint64) dictionary->n + 1,
					dictionary->start);
		payload_add(payload, "tokenizer words", 1, dictionary->start[dictionary->n], dictionary->bytes);
	}
	if (stop->n > 0)
	{
		payload_add(payload, "tokenizer stop at", sizeof(uint64), (uint64) stop->n + 1, stop->start);
		payload_add(payload, "tokenizer stop", 1, stop->start[stop->n], stop->bytes);
		payload_add(payload, "tokenizer stop slots", sizeof(uint32), stop->slots, stop->slot);
	}
}

/* A name of the payload, palloc'd; NULL when it is missing or cannot be one. */
static char *
read_name(const Payload *payload, const char *section)
{
	uint64 n;
	const char *name = payload_get(payload, section, 1, &n);

	if (name == NULL || n == 0 || n > 4 * NAMEDATALEN || memchr(name, '\0', n) != NULL)
		return NULL;
	return pnstrdup(name, n);
}

/* Do words of UTF-8 stand there, each whole?  Otherwise texts would be cut within characters. */
static bool
whole_characters(const uint64 *start, uint32 n, const char *bytes)
{
	for (uint32 i = 0; i < n; i++)
		if (((unsigned char) bytes[start[i]] & 0xc0) == 0x80)
			return false;
	return pg_verify_mbstr(PG_UTF8, bytes, (int) start[n], true);
}

static bool
read_dictionary(Tokenizer *tokenizer, const Payload *payload)
{
	uint64 n;
	uint64 bytes_n;
	const uint64 *start = payload_get(payload, "tokenizer words at", sizeof(uint64), &n);
	const char *bytes = payload_get(payload, "tokenizer words", 1, &bytes_n);
	uint32 words = tokenizer->header[HEADER_DICTIONARY];

	if (words == 0)
		return start == NULL && bytes == NULL;
	return start != NULL && bytes != NULL && words < PG_INT32_MAX && n == (uint64) words + 1 &&
		   bytes_n <= PG_INT32_MAX &&
		   phrases_open(&tokenizer->dictionary, start, (int32) words, bytes, bytes_n) &&
		   whole_characters(start, words, bytes);
}

static bool
read_stop_words(Tokenizer *tokenizer, const Payload *payload)
{
	uint64 n;
	uint64 bytes_n;
	uint64 slots;
	const uint64 *start = payload_get(payload, "tokenizer stop at", sizeof(uint64), &n);
	const char *bytes = payload_get(payload, "tokenizer stop", 1, &bytes_n);
	const uint32 *slot = payload_get(payload, "tokenizer stop slots", sizeof(uint32), &slots);
	uint32 words = tokenizer->header[HEADER_STOP];

	if (words == 0)
		return start == NULL && bytes == NULL && slot == NULL;
	if (start == NULL || bytes == NULL || slot == NULL || words >= PG_INT32_MAX || n != (uint64) words + 1 ||
		slots > PG_UINT32_MAX)
		return false;
	tokenizer->stop =
		(Lexicon){.n = (int32) words, .start = start, .bytes = bytes, .slot = slot, .slots = (uint32) slots};
	return lexicon_sound(&tokenizer->stop, bytes_n);
}

static bool
read_options(Tokenizer *tokenizer, const Payload *payload)
{
	uint64 n;
	const uint32 *header = payload_get(payload, "tokenizer", sizeof(uint32), &n);
	const char *stemmer = read_name(payload, "tokenizer stemmer");
	const char *config = read_name(payload, "tokenizer config");
	bool wants_config;

	if (header == NULL || n != HEADER_SIZE || header[HEADER_VERSION] != TOKENIZER_VERSION ||
		header[HEADER_BREAKER] > BREAKER_CONFIG)
		return false;
	memcpy(tokenizer->header, header, sizeof(tokenizer->header));
	wants_config = header[HEADER_BREAKER] == BREAKER_CONFIG;
	if (wants_config != (config != NULL) || (stemmer != NULL && !stemmer_open(tokenizer, stemmer)))
		return false;
	if (config != NULL)
		tokenizer->config = MemoryContextStrdup(tokenizer->memory, config);
	return true;
}

Tokenizer *
tokenizer_read(const Payload *payload, MemoryContext memory)
{
	Tokenizer *tokenizer = tokenizer_new(memory);

	if (!read_options(tokenizer, payload) || !read_dictionary(tokenizer, payload) ||
		!read_stop_words(tokenizer, payload))
	{
		tokenizer_free(tokenizer);
		return NULL;
	}
	return tokenizer;
}
