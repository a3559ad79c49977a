/*
 * ts_config.c - PostgreSQL's text search configurations: found by name, and run over a text
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_ts_config.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "tsearch/ts_utils.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "bridge/compat.h"
#include "bridge/ts_config.h"

/* A schema and a name, each quoted.  What is longer names nothing, and PostgreSQL takes seconds to say so of a gigabyte. */
#define LONGEST_NAME (16 * NAMEDATALEN)

/* PostgreSQL's own errors would not say what the name is for. */
static bool
may_be_name(const char *name)
{
	List *parts;

	if (strlen(name) > LONGEST_NAME || !SplitIdentifierString(pstrdup(name), '.', &parts))
		return false;
	return list_length(parts) == 1 || list_length(parts) == 2 ||
		   (list_length(parts) == 3 && strcmp(linitial(parts), get_database_name(MyDatabaseId)) == 0);
}

Oid
ts_config_find(const char *name, bool missing_ok)
{
	if (missing_ok && !may_be_name(name))
		return InvalidOid;
	return get_ts_config_oid(textToQualifiedNameList(cstring_to_text(name)), missing_ok);
}

char *
ts_config_name(Oid config)
{
	HeapTuple tuple = SearchSysCache1(TSCONFIGOID, ObjectIdGetDatum(config));
	Form_pg_ts_config form;
	char *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for text search configuration %u", config);
	form = (Form_pg_ts_config) GETSTRUCT(tuple);
	name = quote_qualified_identifier(get_namespace_name(form->cfgnamespace), NameStr(form->cfgname));
	ReleaseSysCache(tuple);
	return name;
}

/* May there be a word that is too long?  A parser may find several where no blank is, but none across one. */
static bool
may_have_long_word(const char *bytes, Size n)
{
	Size from = 0;

	for (Size i = 0; i < n && i - from < MAXSTRLEN; i++)
		if ((unsigned char) bytes[i] <= ' ')
			from = i + 1;
	return n - from >= MAXSTRLEN;
}

/* A document may have hundreds of them, a table thousands of such documents. */
static void
parse_quietly(Oid config, ParsedText *parsed, const char *bytes, Size n)
{
	int nest = NewGUCNestLevel();

	(void) set_config_option("client_min_messages", "warning", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	parsetext(config, parsed, (char *) bytes, (int) n);
	AtEOXact_GUC(true, nest);
}

void
ts_config_lexemes(Oid config, const char *bytes, Size n, void (*lexeme)(void *arg, const char *bytes, Size n),
				  void *arg)
{
	ParsedText parsed = {.lenwords = 64};

	parsed.words = palloc(sizeof(ParsedWord) * parsed.lenwords);
	if (client_min_messages < WARNING && may_have_long_word(bytes, n))
		parse_quietly(config, &parsed, bytes, n);
	else
		parsetext(config, &parsed, (char *) bytes, (int) n);
	for (int32 i = 0; i < parsed.curwords; i++)
		lexeme(arg, parsed.words[i].word, parsed.words[i].len);
}
