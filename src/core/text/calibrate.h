/*
 * calibrate.h - scores to probabilities
 */
#ifndef CORE_TEXT_CALIBRATE_H
#define CORE_TEXT_CALIBRATE_H

#include "../env.h"

/* Probabilities are softmax(scale x scores), `shift` added to the second of two classes. */
typedef struct Calibration
{
	double scale; /* above 0 */
	double shift; /* 0 for more than two classes */
} Calibration;

/*
 * The calibration under which score [n x classes] gives label [n] the highest likelihood.  A label beyond the classes is
 * passed over; without rows the scores are taken as they are.
 */
extern CoreStatus calibrate(Env *env, int64_t n, int32_t classes, const float *score, const int32_t *label,
							Calibration *calibration);

/* score [classes] to probability [classes], which may be the same array. */
extern void calibrate_apply(const Calibration *calibration, int32_t classes, const float *score,
							float *probability);

#endif
