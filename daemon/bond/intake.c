#include <string.h>

#include "base/cursor.h"
#include "base/seq.h"
#include "bond/engine.h"
#include "bond/stall.h"
#include "wire/frame.h"

/*
 * What comes in. A datagram is looked up by its first byte, then by the keys it may have been
 * sealed with, and only what opens has any effect: it may move the path to a new address, confirm
 * a session, or begin a path. Nothing here costs more than the datagram is long.
 */
#define OLD_SESSION_GRACE (5 * USEC_PER_SEC) /* its last datagrams are no forgeries */

static bool address_equals(const struct bond_address *a, const struct bond_address *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

static struct path *intake_path_at(struct bond *b, uint32_t link, const struct bond_address *from)
{
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];

		if (p->in_use && p->config.link == link && address_equals(&p->config.remote, from))
			return p;
	}
	return NULL;
}

static enum bond_input_result intake_hello(struct bond *b, uint32_t link,
					   const struct bond_address *from, const uint8_t *data,
					   size_t len)
{
	struct answer spare = { 0 };
	struct answer *a = b->answers < ENGINE_ANSWERS ? &b->answer[b->answers] : &spare;
	enum bond_input_result result;

	if (b->config.role != BOND_ROLE_RECEIVER)
		return BOND_INPUT_FOREIGN;
	result = peer_answer(&b->peer, data, len, a->data, sizeof(a->data), &a->len);
	if (a->len && a != &spare) {
		a->link = link;
		a->to = *from;
		b->answers++;
	}
	return result;
}

static enum bond_input_result intake_hello_answer(struct bond *b, uint32_t link,
						  const struct bond_address *from,
						  const uint8_t *data, size_t len, usec_t now)
{
	enum bond_input_result result;
	enum peer_news news;
	bool restarted = false;
	usec_t round_trip = 0;
	struct path *p;

	if (b->config.role != BOND_ROLE_SENDER)
		return BOND_INPUT_FOREIGN;
	result = peer_finish(&b->peer, data, len, b->heard_at, now, &round_trip, &news, &restarted);
	if (result != BOND_INPUT_TAKEN || news != PEER_NEW)
		return result;
	engine_new_session(b, restarted, now);
	p = intake_path_at(b, link, from);
	if (p && !p->config.muted) {
		estimator_round_trip(&p->estimator, round_trip, 0, now);
		p->rx_datagrams++;
		p->rx_bytes += len;
		p->heard_at = now;
		p->progress_at = now;
		path_set_state(p, BOND_PATH_UP, BOND_REASON_HELLO, now);
	}
	return result;
}

static int64_t intake_one_way(struct bond *b, usec_t sent, uint32_t received)
{
	uint32_t difference = received - (uint32_t)sent;

	if (!b->clock_known) {
		b->clock_known = true;
		b->clock = difference;
	}
	return (int32_t)(difference - b->clock);
}

static void intake_time(struct bond *b, struct path *p, uint64_t number, uint32_t received,
			usec_t now)
{
	const struct sent *s = &p->inflight.ring[number & p->inflight.mask];

	if (s->number == number && s->state == SENT_ACKED)
		estimator_one_way(&p->estimator, s->at, intake_one_way(b, s->at, received),
				  s->before + s->bytes, now);
}

/* Times of the packets below the largest, oldest first, then the largest. */
static void intake_times(struct bond *b, struct path *p, const struct frame_ack *ack, usec_t now)
{
	for (unsigned i = ack->times; i-- > 0;)
		intake_time(b, p, ack->time[i].number,
			    ack->received_usec - (uint32_t)ack->time[i].before_usec, now);
	intake_time(b, p, ack->range[0].last, ack->received_usec, now);
}

/* Receiver: what an acknowledgement says of the sender's clock. */
static void intake_clock(struct bond *b, const struct frame_ack *ack, usec_t sent, usec_t now)
{
	usec_t trip = usec_sub(usec_since(sent, now), ack->delay_usec);

	if (b->config.role == BOND_ROLE_RECEIVER)
		playout_tell(&b->playout, sent + trip / 2, ack->received_usec, trip, now);
}

/* False: the acknowledgement is void. */
static bool intake_ack(struct bond *b, const struct frame_ack *ack, usec_t now)
{
	struct path *p = &b->path[ack->path_id];
	uint64_t bytes = 0, largest = ack->range[0].last;
	const struct sent *newest = NULL;
	unsigned packets = 0;
	bool spurious, hungry;

	if (!p->in_use)
		return true;
	for (unsigned i = 0; i < ack->ranges; i++) {
		uint64_t first = ack->range[i].first;

		if (!inflight_clip(&p->inflight, &first, ack->range[i].last))
			return false;
		for (uint64_t n = ack->range[i].last + 1; n-- > first;) {
			const struct sent *s = inflight_ack(&p->inflight, n, &spurious);

			if (!s)
				continue;
			packets++;
			bytes += s->bytes;
			meter_add(&p->acked_meter, 1, now);
			anchor_acked(&p->anchors_sent, n);
			if (!newest)
				newest = s;
			repair_acked(b, s, now);
		}
	}
	if (!packets)
		return true;
	if (newest->number == largest) {
		estimator_round_trip(&p->estimator, usec_since(newest->at, now), ack->delay_usec,
				     now);
		intake_clock(b, ack, newest->at, now);
	}
	intake_times(b, p, ack, now);
	if (newest->number == largest)
		estimator_delivery(&p->estimator, bytes, newest->at,
				   (int64_t)newest->at +
					   intake_one_way(b, newest->at, ack->received_usec),
				   now);
	else
		p->estimator.delivered += bytes;
	if (newest->at > b->peer.key_at)
		b->peer.key_proven = true;
	(void)repair_detect(b, p, now);
	hungry = p->hungry_at >= p->round_hungry_since && p->hungry_at;
	if (rate_round_is_over(&p->rate, now))
		p->round_hungry_since = now;
	rate_acked(&p->rate, &p->estimator, hungry, p->inflight.lost_bytes, now);
	path_judge_trial(p, now);
	stall_progress(p, packets, newest->at, engine_is_alone(b, p), now);
	return true;
}

static void intake_close(struct bond *b, const struct frame_close *close, usec_t now)
{
	if (!b->peer.up)
		return;
	b->peer.up = false;
	if (b->config.role == BOND_ROLE_SENDER)
		backlog_forget_kept(&b->backlog);
	event_session(b, BOND_EVENT_SESSION_DOWN,
		      close->reason == WIRE_CLOSE_RESTART ? BOND_REASON_RESTARTED
							  : BOND_REASON_CLOSED);
	b->hello_at = now;
}

static void intake_path_status(struct bond *b, const struct frame_path_status *status, usec_t now)
{
	struct path *p = &b->path[status->path_id];

	if (b->config.role == BOND_ROLE_RECEIVER && p->in_use &&
	    status->status == WIRE_PATH_LEAVING)
		path_set_state(p, BOND_PATH_OFF, BOND_REASON_DROPPED, now);
}

static bool intake_frame(struct bond *b, const struct frame *f, usec_t now)
{
	switch ((enum wire_frame)f->type) {
	case WIRE_FRAME_PADDING:
	case WIRE_FRAME_PING:
		return true;
	case WIRE_FRAME_ACK:
	case WIRE_FRAME_ACK_ECN:
		return intake_ack(b, &f->ack, now);
	case WIRE_FRAME_PATH_STATUS:
		intake_path_status(b, &f->path_status, now);
		return true;
	case WIRE_FRAME_REPORT:
		if (b->config.role != BOND_ROLE_SENDER)
			return false;
		report_take(&b->report, &f->report, now);
		return true;
	case WIRE_FRAME_CLOSE:
		intake_close(b, &f->close, now);
		return true;
	case WIRE_FRAME_CONTROL:
		incoming_put(&b->incoming, f->control.id, f->control.data, f->control.len);
		return true;
	case WIRE_FRAME_DATA:
	case WIRE_FRAME_ANCHOR:
	case WIRE_FRAME_COMPACT:
		if (b->config.role != BOND_ROLE_RECEIVER)
			return false;
		playout_put(&b->playout, &f->data, now);
		if (b->recovery.rows)
			recovery_media(&b->recovery, &b->playout, f->data.seq, now);
		return true;
	case WIRE_FRAME_PARITY:
		if (b->config.role != BOND_ROLE_RECEIVER || !b->peer.current.parity)
			return false;
		recovery_parity(&b->recovery, &b->playout, &f->parity, now);
		return true;
	}
	return false;
}

/* False: the datagram counts as if it had not come. @ret_eliciting: one of its frames asks for an
 * acknowledgement. */
static bool intake_frames(struct bond *b, struct path *p, uint64_t number, const uint8_t *data,
			  size_t len, usec_t now, bool *ret_eliciting)
{
	struct cursor in = cursor_of(data, len);
	uint64_t expected[WIRE_PATHS_MAX];
	bool eliciting = false;
	struct frame f;
	int got;

	for (unsigned i = 0; i < WIRE_PATHS_MAX; i++)
		expected[i] = b->path[i].in_use ? b->path[i].inflight.next : 0;
	while ((got = frame_decode(&in, expected, &f)) > 0) {
		if (f.type == WIRE_FRAME_DATA &&
		    !anchor_resolve(&p->anchors_held, number, &f.data)) {
			b->input_unanchored++;
			return false;
		}
		if (!intake_frame(b, &f, now)) {
			got = -1;
			break;
		}
		eliciting = eliciting || frame_is_eliciting(f.type);
	}
	if (got < 0)
		b->input_malformed++;
	*ret_eliciting = eliciting;
	return true;
}

static void intake_move(struct bond *b, struct path *p, uint32_t link,
			const struct bond_address *from, usec_t now)
{
	if (b->config.role != BOND_ROLE_RECEIVER ||
	    (p->config.link == link && address_equals(&p->config.remote, from)))
		return;
	p->config.link = link;
	p->config.remote = *from;
	estimator_forget_delay(&p->estimator, now);
	if (p->state == BOND_PATH_OFF)
		return;
	if (!p->event)
		p->event_from = p->state;
	p->event = true;
	p->reason = BOND_REASON_MOVED;
}

static void intake_heard(struct bond *b, struct path *p, size_t len, usec_t now)
{
	p->rx_datagrams++;
	p->rx_bytes += len;
	meter_add(&p->rx_meter, len, now);
	p->heard_at = now;
	b->heard_at = now;
	if (b->config.role == BOND_ROLE_RECEIVER && p->state != BOND_PATH_UP)
		path_set_state(p, BOND_PATH_UP,
			       p->state == BOND_PATH_OFF ? BOND_REASON_ADDED : BOND_REASON_ANSWERED,
			       now);
	if (!b->told_up && b->peer.up)
		event_session(b, BOND_EVENT_SESSION_UP, BOND_REASON_ANSWERED);
}

static enum bond_input_result intake_sealed(struct bond *b, uint32_t link,
					    const struct bond_address *from, uint8_t *data,
					    size_t len, const struct wire_header *h, usec_t now)
{
	struct peer_keys *keys = &b->peer.current, *pending = NULL;
	struct path *p = &b->path[h->path_id];
	bool known = intake_path_at(b, link, from), restarted = false, eliciting = false;
	uint64_t number;
	int plain;

	if (h->is_long && (!b->peer.up || h->bond_id != keys->local_id))
		keys = pending = peer_pending(&b->peer, h->bond_id);
	if (!keys || !keys->receive || (!pending && !b->peer.up)) {
		b->input_unknown++;
		return BOND_INPUT_FOREIGN;
	}
	number = seq_expand(p->in_use && !pending ? p->replay.next : 0, h->number, h->number_bits);
	if (!pending && p->in_use && !replay_is_new(&p->replay, number)) {
		b->input_replayed++;
		return BOND_INPUT_REFUSED;
	}
	plain = seal_open(keys->receive, h->phase, h->path_id, number, data, h->len, data + h->len,
			  len - h->len, data + h->len, now);
	if (plain < 0) {
		if ((!h->is_long && !known) || now < b->peer.established_at + OLD_SESSION_GRACE) {
			b->input_unknown++;
			return BOND_INPUT_FOREIGN;
		}
		b->input_forged++;
		return BOND_INPUT_REFUSED;
	}
	if (pending) {
		peer_confirm(&b->peer, pending, now, &restarted);
		engine_new_session(b, restarted, now);
	}
	if (!p->in_use &&
	    (b->config.role == BOND_ROLE_SENDER || engine_path_open(b, h->path_id, now) < 0)) {
		b->input_unknown++;
		return BOND_INPUT_REFUSED;
	}
	replay_record(&p->replay, number);
	if (h->is_long && number + 1 == p->replay.next)
		intake_move(b, p, link, from, now);
	intake_heard(b, p, len, now);
	if (intake_frames(b, p, number, data + h->len, (size_t)plain, now, &eliciting))
		ack_record(&p->ack, number, eliciting, now);
	return BOND_INPUT_TAKEN;
}

enum bond_input_result bond_input(struct bond *b, uint32_t link, const struct bond_address *from,
				  uint8_t *data, size_t len, usec_t now)
{
	struct wire_header h;

	b->now = usec_max(b->now, now);
	if (b->closed || len < 8 || from->len > sizeof(from->bytes))
		return b->closed ? BOND_INPUT_REFUSED : BOND_INPUT_FOREIGN;
	if (data[0] == WIRE_HELLO_ASK)
		return intake_hello(b, link, from, data, len);
	if (data[0] == WIRE_HELLO_ANSWER)
		return intake_hello_answer(b, link, from, data, len, now);
	if (wire_header_decode(data, len, &h) <= 0) {
		b->input_unknown++;
		return BOND_INPUT_FOREIGN;
	}
	return intake_sealed(b, link, from, data, len, &h, now);
}
