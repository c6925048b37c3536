#include "bond/backlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A ring by sequence number beside a pool of packets. The pool is larger than what the latency
 * needs; when it is exhausted the newest packet is refused, which the feed's owner sees in the
 * advice long before.
 *
 * Never-sent packets need no list: they are those from `unsent` on, apart from a few that the
 * scheduler sent ahead of their turn (sent_at says so).
 *
 * The ring is in use from `kept` on; what is only kept makes room for new packets.
 *
 * The heap holds a sequence number at most once (in_repair), so it is never larger than the ring.
 * Entries that were settled meanwhile are thrown out when they come up.
 */
int backlog_init(struct backlog *b, uint32_t packets)
{
	uint64_t slots = 256;

	while (slots < packets)
		slots *= 2;
	*b = (struct backlog){ .mask = slots - 1 };
	b->ring = calloc(slots, sizeof(*b->ring));
	b->repair = calloc(slots, sizeof(*b->repair));
	if (!b->ring || !b->repair || packet_pool_init(&b->pool, (uint32_t)slots) < 0) {
		backlog_deinit(b);
		return -ENOMEM;
	}
	return 0;
}

void backlog_deinit(struct backlog *b)
{
	packet_pool_deinit(&b->pool);
	free(b->ring);
	free(b->repair);
	*b = (struct backlog){ 0 };
}

static struct owed *backlog_at(const struct backlog *b, uint64_t seq)
{
	return &b->ring[seq & b->mask];
}

static struct packet *packet_copy(struct packet_pool *pool, const struct packet *from)
{
	struct packet *to = from ? packet_pool_get(pool) : NULL;

	if (!to)
		return NULL;
	to->len = from->len;
	memcpy(to->data, from->data, from->len);
	return to;
}

int backlog_grow(struct backlog *b, uint32_t packets)
{
	struct backlog larger;

	if (packets <= b->mask + 1)
		return 0;
	if (backlog_init(&larger, packets) < 0)
		return -ENOMEM;
	for (uint64_t seq = b->kept; seq < b->next; seq++) {
		const struct owed *from = backlog_at(b, seq);
		struct owed *to = backlog_at(&larger, seq);

		*to = *from;
		to->packet = packet_copy(&larger.pool, from->packet);
		to->kept = packet_copy(&larger.pool, from->kept);
	}
	memcpy(larger.repair, b->repair, b->repairs * sizeof(*b->repair));
	packet_pool_deinit(&b->pool);
	free(b->ring);
	free(b->repair);
	b->pool = larger.pool;
	b->ring = larger.ring;
	b->repair = larger.repair;
	b->mask = larger.mask;
	return 0;
}

/* Lets go of the oldest that is only kept. False: there is none. */
static bool backlog_let_go(struct backlog *b)
{
	struct owed *o = backlog_at(b, b->kept);

	if (b->kept == b->first)
		return false;
	packet_pool_put(&b->pool, o->kept);
	o->kept = NULL;
	b->kept++;
	return true;
}

static struct packet *backlog_room(struct backlog *b)
{
	struct packet *packet;

	do {
		packet = b->next - b->kept <= b->mask ? packet_pool_get(&b->pool) : NULL;
	} while (!packet && backlog_let_go(b));
	return packet;
}

int backlog_submit(struct backlog *b, enum wire_class class, const uint8_t *data, size_t len,
		   size_t prefix, usec_t captured)
{
	struct packet *packet;

	b->submitted++;
	packet = backlog_room(b);
	if (!packet) {
		b->refused++;
		return -ENOBUFS;
	}
	memcpy(packet->data, data, len);
	packet->len = (uint16_t)len;
	*backlog_at(b, b->next) = (struct owed){ .packet = packet,
						 .seq = b->next,
						 .captured = captured,
						 .class = (uint8_t) class,
						 .prefix = (uint8_t)prefix };
	b->next++;
	b->owed++;
	b->queued++;
	b->queued_bytes += len;
	return 0;
}

struct owed *backlog_find(struct backlog *b, uint64_t seq)
{
	struct owed *o = backlog_at(b, seq);

	return seq >= b->first && seq < b->next && o->packet ? o : NULL;
}

struct owed *backlog_unsent(struct backlog *b, uint64_t seq)
{
	if (seq < b->unsent)
		seq = b->unsent;
	for (; seq < b->next; seq++) {
		struct owed *o = backlog_at(b, seq);

		if (o->packet && !o->sent_at)
			return o;
		if (seq == b->unsent)
			b->unsent++;
	}
	return NULL;
}

static void backlog_unqueue(struct backlog *b, const struct owed *o)
{
	if (o->sent_at)
		return;
	b->queued--;
	b->queued_bytes -= o->packet->len;
}

void backlog_sent(struct backlog *b, struct owed *o, unsigned path_id, usec_t now)
{
	backlog_unqueue(b, o);
	o->sent_at = usec_max(now, 1);
	o->paths |= (uint16_t)(1u << path_id);
	if (o->copies < UINT8_MAX)
		o->copies++;
	if (o->out < UINT8_MAX)
		o->out++;
}

/* `first` is owed, or there is nothing. */
static void backlog_advance(struct backlog *b)
{
	while (b->first < b->next && !backlog_at(b, b->first)->packet)
		b->first++;
	if (b->unsent < b->first)
		b->unsent = b->first;
	if (!b->keeps)
		while (backlog_let_go(b))
			;
}

static void backlog_done(struct backlog *b, struct owed *o, bool keep)
{
	backlog_unqueue(b, o);
	b->owed--;
	if (keep)
		o->kept = o->packet;
	else
		packet_pool_put(&b->pool, o->packet);
	o->packet = NULL;
	backlog_advance(b);
}

void backlog_acked(struct backlog *b, struct owed *o)
{
	backlog_done(b, o, b->keeps);
}

void backlog_settle(struct backlog *b, struct owed *o)
{
	backlog_done(b, o, false);
}

void backlog_expire(struct backlog *b, usec_t horizon)
{
	struct owed *o;

	while ((o = backlog_oldest(b)) && o->captured < horizon) {
		b->expired++;
		backlog_settle(b, o);
	}
	while (b->kept < b->first && backlog_at(b, b->kept)->captured < horizon)
		(void)backlog_let_go(b);
}

void backlog_forget_kept(struct backlog *b)
{
	for (uint64_t seq = b->kept; seq < b->next; seq++) {
		struct owed *o = backlog_at(b, seq);

		packet_pool_put(&b->pool, o->kept);
		o->kept = NULL;
	}
	b->kept = b->first;
}

void backlog_revive(struct backlog *b)
{
	for (uint64_t seq = b->kept; seq < b->next; seq++) {
		struct owed *o = backlog_at(b, seq);

		if (!o->kept)
			continue;
		o->packet = o->kept;
		o->kept = NULL;
		b->owed++;
	}
	b->first = b->kept;
	backlog_advance(b);
}

void backlog_forget_sent(struct backlog *b)
{
	for (uint64_t seq = b->first; seq < b->next; seq++) {
		struct owed *o = backlog_at(b, seq);

		if (!o->packet || !o->sent_at)
			continue;
		o->out = 0;
		o->paths = 0;
		backlog_repair(b, o);
	}
}

static void backlog_sift_down(struct backlog *b)
{
	uint64_t seq = b->repair[0];
	uint32_t at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child + 1 < b->repairs && b->repair[child + 1] < b->repair[child])
			child++;
		if (child >= b->repairs || b->repair[child] >= seq)
			break;
		b->repair[at] = b->repair[child];
		at = child;
	}
	b->repair[at] = seq;
}

static void backlog_pop(struct backlog *b)
{
	b->repair[0] = b->repair[--b->repairs];
	if (b->repairs)
		backlog_sift_down(b);
}

struct owed *backlog_repair_peek(struct backlog *b)
{
	while (b->repairs) {
		struct owed *o = backlog_at(b, b->repair[0]);

		if (o->packet && o->seq == b->repair[0] && o->in_repair)
			return o;
		if (o->seq == b->repair[0])
			o->in_repair = false;
		backlog_pop(b);
	}
	return NULL;
}

void backlog_repair(struct backlog *b, struct owed *o)
{
	uint32_t at;

	if (o->in_repair)
		return;
	if (b->repairs > b->mask)
		(void)backlog_repair_peek(b);
	o->in_repair = true;
	at = b->repairs++;
	while (at && b->repair[(at - 1) / 2] > o->seq) {
		b->repair[at] = b->repair[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	b->repair[at] = o->seq;
}

void backlog_repair_done(struct backlog *b)
{
	struct owed *o = backlog_repair_peek(b);

	if (!o)
		return;
	o->in_repair = false;
	backlog_pop(b);
}

struct owed *backlog_oldest(struct backlog *b)
{
	return b->first < b->next ? backlog_at(b, b->first) : NULL;
}
