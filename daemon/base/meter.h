#pragma once

#include "base/clock.h"

/*
 * Measuring over sliding windows, without allocation and in constant time.
 *
 * struct meter: how much per second, over the last METER_SLOTS slots of a fixed span.
 * struct extremum: the smallest value of a sliding window, kept as a ring of minima (for a
 * maximum, feed the negated value and negate the answer).
 */
#define METER_SLOTS 20

struct meter {
	usec_t slot_span;	    /* the window is METER_SLOTS times this */
	uint64_t slot[METER_SLOTS]; /* amounts; the slot of time t is (t / slot_span) % METER_SLOTS
				     */
	uint64_t slot_index;	    /* t / slot_span of the newest slot */
	uint64_t total;		    /* all that was ever added */
	usec_t started; /* first addition or tick, to judge a window that is not yet full */
};

void meter_init(struct meter *m, usec_t window, usec_t now);
void meter_add(struct meter *m, uint64_t amount, usec_t now);
/* Amount per second over the window (what is older than the meter counts as absent, not zero). */
uint64_t meter_per_sec(struct meter *m, usec_t now);
/* Amount inside the window. */
uint64_t meter_sum(struct meter *m, usec_t now);

#define EXTREMUM_SLOTS 10

struct extremum {
	usec_t slot_span;
	int64_t slot[EXTREMUM_SLOTS]; /* INT64_MAX: nothing was fed in this slot */
	uint64_t slot_index;
};

void extremum_init(struct extremum *e, usec_t window, usec_t now);
void extremum_add(struct extremum *e, int64_t value, usec_t now);
/* The minimum of the window; INT64_MAX when it is empty. */
int64_t extremum_min(struct extremum *e, usec_t now);
