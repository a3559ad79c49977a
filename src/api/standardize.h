/*
 * standardize.h - the argument "standardize" of segmentations, and what it does to a matrix
 */
#ifndef PROMOAI_API_STANDARDIZE_H
#define PROMOAI_API_STANDARDIZE_H

#include "postgres.h"

#include "bridge/env.h"

/* As ScaleMethod counts them; NULL-terminated. */
extern const char *const standardize_choices[];

/* x [n x width] row by row, in place, by the choice of that number. */
extern void standardize_rows(PgEnv *env, int32 choice, double *x, int32 n, int32 width);

/* Bytes that it takes beside the rows. */
extern uint64 standardize_bytes(int32 choice, int32 n, int32 width);

#endif
