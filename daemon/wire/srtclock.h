#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/meter.h"

/*
 * Capture times for the data packets of an SRT connection that keep a constant distance to SRT's
 * own time stamps, so that one of the two need not travel.
 */
struct srtclock {
	bool started;
	uint32_t stamp;	       /* of the last packet */
	int64_t stamped;       /* the same, unrolled */
	int64_t offset;	       /* capture time less time stamp */
	struct extremum least; /* of arrival less time stamp */
};

/* A packet with time stamp @stamp arrived. True: *ret_captured is its capture time, not later than
 * @arrived. False: it waited too long for that; take the time of its arrival. A fresh clock is all
 * zero. */
bool srtclock_capture(struct srtclock *clock, uint32_t stamp, usec_t arrived, usec_t *ret_captured);
