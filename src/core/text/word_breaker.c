/*
 * word_breaker.c - the words of a text: normalised, broken, filtered, stemmed
 *
 * A document is worked on in pieces of some kilobytes that end at a blank where there is one, so that a long document can be
 * cancelled.  Each goes through these steps:
 *
 *   1. normalised   by icu_text.c: NFKC and case folding.  Texts in ASCII need lower case only.
 *   2. dictionary   the user's words are looked for from left to right, the longest first.  They begin and end at a boundary of
 *                   letters, but anywhere among characters written without blanks.  What is left lies in gaps.
 *   3. broken       gaps are broken by icu_text.c, in ASCII by the same rules in ascii_words.c, or by plain_words.c ('simple').
 *   4. filtered     stop words are left out, endings taken off (libstemmer), but not of what the dictionary has.
 *
 * Memory: some 3 bytes for each of the document.  ICU and libstemmer use malloc, and never call back.
 */
#include "word_breaker.h"

#include <string.h>

#include <libstemmer.h>

#include "ascii_words.h"
#include "characters.h"
#include "plain_words.h"

#define PIECE WORD_BREAKER_PIECE
#define PIECE_CUT 4096 /* how far from its end a blank is looked for */
#define MAX_STEM 255 /* longer words have no stem; libstemmer counts in int */
#define LOOK_EVERY 16 /* places where a long word may keep almost coming, between looks at the cancel flag */

/* ---- words ---- */

static CoreStatus
stem(WordBreaker *breaker, const char **word, int32_t *n)
{
	const sb_symbol *stem = sb_stemmer_stem(breaker->stemmer, (const sb_symbol *) *word, *n);

	if (stem == NULL)
		return CORE_NO_MEMORY;
	if (sb_stemmer_length(breaker->stemmer) > 0)
	{
		*word = (const char *) stem;
		*n = sb_stemmer_length(breaker->stemmer);
	}
	return CORE_OK;
}

/* The word, or its stem, unless it is a stop word. */
static CoreStatus
put(WordBreaker *breaker, const char *word, int32_t n, bool stemmed)
{
	Tokens *tokens = &breaker->tokens;
	CoreStatus status = CORE_OK;

	if (breaker->stop.n > 0 && lexicon_find(&breaker->stop, word, (size_t) n) >= 0)
		return CORE_OK;
	if (stemmed && n <= MAX_STEM)
		status = stem(breaker, &word, &n);
	if (status == CORE_OK)
		status =
			growing_require(&breaker->words, breaker->env, breaker->n_words + (size_t) n, breaker->n_words);
	if (status == CORE_OK)
		status =
			growing_require(&breaker->start, breaker->env, (size_t) tokens->n + 2, (size_t) tokens->n + 1);
	if (status != CORE_OK)
		return status;
	memcpy((char *) breaker->words.data + breaker->n_words, word, (size_t) n);
	breaker->n_words += (size_t) n;
	((int32_t *) breaker->start.data)[++tokens->n] = (int32_t) breaker->n_words;
	return CORE_OK;
}

CoreStatus
word_breaker_put(WordBreaker *breaker, const char *word, int32_t n)
{
	return put(breaker, word, n, breaker->stemmer != NULL);
}

static bool
is_ascii(const char *bytes, size_t n)
{
	unsigned char all = 0;

	for (size_t i = 0; i < n; i++)
		all |= (unsigned char) bytes[i];
	return all < 0x80;
}

static CoreStatus
break_by_icu(WordBreaker *breaker, const char *text, int32_t n)
{
	CoreStatus status = icu_text_break(&breaker->icu, text, n);
	int32_t bytes;
	bool word;

	while (status == CORE_OK && icu_text_next(&breaker->icu, &bytes, &word))
	{
		if (word)
			status = word_breaker_put(breaker, text, bytes);
		text += bytes;
	}
	return status;
}

static CoreStatus
break_ascii(WordBreaker *breaker, const char *text, int32_t n)
{
	CoreStatus status = CORE_OK;
	int32_t from = 0;
	int32_t end;

	while (status == CORE_OK && ascii_words_next(text, n, &from, &end))
	{
		status = word_breaker_put(breaker, text + from, end - from);
		from = end;
	}
	return status;
}

static CoreStatus
break_simply(WordBreaker *breaker, const char *text, int32_t n)
{
	CoreStatus status = CORE_OK;
	PlainWords reader;
	char word[PLAIN_WORD_MAX];
	int32_t size;

	plain_words_open(&reader, text, (size_t) n);
	while (status == CORE_OK && (size = plain_words_next(&reader, word)) > 0)
		status = word_breaker_put(breaker, word, size);
	return status;
}

static CoreStatus
break_gap(WordBreaker *breaker, const char *text, int32_t n)
{
	if (n == 0)
		return CORE_OK;
	if (breaker->header[BREAKER_HEADER_KIND] == BREAKER_SIMPLE)
		return break_simply(breaker, text, n);
	return is_ascii(text, (size_t) n) ? break_ascii(breaker, text, n) : break_by_icu(breaker, text, n);
}

/* ---- pieces ---- */

/*
 * Where a text of n bytes is best cut behind `low` and at `high` at the latest: behind the last blank there, else before the
 * last character that normalisation does not join to the one before it, else before any.
 */
static size_t
cut_between(const char *bytes, size_t low, size_t high, size_t n)
{
	size_t any = 0;

	for (size_t end = high; end > low; end--)
		if ((unsigned char) bytes[end - 1] <= ' ')
			return end;
	for (size_t end = high; end > low; end--)
	{
		int32_t length;
		uint32_t code;

		if (((unsigned char) bytes[end] & 0xc0) == 0x80)
			continue;
		any = any == 0 ? end : any;
		code = character_decode(bytes + end, bytes + n, &length);
		if (code >= 0x80 && icu_text_stands_alone(code))
			return end;
	}
	return any > 0 ? any : high;
}

size_t
word_breaker_piece(const char *bytes, size_t left)
{
	return left <= PIECE ? left : cut_between(bytes, PIECE - PIECE_CUT, PIECE, left);
}

/* ---- the dictionary ---- */

static bool
is_letter(const char *at, const char *end)
{
	int32_t bytes;

	return at < end && character_class(character_lower(character_decode(at, end, &bytes))) == CLASS_WORD;
}

/* May a word of the dictionary end before `at`?  The last character's first byte is found backwards. */
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
static int32_t
gap_settled(const char *gap, int32_t n)
{
	int32_t blank = n;

	while (blank > 0 && (unsigned char) gap[blank - 1] > ' ')
		blank--;
	return n - blank < PIECE_CUT ? blank : n;
}

/*
 * The words of the dictionary, and what lies between them broken.  *done, the bytes that this was done for: all of the last
 * piece; of others, what a word of the dictionary that goes on in the next piece may begin after.
 */
static CoreStatus
break_by_dictionary(WordBreaker *breaker, const char *text, int32_t n, bool last_piece, int32_t *done)
{
	const char *end = text + n;
	const char *gap = text;
	const char *at = text;
	bool letter_before = false;
	CoreStatus status = CORE_OK;

	for (int32_t place = 1; at < end && status == CORE_OK; place++)
	{
		int32_t bytes;
		bool letter = character_class(character_lower(character_decode(at, end, &bytes))) == CLASS_WORD;
		bool open = false;
		int32_t longest =
			letter && letter_before ? 0 : phrases_longest(&breaker->dictionary, at, end, word_ends, &open);

		if (place % LOOK_EVERY == 0 && breaker->env->cancelled(breaker->env))
			return CORE_CANCELLED;
		if (open && !last_piece && end - at <= PIECE)
		{
			int32_t settled = gap_settled(gap, (int32_t) (at - gap));

			*done = (int32_t) (gap - text) + settled;
			return break_gap(breaker, gap, settled);
		}
		letter_before = letter;
		if (longest == 0)
		{
			at += bytes;
			continue;
		}
		status = break_gap(breaker, gap, (int32_t) (at - gap));
		if (status == CORE_OK)
			status = put(breaker, at, longest, false);
		at += longest;
		gap = at;
		letter_before = false; /* the word ended where one may end */
	}
	*done = n;
	return status == CORE_OK ? break_gap(breaker, gap, (int32_t) (end - gap)) : status;
}

/* ---- running ---- */

/* The piece normalised and appended to the text. */
static CoreStatus
normalise(WordBreaker *breaker, const char *bytes, int32_t n)
{
	size_t used = (size_t) breaker->tokens.n_text;
	CoreStatus status = growing_require(&breaker->text, breaker->env, used + (size_t) n + 1, used);
	int32_t length = n;
	char *out;

	if (status != CORE_OK)
		return status;
	if (!is_ascii(bytes, (size_t) n))
		status = icu_text_normalise(&breaker->icu, bytes, n, &breaker->text, used, &length);
	else
	{
		out = (char *) breaker->text.data + used;
		for (int32_t i = 0; i < n; i++)
			out[i] = bytes[i] >= 'A' && bytes[i] <= 'Z' ? (char) (bytes[i] + 32) : bytes[i];
	}
	if (status == CORE_OK)
		breaker->tokens.n_text += length;
	return status;
}

CoreStatus
word_breaker_normal(WordBreaker *breaker, const char *bytes, size_t n, const char **word, size_t *length)
{
	CoreStatus status;
	const char *from;
	const char *end;

	if (n > PIECE)
		return CORE_TOO_LARGE;
	breaker->tokens.n_text = 0;
	status = normalise(breaker, bytes, (int32_t) n);
	if (status != CORE_OK)
		return status;
	from = breaker->text.data;
	end = from + breaker->tokens.n_text;
	while (from < end && (unsigned char) *from <= ' ')
		from++;
	while (from < end && (unsigned char) end[-1] <= ' ')
		end--;
	*word = from;
	*length = (size_t) (end - from);
	return CORE_OK;
}

static CoreStatus
begin(WordBreaker *breaker, size_t n)
{
	Env *env = breaker->env;
	size_t piece = n < PIECE ? n : PIECE;
	CoreStatus status;

	growing_shrink(&breaker->text, env, n, WORD_BREAKER_KEPT);
	growing_shrink(&breaker->words, env, n, WORD_BREAKER_KEPT);
	growing_shrink(&breaker->start, env, n, WORD_BREAKER_KEPT);
	breaker->tokens = (Tokens){0};
	breaker->n_words = 0;
	status = growing_require(&breaker->words, env, piece + 64, 0);
	if (status == CORE_OK)
		status = growing_require(&breaker->start, env, piece / 4 + 16, 0);
	if (status == CORE_OK)
		((int32_t *) breaker->start.data)[0] = 0;
	return status;
}

CoreStatus
word_breaker_run(WordBreaker *breaker, const char *bytes, size_t n)
{
	int32_t broken = 0; /* of the normalised text */
	CoreStatus status = begin(breaker, n);

	for (size_t at = 0; at < n && status == CORE_OK;)
	{
		size_t length = word_breaker_piece(bytes + at, n - at);
		const char *text;
		int32_t left;

		status = normalise(breaker, bytes + at, (int32_t) length);
		if (status != CORE_OK)
			break;
		text = (const char *) breaker->text.data + broken;
		left = breaker->tokens.n_text - broken;
		at += length;
		if (breaker->env->cancelled(breaker->env))
			return CORE_CANCELLED;
		if (breaker->header[BREAKER_HEADER_KIND] == BREAKER_CONFIG)
			continue; /* its words come of the text as it is */
		if (breaker->dictionary.n > 0)
			status = break_by_dictionary(breaker, text, left, at == n, &left);
		else
			status = break_gap(breaker, text, left);
		broken += left;
	}
	return status;
}

const Tokens *
word_breaker_tokens(WordBreaker *breaker)
{
	breaker->tokens.text = breaker->text.data;
	breaker->tokens.words = breaker->words.data;
	breaker->tokens.start = breaker->start.data;
	return &breaker->tokens;
}

/* ---- making one ---- */

CoreStatus
word_breaker_open(WordBreaker *breaker, Env *env, BreakerKind kind)
{
	*breaker = (WordBreaker){.env = env,
							 .header[BREAKER_HEADER_VERSION] = WORD_BREAKER_VERSION,
							 .header[BREAKER_HEADER_KIND] = (uint32_t) kind,
							 .text.width = sizeof(char),
							 .words.width = sizeof(char),
							 .start.width = sizeof(int32_t)};
	return icu_text_open(&breaker->icu, env);
}

void
word_breaker_close_libraries(WordBreaker *breaker)
{
	if (breaker->stemmer != NULL)
		sb_stemmer_delete(breaker->stemmer);
	breaker->stemmer = NULL;
}

void
word_breaker_close(WordBreaker *breaker)
{
	word_breaker_close_libraries(breaker);
	icu_text_close(&breaker->icu);
	growing_free(&breaker->text, breaker->env);
	growing_free(&breaker->words, breaker->env);
	growing_free(&breaker->start, breaker->env);
}

bool
word_breaker_stem(WordBreaker *breaker, const char *language)
{
	size_t length = strlen(language);

	if (length == 0 || length > WORD_BREAKER_NAME)
		return false;
	memcpy(breaker->stemmer_name, language, length + 1);
	breaker->stemmer = sb_stemmer_new(language, "UTF_8");
	return breaker->stemmer != NULL;
}

const char **
word_breaker_stemmers(void)
{
	return sb_stemmer_list();
}

bool
word_breaker_dictionary(WordBreaker *breaker, const uint64_t *start, int32_t n, const char *bytes,
						uint64_t bytes_n)
{
	breaker->header[BREAKER_HEADER_DICTIONARY] = (uint32_t) n;
	return phrases_open(&breaker->dictionary, start, n, bytes, bytes_n);
}

void
word_breaker_stop(WordBreaker *breaker, const Lexicon *stop)
{
	breaker->header[BREAKER_HEADER_STOP] = (uint32_t) stop->n;
	breaker->stop = *stop;
}
