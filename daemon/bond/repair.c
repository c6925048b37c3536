#include "bond/engine.h"

/*
 * What is sent again, and when.
 *
 *   lost        by the rules of RFC 9002 on its path, and no other copy is on its way
 *   overdue     not acknowledged although its path would have let us know by now: a copy goes over
 *               another path before the loss is certain. This is what covers a path that falls
 *               silent, long before anybody calls it silent.
 *   overtaken   its path has become so slow that a copy on another one would be there much earlier.
 *               The packets behind it in the stream wait for it, so a path that carries a tenth
 *               must not delay the whole
 *   evacuated   its path fell: everything on it is overdue at once
 *
 * Nobody relies on probes of paths that are not trusted, although they carry media packets: they
 * are neither lost nor overdue.
 *
 * Repairs go before new packets because they are older: earliest deadline first.
 */
/* Where most of the capacity is idle a copy in vain costs nothing. */
#define PATIENCE	 (10 * USEC_PER_MS)
#define OVERTAKE_SPACING (10 * USEC_PER_MS) /* between two looks at a path */
#define OVERTAKE_MAX	 64		    /* copies a look */
/* Gain below which a copy is not worth it; while packets wait in the bond, a copy costs them their
 * place. */
#define OVERTAKE_GAIN	   (60 * USEC_PER_MS)
#define OVERTAKE_GAIN_BUSY (150 * USEC_PER_MS)

void repair_acked(struct bond *b, const struct sent *s, usec_t now)
{
	struct owed *o;
	struct message *m;

	if (s->kind == SENT_MEDIA && b->config.role == BOND_ROLE_SENDER) {
		o = backlog_find(&b->backlog, s->what);
		if (!o)
			return;
		advice_acked(&b->advice, o->packet->len, now);
		backlog_acked(&b->backlog, o);
	} else if (s->kind == SENT_MESSAGE) {
		m = outgoing_find(&b->outgoing, (uint32_t)s->what);
		if (m)
			outgoing_acked(&b->outgoing, m);
	}
}

/* The copy @s is not relied on any more; when no other one is, the packet is sent again. */
static void repair_discount(struct bond *b, const struct sent *s)
{
	struct owed *o;
	struct message *m;

	if (s->kind == SENT_MEDIA && b->config.role == BOND_ROLE_SENDER) {
		o = backlog_find(&b->backlog, s->what);
		if (!o)
			return;
		if (o->out)
			o->out--;
		if (!o->out && !o->in_repair)
			backlog_repair(&b->backlog, o);
	} else if (s->kind == SENT_MESSAGE) {
		m = outgoing_find(&b->outgoing, (uint32_t)s->what);
		if (!m)
			return;
		if (m->out)
			m->out--;
		if (!m->out && !m->wanted)
			m->wanted = 1;
	}
}

void repair_lost(struct bond *b, struct path *p, const struct sent *s, usec_t now)
{
	meter_add(&p->lost_meter, 1, now);
	anchor_lost(&p->anchors_sent, s->number);
	if (!s->probe && !s->overdue)
		repair_discount(b, s);
}

usec_t repair_detect(struct bond *b, struct path *p, usec_t now)
{
	usec_t delay = estimator_loss_delay(&p->estimator), at;
	struct sent *s;

	while ((s = inflight_next_lost(&p->inflight, delay, now, &at)))
		repair_lost(b, p, s, now);
	return at;
}

usec_t repair_overdue(struct bond *b, struct path *p, usec_t now)
{
	usec_t delay = path_overdue_delay(p, b->is_ample ? 0 : PATIENCE), at = USEC_NEVER;
	struct sent *s;

	/* Alone there is no other way: a copy would only queue behind the original. */
	if (b->config.off & BOND_OFF_REINJECT || engine_is_alone(b, p))
		return USEC_NEVER;
	while ((s = inflight_next_overdue(&p->inflight, delay, now, &at)))
		if (!s->probe)
			repair_discount(b, s);
	return at;
}

/* How soon a packet given to the best other path now would arrive; the path in *ret_path. */
static usec_t repair_detour(struct bond *b, const struct path *p, usec_t now,
			    struct path **ret_path)
{
	usec_t best = USEC_NEVER;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *other = &b->path[i];
		usec_t arrival;

		if (other == p || !path_is_usable(other))
			continue;
		arrival = scheduler_arrival(&b->scheduler, other, WIRE_DATAGRAM_MAX, now) - now;
		if (arrival < best) {
			best = arrival;
			*ret_path = other;
		}
	}
	return best;
}

/* What is out on a path is acknowledged at the rate that it serves, the oldest first; so the place
 * in that row tells when, from the last acknowledgement on. The newest have to wait for longest. */
void repair_overtake(struct bond *b, struct path *p, usec_t now)
{
	struct inflight *f = &p->inflight;
	const struct sent *head = inflight_oldest(f);
	uint64_t bps = rate_predict_bps(&p->rate), copied = 0;
	struct path *other = NULL;
	usec_t enough, late;
	unsigned copies = 0;

	if (b->config.off & BOND_OFF_REINJECT || !head || p->state != BOND_PATH_UP ||
	    now < p->overtake_at)
		return;
	p->overtake_at = now + OVERTAKE_SPACING;
	enough = repair_detour(b, p, now, &other);
	if (!other)
		return;
	enough += usec_sub(p->estimator.rtt_min, scheduler_delay(&b->scheduler, p)) +
		  (b->backlog.queued_bytes ? OVERTAKE_GAIN_BUSY : OVERTAKE_GAIN);
	late = usec_since(usec_max(p->progress_at, head->at) + ACK_DELAY, now);
	for (uint64_t n = f->next; n-- > f->oldest && copies < OVERTAKE_MAX;) {
		struct sent *s = &f->ring[n & f->mask];

		if (usec_of_bytes(s->before + s->bytes - head->before, bps) + late <=
		    enough + usec_of_bytes(copied, rate_predict_bps(&other->rate)))
			break;
		if (s->state != SENT_OUT || s->overdue || s->probe || s->kind != SENT_MEDIA)
			continue;
		s->overdue = true;
		copied += s->bytes;
		copies++;
		repair_discount(b, s);
	}
}

void repair_evacuate(struct bond *b, struct path *p, bool forget, usec_t now)
{
	usec_t at;
	struct sent *s;

	if (!engine_is_alone(b, p))
		while ((s = inflight_next_overdue(&p->inflight, 0, now, &at)))
			if (!s->probe)
				repair_discount(b, s);
	/* Given up is not lost: it says nothing about the path but that it is silent. */
	while (forget && (s = inflight_give_up(&p->inflight)))
		if (!s->probe && !s->overdue)
			repair_discount(b, s);
}
