#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/meter.h"
#include "bond/throughput.h"

/*
 * What one path is like, measured from its acknowledgements: round trip, delay one way, queue,
 * and how much it delivers. The estimator knows only what was observed; what the path could carry
 * beyond that is the belief of bond/rate.
 */
#define ESTIMATOR_WINDOW (10 * USEC_PER_SEC) /* of the minima: Copa, LEDBAT */
#define ESTIMATOR_STANDING                                                                         \
	(12 * USEC_PER_MS) /* no jitter: every packet of the last moment saw it */
#define ESTIMATOR_POINTS 64

struct estimator {
	usec_t srtt, var, latest; /* RFC 9002, section 5; srtt is 0 until there is a sample */
	struct extremum rtt_window;
	usec_t rtt_min; /* of the window; kept while there are no samples */

	struct extremum base_window;
	int64_t base;  /* least one-way delay of the window, by two clocks: see below */
	bool has_base; /* base, queue and jitter mean something */
	struct extremum standing_window;
	usec_t queue;	  /* standing queueing delay: slow to rise, quick to fall */
	usec_t queue_at;  /* of the newest sample of it */
	usec_t queue_now; /* of the newest packet */
	usec_t jitter;	  /* mean deviation of queue_now from one packet to the next */
	usec_t quick_at;  /* when the queue was last next to empty */

	struct throughput throughput;

	uint64_t delivered; /* bytes, cumulative */
	uint64_t rate_bps;  /* delivered, over about a round trip, by the receiver's clock */
	struct estimator_point {
		usec_t at;
		int64_t received;
		usec_t sent;
		uint64_t delivered;
	} point[ESTIMATOR_POINTS];
	usec_t stall_at; /* packets that left before it may have waited for a radio, not in a queue
			  */
	unsigned points; /* ever put; the ring holds the last ESTIMATOR_POINTS */
};

void estimator_init(struct estimator *e, usec_t now);

/* A round trip of @sample, of which the peer held the acknowledgement back for @ack_delay. */
void estimator_round_trip(struct estimator *e, usec_t sample, usec_t ack_delay, usec_t now);

/* A packet that left at @sent took @one_way: the receiver's clock at its arrival less the sender's
 * clock at its departure. The clocks have nothing to do with each other, so the value means
 * something only beside others of the same pair of clocks. @bytes: sent on the path so far, with
 * it, cumulative. In the order of sending, but some may be missing. */
void estimator_one_way(struct estimator *e, usec_t sent, int64_t one_way, uint64_t bytes,
		       usec_t now);

/* @bytes more were acknowledged; the newest of them left at @sent and came at @received by the
 * receiver's clock. */
void estimator_delivery(struct estimator *e, uint64_t bytes, usec_t sent, int64_t received,
			usec_t now);
/* True while the delays tell of a radio that stalled rather than of a queue. */
bool estimator_is_stalled(const struct estimator *e);

/* After the way itself changed (new address, new peer): forget the delays, keep the rate. */
void estimator_forget_delay(struct estimator *e, usec_t now);

/* The standing queue, less what must have drained since it was seen last. */
usec_t estimator_queue(const struct estimator *e, usec_t now);

/* RFC 9002, 6.1.2: how long after a later packet was acknowledged this one is lost. */
usec_t estimator_loss_delay(const struct estimator *e);
/* RFC 9002, 6.2.1: how long after the last packet something should have been heard. */
usec_t estimator_probe_timeout(const struct estimator *e, usec_t ack_delay);
