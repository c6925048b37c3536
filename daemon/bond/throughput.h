#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/meter.h"

/*
 * The rate at which a path's bottleneck serves: measured only while it was busy, so that it says
 * what the path can carry and not what was sent. Knows departures, arrivals and bytes; no policy.
 */
#define THROUGHPUT_SLOT	 (50 * USEC_PER_MS)
#define THROUGHPUT_SLOTS 20 /* a second: what an encoder should follow */
#define THROUGHPUT_FAST	 4  /* slots: the pace and the window follow these */

struct throughput {
	/* The run: packets of which each came to the bottleneck before the one ahead had left it.
	 */
	usec_t first_sent, last_sent;
	int64_t first_way, last_way; /* one way, as the estimator's */
	uint64_t first_bytes, last_bytes;
	unsigned packets; /* of the run; 0: none yet */
	struct throughput_slot {
		uint64_t bytes, time; /* of exact runs */
		uint64_t least_bps;   /* of runs that were no slower than they left */
	} slot[THROUGHPUT_SLOTS];
	uint64_t slot_index;  /* time / THROUGHPUT_SLOT of the newest slot */
	struct extremum best; /* of the negated rates of runs */
};

void throughput_init(struct throughput *s, usec_t now);

/* A packet that left at @sent took @one_way, of which @base is the empty path; @bytes were sent
 * with it, cumulative. In the order of sending; some may be missing. @standing: the queue has stood
 * for longer than a moment, so that arrivals alone are to be trusted. */
void throughput_packet(struct throughput *s, usec_t sent, int64_t one_way, int64_t base,
		       uint64_t bytes, bool standing, usec_t now);

/* Over the last 0.2 s or second; 0: it was hardly busy in that time. */
uint64_t throughput_fast_bps(struct throughput *s, usec_t now);
uint64_t throughput_slow_bps(struct throughput *s, usec_t now);
/* The best run of the last two seconds; 0: none. */
uint64_t throughput_best_bps(struct throughput *s, usec_t now);
