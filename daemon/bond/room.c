#include "bond/engine.h"

/*
 * What a stream that does not follow the advice has to be measured by. How long a packet may wait
 * here is what there is from its capture to its deadline, less what the way takes: the queues of
 * the paths, and a round trip of the best one, for the way itself and for what is repaired. Of what
 * the paths carry, a tenth is headers and repairs. A path that is not tried yet is not counted
 * upon.
 */
#define SHARE 900 /* permille */

void bond_room(struct bond *b, struct bond_room *ret_room, usec_t now)
{
	uint64_t capacity_bps = 0;
	usec_t way = 0;

	*ret_room = (struct bond_room){
		.session_up = b->peer.up && b->told_up,
		.feed = b->peer.current.feed_ts ? BOND_FEED_TS : BOND_FEED_SRT,
		.latency = b->latency,
		.queue_age = engine_waiting(b, now),
		.queued_bytes = b->backlog.queued_bytes,
	};
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		const struct path *p = &b->path[i];

		if (!p->in_use)
			continue;
		ret_room->tried |= p->tried;
		if (!p->tried || p->state != BOND_PATH_UP)
			continue;
		capacity_bps += p->rate.capacity_bps;
		way += p->estimator.queue * (p->rate.capacity_bps / 1000);
	}
	way = engine_rtt_min(b) + (capacity_bps >= 1000 ? way / (capacity_bps / 1000) : 0);
	ret_room->rate_bps = capacity_bps * SHARE / 1000;
	ret_room->hold = usec_sub(b->latency, bond_feed_margin(b->latency) + way);
}
