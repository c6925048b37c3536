#pragma once

#include <stdint.h>

/*
 * Time in the engine: integer microseconds since an arbitrary origin that never jumps. Nothing
 * below sys/ and net/ reads a clock; `now` comes in as an argument, so that a minute of bad
 * network is simulated in milliseconds.
 */
typedef uint64_t usec_t;

#define USEC_NEVER   UINT64_MAX /* sorts after every moment: "no wake-up needed" */
#define USEC_PER_MS  UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)

/* a + b; USEC_NEVER absorbs, and the sum saturates there. */
static inline usec_t usec_add(usec_t a, usec_t b)
{
	return a > USEC_NEVER - b ? USEC_NEVER : a + b;
}

/* How long ago @then was; 0 when it lies in the future. */
static inline usec_t usec_since(usec_t then, usec_t now)
{
	return now > then ? now - then : 0;
}

/* a - b; 0 when that would be negative. */
static inline usec_t usec_sub(usec_t a, usec_t b)
{
	return a > b ? a - b : 0;
}

static inline usec_t usec_min(usec_t a, usec_t b)
{
	return a < b ? a : b;
}

static inline usec_t usec_max(usec_t a, usec_t b)
{
	return a > b ? a : b;
}

static inline usec_t usec_clamp(usec_t value, usec_t low, usec_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* The time that @bytes take at @rate_bps (bits per second); USEC_NEVER at rate 0. Bytes up to
 * 2^40 do not overflow. */
static inline usec_t usec_of_bytes(uint64_t bytes, uint64_t rate_bps)
{
	return rate_bps ? bytes * 8 * USEC_PER_SEC / rate_bps : USEC_NEVER;
}

/* The bytes that @rate_bps carries in @span; UINT64_MAX when it is more (a span of USEC_NEVER). */
static inline uint64_t bytes_of_usec(usec_t span, uint64_t rate_bps)
{
	unsigned __int128 bytes = (unsigned __int128)rate_bps * span / (8 * USEC_PER_SEC);

	return bytes < UINT64_MAX ? (uint64_t)bytes : UINT64_MAX;
}
