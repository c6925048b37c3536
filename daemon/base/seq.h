#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Sequence numbers count in 64 bits inside the engine and travel truncated. seq_expand() finds
 * the full number nearest to what the receiver expects (RFC 9000, appendix A.3).
 */

/* The number congruent to @truncated modulo 2^@bits that lies nearest to @expected; @bits from 8
 * to 32. Right whenever the true number is less than 2^(bits-1) away from @expected. */
static inline uint64_t seq_expand(uint64_t expected, uint32_t truncated, unsigned bits)
{
	uint64_t window = UINT64_C(1) << bits;
	uint64_t half = window / 2;
	uint64_t candidate = (expected & ~(window - 1)) | (truncated & (window - 1));

	if (expected >= half && candidate <= expected - half && candidate < UINT64_MAX - window)
		return candidate + window;
	if (candidate > expected + half && candidate >= window)
		return candidate - window;
	return candidate;
}

/* Circular comparison of 31-bit SRT sequence numbers: how far @a is ahead of @b. */
static inline int32_t seq31_diff(uint32_t a, uint32_t b)
{
	uint32_t d = (a - b) & 0x7fffffffu;

	return d & 0x40000000u ? (int32_t)(d | 0x80000000u) : (int32_t)d;
}

static inline uint32_t seq31_add(uint32_t a, uint32_t n)
{
	return (a + n) & 0x7fffffffu;
}
