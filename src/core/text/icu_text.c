/*
 * icu_text.c - ICU's normalisation and word iterator over texts in UTF-8
 *
 * Normal form is NFKC with case folding (unorm2, Unicode's NFKC_Casefold), a curly apostrophe made straight.  Words are those
 * of ICU's word iterator (UAX #29, with ICU's dictionaries for Chinese, Japanese, Thai and so on) that have a letter, a digit or
 * a pictograph.  ICU works on UTF-16, so texts are widened; what is not a character becomes a blank there.
 *
 * Memory: 2 bytes for each of a stretch, and 4 for its normal form.  ICU's own memory comes from malloc; the iterator is opened
 * once in a process.
 */
#include "icu_text.h"

#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

static const UNormalizer2 *normalizer = NULL;
static UBreakIterator *breaks = NULL;

static CoreStatus
check(IcuText *icu, UErrorCode status, const char *what)
{
	if (U_SUCCESS(status))
		return CORE_OK;
	if (status == U_MEMORY_ALLOCATION_ERROR)
		return CORE_NO_MEMORY;
	icu->failed = what;
	icu->reason = u_errorName(status);
	return CORE_LIBRARY;
}

CoreStatus
icu_text_open(IcuText *icu, Env *env)
{
	UErrorCode status = U_ZERO_ERROR;

	*icu = (IcuText){.env = env, .wide.width = sizeof(UChar), .normal.width = sizeof(UChar)};
	if (breaks != NULL)
		return CORE_OK;
	normalizer = unorm2_getNFKCCasefoldInstance(&status);
	if (U_FAILURE(status))
		return check(icu, status, "opening ICU's normalisation");
	breaks = ubrk_open(UBRK_WORD, "root", NULL, 0, &status);
	if (U_FAILURE(status))
		breaks = NULL;
	return check(icu, status, "opening ICU's word iterator");
}

void
icu_text_close(IcuText *icu)
{
	growing_free(&icu->wide, icu->env);
	growing_free(&icu->normal, icu->env);
}

/* UTF-8 as UTF-16 in `wide`; what is not a character becomes a blank. */
static CoreStatus
widen(IcuText *icu, const char *bytes, int32_t n, int32_t *length)
{
	UErrorCode status = U_ZERO_ERROR;
	CoreStatus room = growing_require(&icu->wide, icu->env, (size_t) n + 1, 0);

	if (room != CORE_OK)
		return room;
	u_strFromUTF8WithSub(icu->wide.data, (int32_t) icu->wide.room, length, bytes, n, ' ', NULL, &status);
	return check(icu, status, "reading UTF-8");
}

/* ---- normal form ---- */

/* The first `length` of `wide` into `normal`, which is made larger where that does not do. */
static CoreStatus
normalise_wide(IcuText *icu, int32_t length, int32_t *out)
{
	size_t room = 2 * (size_t) length + 64;

	for (int attempt = 0;; attempt++)
	{
		UErrorCode status = U_ZERO_ERROR;
		CoreStatus grown = growing_require(&icu->normal, icu->env, room, 0);

		if (grown != CORE_OK)
			return grown;
		*out = unorm2_normalize(normalizer, icu->wide.data, length, icu->normal.data,
								(int32_t) icu->normal.room, &status);
		if (status != U_BUFFER_OVERFLOW_ERROR || attempt > 0)
			return check(icu, status, "normalising");
		room = (size_t) *out;
	}
}

CoreStatus
icu_text_normalise(IcuText *icu, const char *bytes, int32_t n, Growing *out, size_t used, int32_t *length)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar *units;
	int32_t wide;
	int32_t normal;
	CoreStatus made = widen(icu, bytes, n, &wide);

	if (made == CORE_OK)
		made = normalise_wide(icu, wide, &normal);
	if (made == CORE_OK)
		made = growing_require(out, icu->env, used + 3 * (size_t) normal + 1, used);
	if (made != CORE_OK)
		return made;
	units = icu->normal.data;
	for (int32_t i = 0; i < normal; i++)
		if (units[i] == 0x2019)
			units[i] = '\'';
	u_strToUTF8((char *) out->data + used, (int32_t) (out->room - used), length, units, normal, &status);
	return check(icu, status, "writing UTF-8");
}

bool
icu_text_stands_alone(uint32_t code)
{
	return unorm2_hasBoundaryBefore(normalizer, (UChar32) code);
}

/* ---- words ---- */

CoreStatus
icu_text_break(IcuText *icu, const char *text, int32_t n)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar *units;
	int32_t length;
	CoreStatus made = widen(icu, text, n, &length);

	if (made != CORE_OK)
		return made;
	units = icu->wide.data;
	/* Versions of ICU differ on these two; here they stand between words, as in Unicode's rules and in ASCII. */
	for (int32_t i = 0; i < length; i++)
		if (units[i] == '@' || units[i] == ':')
			units[i] = ' ';
	icu->from = 0;
	ubrk_setText(breaks, units, length, &status);
	return check(icu, status, "breaking into words");
}

/* Bytes of UTF-8 that these units of UTF-16, whole characters, stand for. */
static int32_t
utf8_bytes(const UChar *units, int32_t n)
{
	int32_t bytes = 0;

	for (int32_t i = 0; i < n; i++)
		bytes += units[i] < 0x80 ? 1 : units[i] < 0x800 || U16_IS_SURROGATE(units[i]) ? 2 : 3;
	return bytes;
}

/* Does a stretch without letters and digits begin with a pictograph or a flag?  (Not old signs such as the copyright's.) */
static bool
is_pictograph(const UChar *units)
{
	UChar32 code;

	if (units[0] < 0x203c)
		return false;
	U16_GET_UNSAFE(units, 0, code);
	return u_hasBinaryProperty(code, UCHAR_EXTENDED_PICTOGRAPHIC) ||
		   u_hasBinaryProperty(code, UCHAR_REGIONAL_INDICATOR);
}

bool
icu_text_next(IcuText *icu, int32_t *bytes, bool *word)
{
	int32_t to = ubrk_next(breaks);
	const UChar *units = (const UChar *) icu->wide.data + icu->from;

	if (to == UBRK_DONE)
		return false;
	*bytes = utf8_bytes(units, to - icu->from);
	*word = ubrk_getRuleStatus(breaks) >= UBRK_WORD_NONE_LIMIT || is_pictograph(units);
	icu->from = to;
	return true;
}
