/*
 * protocol.h - how interactions are parted into what a recommender learns from and what it is judged by
 *
 * next_period            learned from what happened before a time, judged by what each customer had in the days after: what a shop
 *                        that trains tonight will see
 * leave_last_out         judged by each customer's last purchase, learned from everything else (He et al. 2017)
 * strong_generalization  learned from some customers, judged on others: four fifths of what they had is shown, the rest is to
 *                        be found (Liang et al. 2018)
 * sampled                leave_last_out with lists of that item and PROTOCOL_NEGATIVES drawn ones only: for comparison with papers,
 *                        since it favours no method that is any good (Krichene & Rendle 2020)
 */
#ifndef CORE_PROTOCOL_H
#define CORE_PROTOCOL_H

#include "../sparse.h"

typedef enum ProtocolKind
{
	PROTOCOL_NEXT_PERIOD,
	PROTOCOL_LEAVE_LAST_OUT,
	PROTOCOL_STRONG_GENERALIZATION,
	PROTOCOL_SAMPLED
} ProtocolKind;

#define PROTOCOL_NEGATIVES 100

typedef struct Protocol
{
	ProtocolKind kind;
	int64_t from, until; /* PROTOCOL_NEXT_PERIOD: judged by from <= time < until */
	double share; /* PROTOCOL_STRONG_GENERALIZATION: of the customers, 0 .. 1 */
	uint64_t seed;
} Protocol;

typedef enum ProtocolPart
{
	PROTOCOL_NONE, /* later than the judged period */
	PROTOCOL_TRAIN, /* learned from */
	PROTOCOL_SHOWN, /* shown when lists are asked for, not learned from */
	PROTOCOL_TEST /* to be found */
} ProtocolPart;

/* part [n] of each entry; time [n], NULL where the protocol goes without.  O(n); 24 bytes a row from env. */
extern CoreStatus protocol_split(Env *env, const Protocol *protocol, const Coo *coo, const int64_t *time,
								 int32_t rows, uint8_t *part);

/*
 * For each row of `test`: its items and PROTOCOL_NEGATIVES drawn items that the row has in neither `test` nor `known`, ascending,
 * fewer where there are no more, all of them among known's columns; rows without test items stay empty.  `test` may have more
 * rows and columns than `known`: rows that have nothing there, items that nobody can list.  out's arrays: start [rows + 1], col
 * with room for protocol_candidates_room entries.
 */
extern int64_t protocol_candidates_room(const Csr *test);
extern CoreStatus protocol_candidates(Env *env, const Protocol *protocol, const Csr *known, const Csr *test,
									  Csr *out);

#endif
