/*
 * labels.h - clusters numbered by size
 */
#ifndef CORE_SEGMENT_LABELS_H
#define CORE_SEGMENT_LABELS_H

#include "../env.h"

/*
 * label [n] holds the cluster of each row, any numbers from 1 to n, or 0 for none.  Renumber them from 1 by size, the largest
 * first; of equally large clusters the one whose first row comes first.  O(n); scratch labels_bytes.
 */
extern CoreStatus labels_by_size(Env *env, int32_t *label, int32_t n);
extern uint64_t labels_bytes(int32_t n);

#endif
