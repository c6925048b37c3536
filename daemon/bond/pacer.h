#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * Spreads what goes on one path over time, in bursts of at most a few packets: a radio's scheduler
 * grants by the backlog it sees, and large bursts are what makes its jitter.
 */
#define PACER_BURST_USEC  (2 * USEC_PER_MS) /* a driver wakes up to a millisecond or so late */
#define PACER_BURST_BYTES (2 * 1400)

struct pacer {
	uint64_t next_nsec; /* the next packet may leave from here on */
};

bool pacer_is_ready(const struct pacer *p, usec_t now);
/* When it will be ready; <= @now when it is. */
usec_t pacer_ready_at(const struct pacer *p);
/* @bytes left now on a path whose pace is @bps. */
void pacer_sent(struct pacer *p, uint64_t bytes, uint64_t bps, usec_t now);
/* The same where @bps is a limit: no burst of packets, so that in no span of time more leaves than
 * @bps, one packet and PACER_BURST_USEC allow. */
void pacer_sent_within(struct pacer *p, uint64_t bytes, uint64_t bps, usec_t now);
