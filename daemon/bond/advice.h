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
	uint64_t min_bps, max_bps, start_bps;
	uint64_t bps; /* in force */
	enum bond_reason reason;
	uint64_t told_bps; /* by the last event */
	bool event;
	usec_t next_at;
	struct meter acked;	  /* media bytes, of half a second */
	uint64_t missed, carried; /* cumulative counts at the last tick */
	usec_t queue;		  /* at the last tick */
	unsigned usable;	  /* paths at the last tick */
};

/* What the bond knows at this moment. */
struct advice_view {
	uint64_t capacity_bps; /* sum of what the usable paths served in the last second */
	uint64_t moment_bps;   /* the same of the last 0.2 s */
	unsigned usable;
	usec_t queue_age; /* how long the oldest packet that was never sent waits */
	usec_t queue; /* time that all that waits, in the bond and on the paths, takes to drain */
	usec_t hold;  /* from capture to the deadline */
	uint64_t missed; /* late or lost, cumulative */
	bool session_up;
};

void advice_init(struct advice *a, uint64_t min_bps, uint64_t max_bps, uint64_t start_bps,
		 usec_t now);
void advice_acked(struct advice *a, uint64_t bytes, usec_t now);
/* The capacity that the bitrate to start with needs. */
uint64_t advice_need_bps(const struct advice *a);
/* Every ADVICE_SPACING; sets `event` when the bitrate changed by 3 % or more since the last. */
void advice_tick(struct advice *a, const struct advice_view *view, usec_t now);
