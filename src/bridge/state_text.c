/*
 * state_text.c - the text form of an aggregate's state: the hexadecimal digits of its binary form
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "bridge/state_text.h"

char *
state_text(const StringInfoData *binary)
{
	char *digits = palloc_extended(2 * (Size) binary->len + 1, MCXT_ALLOC_HUGE);

	digits[hex_encode(binary->data, binary->len, digits)] = '\0';
	return digits;
}

void
state_text_read(const char *digits, const char *type, StringInfo binary)
{
	Size n = strlen(digits);

	initStringInfo(binary);
	if (n % 2 != 0 || strspn(digits, "0123456789abcdefABCDEF") != n)
		ereport(ERROR, errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				errmsg("invalid input syntax for type %s: \"%.40s%s\"", type, digits, n > 40 ? "..." : ""),
				errhint("A value of this type is written as an even number of hexadecimal digits."));
	enlargeStringInfo(binary, (int) (n / 2));
	binary->len = (int) hex_decode(digits, n, binary->data);
}
