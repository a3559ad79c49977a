/*
 * word_draw.c - the columns of the alias method
 *
 * Words with less than the mean weight fill their columns up with what others have too much of.  The worklists of both kinds
 * grow from the two ends of one array.  Counts that differ by more than 2^32 lose what is below a column's resolution.
 */
#include "word_draw.h"

#include <math.h>

static uint32_t
share_of(double own)
{
	return own >= 1 ? UINT32_MAX : own <= 0 ? 0 : (uint32_t) (own * 0x1p32);
}

void
word_draw_fill(WordColumn *columns, const int64_t *count, int32_t n, double power, int32_t *scratch)
{
	double sum = 0;
	double scale;
	int32_t poor = 0;
	int32_t rich = n;

	for (int32_t i = 0; i < n; i++)
		sum += pow((double) count[i], power);
	scale = n / sum;
	for (int32_t i = 0; i < n; i++)
	{
		if (pow((double) count[i], power) * scale < 1)
			scratch[poor++] = i;
		else
			scratch[--rich] = i;
	}
	/* What is left of the rich word at hand is in `left`; it becomes poor when that falls below a column. */
	if (rich < n)
	{
		int32_t giver = scratch[rich];
		double left = pow((double) count[giver], power) * scale;

		for (int32_t done = 0; done < poor && rich < n; done++)
		{
			int32_t taker = scratch[done];
			double own = pow((double) count[taker], power) * scale;

			columns[taker] = (WordColumn){.own = share_of(own), .other = giver};
			scratch[done] = -1;
			left -= 1 - own;
			while (left < 1 && rich + 1 < n)
			{
				int32_t next = scratch[rich + 1];

				columns[giver] = (WordColumn){.own = share_of(left), .other = next};
				left = pow((double) count[next], power) * scale - (1 - left);
				giver = next;
				rich++;
			}
		}
		columns[giver] = (WordColumn){.own = UINT32_MAX, .other = giver};
		for (int32_t i = rich + 1; i < n; i++)
			columns[scratch[i]] = (WordColumn){.own = UINT32_MAX, .other = scratch[i]};
	}
	/* Rounding may leave words that nobody fills up: their weight is a whole column but for that. */
	for (int32_t i = 0; i < poor; i++)
		if (scratch[i] >= 0)
			columns[scratch[i]] = (WordColumn){.own = UINT32_MAX, .other = scratch[i]};
}
