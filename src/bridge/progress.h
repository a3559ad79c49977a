/*
 * progress.h - what a training is doing, for other sessions to watch
 *
 * Kept in the backend's own progress slots (as VACUUM's), so it needs no preloading, no shared memory of ours and no
 * cleaning up: the server clears the slots when the transaction ends, also by an error.
 */
#ifndef PROMOAI_BRIDGE_PROGRESS_H
#define PROMOAI_BRIDGE_PROGRESS_H

#include "postgres.h"

typedef enum ProgressPhase
{
	PROGRESS_READING = 1,
	PROGRESS_EVALUATING, /* training on a part, to measure on the rest */
	PROGRESS_TRAINING,
	PROGRESS_WRITING
} ProgressPhase;

extern void progress_start(const char *model);
extern void progress_phase(ProgressPhase phase, int64 steps); /* steps 0: not known */
extern void progress_step(int64 step, double loss); /* loss NaN: none */
extern void progress_end(void);

#endif
