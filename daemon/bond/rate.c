#include "bond/rate.h"

/*
 * Where there is a queue, what the bottleneck serves (bond/throughput) *is* the capacity. Where
 * there is none, the path may carry more; but it was tried at its limit only if packets waited for
 * it
 * ("hungry"). So once a round (a round trip, at least 25 ms):
 *
 *   the queue stands          believe what was served in the last 0.2 s; if that is less than
 *                             before, within the round as well
 *   hungry, no queue          believe a quarter more; the double while starting, and when it was
 *                             not busy in the last second: it may carry anything by now
 *   otherwise                 keep the belief
 *
 * It never believes more than a quarter beyond what it has seen: a stream that comes in bursts
 * makes the path hungry for a few milliseconds in each round, and that proves little.
 *
 * The window is belief * (base round trip + target), so that a full path shows a queue of the
 * target and not more, and the pace is half above the belief: so even a short burst meets the
 * bottleneck and shows what it serves, and growth does not take many rounds. An error upwards costs
 * at most a few tens of milliseconds of queue for one round, and an error downwards is gone after a
 * few rounds: packets that do not fit wait in the bond, where they can still take another way.
 *
 * A queue that stands for long hides the base delay. When it did not run dry for eight seconds the
 * window is halved for a moment (as BBR's ProbeRTT, but after the queue and not after the clock).
 *
 * Loss is no sign of congestion on a radio. It is taken for one only while the path is hungry and
 * loses much more than it used to; then the belief falls to what is delivered. Three cuts in a row
 * that do not lower the loss are proof of the contrary: it is the channel's own, and becomes its
 * normal loss (as in srtla_send-rs).
 */
#define ROUND_MIN	  (25 * USEC_PER_MS)
#define DRAIN_AFTER	  (8 * USEC_PER_SEC)
#define LOSS_HOLD	  (2 * USEC_PER_SEC)
#define LOSS_SUSPICIOUS	  80000 /* ppm above the normal loss */
#define LOSS_CUTS_MAX	  3
#define CAPACITY_FIRST	  UINT64_C(2500000) /* once the round trip is known */
#define TRIED_LOSS	  250		    /* permille: the queue was too short for the run */
#define RTT_UNKNOWN	  (50 * USEC_PER_MS)
#define PREDICT_UNKNOWN	  UINT64_C(2000000)
#define KNOWN_MIN	  UINT64_C(1000000) /* too small to show a train */
#define RESTART_MIN	  UINT64_C(300000)
#define ROUND_PACKETS_FEW 16 /* bytes / 1400: too few to speak of a loss ratio */

void rate_init(struct rate *r, uint64_t limit_bps, usec_t now)
{
	*r = (struct rate){ .limit_bps = limit_bps, .starting = true, .round_at = now };
	extremum_init(&r->proven, RATE_PROVEN_WINDOW, now);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void rate_set(struct rate *r, uint64_t bps)
{
	uint64_t max = r->limit_bps ? r->limit_bps : RATE_CAPACITY_MAX;

	if (bps < RATE_CAPACITY_MIN)
		bps = RATE_CAPACITY_MIN;
	r->capacity_bps = bps < max ? bps : max;
}

bool rate_round_is_over(const struct rate *r, usec_t now)
{
	return now >= r->round_at;
}

/* True when the loss of this round speaks of overload and the belief was cut. */
static bool rate_attribute_loss(struct rate *r, const struct estimator *e, usec_t now)
{
	unsigned loss = r->round_loss_ppm;

	if (loss < LOSS_SUSPICIOUS + 2 * r->base_loss_ppm)
		return false;
	if (r->cuts && r->loss_before_ppm && loss > r->loss_before_ppm / 2) {
		if (++r->cuts > LOSS_CUTS_MAX) {
			r->base_loss_ppm = loss;
			r->cuts = 0;
			return false;
		}
	} else {
		r->cuts = 1;
	}
	r->loss_before_ppm = loss;
	r->hold_until = now + LOSS_HOLD;
	r->starting = false;
	if (e->rate_bps < r->capacity_bps)
		rate_set(r, e->rate_bps > r->capacity_bps * 7 / 8 ? e->rate_bps
								  : r->capacity_bps * 7 / 8);
	return true;
}

static void rate_count_loss(struct rate *r, const struct estimator *e, uint64_t lost_bytes)
{
	uint64_t delivered = e->delivered - r->delivered;
	uint64_t lost = lost_bytes > r->lost ? lost_bytes - r->lost : 0;

	unsigned ppm;

	if (delivered + lost < ROUND_PACKETS_FEW * 1400)
		return;
	ppm = (unsigned)(lost * 1000000 / (delivered + lost));
	r->round_loss_ppm = (7 * r->round_loss_ppm + ppm) / 8;
	r->delivered = e->delivered;
	r->lost = lost_bytes;
}

static uint64_t rate_net(const struct rate *r, uint64_t bps)
{
	return bps / 1000 * (1000 - r->round_loss_ppm / 1000);
}

/* What it served: just now, or else in the last second, or else at best of late; 0: it was not
 * busy.
 */
static uint64_t rate_served(const struct rate *r, struct estimator *e, usec_t now)
{
	uint64_t bps = throughput_fast_bps(&e->throughput, now);

	if (!bps)
		bps = throughput_slow_bps(&e->throughput, now);
	if (!bps)
		bps = throughput_best_bps(&e->throughput, now);
	return rate_net(r, bps);
}

static uint64_t rate_known(const struct rate *r, struct estimator *e, usec_t now)
{
	uint64_t bps = rate_served(r, e, now);

	return bps > r->proven_bps ? bps : r->proven_bps;
}

/* After a stall the smoothed round trip is long for a while; at the start there is no queue that
 * could make it long. */
static usec_t rate_round(const struct rate *r, const struct estimator *e)
{
	usec_t longest = e->rtt_min + (r->starting ? 0 : 2 * RATE_QUEUE_TARGET);

	return usec_max(usec_min(e->srtt, longest), ROUND_MIN);
}

/* What is given to a path that has become slower waits there, where it cannot be taken back. */
static void rate_fall(struct rate *r, struct estimator *e, usec_t now)
{
	uint64_t fast = throughput_fast_bps(&e->throughput, now);

	if (!r->starting && e->queue > ESTIMATOR_STANDING && !estimator_is_stalled(e) && fast &&
	    fast < r->capacity_bps)
		rate_set(r, fast);
}

void rate_acked(struct rate *r, struct estimator *e, bool hungry, uint64_t lost_bytes, usec_t now)
{
	uint64_t gain, known, fast; /* gain in 1/64 */

	if (e->rate_bps)
		extremum_add(&r->proven, -(int64_t)e->rate_bps, now);
	if (extremum_min(&r->proven, now) != INT64_MAX)
		r->proven_bps = (uint64_t)-extremum_min(&r->proven, now);
	if (!e->srtt)
		return;
	if (!rate_round_is_over(r, now)) {
		rate_fall(r, e, now);
		return;
	}
	r->round_at = now + rate_round(r, e);
	rate_count_loss(r, e, lost_bytes);
	if (!r->capacity_bps)
		rate_set(r, CAPACITY_FIRST);
	if (hungry && rate_attribute_loss(r, e, now)) {
		return;
	}
	if (!hungry || r->round_loss_ppm < LOSS_SUSPICIOUS)
		r->base_loss_ppm = (15 * r->base_loss_ppm + r->round_loss_ppm) / 16;

	if (estimator_is_stalled(e))
		return;
	fast = throughput_fast_bps(&e->throughput, now);
	r->slow_bps = rate_net(r, throughput_slow_bps(&e->throughput, now));
	known = rate_known(r, e, now);
	if (e->queue > ESTIMATOR_STANDING) {
		r->starting = false;
		if (fast)
			rate_set(r, e->queue > RATE_QUEUE_TARGET * 3 / 2 ? fast * 15 / 16 : fast);
		if (usec_since(e->quick_at, now) > DRAIN_AFTER &&
		    now > r->drain_until + DRAIN_AFTER)
			r->drain_until = now + usec_max(e->srtt, 2 * RATE_QUEUE_TARGET);
		return;
	}
	if (now < r->hold_until)
		return;
	gain = r->starting || !r->slow_bps ? 64 : 16;
	if (r->starting && e->queue_now > RATE_QUEUE_TARGET / 2)
		r->starting = false, gain = 0;
	if (!hungry && fast <= r->capacity_bps)
		return;
	known = known > r->start_until_bps ? known : r->start_until_bps;
	known = known > KNOWN_MIN ? known : KNOWN_MIN;
	if (r->capacity_bps < known + known / 4)
		rate_set(r,
			 min_u64(r->capacity_bps + r->capacity_bps * gain / 64, known + known / 4));
	if (r->start_until_bps && r->capacity_bps >= r->start_until_bps)
		r->starting = false, r->start_until_bps = 0;
}

bool rate_tried(struct rate *r, struct estimator *e, bool first, bool whole, usec_t now)
{
	uint64_t served = throughput_fast_bps(&e->throughput, now);

	/* Its end may be known late; only before the first was there nothing else. */
	if (!served && first)
		served = throughput_best_bps(&e->throughput, now);
	served = rate_net(r, served);
	if (!served)
		rate_set(r, whole ? r->capacity_bps + r->capacity_bps / 2 : r->capacity_bps / 2);
	else if (served < r->capacity_bps)
		rate_set(r, served);
	return served || whole;
}

void rate_forget_loss(struct rate *r, const struct estimator *e, uint64_t lost_bytes)
{
	r->delivered = e->delivered;
	r->lost = lost_bytes;
	r->round_loss_ppm = r->base_loss_ppm;
	r->cuts = 0;
	r->hold_until = 0;
}

void rate_restart(struct rate *r, usec_t now)
{
	uint64_t before = r->capacity_bps;

	if (!before)
		return;
	r->start_until_bps = before;
	r->starting = true;
	r->drain_until = 0;
	r->round_at = now;
	rate_set(r, usec_max(before / 4, RESTART_MIN));
}

uint64_t rate_window(const struct rate *r, const struct estimator *e, usec_t now)
{
	uint64_t window;

	if (!r->capacity_bps)
		return RATE_WINDOW_FIRST;
	window = bytes_of_usec(e->rtt_min + RATE_QUEUE_TARGET, r->capacity_bps);
	if (now < r->drain_until)
		window = bytes_of_usec(e->rtt_min, r->capacity_bps) / 2;
	return window > RATE_WINDOW_MIN ? window : RATE_WINDOW_MIN;
}

uint64_t rate_pace_bps(const struct rate *r, const struct estimator *e)
{
	uint64_t pace;

	if (!r->capacity_bps)
		pace = RATE_WINDOW_FIRST * 8 * USEC_PER_SEC / (e->srtt ? e->srtt : RTT_UNKNOWN);
	else
		pace = r->starting ? 2 * r->capacity_bps : r->capacity_bps + r->capacity_bps / 2;
	return r->limit_bps && pace > r->limit_bps ? r->limit_bps : pace;
}

uint64_t rate_seen_bps(const struct rate *r)
{
	/* At the start the belief is no more than a place to begin. */
	uint64_t sure = r->capacity_bps * (r->starting ? 2 : 4) / 5;

	if (r->slow_bps)
		return r->slow_bps;
	return min_u64(r->capacity_bps, r->proven_bps > sure ? r->proven_bps : sure);
}

uint64_t rate_predict_bps(const struct rate *r)
{
	return r->capacity_bps ? r->capacity_bps : PREDICT_UNKNOWN;
}
