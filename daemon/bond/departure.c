#include <string.h>

#include "bond/engine.h"
#include "bond/stall.h"
#include "wire/frame.h"

/*
 * What leaves next, in the order of urgency: answers to hellos, hellos, acknowledgements, control
 * messages, what is to be repaired, new media, parity, further copies (policy broadcast), probes,
 * and in what room is left copies of the budget. One datagram per call, decided at the moment it
 * can leave: there is no queue behind this.
 */
#define LONG_SPACING	USEC_PER_SEC	    /* wire.h: at least once a second */
#define LONG_AFTER	(300 * USEC_PER_MS) /* without hearing anything on the path */
#define SCAN_MAX	48		    /* packets held back before the search is given up */
#define QUICK_HEARD	(100 * USEC_PER_MS)
#define PING_RECEIVER	(250 * USEC_PER_MS)
#define PING_ACTIVE	(500 * USEC_PER_MS)
#define PING_IDLE	(10 * USEC_PER_SEC)
#define HELLO_FIRST	(100 * USEC_PER_MS)
#define HELLO_LAST	USEC_PER_SEC
#define HELLO_SPACING	(10 * USEC_PER_MS)
#define PROBE_MEDIA	4
#define PROBE_STALLED	(30 * USEC_PER_MS)
#define TRIAL_PADDING	1316 /* bytes: as long as a media packet */
#define SEALED_OVERHEAD (WIRE_SHORT_BYTES + WIRE_TAG_BYTES)

struct departure {
	struct path *path;
	struct wire_header header;
	struct writer frames;
};

static struct departure departure_begin(struct bond *b, struct path *p, usec_t now)
{
	struct departure dep = { .path = p };
	uint64_t number = p->inflight.next;

	dep.header = (struct wire_header){
		.is_long = !p->heard_at || now >= p->heard_at + LONG_AFTER ||
			   now >= p->long_at + LONG_SPACING,
		.phase = seal_phase(b->peer.current.send),
		.path_id = (uint8_t)p->id,
		.bond_id = b->peer.current.remote_id,
	};
	dep.header.number_bits = dep.header.is_long ? 32 : 16;
	dep.header.number = (uint32_t)(dep.header.is_long ? number : number & 0xffff);
	dep.header.len = wire_header_encode(&dep.header, b->out);
	dep.frames = writer_of(b->out + dep.header.len,
			       WIRE_DATAGRAM_MAX - WIRE_TAG_BYTES - dep.header.len);
	return dep;
}

static struct sent *departure_finish(struct bond *b, struct departure *dep, enum sent_kind kind,
				     uint64_t what, struct bond_datagram *d, usec_t now)
{
	struct path *p = dep->path;
	size_t header = dep->header.len;
	struct sent *s;

	d->len = header + seal_protect(b->peer.current.send, (uint8_t)p->id, p->inflight.next,
				       b->out, header, b->out + header, writer_len(&dep->frames),
				       b->out + header);
	d->link = p->config.link;
	d->path_id = p->id;
	d->to = p->config.remote;
	d->data = b->out;
	s = inflight_add(&p->inflight, kind, what, (uint32_t)d->len, now);
	b->peer.sealed++;
	if (dep->header.is_long)
		p->long_at = now;
	if (kind != SENT_NOTHING)
		p->eliciting_at = now;
	path_pace(p, d->len, kind != SENT_NOTHING, now);
	p->tx_datagrams++;
	p->tx_bytes += d->len;
	meter_add(&p->tx_meter, d->len, now);
	return s;
}

static bool departure_ping(struct bond *b, struct path *p, size_t padding, struct bond_datagram *d,
			   usec_t now)
{
	struct departure dep = departure_begin(b, p, now);

	(void)frame_encode_ping(&dep.frames);
	(void)frame_encode_padding(&dep.frames, padding);
	departure_finish(b, &dep, SENT_PING, 0, d, now);
	return true;
}

static bool departure_answer(struct bond *b, struct bond_datagram *d)
{
	struct answer *a;

	if (!b->answers)
		return false;
	a = &b->answer[0];
	memcpy(b->hello, a->data, a->len);
	*d = (struct bond_datagram){
		.link = a->link, .to = a->to, .data = b->hello, .len = a->len
	};
	b->answers--;
	memmove(&b->answer[0], &b->answer[1], b->answers * sizeof(b->answer[0]));
	return true;
}

static bool departure_hello(struct bond *b, struct bond_datagram *d, usec_t now)
{
	if (!b->asking)
		return false;
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];
		usec_t at = usec_max(p->hello_at, b->hello_at);

		if (!p->in_use || p->state == BOND_PATH_OFF)
			continue;
		if (now < at) {
			b->depart_at = usec_min(b->depart_at, at);
			continue;
		}
		p->hello_backoff =
			p->hello_backoff ? usec_min(2 * p->hello_backoff, HELLO_LAST) : HELLO_FIRST;
		p->hello_at = now + p->hello_backoff;
		b->hello_at = now + HELLO_SPACING;
		d->len = peer_ask(&b->peer, (uint8_t)i, now, b->hello);
		d->link = p->config.link;
		d->path_id = i;
		d->to = p->config.remote;
		d->data = b->hello;
		p->tx_datagrams++;
		p->tx_bytes += d->len;
		return d->len > 0;
	}
	return false;
}

/* The path with the least round trip of those that were heard just now; else the last heard. */
static struct path *departure_ack_path(struct bond *b, usec_t now)
{
	struct path *best = NULL;
	bool best_fresh = false;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];
		usec_t rtt = p->estimator.srtt ? p->estimator.srtt : USEC_PER_SEC;
		bool fresh = now < p->heard_at + QUICK_HEARD && !p->config.muted, better;

		if (!p->in_use || !p->heard_at || p->state == BOND_PATH_OFF ||
		    !inflight_has_room(&p->inflight))
			continue;
		if (!best || fresh != best_fresh)
			better = !best || fresh;
		else if (fresh)
			better = rtt < (best->estimator.srtt ? best->estimator.srtt : USEC_PER_SEC);
		else
			better = p->heard_at > best->heard_at;
		if (better) {
			best = p;
			best_fresh = fresh;
		}
	}
	return best;
}

/* With @own, only what came on @p itself; else what came on all paths. */
static bool departure_ack_on(struct bond *b, struct path *p, bool own, struct bond_datagram *d,
			     usec_t now)
{
	struct departure dep = departure_begin(b, p, now);
	enum sent_kind kind = SENT_NOTHING;
	struct frame_report report;
	struct frame_ack ack;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *of = &b->path[(p->id + i) % BOND_PATHS_MAX];

		if (!of->in_use || (own ? of != p : !of->ack.untold))
			continue;
		if (!ack_frame(&of->ack, (uint8_t)of->id, now, &ack) ||
		    !frame_encode_ack(&dep.frames, &ack))
			continue;
		if (!own)
			ack_told(&of->ack, now);
		if (of == p)
			ack_own_told(&of->ack, now);
	}
	if (b->config.role == BOND_ROLE_RECEIVER) {
		if (!own && report_make(&b->report, &b->playout, now, &report))
			(void)frame_encode_report(&dep.frames, &report);
		if (now >= p->eliciting_at + PING_RECEIVER && frame_encode_ping(&dep.frames))
			kind = SENT_PING;
	}
	departure_finish(b, &dep, kind, 0, d, now);
	return true;
}

static bool departure_ack(struct bond *b, struct bond_datagram *d, usec_t now)
{
	usec_t due = USEC_NEVER;

	if (b->config.role == BOND_ROLE_RECEIVER)
		due = report_due_at(&b->report, &b->playout);
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		if (b->path[i].in_use)
			due = usec_min(due, ack_due_at(&b->path[i].ack));
	if (due <= now) {
		struct path *p = departure_ack_path(b, now);

		if (p)
			return departure_ack_on(b, p, false, d, now);
	} else {
		b->depart_at = usec_min(b->depart_at, due);
	}
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];

		if (!p->in_use || !inflight_has_room(&p->inflight))
			continue;
		due = ack_own_due_at(&p->ack);
		if (due <= now)
			return departure_ack_on(b, p, true, d, now);
		b->depart_at = usec_min(b->depart_at, due);
	}
	return false;
}

static bool departure_close(struct bond *b, struct bond_datagram *d, usec_t now)
{
	struct frame_close frame = { .reason = (uint8_t)b->close_reason };

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];
		struct departure dep;

		if (!p->in_use || !p->close_due)
			continue;
		p->close_due = false;
		if (!b->peer.current.send || !inflight_has_room(&p->inflight))
			continue;
		dep = departure_begin(b, p, now);
		(void)frame_encode_close(&dep.frames, &frame);
		departure_finish(b, &dep, SENT_PING, 0, d, now);
		return true;
	}
	return false;
}

static bool departure_leaving(struct bond *b, struct bond_datagram *d, usec_t now)
{
	struct frame_path_status status = { .status = WIRE_PATH_LEAVING };
	struct departure dep;
	int quick;

	if (!b->leaving)
		return false;
	quick = scheduler_quickest(&b->scheduler, b->path, b->leaving, now);
	if (quick < 0) {
		b->leaving = 0;
		return false;
	}
	dep = departure_begin(b, &b->path[quick], now);
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		if (!(b->leaving & 1u << i))
			continue;
		status.path_id = (uint8_t)i;
		status.generation = ++b->generation;
		(void)frame_encode_path_status(&dep.frames, &status);
	}
	b->leaving = 0;
	departure_finish(b, &dep, SENT_PING, 0, d, now);
	return true;
}

static bool departure_message(struct bond *b, struct bond_datagram *d, usec_t now)
{
	struct message *m = outgoing_peek(&b->outgoing, now);
	struct frame_control frame;
	struct departure dep;
	int quick;

	if (!m)
		return false;
	quick = scheduler_quickest(&b->scheduler, b->path, m->paths, now);
	if (quick < 0 && m->out) {
		/* No further path for a further copy. */
		m->wanted = 0;
		return departure_message(b, d, now);
	}
	if (quick < 0)
		quick = scheduler_quickest(&b->scheduler, b->path, 0, now);
	if (quick < 0)
		return false;
	dep = departure_begin(b, &b->path[quick], now);
	frame = (struct frame_control){ .id = m->id,
					.data = m->packet->data,
					.len = m->packet->len };
	if (frame_encode_control(&dep.frames, &frame)) {
		departure_finish(b, &dep, SENT_MESSAGE, m->id, d, now);
		outgoing_sent(m, (unsigned)quick);
		return true;
	}
	outgoing_acked(&b->outgoing, m);
	return false;
}

enum departure_trust {
	DEPARTURE_RELIED, /* the packet counts as under way */
	DEPARTURE_PROBE,  /* should it arrive, so much the better */
};

static bool departure_media(struct bond *b, struct path *p, struct owed *o,
			    enum departure_trust trust, struct bond_datagram *d, usec_t now)
{
	struct sent *s;
	struct departure dep = departure_begin(b, p, now);
	bool copy = o->copies > 0 || trust == DEPARTURE_PROBE;
	struct frame_data frame = {
		.seq = (uint32_t)o->seq,
		.time = (uint32_t)o->captured,
		.prefix = o->packet->data,
		.prefix_len = o->prefix,
		.data = o->packet->data + o->prefix,
		.len = o->packet->len - o->prefix,
	};

	anchor_choose(&p->anchors_sent, p->inflight.next, &frame);
	if (!frame_encode_data(&dep.frames, &frame))
		return false;
	if (copy)
		p->copy_packets++;
	else
		p->media_packets++;
	s = departure_finish(b, &dep, SENT_MEDIA, o->seq, d, now);
	if (trust == DEPARTURE_PROBE) {
		s->probe = true;
		return true;
	}
	if (!copy)
		redundancy_earn(&b->redundancy, p, d->len,
				b->report.heard_at &&
					b->report.peer.slack_usec < b->scheduler.rtt_min * 3 / 2);
	backlog_sent(&b->backlog, o, p->id, now);
	return true;
}

static uint64_t departure_size(const struct owed *o)
{
	return o->packet->len - o->prefix + SEALED_OVERHEAD + WIRE_COMPACT_BYTES;
}

/* Bit per path on which a further copy of @o makes no sense while there are others. */
static unsigned departure_exclude(const struct bond *b, const struct owed *o)
{
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		if (path_is_usable(&b->path[i]) && !(o->paths & 1u << i))
			return o->paths;
	return 0;
}

static bool departure_repair(struct bond *b, struct bond_datagram *d, usec_t now)
{
	struct owed *o;

	while ((o = backlog_repair_peek(&b->backlog))) {
		unsigned exclude = departure_exclude(b, o), path = 0;
		usec_t deadline = o->captured + engine_hold(b);
		enum scheduler_verdict verdict =
			scheduler_choose(&b->scheduler, b->path, SCHEDULER_REPAIR,
					 departure_size(o), exclude, deadline, now, &path);

		if (verdict == SCHEDULER_LATE && exclude)
			verdict = scheduler_choose(&b->scheduler, b->path, SCHEDULER_REPAIR,
						   departure_size(o), 0, deadline, now, &path);
		if (verdict == SCHEDULER_SEND) {
			backlog_repair_done(&b->backlog);
			redundancy_repaired(&b->redundancy, &b->path[path], departure_size(o));
			return departure_media(b, &b->path[path], o, DEPARTURE_RELIED, d, now);
		}
		if (verdict != SCHEDULER_LATE)
			return false;
		backlog_repair_done(&b->backlog);
	}
	return false;
}

static bool departure_new(struct bond *b, struct bond_datagram *d, usec_t now)
{
	struct owed *o;
	uint64_t seq = 0;

	for (unsigned looked = 0; looked < SCAN_MAX && (o = backlog_unsent(&b->backlog, seq));
	     looked++) {
		unsigned path = 0;

		seq = o->seq + 1;
		switch (scheduler_choose(&b->scheduler, b->path, SCHEDULER_NEW, departure_size(o),
					 0, o->captured + engine_hold(b), now, &path)) {
		case SCHEDULER_SEND:
			return departure_media(b, &b->path[path], o, DEPARTURE_RELIED, d, now);
		case SCHEDULER_WAIT:
			if (b->scheduler.skip == UINT64_MAX)
				return false;
			seq = o->seq + usec_max(b->scheduler.skip / departure_size(o), 1);
			break;
		case SCHEDULER_LATE:
			b->backlog.expired++;
			backlog_settle(&b->backlog, o);
			looked--;
			break;
		case SCHEDULER_NONE:
			return false;
		}
	}
	return false;
}

static bool departure_broadcast(struct bond *b, struct bond_datagram *d, usec_t now)
{
	if (b->scheduler.policy != BOND_POLICY_BROADCAST)
		return false;
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];

		if (!path_is_usable(p))
			continue;
		if (p->media_cursor < b->backlog.first)
			p->media_cursor = b->backlog.first;
		for (; p->media_cursor < b->backlog.unsent; p->media_cursor++) {
			struct owed *o = backlog_find(&b->backlog, p->media_cursor);

			if (!o || o->paths & 1u << i)
				continue;
			p->hungry_at = now;
			if (path_room(p, now) < departure_size(o))
				break;
			if (!pacer_is_ready(&p->pacer, now)) {
				b->depart_at = usec_min(b->depart_at, pacer_ready_at(&p->pacer));
				break;
			}
			p->media_cursor++;
			return departure_media(b, p, o, DEPARTURE_RELIED, d, now);
		}
	}
	return false;
}

/* When all paths are silent every probe carries the packet that is owed for the longest. Beside
 * paths that work a small packet shows as well that the path answers; once it does, each fourth
 * carries media to show that it can. */
static bool departure_probe(struct bond *b, struct path *p, struct bond_datagram *d, usec_t now)
{
	struct owed *o = backlog_oldest(&b->backlog);

	if (!o || p->config.muted || p->state == BOND_PATH_PROBING ||
	    (p->config.rate_max_bps && !pacer_is_ready(&p->pacer, now)) ||
	    (!engine_is_alone(b, p) && (!p->proof || p->probes % PROBE_MEDIA)))
		return departure_ping(b, p, 0, d, now);
	return departure_media(b, p, o, DEPARTURE_PROBE, d, now);
}

static usec_t departure_probe_at(struct bond *b, struct path *p, usec_t now)
{
	if (p->state != BOND_PATH_UP)
		return p->probe_at;
	/* Nothing new is given to a stalled path, so it has to be asked. */
	if (path_stalled_for(p, now))
		return p->eliciting_at + usec_max(PROBE_STALLED, p->estimator.srtt / 2);
	if (inflight_oldest(&p->inflight))
		return usec_max(p->eliciting_at, p->progress_at) +
		       estimator_probe_timeout(&p->estimator, ACK_DELAY);
	return p->eliciting_at + (b->backlog.first < b->backlog.next ? PING_ACTIVE : PING_IDLE);
}

static bool departure_probes(struct bond *b, struct bond_datagram *d, usec_t now)
{
	if (b->config.role != BOND_ROLE_SENDER)
		return false;
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];
		usec_t at;

		if (!p->in_use || p->state == BOND_PATH_OFF || !inflight_has_room(&p->inflight))
			continue;
		at = departure_probe_at(b, p, now);
		if (at > now) {
			b->depart_at = usec_min(b->depart_at, at);
			continue;
		}
		p->probe_at = usec_add(now, stall_probe_interval(p, engine_is_alone(b, p)));
		p->probes++;
		return departure_probe(b, p, d, now);
	}
	return false;
}

static bool departure_filler(struct bond *b, struct bond_datagram *d, usec_t now)
{
	unsigned path = 0;
	usec_t at = 0;
	struct owed *o;

	if (b->backlog.queued || b->scheduler.policy == BOND_POLICY_BROADCAST)
		return false;
	o = redundancy_pick(&b->redundancy, b->path, &b->backlog, now, &path);
	if (!o) {
		/* A train waits for its pacer; without a packet to copy, for the next submission.
		 */
		if (b->redundancy.train)
			at = pacer_ready_at(&b->path[b->redundancy.train_path].pacer);
		if (at > now)
			b->depart_at = usec_min(b->depart_at, at);
		return false;
	}
	if (!departure_media(b, &b->path[path], o, DEPARTURE_RELIED, d, now))
		return false;
	redundancy_spent(&b->redundancy, &b->path[path], d->len, now);
	return true;
}

/* Media shows what a path carries as well, and goes first. */
static bool departure_trial(struct bond *b, struct bond_datagram *d, usec_t now)
{
	for (unsigned i = 0; i < BOND_PATHS_MAX && !b->backlog.queued && !b->backlog.repairs; i++) {
		usec_t at = path_trial_at(&b->path[i], now);

		b->depart_at = usec_min(b->depart_at, at);
		if (at > now)
			continue;
		path_trial_sent(&b->path[i], now);
		return departure_ping(b, &b->path[i], TRIAL_PADDING, d, now);
	}
	return false;
}

static bool departure_parity(struct bond *b, struct bond_datagram *d, usec_t now)
{
	struct frame_parity frame;
	struct departure dep;
	unsigned path = 0;

	if (!coding_next(b, &frame, &path, now))
		return false;
	dep = departure_begin(b, &b->path[path], now);
	if (!frame_encode_parity(&dep.frames, &frame))
		return false;
	parity_sent(&b->parity, path);
	departure_finish(b, &dep, SENT_PING, 0, d, now);
	redundancy_repaired(&b->redundancy, &b->path[path], d->len);
	return true;
}

static bool departure_next(struct bond *b, struct bond_datagram *d, usec_t now)
{
	b->depart_at = USEC_NEVER;
	if (departure_answer(b, d) || departure_hello(b, d, now))
		return true;
	if (!b->peer.up)
		return false;
	scheduler_refresh(&b->scheduler, b->path, b->backlog.queued_bytes);
	if (departure_ack(b, d, now) || departure_leaving(b, d, now) ||
	    departure_message(b, d, now))
		return true;
	if (b->config.role != BOND_ROLE_SENDER)
		return false;
	if (departure_repair(b, d, now) || departure_new(b, d, now) ||
	    departure_parity(b, d, now) || departure_broadcast(b, d, now) ||
	    departure_probes(b, d, now) || departure_trial(b, d, now) ||
	    departure_filler(b, d, now))
		return true;
	b->depart_at = usec_min(b->depart_at, b->scheduler.wake_at);
	return false;
}

bool bond_next_datagram(struct bond *b, struct bond_datagram *ret_datagram, usec_t now)
{
	struct bond_datagram d = { 0 };

	b->now = usec_max(b->now, now);
	if (b->closed) {
		b->depart_at = b->timer_at = USEC_NEVER;
		if (!departure_close(b, &d, now))
			return false;
		*ret_datagram = d;
		return true;
	}
	for (;;) {
		if (departure_next(b, &d, now)) {
			b->settled = false;
			*ret_datagram = d;
			return true;
		}
		if (b->settled)
			return false;
		b->timer_at = turn_run(b, now);
		b->settled = true;
	}
}
