/*
 * content_source.h - a source of (item, attribute, ...) as columns that make items alike
 */
#ifndef PROMOAI_API_CONTENT_SOURCE_H
#define PROMOAI_API_CONTENT_SOURCE_H

#include "postgres.h"

#include "api/table.h"
#include "bridge/args.h"
#include "core/recommend/content.h"

typedef struct ContentSource
{
	/* set by the caller */
	MemoryContext memory;
	uint64 limit; /* bytes */
	OptionTexts text_columns; /* free text, whatever they look like */
	OptionTexts categorical_columns; /* levels, whatever they look like */
	Jsonb *weights; /* of columns by name; NULL: 1 each */

	/* filled */
	Table table;
	IdSet *items;
	int n; /* attributes */
	ContentColumn *columns; /* [n] over items */
	char **names; /* [n] */
	uint64 bytes; /* all of this */
} ContentSource;

/* The columns and what the arguments say of them are checked, no row is read. */
extern void content_source_check(const char *source, ContentSource *in);

/* Checks, and reads. */
extern void content_source_read(const char *source, ContentSource *in);

/* "text", "categorical", "numeric", "vector": what a column was taken for. */
extern const char *content_kind_name(ContentKind kind);

#endif
