#include "bond/engine.h"

/*
 * Parity costs bytes all the time, repair only when something was lost. So parity is for the paths
 * on which a loss is noticed too late for a repair to be in time: detection takes 9/8 of a round
 * trip and the pause before an acknowledgement, the repair then the delay of the quickest path.
 * Only what they lose counts, as they lose it: what repair and parity leave over would tell the
 * code that it is not needed. The round trip is that of an empty queue: where it is the queue that
 * takes the time, more bytes would make it worse.
 *
 * In the first seconds nothing is known of the losses, and every one is final: LOSS_AT_FIRST is
 * assumed, and fades while nothing is lost.
 */
#define LOOK_EVERY    (100 * USEC_PER_MS)
#define MARGIN	      (20 * USEC_PER_MS) /* of the choice of path, and for jitter */
#define SPAN_MIN      (20 * USEC_PER_MS) /* of a group */
#define SPAN_MAX      (100 * USEC_PER_MS)
#define LOSS_AT_FIRST 5000		/* ppm */
#define PACKET	      WIRE_DATAGRAM_MAX /* bytes of a parity packet, at most */

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
	return p->estimator.rtt_min * 9 / 8 + ACK_DELAY + quickest + MARGIN > engine_hold(b);
}

static void coding_tune(struct bond *b, usec_t now)
{
	usec_t quickest = coding_quickest(b);
	uint64_t lost = 0, acked = 0;
	bool hopeless = false;

	if (!b->peer.current.parity || b->config.off & BOND_OFF_PARITY || quickest == USEC_NEVER ||
	    b->scheduler.policy == BOND_POLICY_BROADCAST || quickest >= engine_hold(b)) {
		parity_stop(b->parity);
		return;
	}
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];

		if (!path_is_usable(p) || !p->estimator.srtt || !coding_is_hopeless(b, p, quickest))
			continue;
		hopeless = true;
		lost += meter_sum(&p->lost_meter, now);
		acked += meter_sum(&p->acked_meter, now);
	}
	if (!hopeless) {
		parity_stop(b->parity);
		return;
	}
	if (!b->parity->tuned && !lost)
		parity_tune(b->parity, LOSS_AT_FIRST);
	else
		parity_tune(b->parity, lost ? (unsigned)(lost * 1000000 / (lost + acked)) : 0);
	b->parity->tuned = true;
}

/* A third of the time that is left for group and parity. */
static usec_t coding_span(const struct bond *b)
{
	usec_t quickest = coding_quickest(b);

	return usec_clamp(usec_sub(engine_hold(b), quickest == USEC_NEVER ? 0 : quickest) / 3,
			  SPAN_MIN, SPAN_MAX);
}

void coding_submitted(struct bond *b, const uint8_t *data, size_t len, usec_t captured, usec_t now)
{
	if (now >= b->parity_at) {
		b->parity_at = now + LOOK_EVERY;
		coding_tune(b, now);
	}
	if (b->parity->loss_ppm)
		parity_add(b->parity, (uint32_t)(b->backlog.next - 1), data, len, captured,
			   coding_span(b));
}

/* Bit per path that may not or should not carry the next parity packet. */
static unsigned coding_exclude(const struct bond *b, bool again)
{
	const struct parity_group *g = &b->parity->group[b->parity->adding ^ 1];
	unsigned exclude = again ? 0 : g->paths;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		if (b->path[i].config.cost != BOND_COST_FREE && b->redundancy.paid < PACKET)
			exclude |= 1u << i;
	return exclude;
}

bool coding_next(struct bond *b, struct frame_parity *ret_frame, unsigned *ret_path, usec_t *ret_at,
		 usec_t now)
{
	const struct parity_group *g;

	*ret_at = USEC_NEVER;
	if (!b->parity->loss_ppm)
		return false;
	*ret_at = parity_flush(b->parity, coding_span(b), now);
	g = &b->parity->group[b->parity->adding ^ 1];
	if (b->backlog.queued || !parity_peek(b->parity, ret_frame))
		return false;
	/* Each on another path, as far as there are so many. */
	for (unsigned again = 0; again < 2; again++) {
		enum scheduler_verdict verdict = scheduler_choose(
			&b->scheduler, b->path, SCHEDULER_REPAIR, PACKET, coding_exclude(b, again),
			g->since + engine_hold(b), now, ret_path);

		if (verdict == SCHEDULER_SEND)
			return true;
		if (verdict == SCHEDULER_WAIT)
			return false;
		if (again)
			parity_drop(b->parity);
	}
	return false;
}
