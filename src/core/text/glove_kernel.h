/*
 * glove_kernel.h - AdaGrad's steps over pairs of words, in plain C and for wider vectors
 */
#ifndef CORE_TEXT_GLOVE_KERNEL_H
#define CORE_TEXT_GLOVE_KERNEL_H

#include "glove.h"

/* Takes two steps for each of pairs [n], the words in either role; returns the sum of weighted squared errors before them. */
typedef double (*GloveKernel)(const GloveProblem *problem, const GlovePair *pairs, int64_t n);

/* Kernels by number from 0, the better ones last; NULL when this machine cannot run it. */
#define GLOVE_KERNELS 3
extern GloveKernel glove_kernel_numbered(int number);

/* The best one. */
extern GloveKernel glove_kernel(void);

#endif
