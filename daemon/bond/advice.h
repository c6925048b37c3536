#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/meter.h"
#include "bond/bond.h"

/*
 * The bitrate that the encoder should use now, from what the paths are believed to carry, what
 * waits in the bond, and what came too late.
 */
#define ADVICE_SPACING (100 * USEC_PER_MS)

struct advice {
	uint64_t min_bps, max_bps;
	uint64_t bps; /* in force */
	enum bond_reason reason;
	uint64_t told_bps; /* by the last event */
	bool event;
	usec_t next_at;
	struct meter offered, acked; /* media bytes; half a second each */
	uint64_t missed, carried;    /* cumulative counts at the last tick */
	usec_t missed_at;	     /* when something was late or lost */
	unsigned usable;	     /* paths at the last tick */
};

/* What the bond knows at this moment. */
struct advice_view {
	uint64_t capacity_bps; /* sum over the usable paths of the belief, datagram bytes */
	uint64_t proven_bps;   /* the same of what they delivered of late */
	unsigned usable;
	usec_t queue_age; /* how long the oldest packet that was never sent waits */
	usec_t hold;	  /* from capture to the deadline */
	uint64_t missed;  /* late or lost, cumulative */
	bool session_up;
};

void advice_init(struct advice *a, uint64_t min_bps, uint64_t max_bps, uint64_t start_bps,
		 usec_t now);
void advice_offered(struct advice *a, uint64_t bytes, usec_t now);
void advice_acked(struct advice *a, uint64_t bytes, usec_t now);
/* Every ADVICE_SPACING; sets `event` when the bitrate changed by 3 % or more since the last. */
void advice_tick(struct advice *a, const struct advice_view *view, usec_t now);
