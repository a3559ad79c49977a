/*
 * dense.h - is the BLAS library that we were linked with to be trusted on this CPU?
 */
#ifndef CORE_DENSE_H
#define CORE_DENSE_H

#include <stdbool.h>

/*
 * True when the routines that kernels rest on (sgemm, ssyrk, sgemv, sdot, spotrf, strsv; dgemm, dpotrf, dpotri) give what
 * plain loops give, to 1e-4 of the largest entry, in double precision 1e-11, on shapes that reach their blocked paths.  Some
 * builds of OpenBLAS choose kernels that compute wrong numbers on CPUs younger than themselves; no model must be trained on
 * such.  Takes about a millisecond.
 */
extern bool dense_selftest(void);

#endif
