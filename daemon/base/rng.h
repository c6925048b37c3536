#pragma once

#include <stdint.h>

/*
 * Seeded pseudo-random numbers for simulations and jitter of timers: splitmix64 (Steele, Lea and
 * Flood, OOPSLA 2014). Deterministic on every machine; never for keys.
 */
struct rng {
	uint64_t state;
};

static inline struct rng rng_of(uint64_t seed)
{
	return (struct rng){ .state = seed };
}

static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Uniform in [0, @bound); 0 for @bound 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t bound)
{
	return (uint64_t)((unsigned __int128)rng_u64(r) * bound >> 64);
}

/* True with probability @ppm / 1,000,000. */
static inline int rng_chance(struct rng *r, uint32_t ppm)
{
	return rng_below(r, 1000000) < ppm;
}
