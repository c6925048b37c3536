#include "bond/stall.h"

/*
 *   PROBING --answer--> UP --silence with packets out--> SUSPECT --1 to 3 s--> MUTED --> DEAD
 *                        ^---------- answer, seldom falls ---|                  |         |
 *                        ^---- enough delivered, for long enough --------------<-- answer-|
 *
 * Silence is max(250 ms, 2 srtt) since the last news of a packet of this path, with packets out
 * (as in srtla_send-rs). Long before that the scheduler sees the stall in the
 * predicted arrival and sends nothing new there; SUSPECT is what people are told and what stops
 * even the copies.
 *
 * A path that falls often has to prove more on its way back: a marginal leg that swings between
 * 100 and 1200 ms always looks best right after it was drained. When no other path is there,
 * every answer will do.
 *
 * A path that loses most of what it is given is treated like a silent one.
 */
#define SILENCE_MIN	 (250 * USEC_PER_MS)
#define MUTE_MIN	 USEC_PER_SEC
#define MUTE_MAX	 (3 * USEC_PER_SEC)
#define DEAD_MIN	 (4 * USEC_PER_SEC)
#define DEAD_MAX	 (30 * USEC_PER_SEC)
#define FORGIVE		 (10 * USEC_PER_SEC)
#define FLAPS_TOLERATED	 2
#define FLAPS_FREE	 3 /* more have to prove more each */
#define FLAPS_MAX	 5
#define PROOF_PACKETS	 8u
#define PROOF_TIME	 (200 * USEC_PER_MS)
#define LOSS_MAX	 550000 /* ppm */
#define RAMP_AFTER	 (600 * USEC_PER_MS)
#define PROBE_SUSPECT	 (50 * USEC_PER_MS)
#define PROBE_ALONE	 (100 * USEC_PER_MS)
#define PROBE_MUTED	 (50 * USEC_PER_MS)
#define PROBE_PROVING	 (20 * USEC_PER_MS)
#define PROBE_DEAD	 (250 * USEC_PER_MS) /* for a minute or so ... */
#define PROBE_DEAD_LATER USEC_PER_SEC
#define PROBE_DEAD_SOON	 400 /* probes without answer */
#define LOSS_PACKETS	 64  /* lost in the window, before the ratio counts */

static usec_t stall_silent_since(struct path *p)
{
	const struct sent *oldest = inflight_oldest(&p->inflight);

	return oldest ? usec_max(oldest->at, p->progress_at) : USEC_NEVER;
}

static usec_t stall_tolerance(const struct path *p)
{
	return usec_max(SILENCE_MIN, 2 * p->estimator.srtt + ACK_OWN_SPACING);
}

static void stall_fall(struct path *p, enum bond_reason reason, usec_t now)
{
	path_set_state(p, reason == BOND_REASON_LOSSY ? BOND_PATH_MUTED : BOND_PATH_SUSPECT, reason,
		       now);
	if (p->flaps < FLAPS_MAX)
		p->flaps++;
	p->flap_at = now;
	p->probes = 0;
	p->proof = 0;
	p->probe_at = now;
}

static usec_t stall_check_up(struct path *p, bool alone, usec_t now)
{
	usec_t since = stall_silent_since(p);

	if (p->flaps && now >= p->flap_at + FORGIVE) {
		p->flaps--;
		p->flap_at = now;
	}
	if (since != USEC_NEVER && now >= since + stall_tolerance(p)) {
		stall_fall(p, BOND_REASON_SILENT, now);
		return now;
	}
	if (!alone && path_loss_ppm(p, now) > LOSS_MAX &&
	    meter_sum(&p->lost_meter, now) >= LOSS_PACKETS) {
		stall_fall(p, BOND_REASON_LOSSY, now);
		return now;
	}
	return usec_add(since, since == USEC_NEVER ? 0 : stall_tolerance(p));
}

usec_t stall_check(struct path *p, bool alone, usec_t latency, usec_t now)
{
	usec_t mute = usec_clamp(4 * p->estimator.srtt, MUTE_MIN, MUTE_MAX);
	usec_t dead = usec_clamp(2 * latency, DEAD_MIN, DEAD_MAX);
	usec_t quiet = usec_max(p->progress_at, p->flap_at);

	switch (p->state) {
	case BOND_PATH_UP:
		return stall_check_up(p, alone, now);
	case BOND_PATH_SUSPECT:
		if (now < p->since + mute)
			return p->since + mute;
		path_set_state(p, BOND_PATH_MUTED, BOND_REASON_SILENT, now);
		return now;
	case BOND_PATH_MUTED:
		if (now < quiet + dead)
			return quiet + dead;
		path_set_state(p, BOND_PATH_DEAD, BOND_REASON_SILENT, now);
		return USEC_NEVER;
	case BOND_PATH_OFF:
	case BOND_PATH_PROBING:
	case BOND_PATH_DEAD:
		break;
	}
	return USEC_NEVER;
}

bool stall_fell(struct path *p, enum bond_path_state before)
{
	return p->state != before && (p->state == BOND_PATH_SUSPECT || p->state == BOND_PATH_MUTED);
}

static void stall_rise(struct path *p, enum bond_reason reason, usec_t now)
{
	/* What it carried before the silence says little about now. */
	if (usec_since(p->flap_at, now) > RAMP_AFTER)
		rate_restart(&p->rate, now);
	rate_forget_loss(&p->rate, &p->estimator, p->inflight.lost_bytes);
	path_set_state(p, BOND_PATH_UP, reason, now);
	p->probes = 0;
}

void stall_progress(struct path *p, unsigned packets, usec_t sent_at, bool alone, usec_t now)
{
	unsigned hard = p->flaps > FLAPS_FREE ? p->flaps - FLAPS_FREE : 0;

	p->progress_at = now;
	switch (p->state) {
	case BOND_PATH_PROBING:
		path_set_state(p, BOND_PATH_UP, BOND_REASON_ANSWERED, now);
		break;
	case BOND_PATH_SUSPECT:
		if (alone || p->flaps <= FLAPS_TOLERATED) {
			stall_rise(p, BOND_REASON_ANSWERED, now);
			break;
		}
		path_set_state(p, BOND_PATH_MUTED, BOND_REASON_ANSWERED, now);
		p->proof = 0;
		p->proof_since = now;
		break;
	case BOND_PATH_DEAD:
		path_set_state(p, BOND_PATH_MUTED, BOND_REASON_ANSWERED, now);
		p->proof = 0;
		/* fall through */
	case BOND_PATH_MUTED:
		/* Old packets that a radio held back prove nothing. */
		if (usec_since(sent_at, now) > stall_tolerance(p) && !alone) {
			p->proof = 0;
			break;
		}
		if (!p->proof)
			p->proof_since = now;
		p->proof += packets;
		p->probes = 0;
		if (alone || (p->proof >= PROOF_PACKETS << hard &&
			      usec_since(p->proof_since, now) >= PROOF_TIME << hard &&
			      path_loss_ppm(p, now) < LOSS_MAX / 2))
			stall_rise(p, BOND_REASON_PROVEN, now);
		break;
	case BOND_PATH_OFF:
	case BOND_PATH_UP:
		break;
	}
}

usec_t stall_probe_interval(const struct path *p, bool alone)
{
	switch (p->state) {
	case BOND_PATH_SUSPECT:
		return usec_max(PROBE_SUSPECT, p->estimator.srtt / 2);
	case BOND_PATH_MUTED:
		if (p->proof)
			return PROBE_PROVING;
		return alone ? PROBE_ALONE : PROBE_MUTED;
	case BOND_PATH_PROBING:
		return p->probes < 4 ? PROBE_ALONE << p->probes : PROBE_DEAD_LATER;
	case BOND_PATH_DEAD:
		return p->probes < PROBE_DEAD_SOON ? PROBE_DEAD : PROBE_DEAD_LATER;
	case BOND_PATH_OFF:
	case BOND_PATH_UP:
		break;
	}
	return USEC_NEVER;
}
