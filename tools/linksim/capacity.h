#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

/*
 * Capacity: how much a link can carry, and when. It serves one packet at a time:
 *
 *     capacity_begin(c, bytes, t)      the packet's first byte goes out at t, not before the
 *                                      last packet ended
 *     capacity_end_at(c)               when its last byte will be out
 *     capacity_finish(c)               it is out (t has reached capacity_end_at)
 *
 * Three kinds: a constant rate; a table of rates over time, which repeats; and a trace of delivery
 * opportunities, each of which takes up to CAPACITY_OPPORTUNITY_BYTES (the format of the mahimahi
 * project: one line per opportunity, in ms, repeating after the last). An opportunity nobody used
 * is gone; one used in part goes on to the next packet that waits.
 * A change of kind, rate or pause in the middle of a packet keeps what was already sent of it.
 */
#define CAPACITY_OPPORTUNITY_BYTES 1500

struct capacity_step {
	usec_t at; /* since the beginning of the table; the first one is 0, strictly rising */
	uint64_t rate_bps; /* from then on; 0: nothing passes */
};

enum capacity_kind {
	CAPACITY_UNLIMITED,
	CAPACITY_RATE,
	CAPACITY_STEPS,
	CAPACITY_TRACE,
};

struct capacity {
	enum capacity_kind kind;
	uint64_t rate_bps; /* RATE: the rate; STEPS, TRACE: the mean over one period */
	const struct capacity_step *steps; /* borrowed */
	const uint32_t *trace_ms;	   /* borrowed; not falling */
	size_t count;			   /* of steps or opportunities */
	usec_t period;			   /* after which the table repeats; never 0 */
	uint64_t period_work;		   /* STEPS: what one period carries */
	usec_t origin;			   /* when the table began */
	bool paused;

	bool busy;
	uint64_t work;	     /* left of it: bits times 10^6; TRACE: bytes */
	usec_t at;	     /* up to when `work` is reckoned */
	usec_t end_at;	     /* of the packet in service */
	uint64_t next;	     /* TRACE: opportunities below this number are used up */
	uint64_t end_number; /* TRACE: the same once the packet in service is out */
	uint64_t credit; /* work done beyond the last packet's end, for the one that follows at once
			  */
	usec_t credit_at; /* holds only for a packet that begins then */
};

/* From now on @rate_bps; 0: unlimited. */
void capacity_set_rate(struct capacity *c, uint64_t rate_bps, usec_t now);
/* From now on the table, beginning at its first entry. @period: not before the last entry. */
void capacity_set_steps(struct capacity *c, const struct capacity_step *steps, size_t count,
			usec_t period, usec_t now);
/* From now on the trace. Its period is its last time stamp, or 1 ms when that is 0. */
void capacity_set_trace(struct capacity *c, const uint32_t *trace_ms, size_t count, usec_t now);
/* A paused link sends nothing; opportunities pass by. */
void capacity_pause(struct capacity *c, bool paused, usec_t now);

void capacity_begin(struct capacity *c, uint64_t bytes, usec_t now);
/* USEC_NEVER: nothing in service, paused, or the table has no capacity at all. */
static inline usec_t capacity_end_at(const struct capacity *c)
{
	return c->busy && !c->paused ? c->end_at : USEC_NEVER;
}
void capacity_finish(struct capacity *c);
/* Gives up the packet in service. */
void capacity_abort(struct capacity *c, usec_t now);
