/*
 * utf8.c - texts of the database as UTF-8, and back
 *
 * A conversion takes a few kilobytes at a time, so that long texts can be cancelled, and stops before a character that it has no
 * counterpart for, in which place a substitute stands.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "bridge/utf8.h"

#define PIECE 8192

static const char *
convert(const char *bytes, Size n, int from, int to, char substitute, Size *length)
{
	Oid proc;
	char *out;
	Size room;
	Size used = 0;

	*length = n;
	if (from == to)
		return bytes;
	proc = FindDefaultConversionProc(from, to);
	if (!OidIsValid(proc))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_FUNCTION),
				errmsg("there is no conversion from encoding \"%s\" to \"%s\"", pg_encoding_to_char(from),
					   pg_encoding_to_char(to)));
	room = n + n / 2 + MAX_CONVERSION_INPUT_LENGTH * MAX_CONVERSION_GROWTH + 1;
	out = MemoryContextAllocHuge(CurrentMemoryContext, room);
	for (Size at = 0; at < n;)
	{
		int piece = (int) Min(n - at, PIECE);
		int done;

		CHECK_FOR_INTERRUPTS();
		if (room - used < (Size) piece * MAX_CONVERSION_GROWTH + 1)
		{
			room = 2 * room + (Size) piece * MAX_CONVERSION_GROWTH;
			out = repalloc_huge(out, room);
		}

		/* Characters are not cut; what is not one counts as one byte. */
		if ((Size) piece < n - at)
		{
			int whole = 0;

			while (whole < piece)
			{
				int size = pg_encoding_mblen(from, bytes + at + whole);

				if (whole + size > piece && whole > 0)
					break;
				whole += size;
			}
			piece = (int) Min((Size) whole, n - at);
		}
		done = pg_do_encoding_conversion_buf(proc, from, to, (unsigned char *) bytes + at, piece,
											 (unsigned char *) out + used, piece * MAX_CONVERSION_GROWTH + 1,
											 true);
		used += strlen(out + used);
		at += done;
		if (done < piece)
		{
			out[used++] = substitute;
			at += Min((Size) pg_encoding_mblen(from, bytes + at), n - at);
		}
	}
	*length = used;
	return out;
}

const char *
utf8_from_server(const char *bytes, Size n, Size *length)
{
	int encoding = GetDatabaseEncoding();

	return convert(bytes, n, encoding == PG_SQL_ASCII ? PG_UTF8 : encoding, PG_UTF8, ' ', length);
}

const char *
utf8_to_server(const char *bytes, Size n, Size *length)
{
	int encoding = GetDatabaseEncoding();

	return convert(bytes, n, PG_UTF8, encoding == PG_SQL_ASCII ? PG_UTF8 : encoding, '?', length);
}
