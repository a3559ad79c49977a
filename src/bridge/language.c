/*
 * language.c - in which language sentences are given to users: English or Chinese
 */
#include "postgres.h"

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
language_pick(Language language, const char *english, const char *chinese)
{
	return language == LANGUAGE_ZH ? pg_any_to_server(chinese, (int) strlen(chinese), PG_UTF8) : english;
}
