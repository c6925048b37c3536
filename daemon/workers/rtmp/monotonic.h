#pragma once

#include <time.h>

#include "base/clock.h"

/* The clock of this worker. */
static inline usec_t monotonic_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}
