/*
 * phrases.c - the longest of a list of words that a text goes on with
 */
#include "phrases.h"

#include <string.h>

static int
compare(const Phrases *phrases, int32_t left, int32_t right)
{
	uint64_t n_left = phrases->start[left + 1] - phrases->start[left];
	uint64_t n_right = phrases->start[right + 1] - phrases->start[right];
	int order = memcmp(phrases->bytes + phrases->start[left], phrases->bytes + phrases->start[right],
					   n_left < n_right ? n_left : n_right);

	return order != 0 ? order : (n_left > n_right) - (n_left < n_right);
}

bool
phrases_open(Phrases *phrases, const uint64_t *start, int32_t n, const char *bytes, uint64_t bytes_n)
{
	int32_t at = 0;

	*phrases = (Phrases){.n = n, .start = start, .bytes = bytes};
	if (n < 0 || start[0] != 0 || start[n] > bytes_n)
		return false;
	for (int32_t i = 0; i < n; i++)
		if (start[i] >= start[i + 1] || start[i + 1] > bytes_n)
			return false;
	for (int32_t i = 1; i < n; i++)
		if (compare(phrases, i - 1, i) >= 0)
			return false;
	for (int byte = 0; byte <= 256; byte++)
	{
		while (at < n && (unsigned char) bytes[start[at]] < byte)
			at++;
		phrases->first[byte] = at;
	}
	return true;
}

/* The first word of low .. high - 1 whose byte at `depth` is not below `byte`; all of them are longer than depth. */
static int32_t
lower_bound(const Phrases *phrases, int32_t low, int32_t high, uint64_t depth, int byte)
{
	while (low < high)
	{
		int32_t middle = low + (high - low) / 2;

		if ((unsigned char) phrases->bytes[phrases->start[middle] + depth] < byte)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int32_t
phrases_longest(const Phrases *phrases, const char *at, const char *end,
				bool (*ends)(const char *at, const char *end), bool *open)
{
	int32_t low = phrases->first[(unsigned char) at[0]];
	int32_t high = phrases->first[(unsigned char) at[0] + 1];
	int32_t longest = 0;

	*open = false;
	for (int32_t depth = 1; low < high; depth++)
	{
		/* Of words with a common beginning the shortest stands first. */
		if (phrases->start[low + 1] - phrases->start[low] == (uint64_t) depth)
		{
			if (ends(at + depth, end))
				longest = depth;
			low++;
		}
		if (at + depth == end)
		{
			*open = true;
			break;
		}
		low = lower_bound(phrases, low, high, (uint64_t) depth, (unsigned char) at[depth]);
		high = lower_bound(phrases, low, high, (uint64_t) depth, (unsigned char) at[depth] + 1);
	}
	return longest;
}
