#pragma once

#include <time.h>

#include "base/clock.h"

/* CLOCK_MONOTONIC, as everywhere. */
static inline usec_t now_usec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (usec_t)t.tv_sec * USEC_PER_SEC + (usec_t)t.tv_nsec / 1000;
}
