#include "bond/engine.h"

/*
 * Parity costs bytes all the time, repair only when something was lost. So parity is for the paths
 * on which a loss is noticed too late for a repair to be in time: detection takes 9/8 of a round
 * trip and the pause before an acknowledgement, the repair then the delay of the quickest path.
 * Only what they lose counts, as they lose it: what repair and parity leave over would tell the
 * code that it is not needed. The round trip is that of an empty queue: where it is the queue that
 * takes the time, more bytes would make it worse.
 */
#define LOOK_EVERY (100 * USEC_PER_MS)
#define MARGIN	   (20 * USEC_PER_MS) /* of the choice of path, and for jitter */
#define PACKET	   WIRE_DATAGRAM_MAX  /* bytes of a parity packet, at most */

/* True delay of the quickest usable path; USEC_NEVER: there is none. */
static usec_t coding_quickest(const struct bond *b)
{
	usec_t least = USEC_NEVER;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		if (path_is_usable(&b->path[i]) && b->path[i].estimator.srtt)
			least = usec_min(least, scheduler_delay(&b->scheduler, &b->path[i]));
	return least;
}

static bool coding_is_hopeless(const struct bond *b, const struct path *p, usec_t quickest)
{
	return path_is_usable(p) && p->estimator.srtt &&
	       p->estimator.rtt_min * 9 / 8 + ACK_DELAY + quickest + MARGIN > engine_time(b);
}

/* What was counted since the last time; the path may have been begun anew. */
static uint64_t coding_news(uint64_t *seen, uint64_t total)
{
	uint64_t news = total < *seen ? total : total - *seen;

	*seen = total;
	return news;
}

/* How long before its deadline a packet can still profit from parity; 0: parity is of no use. */
static usec_t coding_look(struct bond *b)
{
	usec_t quickest = coding_quickest(b);
	uint64_t lost = 0, acked = 0;
	bool hopeless = false;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];
		uint64_t lost_here = coding_news(&b->coding.lost[i], p->lost_meter.total);
		uint64_t acked_here = coding_news(&b->coding.acked[i], p->acked_meter.total);

		if (quickest == USEC_NEVER || !coding_is_hopeless(b, p, quickest))
			continue;
		hopeless = true;
		lost += lost_here;
		acked += acked_here;
	}
	if (!hopeless || !b->peer.current.parity || b->config.off & BOND_OFF_PARITY ||
	    b->scheduler.policy == BOND_POLICY_BROADCAST || quickest + MARGIN >= engine_time(b)) {
		parity_stop(&b->parity);
		return 0;
	}
	parity_look(&b->parity, lost, lost + acked);
	return engine_time(b) - quickest - MARGIN;
}

void coding_submitted(struct bond *b, const uint8_t *data, size_t len, usec_t captured, usec_t now)
{
	if (now >= b->coding.look_at) {
		b->coding.look_at = now + LOOK_EVERY;
		b->coding.span = coding_look(b);
	}
	if (b->parity.share)
		parity_add(&b->parity, (uint32_t)(b->backlog.next - 1), data, len, captured,
			   b->coding.span);
}

/* Bit per path that may not carry parity: it costs too much, or media waits for it. */
static unsigned coding_exclude(const struct bond *b)
{
	unsigned exclude = 0;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		if (b->scheduler.ahead[i] ||
		    (b->path[i].config.cost != BOND_COST_FREE && b->redundancy.paid < PACKET))
			exclude |= 1u << i;
	return exclude;
}

bool coding_next(struct bond *b, struct frame_parity *ret_frame, unsigned *ret_path, usec_t now)
{
	enum scheduler_verdict verdict = SCHEDULER_NONE;
	usec_t hold = engine_hold(b), arrival;

	if (!parity_is_due(&b->parity))
		return false;
	/* All paths take turns: what a path loses of media it would lose of parity, too. */
	for (unsigned again = 0; again < 2 && verdict != SCHEDULER_SEND; again++) {
		if (again)
			b->parity.paths = 0;
		verdict = scheduler_choose(&b->scheduler, b->path, SCHEDULER_NEW, PACKET,
					   coding_exclude(b) | b->parity.paths,
					   parity_newest(&b->parity) + hold, now, ret_path);
		if (verdict == SCHEDULER_WAIT)
			return false;
	}
	if (verdict == SCHEDULER_SEND) {
		arrival = scheduler_arrival(&b->scheduler, &b->path[*ret_path], PACKET, now);
		if (parity_make(&b->parity, usec_sub(arrival + MARGIN, hold), ret_frame))
			return true;
		parity_skip(&b->parity);
	}
	return false;
}
