/*
 * linear.h - linear support vector machines and logistic regression, each class against the rest
 */
#ifndef CORE_TEXT_LINEAR_H
#define CORE_TEXT_LINEAR_H

#include "../team.h"
#include "labelled.h"

typedef enum LinearLoss
{
	LINEAR_HINGE, /* max(0, 1 - yf) */
	LINEAR_SQUARED_HINGE, /* its square */
	LINEAR_LOGISTIC /* log(1 + exp(-yf)) */
} LinearLoss;

typedef struct LinearParams
{
	LinearLoss loss;
	double c; /* weight of the loss beside half the weights' squares */
	double tolerance; /* on the projected gradient's spread (logistic: on its size), as LIBLINEAR's -e */
	int32_t iterations; /* at most */
	uint64_t seed;
} LinearParams;

/* In memory that the team shares, cleared. */
typedef struct LinearShared
{
	TeamShared team;
	_Atomic int32_t unfinished; /* classes that the iterations did not suffice for */
	_Atomic int32_t done; /* classes */
} LinearShared;

/* Bytes that each member takes. */
extern uint64_t linear_member_bytes(uint64_t rows, uint64_t features);

/*
 * weights [(features + 1) x classes] in shared memory.  Two classes are one problem, and their weights each other's negatives.
 * Called by every member of a team; equal bytes for any number of members.
 */
extern CoreStatus linear_train(Env *env, const Labelled *rows, const LinearParams *params,
							   LinearShared *shared, float *weights);

/* The primal objective of a class' weights w [features + 1], and its gradient [features + 1] unless NULL. */
extern double linear_objective(const Labelled *rows, const LinearParams *params, int32_t class,
							   const double *w, double *gradient);

#endif
