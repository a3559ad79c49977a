/*
 * rng.h - random numbers that are counted, not drawn
 *
 * Every number is a function of (seed, stream, index), so a team of any size gets the same bits whoever asks for
 * them and in whatever order, and nothing has to be kept or passed on.  The function is two rounds of Stafford's
 * variant 13 of the 64-bit finaliser, as in SplitMix64 (Steele, Lea & Flood 2014, "Fast Splittable Pseudorandom Number
 * Generators"): fit for simulation and sampling, not for secrets.
 */
#ifndef CORE_RNG_H
#define CORE_RNG_H

#include <math.h>
#include <stdint.h>

/* A bijection of the 64-bit numbers in which every bit of z touches every bit of the result. */
static inline uint64_t
rng_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/*
 * 64 well mixed bits of (seed, a, b): also the answer to "is the pair (a, b) held out under this seed", as
 * rng_hash3(seed, a, b) < share * 2^64.  For one seed and a the results of different b never collide.
 * Stored models rest on these values: they must not change between versions.
 */
static inline uint64_t
rng_hash3(uint64_t seed, uint64_t a, uint64_t b)
{
	uint64_t state = rng_mix(seed + UINT64_C(0x9e3779b97f4a7c15));

	state = rng_mix(state ^ (a + UINT64_C(0x9e3779b97f4a7c15)));
	return rng_mix(state + (b + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

/* Uniform in (0, 1): 53 bits and a half, so neither end is ever reached. */
static inline double
rng_uniform(uint64_t seed, uint64_t stream, uint64_t index)
{
	return ((double) (rng_hash3(seed, stream, index) >> 12) + 0.5) * 0x1p-52;
}

/* A whole number in 0 .. n - 1, n > 0; the probability of each is off 1 / n by less than 2^-32. */
static inline uint32_t
rng_below(uint64_t seed, uint64_t stream, uint64_t index, uint32_t n)
{
	return (uint32_t) (((rng_hash3(seed, stream, index) >> 32) * n) >> 32);
}

/* Standard normal deviate by Box and Muller's transform; the pair's second half is a deviate of its own index. */
static inline double
rng_normal(uint64_t seed, uint64_t stream, uint64_t index)
{
	uint64_t pair = index >> 1;
	double radius = sqrt(-2.0 * log(rng_uniform(seed, stream, 2 * pair)));
	double angle = 2.0 * 3.14159265358979323846 * rng_uniform(seed, stream, 2 * pair + 1);

	return radius * ((index & 1) ? sin(angle) : cos(angle));
}

#endif
