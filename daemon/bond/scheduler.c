#include "bond/scheduler.h"

/*
 * Earliest predicted arrival. One-way delays are known only up to the difference of the two
 * clocks, but that is the same for all paths: the smallest one is put at half of the smallest
 * round trip and the others keep their distance to it.
 *
 *   arrival = now + wait + delay + max(queue as measured, queue as modelled) + stall + penalties
 *
 * `wait` is the time until pace and window let the packet through, behind all that was held back
 * for the same path in this turn (`ahead`). A packet whose best path is not ready is held back, and
 * the next packet is looked at, for which another path may now be the best: so packets of a burst
 * are laid out over the paths in such a way that they arrive in order, and a slow path carries
 * what would otherwise wait longer for the fast one (the idea of ECF, DAPS and STMS, but by
 * arrival times which we know, where these have to guess).
 *
 * The last path is kept while it is at most 10 % worse. There is no time lock: freezing a choice
 * for 15 ms cost srtla_send 13 to 18 points of delivery.
 *
 * In policy backup the cost class adds a handicap, so that the next class takes over what the
 * cheap paths would bring too late, and nothing else.
 */
#define DELAY_UNKNOWN	 (50 * USEC_PER_MS)
#define FULL_WAIT	 (5 * USEC_PER_MS) /* the acknowledgement that makes room comes by itself */
#define GUARD		 (20 * USEC_PER_MS) /* what comes late has wasted its place */
#define STALLS_FORGIVEN	 2		    /* falls of late */
#define HANDICAP_MIN	 (40 * USEC_PER_MS)
#define HANDICAP_MAX	 (250 * USEC_PER_MS)
#define REPAIR_OVERDRAFT 4 /* a needed copy may go beyond the window by a quarter of it */

void scheduler_init(struct scheduler *s, enum bond_policy policy, unsigned off)
{
	*s = (struct scheduler){ .policy = policy, .off = off, .last = -1 };
}

void scheduler_refresh(struct scheduler *s, struct path *paths, uint64_t queued_bytes)
{
	s->queued_bytes = queued_bytes;
	s->base_min = INT64_MAX;
	s->rtt_min = 0;
	s->usable = 0;
	s->wake_at = USEC_NEVER;
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		const struct path *p = &paths[i];

		s->ahead[i] = 0;
		if (!p->in_use)
			continue;
		s->usable += path_is_usable(p);
		if (p->estimator.has_base && p->estimator.base < s->base_min)
			s->base_min = p->estimator.base;
		if (p->estimator.srtt && (!s->rtt_min || p->estimator.rtt_min < s->rtt_min))
			s->rtt_min = p->estimator.rtt_min;
	}
}

usec_t scheduler_delay(const struct scheduler *s, const struct path *p)
{
	if (p->estimator.has_base && s->base_min != INT64_MAX)
		return (usec_t)(p->estimator.base - s->base_min) + s->rtt_min / 2;
	return p->estimator.srtt ? p->estimator.srtt / 2 : DELAY_UNKNOWN;
}

static usec_t scheduler_queue(const struct path *p, uint64_t bytes, usec_t now)
{
	uint64_t capacity = rate_predict_bps(&p->rate);
	uint64_t pipe = bytes_of_usec(p->estimator.rtt_min, capacity);
	usec_t modelled = bytes > pipe ? usec_of_bytes(bytes - pipe, capacity) : 0;

	/* What a radio held back was no queue. A path that does so again and again may have become
	 * a slow one. */
	if (estimator_is_stalled(&p->estimator) && p->flaps <= STALLS_FORGIVEN)
		return modelled;
	return usec_max(estimator_queue(&p->estimator, now), modelled);
}

usec_t scheduler_arrival(const struct scheduler *s, struct path *p, uint64_t size, usec_t now)
{
	return now + scheduler_delay(s, p) + scheduler_queue(p, p->inflight.bytes + size, now) +
	       path_stalled_for(p, now);
}

static uint64_t scheduler_room(const struct scheduler *s, const struct path *p,
			       enum scheduler_purpose purpose, usec_t now)
{
	uint64_t room, window;

	if (s->off & BOND_OFF_WINDOW)
		return inflight_has_room(&p->inflight) ? UINT32_MAX : 0;
	room = path_room(p, now);
	if (purpose == SCHEDULER_REPAIR && inflight_has_room(&p->inflight)) {
		window = rate_window(&p->rate, &p->estimator, now);
		window += window / REPAIR_OVERDRAFT;
		room = window > p->inflight.bytes ? window - p->inflight.bytes : 0;
	}
	return room;
}

static usec_t scheduler_handicap(const struct scheduler *s, struct path *p,
				 enum scheduler_purpose purpose, usec_t now)
{
	/* What is lost has to come again: about a round trip and a half later. */
	usec_t loss = (usec_t)path_loss_ppm(p, now) * (p->estimator.srtt * 3 / 2) / 1000000;

	if (s->policy != BOND_POLICY_BACKUP || purpose == SCHEDULER_REPAIR)
		return loss;
	return loss + (usec_t)p->config.cost * usec_clamp(s->hold / 4, HANDICAP_MIN, HANDICAP_MAX);
}

struct prospect {
	usec_t arrival; /* when it really comes */
	usec_t score;	/* from now, with handicaps */
	usec_t wait;	/* before it can leave */
	usec_t stalled; /* part of the arrival */
	bool full;	/* it waits for room in the window, which an acknowledgement makes */
	bool ready;
	bool late;
};

static struct prospect scheduler_look(const struct scheduler *s, struct path *p,
				      enum scheduler_purpose purpose, uint64_t size, usec_t now)
{
	uint64_t room = scheduler_room(s, p, purpose, now);
	uint64_t ahead = s->ahead[p->id];
	uint64_t pace = rate_pace_bps(&p->rate, &p->estimator);
	usec_t pacing = 0, window = 0;
	struct prospect look;

	if (!(s->off & BOND_OFF_PACING))
		pacing = usec_sub(pacer_ready_at(&p->pacer), now) + usec_of_bytes(ahead, pace);
	if (ahead + size > room)
		window = usec_of_bytes(ahead + size - room, rate_predict_bps(&p->rate));
	look.wait = usec_max(pacing, window);
	look.full = window > pacing;
	look.ready = !ahead && !pacing && !window;
	look.stalled = path_stalled_for(p, now);
	look.arrival =
		now + look.wait + scheduler_delay(s, p) +
		scheduler_queue(p, p->inflight.bytes + (ahead < room ? ahead : room) + size, now) +
		look.stalled;
	look.score = look.arrival - now + scheduler_handicap(s, p, purpose, now);
	if (s->off & BOND_OFF_ARRIVAL)
		look.score = look.ready ? p->inflight.bytes * 1000 /
						  rate_window(&p->rate, &p->estimator, now)
					: USEC_PER_SEC;
	return look;
}

/* Which paths would the packets that wait use, if they could? Each whose handicap against the best
 * one is smaller than the time that the queue needs there. */
static void scheduler_mark_hungry(struct scheduler *s, struct path *paths,
				  const struct prospect *looks, unsigned best, usec_t now)
{
	usec_t queue = usec_of_bytes(s->queued_bytes, rate_predict_bps(&paths[best].rate));

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		if (looks[i].score && !looks[i].ready &&
		    looks[i].score <= looks[best].score + queue)
			paths[i].hungry_at = now;
}

enum scheduler_verdict scheduler_choose(struct scheduler *s, struct path *paths,
					enum scheduler_purpose purpose, uint64_t size,
					unsigned exclude, usec_t deadline, usec_t now,
					unsigned *ret_path)
{
	struct prospect best = { 0 }, last = { 0 }, looks[BOND_PATHS_MAX] = { 0 };
	usec_t ready = USEC_NEVER;
	int at = -1;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct prospect look;

		if (!path_is_usable(&paths[i]) || exclude & 1u << i)
			continue;
		look = looks[i] = scheduler_look(s, &paths[i], purpose, size, now);
		if (look.ready)
			ready = usec_min(ready, look.score);
		/* What may miss the deadline on a path that swings is safe on a steadier one. If
		 * there is none it is tried all the same. */
		look.late = look.arrival + GUARD + 2 * paths[i].estimator.jitter > deadline;
		if ((int)i == s->last)
			last = look;
		if (at < 0 || look.late < best.late ||
		    (look.late == best.late && look.score < best.score)) {
			best = look;
			at = (int)i;
		}
	}
	if (at < 0)
		return SCHEDULER_NONE;
	if (last.ready && !last.late && last.score * 10 <= best.score * 11 &&
	    !(s->off & BOND_OFF_DAMPING)) {
		best = last;
		at = s->last;
	}
	if (best.late && best.arrival + GUARD > deadline)
		return best.stalled ? SCHEDULER_NONE : SCHEDULER_LATE;
	if (!best.ready) {
		s->skip = ready == USEC_NEVER ? UINT64_MAX
					      : bytes_of_usec(ready - best.score,
							      rate_predict_bps(&paths[at].rate));
		s->ahead[at] += s->skip == UINT64_MAX || s->skip < size ? size : s->skip;
		s->wake_at =
			usec_min(s->wake_at, now + usec_max(best.wait, best.full ? FULL_WAIT : 1));
		scheduler_mark_hungry(s, paths, looks, (unsigned)at, now);
		return SCHEDULER_WAIT;
	}
	s->last = at;
	*ret_path = (unsigned)at;
	return SCHEDULER_SEND;
}

static unsigned scheduler_trust(const struct path *p)
{
	switch (p->state) {
	case BOND_PATH_UP:
		return p->config.muted ? 3 : 4;
	case BOND_PATH_SUSPECT:
	case BOND_PATH_PROBING:
		return 2;
	case BOND_PATH_MUTED:
	case BOND_PATH_DEAD:
		return 1;
	case BOND_PATH_OFF:
		break;
	}
	return 0;
}

int scheduler_quickest(const struct scheduler *s, struct path *paths, unsigned exclude, usec_t now)
{
	unsigned trust = 0;
	usec_t best = USEC_NEVER;
	int at = -1;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &paths[i];
		usec_t arrival;

		if (!p->in_use || exclude & 1u << i || !inflight_has_room(&p->inflight) ||
		    scheduler_trust(p) < trust)
			continue;
		arrival = scheduler_arrival(s, p, 100, now);
		if (scheduler_trust(p) == trust && arrival >= best)
			continue;
		trust = scheduler_trust(p);
		best = arrival;
		at = (int)i;
	}
	return trust ? at : -1;
}
