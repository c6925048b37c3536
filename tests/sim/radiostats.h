#pragma once

#include "sim/radio.h"

/*
 * The statistics of generated capacities, as they were taken of the traces: over bins of one
 * second; gaps are spans without any capacity; a ratio is the capacity of the next second over that
 * of the last, taken in every step where the last second had more than 200 kb/s.
 */
#define RADIOSTATS_LINKS_MAX 3

struct radiostats {
	uint64_t mean_bps, p5_bps, p50_bps, p95_bps;
	usec_t gap;    /* longest of a period, the median of all seeds */
	unsigned gaps; /* of half a second and more, in a period, on average, in tenths */
	unsigned ratio_p5_permille, ratio_p1_permille;
};

/* Of the sum of @count links, each of kinds[i], over seeds 1 to @seeds. 0 or -ENOMEM. */
int radiostats_take(const enum radio *kinds, unsigned count, unsigned seeds,
		    struct radiostats *ret_stats);
