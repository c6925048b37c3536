#include "bond/engine.h"
#include "bond/stall.h"

/*
 * What time brings: losses that become certain, packets that become overdue, paths that fall
 * silent, deadlines that pass, and a peer that is gone. It is called after everything that
 * happened in a turn of the driver, so the moment that it returns is always up to date.
 */
#define SENDER_TIMEOUT	 (5 * USEC_PER_SEC)
#define STALL_COUNTS	 (10 * USEC_PER_MS) /* late by more: its capacity is not counted */
#define AMPLE		 3
#define EXPIRY_SPACING	 (5 * USEC_PER_MS)   /* what cannot arrive any more may stay that long */
#define RECEIVER_TIMEOUT (30 * USEC_PER_SEC) /* three keepalives of an idle sender */

static usec_t turn_path(struct bond *b, struct path *p, usec_t now)
{
	usec_t at = repair_detect(b, p, now);

	at = usec_min(at, repair_overdue(b, p, now));
	if (b->config.role != BOND_ROLE_SENDER)
		return at;
	repair_overtake(b, p, now);
	if (b->config.off & BOND_OFF_STALL)
		return at;
	for (;;) {
		enum bond_path_state before = p->state;
		usec_t next = stall_check(p, engine_is_alone(b, p), b->latency, now);

		if (stall_fell(p, before))
			repair_evacuate(b, p, p->state == BOND_PATH_MUTED, now);
		if (p->state == before)
			return usec_min(at, next);
	}
}

/* Hellos are sent while there is no session, and while no path of it answers. */
static void turn_asking(struct bond *b, usec_t now)
{
	bool silent = true;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		if (b->path[i].in_use && b->path[i].state == BOND_PATH_UP)
			silent = false;
	if (b->peer.up && !silent) {
		b->asking = false;
		return;
	}
	if (b->asking)
		return;
	b->asking = true;
	b->hello_at = now;
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		b->path[i].hello_at = now;
		b->path[i].hello_backoff = 0;
	}
}

static usec_t turn_timeout(struct bond *b, usec_t now)
{
	usec_t limit = b->config.role == BOND_ROLE_SENDER ? SENDER_TIMEOUT : RECEIVER_TIMEOUT;
	usec_t at = usec_max(b->heard_at, b->peer.established_at) + usec_max(limit, 2 * b->latency);

	if (!b->peer.up || !b->told_up)
		return USEC_NEVER;
	/* An idle sender asks only every ten seconds. */
	if (b->config.role == BOND_ROLE_SENDER && !b->asking)
		return USEC_NEVER;
	if (now < at)
		return at;
	event_session(b, BOND_EVENT_SESSION_DOWN, BOND_REASON_TIMEOUT);
	return USEC_NEVER;
}

/* What paths have carried of late, and what they carry at this moment. */
struct turn_capacity {
	uint64_t bps, moment_bps;
};

static void turn_capacity_add(struct turn_capacity *sum, struct turn_capacity more)
{
	sum->bps += more.bps;
	sum->moment_bps += more.moment_bps;
}

/* Policy backup: the encoder is to fill the cheapest class that works. A dearer one counts only for
 * what is missing of the bitrate that the operator starts with. */
static struct turn_capacity turn_backup(const struct turn_capacity class[], uint64_t need_bps)
{
	struct turn_capacity sum = class[0];

	for (unsigned i = 1; i <= BOND_COST_EXPENSIVE && sum.bps < need_bps; i++) {
		bool first = !sum.bps;

		turn_capacity_add(&sum, class[i]);
		if (first)
			continue;
		sum.bps = sum.bps < need_bps ? sum.bps : need_bps;
		sum.moment_bps = sum.moment_bps < need_bps ? sum.moment_bps : need_bps;
	}
	return sum;
}

/* What all usable paths together have carried of late, what they carry at this moment, and how long
 * everything that waits, in the bond and on the paths, takes to drain. */
static void turn_view_paths(struct bond *b, struct advice_view *view, usec_t now)
{
	uint64_t waiting =
		b->backlog.queued_bytes + (uint64_t)b->backlog.repairs * WIRE_DATAGRAM_MAX;
	struct turn_capacity class[BOND_COST_EXPENSIVE + 1] = { 0 }, best = { 0 }, second = { 0 };
	struct turn_capacity sum = { 0 };
	uint64_t belief_bps = 0, sent_bps = 0;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];
		uint64_t bps = rate_predict_bps(&p->rate), pipe;
		struct turn_capacity one;

		if (!path_is_usable(p))
			continue;
		view->usable++;
		if (path_stalled_for(p, now) > STALL_COUNTS)
			continue;
		one.bps = rate_seen_bps(&p->rate);
		one.moment_bps = throughput_fast_bps(&p->estimator.throughput, now) ?: one.bps;
		turn_capacity_add(&class[p->config.cost], one);
		turn_capacity_add(&sum, one);
		if (one.bps > best.bps) {
			second = best;
			best = one;
		} else if (one.bps > second.bps) {
			second = one;
		}
		belief_bps += bps;
		sent_bps += meter_per_sec(&p->tx_meter, now) * 8;
		pipe = bytes_of_usec(p->estimator.rtt_min, bps);
		waiting += p->inflight.bytes > pipe ? p->inflight.bytes - pipe : 0;
	}
	if (b->scheduler.policy == BOND_POLICY_BACKUP)
		sum = turn_backup(class, advice_need_bps(&b->advice));
	/* What two paths can carry, each of them whole, so that any one may fail. */
	if (b->scheduler.policy == BOND_POLICY_BROADCAST)
		sum = second.bps ? second : best;
	view->capacity_bps = sum.bps;
	view->moment_bps = sum.moment_bps;
	b->is_ample = belief_bps > AMPLE * sent_bps;
	view->queue = belief_bps ? usec_of_bytes(waiting, belief_bps) : 0;
}

static void turn_advice(struct bond *b, usec_t now)
{
	struct frame_report total = report_total(&b->report);
	struct advice_view view = {
		.hold = engine_time(b),
		.missed = total.late + total.lost + b->backlog.expired,
		.queue_age = engine_waiting(b, now),
		.session_up = b->peer.up,
	};

	turn_view_paths(b, &view, now);
	advice_tick(&b->advice, &view, now);
}

static usec_t turn_sender(struct bond *b, usec_t now)
{
	usec_t at = USEC_NEVER, hold = engine_hold(b), least = USEC_NEVER;
	const struct owed *oldest;

	scheduler_refresh(&b->scheduler, b->path, b->backlog.queued_bytes);
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		if (b->path[i].in_use && b->path[i].estimator.srtt)
			least = usec_min(least, scheduler_delay(&b->scheduler, &b->path[i]));
	least = least == USEC_NEVER ? 0 : least;
	if (now + least > hold)
		backlog_expire(&b->backlog, now + least - hold);
	oldest = backlog_oldest(&b->backlog);
	if (oldest)
		at = usec_max(oldest->captured + hold + 1, now + least + EXPIRY_SPACING) - least;
	if (peer_fall_back(&b->peer, b->heard_at, now))
		engine_new_session(b, false, now);
	if (b->peer.pending[0].send)
		at = usec_min(at, b->peer.candidate_at + PEER_FALL_BACK_AFTER);
	turn_asking(b, now);
	if (now >= b->advice.next_at)
		turn_advice(b, now);
	return usec_min(at, b->advice.next_at);
}

static void turn_receiver(struct bond *b)
{
	usec_t rtt = USEC_NEVER;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		if (b->path[i].in_use && b->path[i].estimator.srtt)
			rtt = usec_min(rtt, b->path[i].estimator.rtt_min);
	playout_set_half_trip(&b->playout, rtt == USEC_NEVER ? 0 : rtt / 2);
}

usec_t turn_run(struct bond *b, usec_t now)
{
	usec_t at = USEC_NEVER;

	if (b->peer.up)
		for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
			if (b->path[i].in_use)
				at = usec_min(at, turn_path(b, &b->path[i], now));
	if (b->config.role == BOND_ROLE_SENDER)
		at = usec_min(at, turn_sender(b, now));
	else
		turn_receiver(b);
	peer_renew(&b->peer, now);
	return usec_min(at, turn_timeout(b, now));
}

void bond_wakeup(struct bond *b, usec_t now)
{
	b->now = usec_max(b->now, now);
	if (b->closed)
		return;
	b->timer_at = turn_run(b, now);
	b->settled = false;
}

#define WAKEUP_SPACING 200 /* us: finer timers would only burn power */

usec_t bond_wakeup_at(const struct bond *b)
{
	usec_t at = usec_min(b->timer_at, b->depart_at);

	if (b->config.role == BOND_ROLE_RECEIVER)
		at = usec_min(at, usec_min(playout_wakeup_at(&b->playout),
					   playout_wakeup_at(&b->fading)));
	return usec_max(at, b->now + WAKEUP_SPACING);
}
