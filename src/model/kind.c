/*
 * kind.c - the kinds of model that this library knows
 */
#include "postgres.h"

#include "model/kind.h"

#define KINDS_MAX 32

static const ModelKind *kinds[KINDS_MAX];
static int n_kinds = 0;

void
kind_register(const ModelKind *kind)
{
	if (n_kinds == KINDS_MAX)
		elog(ERROR, "too many kinds of model");
	kinds[n_kinds++] = kind;
}

const ModelKind *
kind_find(const char *name)
{
	for (int i = 0; i < n_kinds; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("models of kind \"%s\" are not known to this version of promoai", name)));
}
