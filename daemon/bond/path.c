#include "bond/path.h"

/*
 * A path is a place where the parts meet: estimator, rate, pacer, inflight and ack are each their
 * own noun; here is only what needs several of them.
 *
 * The trial: nothing is known of a path that has just come up, and what is believed of it
 * (bond/rate) is several times too much where the path is small. Who gives it a second of media
 * finds out when it is too late for what waits behind. So PATH_TRIAL padded packets go first, in a
 * run, as soon as nothing else waits; a round trip later it is known whether the path is slower
 * than that. Where too few arrive to tell, for its queue is shorter than the run, they go again at
 * half of the pace.
 */
#define METER_WINDOW	USEC_PER_SEC
#define LOSS_WINDOW	(2 * USEC_PER_SEC)
#define LOSS_FEW	8 /* packets: too few to speak of a ratio */
#define OVERDUE_MARGIN	(4 * USEC_PER_MS)
#define STALL_MARGIN	(30 * USEC_PER_MS) /* gaps between the grants of a radio */
#define ACK_CADENCE_MAX ACK_DELAY
#define OVERDUE_UNKNOWN (250 * USEC_PER_MS)

int path_init(struct path *p, unsigned id, uint32_t ring, usec_t now)
{
	*p = (struct path){ .in_use = true, .id = id, .since = now, .trial = PATH_TRIAL };
	estimator_init(&p->estimator, now);
	rate_init(&p->rate, 0, now);
	ack_init(&p->ack);
	meter_init(&p->tx_meter, METER_WINDOW, now);
	meter_init(&p->rx_meter, METER_WINDOW, now);
	meter_init(&p->acked_meter, LOSS_WINDOW, now);
	meter_init(&p->lost_meter, LOSS_WINDOW, now);
	return inflight_init(&p->inflight, ring);
}

void path_deinit(struct path *p)
{
	inflight_deinit(&p->inflight);
	*p = (struct path){ 0 };
}

void path_configure(struct path *p, const struct bond_path_config *config)
{
	p->config = *config;
	p->config.name[BOND_NAME_MAX - 1] = '\0';
	/* Less a thirty-second: in a second of 400 kb/s that is one packet, which is what the pacer
	 * may be off by. */
	p->rate.limit_bps = config->rate_max_bps - config->rate_max_bps / 32;
	if (p->rate.limit_bps && p->rate.capacity_bps > p->rate.limit_bps)
		p->rate.capacity_bps = p->rate.limit_bps;
}

void path_pace(struct path *p, size_t len, bool eliciting, usec_t now)
{
	uint64_t pace = rate_pace_bps(&p->rate, &p->estimator);

	/* A limit of the operator's is for every byte. */
	if (p->rate.limit_bps)
		pacer_sent_within(&p->pacer, len + p->config.header_bytes, pace, now);
	else if (eliciting)
		pacer_sent(&p->pacer, len, pace, now);
}

void path_reset(struct path *p, usec_t now)
{
	p->trial = p->tried ? 0 : PATH_TRIAL;
	p->trial_end = 0;
	inflight_reset(&p->inflight);
	ack_init(&p->ack);
	p->replay = (struct replay){ 0 };
	p->anchors_sent = (struct anchor_sender){ 0 };
	p->anchors_held = (struct anchor_receiver){ 0 };
	p->pacer = (struct pacer){ 0 };
	p->heard_at = p->long_at = p->eliciting_at = 0;
	p->progress_at = now;
	p->probes = 0;
	p->probe_at = now;
}

void path_set_state(struct path *p, enum bond_path_state state, enum bond_reason reason, usec_t now)
{
	if (p->state == state)
		return;
	if (!p->event)
		p->event_from = p->state;
	p->event = true;
	p->state = state;
	p->reason = reason;
	p->since = now;
}

bool path_is_usable(const struct path *p)
{
	return p->in_use && p->state == BOND_PATH_UP && !p->config.muted;
}

usec_t path_trial_at(const struct path *p, usec_t now)
{
	if (!p->trial || !path_is_usable(p) || path_room(p, now) < WIRE_DATAGRAM_MAX)
		return USEC_NEVER;
	return pacer_ready_at(&p->pacer);
}

void path_trial_sent(struct path *p, usec_t now)
{
	if (!p->trial_end)
		p->trial_lost = p->inflight.lost_packets;
	p->trial--;
	p->trial_end = p->inflight.next + 1;
	p->hungry_at = now;
}

void path_judge_trial(struct path *p, usec_t now)
{
	bool told;

	if (p->trial || !p->trial_end || p->inflight.oldest < p->trial_end)
		return;
	p->trial_end = 0;
	told = rate_tried(&p->rate, &p->estimator, !p->tried,
			  p->inflight.lost_packets == p->trial_lost, now);
	p->trials += !p->tried;
	if (told || p->trials == PATH_TRIALS)
		p->tried = true;
	else if (!p->tried)
		p->trial = PATH_TRIAL;
}

unsigned path_loss_ppm(struct path *p, usec_t now)
{
	uint64_t lost = meter_sum(&p->lost_meter, now);
	uint64_t acked = meter_sum(&p->acked_meter, now);

	return lost + acked >= LOSS_FEW ? (unsigned)(lost * 1000000 / (lost + acked)) : 0;
}

usec_t path_overdue_delay(const struct path *p, usec_t patience)
{
	const struct estimator *e = &p->estimator;
	/* What a radio held back was no queue, and it may hold back the next as well. */
	usec_t queue = estimator_is_stalled(e) ? 0 : estimator_queue(e, e->queue_at);

	if (!e->srtt)
		return OVERDUE_UNKNOWN;
	/* After a swing the variance is huge for long; but the window keeps the queue short, so
	 * its target beyond what stands now is more than any packet should need. */
	return usec_min(e->srtt + usec_max(4 * e->var, OVERDUE_MARGIN),
			e->rtt_min + queue + RATE_QUEUE_TARGET) +
	       ACK_CADENCE_MAX + patience;
}

usec_t path_stalled_for(struct path *p, usec_t now)
{
	const struct sent *oldest = inflight_oldest(&p->inflight);
	const struct estimator *e = &p->estimator;

	/* A single lost packet stands at the front for a while; only when nothing at all comes
	 * back is the path late. While something is out, an acknowledgement comes after the
	 * service time of a packet and what the peer holds it back. */
	if (!oldest)
		return 0;
	return usec_since(usec_max(oldest->at + e->rtt_min, p->progress_at) + ACK_CADENCE_MAX +
				  STALL_MARGIN + 2 * e->jitter +
				  usec_of_bytes(oldest->bytes, rate_predict_bps(&p->rate)),
			  now);
}

uint64_t path_room(const struct path *p, usec_t now)
{
	uint64_t window = rate_window(&p->rate, &p->estimator, now);

	if (!inflight_has_room(&p->inflight))
		return 0;
	return window > p->inflight.bytes ? window - p->inflight.bytes : 0;
}
