/*
 * als_short.h - rows with fewer entries than factors, in the basis where the Gram matrix is diagonal
 */
#ifndef CORE_ALS_SHORT_H
#define CORE_ALS_SHORT_H

#include "als_row.h"

/* Floats of a spectrum, shared by the team; 0 when there is never one for these parameters. */
extern size_t als_spectrum_floats(const AlsParams *params);

/* True when the rows of matrix are so short that a spectrum pays. */
extern bool als_spectrum_pays(const AlsParams *params, const Csr *matrix);

/* spectrum = the eigenvalues and eigenvectors of work->gram; takes als_spectrum_bytes from env meanwhile. */
extern CoreStatus als_spectrum_find(Env *env, const AlsWork *work, float *spectrum);
extern size_t als_spectrum_bytes(const AlsParams *params);

/* From here on rows are solved in the basis of spectrum: work->gram becomes diagonal.  NULL: as work->gram says. */
extern void als_spectrum_use(AlsWork *work, const float *spectrum);

/* Rows rows [n x factors] into the basis of spectrum, or back.  Fixed n, same bytes. */
extern CoreStatus als_rotate(Env *env, AlsWork *work, const float *spectrum, bool back, float *rows,
							 int64_t n);

/*
 * work->solution and work->rhs of a row as in als_row_solve, n > 0; false when it is too long or too badly conditioned
 * for this way, or there is no spectrum.
 */
extern bool als_short_solve(const AlsSide *side, AlsWork *work, const int32_t *cols, const float *weights,
							int64_t n, double *weight);

#endif
