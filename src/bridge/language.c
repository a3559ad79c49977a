/*
 * language.c - in which language sentences are given to users: English or Chinese
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"

#include "bridge/language.h"

static const struct config_enum_entry languages[] = {
	{"en", LANGUAGE_EN, false}, {"zh", LANGUAGE_ZH, false}, {NULL, 0, false}};

static int language_setting = LANGUAGE_EN;

void
language_init(void)
{
	DefineCustomEnumVariable("promoai.language",
							 "Sets the language of reasons, descriptions and findings: en or zh.", NULL,
							 &language_setting, LANGUAGE_EN, languages, PGC_USERSET, 0, NULL, NULL, NULL);
}

Language
language_of(const Args *args)
{
	static const char *const choices[] = {[LANGUAGE_EN] = "en", [LANGUAGE_ZH] = "zh", NULL};
	static const Option options[] = {{"language", OPTION_CHOICE, 0, .choices = choices, .nullable = true},
									 {NULL}};
	int32 language = -1;

	if (args_has(args, "language"))
		options_from_call(options, args, &language);
	return language < 0 ? (Language) language_setting : (Language) language;
}

const char *
language_chinese(const char *chinese)
{
	int length = (int) strlen(chinese);
	int encoding = GetDatabaseEncoding();
	Size room = (Size) length * MAX_CONVERSION_GROWTH + 1;
	Oid conversion;
	char *text;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return chinese;
	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(conversion))
		return NULL;
	text = palloc(room);
	return pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding,
										 (unsigned char *) unconstify(char *, chinese), length,
										 (unsigned char *) text, (int) room, true) == length
			   ? text
			   : NULL;
}

const char *
language_pick(Language language, const char *english, const char *chinese)
{
	const char *text = language == LANGUAGE_ZH ? language_chinese(chinese) : english;

	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("the encoding of this database, %s, has no Chinese", GetDatabaseEncodingName()),
				 errhint("Use language => 'en', or a database with encoding UTF8.")));
	return text;
}
