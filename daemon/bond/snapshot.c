#include <string.h>

#include "bond/engine.h"

/* What bond_stats() tells: a copy of what the parts count themselves; nothing is computed for it
 * but rates. */
static void snapshot_path(struct path *p, struct bond_path_stats *s, usec_t now)
{
	memcpy(s->name, p->config.name, sizeof(s->name));
	s->link = p->config.link;
	s->remote = p->config.remote;
	s->state = p->state;
	s->reason = p->reason;
	s->since = p->since;
	s->cost = p->config.cost;
	s->muted = p->config.muted;
	s->rate_max_bps = p->config.rate_max_bps;
	s->tx_datagrams = p->tx_datagrams;
	s->tx_bytes = p->tx_bytes;
	s->rx_datagrams = p->rx_datagrams;
	s->rx_bytes = p->rx_bytes;
	s->media_packets = p->media_packets;
	s->copy_packets = p->copy_packets;
	s->lost_packets = p->inflight.lost_packets;
	s->spurious_packets = p->inflight.spurious_packets;
	s->long_lost = p->inflight.long_lost;
	s->long_acked = p->inflight.long_acked;
	s->short_acked = p->inflight.short_acked;
	s->tx_bps = meter_per_sec(&p->tx_meter, now) * 8;
	s->rx_bps = meter_per_sec(&p->rx_meter, now) * 8;
	s->capacity_bps = p->rate.capacity_bps;
	s->seen_bps = rate_seen_bps(&p->rate);
	s->rtt = p->estimator.srtt;
	s->rtt_min = p->estimator.rtt_min;
	s->rtt_var = p->estimator.var;
	s->queue = p->estimator.queue;
	s->loss_ppm = path_loss_ppm(p, now);
	s->window_bytes = rate_window(&p->rate, &p->estimator, now);
	s->inflight_bytes = p->inflight.bytes;
}

static void snapshot_sender(struct bond *b, struct bond_stats *s, usec_t now)
{
	struct frame_report total = report_total(&b->report);

	s->media_submitted = b->backlog.submitted;
	s->media_refused = b->backlog.refused;
	s->media_delivered = total.delivered;
	s->media_lost = total.lost;
	s->media_late = total.late;
	s->media_duplicate = total.duplicate;
	s->media_queued = b->backlog.queued;
	s->media_owed = b->backlog.owed;
	s->media_queue_age = engine_waiting(b, now);
	s->parity_packets = b->parity.sent;
	s->advice_bps = b->advice.bps;
	s->advice_reason = b->advice.reason;
}

static void snapshot_receiver(const struct bond *b, struct bond_stats *s)
{
	s->media_refused = b->playout.refused;
	s->media_delivered = b->playout.delivered;
	s->media_lost = b->playout.lost;
	s->media_late = b->playout.late;
	s->media_duplicate = b->playout.duplicate;
	s->media_recovered = b->recovery.recovered;
	s->media_held = b->playout.count + b->fading.count;
}

void bond_stats(struct bond *b, struct bond_stats *s, usec_t now)
{
	memset(s, 0, sizeof(*s));
	s->session_up = b->peer.up && b->told_up;
	s->feed = b->peer.current.feed_ts ? BOND_FEED_TS : BOND_FEED_SRT;
	s->session_since = b->peer.established_at;
	s->sessions = b->peer.sessions;
	s->policy = b->scheduler.policy;
	s->latency = b->latency;
	s->rtt_min = engine_rtt_min(b);
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];

		if (!p->in_use)
			continue;
		s->paths = i + 1;
		snapshot_path(p, &s->path[i], now);
	}
	if (b->config.role == BOND_ROLE_SENDER)
		snapshot_sender(b, s, now);
	else
		snapshot_receiver(b, s);
	s->control_sent = b->outgoing.submitted;
	s->control_delivered = b->incoming.delivered;
	s->hello_refused = b->peer.hello_refused;
	s->input_forged = b->input_forged;
	s->input_replayed = b->input_replayed;
	s->input_malformed = b->input_malformed;
	s->input_unanchored = b->input_unanchored;
	s->input_unknown = b->input_unknown;
}
