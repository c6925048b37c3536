#include "bond/playout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A packet is due at its capture (bond/playclock.h) + hold, with hold = latency - what the feed
 * needs behind the bond.
 *
 * A gap is given up when the first packet behind it is due; its own packets were due even earlier.
 * One bit per sequence number remembers what was given up, so that what comes later is counted as
 * late, and as duplicate otherwise.
 *
 * At the start the lowest number is not known to be the first, unless it is 0. A short hold lets
 * those that were overtaken come in; a receiver that comes up in the middle of a stream begins
 * where it came in. A paced one begins when the first packet is due.
 *
 * Paced, the clock must not step while packets are played, but should before: the first packets of
 * a stream may have waited long. So it steps until the first release, and again when nothing was
 * there to be released for BREAK: there the output has a hole that no receiver can play over.
 */
#define BREAK	       (10 * USEC_PER_SEC)
#define START_HOLD_MIN (100 * USEC_PER_MS)
#define START_HOLD_MAX (400 * USEC_PER_MS)
#define JUMP_BACK_MAX  4096 /* packets before the start that may still come in */
/* Inside, numbers begin this much higher, so that an earlier one never goes below zero. */
#define SEQ_ORIGIN (UINT64_C(4) << WIRE_SEQ_BITS)

int playout_init(struct playout *p, uint32_t packets, usec_t hold, usec_t now)
{
	uint64_t slots = 256;

	while (slots < packets)
		slots *= 2;
	*p = (struct playout){ .mask = slots - 1, .hold = hold, .slack = USEC_NEVER };
	p->ring = calloc(slots, sizeof(*p->ring));
	p->given_up = calloc(slots / 64, sizeof(*p->given_up));
	if (!p->ring || !p->given_up ||
	    packet_pool_init(&p->pool, (uint32_t)slots + PLAYOUT_PAST) < 0) {
		playout_deinit(p);
		return -ENOMEM;
	}
	playout_restart(p, now);
	return 0;
}

void playout_deinit(struct playout *p)
{
	packet_pool_deinit(&p->pool);
	free(p->ring);
	free(p->given_up);
	*p = (struct playout){ 0 };
}

static struct held *playout_at(const struct playout *p, uint64_t seq)
{
	return &p->ring[seq & p->mask];
}

void playout_restart(struct playout *p, usec_t now)
{
	for (uint64_t seq = p->next; p->count && seq < p->end; seq++) {
		struct held *h = playout_at(p, seq);

		if (!h->packet)
			continue;
		packet_pool_put(&p->pool, h->packet);
		h->packet = NULL;
		p->count--;
	}
	for (unsigned i = 0; i < PLAYOUT_PAST; i++) {
		packet_pool_put(&p->pool, p->past[i].packet);
		p->past[i].packet = NULL;
	}
	memset(p->given_up, 0, (p->mask + 1) / 8);
	p->started = p->has_any = false;
	p->lost_before = 0;
	playclock_init(&p->clock, now);
}

void playout_set_hold(struct playout *p, usec_t hold)
{
	p->hold = hold;
	playclock_set_smooth(&p->clock, p->paced, hold);
}

void playout_set_paced(struct playout *p, bool paced)
{
	p->paced = paced;
	playclock_set_smooth(&p->clock, paced, p->hold);
}

void playout_hand_over(struct playout *p, struct playout *heir)
{
	heir->delivered += p->delivered;
	heir->lost += p->lost;
	heir->late += p->late;
	heir->duplicate += p->duplicate;
	heir->refused += p->refused;
	p->delivered = p->lost = p->late = p->duplicate = p->refused = 0;
}

void playout_set_half_trip(struct playout *p, usec_t half_trip)
{
	playclock_set_half_trip(&p->clock, half_trip);
}

void playout_tell(struct playout *p, usec_t local, uint32_t remote, usec_t round_trip, usec_t now)
{
	playclock_tell(&p->clock, local, remote, round_trip, now);
}

static bool playout_take_bit(struct playout *p, uint64_t seq)
{
	uint64_t *word = &p->given_up[(seq & p->mask) / 64];
	uint64_t bit = UINT64_C(1) << seq % 64;
	bool was = *word & bit;

	*word &= ~bit;
	return was;
}

static void playout_set_bit(struct playout *p, uint64_t seq)
{
	p->given_up[(seq & p->mask) / 64] |= UINT64_C(1) << seq % 64;
}

static usec_t playout_due(const struct playout *p, usec_t captured)
{
	return playclock_here(&p->clock, captured) + p->hold;
}

static usec_t playout_unroll(struct playout *p, uint32_t time, usec_t now)
{
	const usec_t window = UINT64_C(1) << WIRE_TIME_BITS;
	usec_t expected, unrolled;

	/* Far from zero, so that an earlier time never goes below it. */
	if (!p->has_any)
		return window * 4 + time;
	/* After a long outage the last time is more than half a window away. */
	expected = p->captured_last + usec_since(p->arrival_last, now);
	unrolled = (expected & ~(window - 1)) | time;
	if (unrolled + window / 2 < expected)
		unrolled += window;
	else if (unrolled > expected + window / 2)
		unrolled -= window;
	return unrolled;
}

uint64_t playout_expand(const struct playout *p, uint32_t seq)
{
	const uint64_t window = UINT64_C(1) << WIRE_SEQ_BITS;
	uint64_t candidate;

	if (!p->has_any)
		return SEQ_ORIGIN + seq;
	candidate = (p->next & ~(window - 1)) | seq;
	if (candidate + window / 2 < p->next)
		return candidate + window;
	return candidate > p->next + window / 2 ? candidate - window : candidate;
}

uint32_t playout_wire_seq(uint64_t seq)
{
	return (uint32_t)(seq - SEQ_ORIGIN);
}

const struct held *playout_find(const struct playout *p, uint64_t seq)
{
	const struct held *h = seq < p->next ? &p->past[seq % PLAYOUT_PAST] : playout_at(p, seq);

	return h->packet && h->seq == seq ? h : NULL;
}

/* A packet behind `next`: late, twice, or - before the start - simply overtaken. */
static bool playout_is_behind(struct playout *p, uint64_t seq)
{
	if (seq >= p->next)
		return false;
	/* To one that was started anew the sender sends again what it has, up to the latency. */
	if (!p->started && (p->paced || p->next - seq <= JUMP_BACK_MAX) &&
	    p->end - seq <= p->mask) {
		p->next = seq;
		return false;
	}
	if (p->next - seq <= p->mask && playout_take_bit(p, seq))
		p->late++;
	else
		p->duplicate++;
	return true;
}

/* Makes room for a packet further ahead than the ring is long: what lies before is lost. */
static void playout_jump(struct playout *p, uint64_t seq)
{
	while (seq - p->next > p->mask) {
		struct held *h = playout_at(p, p->next);

		if (!p->count) {
			p->lost += seq - p->next;
			p->lost_before += seq - p->next;
			memset(p->given_up, 0, (p->mask + 1) / 8);
			p->next = seq;
			return;
		}
		if (h->packet && h->seq == p->next) {
			packet_pool_put(&p->pool, h->packet);
			h->packet = NULL;
			p->count--;
		}
		p->lost++;
		p->lost_before++;
		playout_set_bit(p, p->next++);
	}
}

void playout_put(struct playout *p, const struct frame_data *data, usec_t now)
{
	uint64_t seq = playout_expand(p, data->seq);
	usec_t captured = playout_unroll(p, data->time, now);
	struct held *h;
	struct packet *packet;

	if (!p->count && usec_since(p->released_last, now) > BREAK)
		playclock_rest(&p->clock);
	playclock_arrival(&p->clock, captured, now);
	p->captured_last = captured;
	p->arrival_last = now;
	if (!p->has_any) {
		p->has_any = true;
		p->first_at = now;
		p->next = p->end = seq;
	}
	if (playout_is_behind(p, seq))
		return;
	playout_jump(p, seq);
	h = playout_at(p, seq);
	if (h->packet) {
		p->duplicate++;
		return;
	}
	packet = packet_pool_get(&p->pool);
	if (!packet) {
		p->refused++;
		return;
	}
	if (data->prefix_len)
		memcpy(packet->data, data->prefix, data->prefix_len);
	memcpy(packet->data + data->prefix_len, data->data, data->len);
	packet->len = data->prefix_len + data->len;
	*h = (struct held){ .packet = packet,
			    .seq = seq,
			    .captured = captured,
			    .delay = usec_sub(now + p->hold, playout_due(p, captured)) };
	p->count++;
	if (seq >= p->end)
		p->end = seq + 1;
	p->slack = usec_min(p->slack, usec_sub(playout_due(p, captured), now));
}

/* The first packet held at or after `next`; there is one. */
static const struct held *playout_first(const struct playout *p)
{
	uint64_t seq = p->next;

	while (!playout_at(p, seq)->packet)
		seq++;
	return playout_at(p, seq);
}

static usec_t playout_start_at(const struct playout *p, const struct held *first)
{
	usec_t hold = usec_clamp(p->hold / 4, START_HOLD_MIN, START_HOLD_MAX);

	if (first->seq == SEQ_ORIGIN)
		return 0;
	return usec_min(p->first_at + hold, playout_due(p, first->captured));
}

usec_t playout_wakeup_at(const struct playout *p)
{
	const struct held *first;

	if (!p->count)
		return USEC_NEVER;
	first = playout_first(p);
	if (p->paced)
		return playout_due(p, first->captured);
	if (!p->started)
		return playout_start_at(p, first);
	return first->seq == p->next ? 0 : playout_due(p, first->captured);
}

bool playout_next(struct playout *p, struct bond_media *ret_media, usec_t now)
{
	struct held *h, *past;

	playclock_move(&p->clock, now);
	if (!p->count || playout_wakeup_at(p) > now)
		return false;
	p->started = true;
	p->released_last = now;
	playclock_run(&p->clock);
	while (!(h = playout_at(p, p->next))->packet) {
		playout_set_bit(p, p->next++);
		p->lost++;
		p->lost_before++;
	}
	*ret_media = (struct bond_media){ .kind = BOND_MEDIA_DATA,
					  .data = h->packet->data,
					  .len = h->packet->len,
					  .feed = p->paced ? BOND_FEED_TS : BOND_FEED_SRT,
					  .seq = h->seq - SEQ_ORIGIN,
					  .lost = p->lost_before,
					  .due = playout_due(p, h->captured),
					  .captured = (uint32_t)h->captured,
					  .delay = h->delay };
	p->lost_before = 0;
	past = &p->past[h->seq % PLAYOUT_PAST];
	packet_pool_put(&p->pool, past->packet);
	*past = *h;
	h->packet = NULL;
	p->count--;
	(void)playout_take_bit(p, p->next);
	p->next++;
	p->delivered++;
	return true;
}

usec_t playout_slack(struct playout *p)
{
	usec_t slack = p->slack;

	p->slack = USEC_NEVER;
	return slack;
}

uint64_t playout_next_seq(const struct playout *p)
{
	return p->has_any ? p->next - SEQ_ORIGIN : 0;
}
