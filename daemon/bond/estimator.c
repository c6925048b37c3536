#include "bond/estimator.h"

#include <stddef.h>

/*
 * Round trips are smoothed as RFC 9002, section 5.3 says. The variance is that of the trip alone,
 * for the peer tells how long it held the acknowledgement back.
 *
 * Queueing delay is taken one way, from the arrival times in the acknowledgements: what happens on
 * the way back does not matter. The least delay of ten seconds stands for the empty path, which
 * also takes out the difference of the clocks and their drift (50 ppm: 0.5 ms in the window). A
 * single packet may be late for many reasons; a queue is what *every* packet of the last 50 ms
 * suffered, hence the minimum over that time (the standing delay of Copa, Arun and Balakrishnan,
 * NSDI 2018), then an average which rises by a quarter and falls at once (SCReAM v2).
 *
 * The rate is bytes acknowledged between two acknowledgements at least 100 ms and one round trip
 * apart, divided by the greater of the two times: between the arrivals and between the departures.
 * With arrivals alone, a radio that stalls and then releases everything at once would look fast;
 * with departures alone, a full queue would.
 *
 * Radios stall for 400 to 800 ms and then release what they held (HARQ, handover). To the delays
 * that looks like a queue, and to the rate like a path with next to no capacity; both are wrong. A
 * pause in the arrivals that was none in the departures marks what was sent before its end, and
 * only what was sent later counts.
 */
#define STANDING_WINDOW	  (50 * USEC_PER_MS)
#define RATE_SPAN	  (100 * USEC_PER_MS)
#define GRANULARITY	  USEC_PER_MS	      /* RFC 9002, 6.1.2 */
#define RTT_DEFAULT	  (100 * USEC_PER_MS) /* before the first sample; RFC 9002 has 333 ms */
#define QUEUE_EMPTY_BELOW (8 * USEC_PER_MS)
#define STALL_GAP	  (int64_t)(150 * USEC_PER_MS) /* beyond that of the departures */
#define IDLE_GAP	  (60 * USEC_PER_MS)

void estimator_init(struct estimator *e, usec_t now)
{
	*e = (struct estimator){ .quick_at = now };
	extremum_init(&e->rtt_window, ESTIMATOR_WINDOW, now);
	extremum_init(&e->base_window, ESTIMATOR_WINDOW, now);
	extremum_init(&e->standing_window, STANDING_WINDOW, now);
	throughput_init(&e->throughput, now);
}

void estimator_round_trip(struct estimator *e, usec_t sample, usec_t ack_delay, usec_t now)
{
	int64_t min;
	usec_t deviation;

	extremum_add(&e->rtt_window, (int64_t)sample, now);
	min = extremum_min(&e->rtt_window, now);
	e->rtt_min = (usec_t)min;
	e->latest = sample >= e->rtt_min + ack_delay ? sample - ack_delay : sample;
	if (!e->srtt) {
		e->srtt = usec_max(e->latest, 1);
		e->var = e->latest / 2;
		return;
	}
	deviation = e->srtt > e->latest ? e->srtt - e->latest : e->latest - e->srtt;
	e->var = (3 * e->var + deviation) / 4;
	e->srtt = usec_max((7 * e->srtt + e->latest) / 8, 1);
}

void estimator_one_way(struct estimator *e, usec_t sent, int64_t one_way, uint64_t bytes,
		       usec_t now)
{
	int64_t standing;
	usec_t before = e->queue_now;

	extremum_add(&e->base_window, one_way, now);
	extremum_add(&e->standing_window, one_way, now);
	e->base = extremum_min(&e->base_window, now);
	standing = extremum_min(&e->standing_window, now) - e->base;
	e->queue_now = (usec_t)(one_way - e->base);
	if (e->has_base)
		e->jitter = (15 * e->jitter + (e->queue_now > before ? e->queue_now - before
								     : before - e->queue_now)) /
			    16;
	e->has_base = true;
	if ((usec_t)standing <= e->queue)
		e->queue = (usec_t)standing;
	else
		e->queue += ((usec_t)standing - e->queue + 3) / 4;
	if (e->queue_now < QUEUE_EMPTY_BELOW)
		e->quick_at = now;
	e->queue_at = now;
	throughput_packet(&e->throughput, sent, one_way, e->base, bytes,
			  e->queue > ESTIMATOR_STANDING && e->queue < STALL_GAP, now);
}

static const struct estimator_point *estimator_point(const struct estimator *e, unsigned back)
{
	return &e->point[(e->points - 1 - back) % ESTIMATOR_POINTS];
}

bool estimator_is_stalled(const struct estimator *e)
{
	return e->stall_at && (!e->points || estimator_point(e, 0)->sent <= e->stall_at);
}

void estimator_delivery(struct estimator *e, uint64_t bytes, usec_t sent, int64_t received,
			usec_t now)
{
	usec_t span = usec_max(RATE_SPAN, e->srtt);
	const struct estimator_point *newest = e->points ? estimator_point(e, 0) : NULL;
	unsigned depth;

	e->delivered += bytes;
	if (newest && (received <= newest->received || sent < newest->sent))
		return;
	if (newest && received - newest->received > STALL_GAP + (int64_t)(sent - newest->sent)) {
		e->stall_at = now;
		e->points = 0;
	}
	/* Nothing was sent for a while: what came since says nothing about the time before. */
	if (newest && sent > newest->sent + IDLE_GAP + (usec_t)(received - newest->received))
		e->points = 0;
	e->point[e->points++ % ESTIMATOR_POINTS] = (struct estimator_point){
		.at = now, .received = received, .sent = sent, .delivered = e->delivered
	};
	depth = e->points < ESTIMATOR_POINTS ? e->points : ESTIMATOR_POINTS;
	for (unsigned back = 1; back < depth; back++) {
		const struct estimator_point *old = estimator_point(e, back);
		usec_t arrivals = (usec_t)(received - old->received);
		usec_t departures = sent - old->sent;
		usec_t time = usec_max(arrivals, departures);

		if (time < span && back + 1 < depth)
			continue;
		if (time < RATE_SPAN / 4)
			break;
		e->rate_bps = (e->delivered - old->delivered) * 8 * USEC_PER_SEC / time;
		break;
	}
}

void estimator_forget_delay(struct estimator *e, usec_t now)
{
	uint64_t delivered = e->delivered, rate = e->rate_bps;

	estimator_init(e, now);
	e->delivered = delivered;
	e->rate_bps = rate;
}

usec_t estimator_queue(const struct estimator *e, usec_t now)
{
	return usec_sub(e->queue, usec_since(e->queue_at, now));
}

usec_t estimator_loss_delay(const struct estimator *e)
{
	usec_t rtt = e->srtt ? usec_max(e->srtt, e->latest) : RTT_DEFAULT;

	return usec_max(rtt + rtt / 8, GRANULARITY);
}

usec_t estimator_probe_timeout(const struct estimator *e, usec_t ack_delay)
{
	usec_t srtt = e->srtt ? e->srtt : RTT_DEFAULT;
	usec_t var = e->srtt ? e->var : RTT_DEFAULT / 2;

	return srtt + usec_max(4 * var, GRANULARITY) + ack_delay;
}
