#pragma once

#include "base/clock.h"

/*
 * The clock of one side: it has another origin than the world's, and another speed. The driver of
 * a bond sees it alone.
 */
struct localclock {
	usec_t origin; /* what it shows at the world's 0 */
	int ppm;       /* how much faster it runs */
};

usec_t localclock_of(const struct localclock *clock, usec_t world);
/* The first moment of the world at which the clock shows @local. */
usec_t localclock_world(const struct localclock *clock, usec_t local);
