/*
 * rfm.c - scores by the cumulative distribution, and the grid of segments
 *
 * The eleven segments are those that marketing tools have in common (Putler's "RFM analysis" has the list in wide use), a
 * grid of recency against the mean of frequency and monetary value.  Published ranges overlap; here each cell has one
 * name, chosen within them.
 */
#include "rfm.h"

#include "../radix.h"

enum
{
	CHAMPIONS,
	LOYAL,
	POTENTIAL,
	NEW,
	PROMISING,
	ATTENTION,
	SLEEPY,
	AT_RISK,
	CANNOT_LOSE,
	HIBERNATING,
	LOST
};

static const RfmSegment segments[] = {
	[CHAMPIONS] = {"champions", "Champions", "冠军客户"},
	[LOYAL] = {"loyal", "Loyal customers", "忠诚客户"},
	[POTENTIAL] = {"potential_loyalist", "Potential loyalists", "潜在忠诚客户"},
	[NEW] = {"new", "New customers", "新客户"},
	[PROMISING] = {"promising", "Promising", "有潜力客户"},
	[ATTENTION] = {"need_attention", "Need attention", "需要关注客户"},
	[SLEEPY] = {"about_to_sleep", "About to sleep", "即将沉睡客户"},
	[AT_RISK] = {"at_risk", "At risk", "流失风险客户"},
	[CANNOT_LOSE] = {"cannot_lose", "Cannot lose them", "不能失去的客户"},
	[HIBERNATING] = {"hibernating", "Hibernating", "休眠客户"},
	[LOST] = {"lost", "Lost", "已流失客户"},
};

/* By recency 1 .. 5, then by the mean of frequency and monetary value 1 .. 5. */
static const uint8_t grid[RFM_SCORES][RFM_SCORES] = {
	{LOST, HIBERNATING, AT_RISK, CANNOT_LOSE, CANNOT_LOSE},
	{SLEEPY, SLEEPY, AT_RISK, AT_RISK, AT_RISK},
	{PROMISING, ATTENTION, ATTENTION, LOYAL, LOYAL},
	{PROMISING, POTENTIAL, LOYAL, CHAMPIONS, CHAMPIONS},
	{NEW, POTENTIAL, POTENTIAL, CHAMPIONS, CHAMPIONS},
};

const RfmSegment *
rfm_segment(int recency, int frequency, int monetary)
{
	return &segments[grid[recency - 1][(frequency + monetary) / 2 - 1]];
}

static int64_t
divide_up(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}

CoreStatus
rfm_score(Env *env, int64_t n, const double *value, RfmTies ties, uint8_t *score)
{
	RadixItem *order = env->alloc(env, sizeof(RadixItem) * (size_t) (n + 1));
	RadixItem *scratch = env->alloc(env, sizeof(RadixItem) * (size_t) (n + 1));
	CoreStatus status = order == NULL || scratch == NULL ? CORE_NO_MEMORY : CORE_OK;

	if (status == CORE_OK)
	{
		for (int64_t i = 0; i < n; i++)
			order[i] = (RadixItem){.key = radix_key_real(value[i]), .index = i};
		status = radix_sort(env, order, scratch, n);
	}
	for (int64_t start = 0, end; status == CORE_OK && start < n; start = end)
	{
		int64_t place;

		for (end = start; end < n && order[end].key == order[start].key;)
			end++;
		place = ties == RFM_TIES_HIGH ? divide_up(RFM_SCORES * end, n)
									  : RFM_SCORES + 1 - divide_up(RFM_SCORES * (n - start), n);
		for (int64_t i = start; i < end; i++)
			score[order[i].index] = (uint8_t) place;
	}
	if (scratch != NULL)
		env->release(env, scratch);
	if (order != NULL)
		env->release(env, order);
	return status;
}
