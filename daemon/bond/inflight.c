#include "bond/inflight.h"

#include <errno.h>
#include <stdlib.h>

/*
 * A number's slot is its remainder by the size of the ring. Slots below `oldest` are settled but
 * kept until they are overwritten, so that an acknowledgement which comes after a packet was
 * declared lost is recognised (spurious loss), as long as it is not older than SPURIOUS_DEPTH.
 *
 * Invariants: oldest <= next; next - oldest <= size; bytes and packets are the sums over SENT_OUT.
 */
#define SPURIOUS_DEPTH 1024
#define REORDER_MEMORY 8192 /* packets */

int inflight_init(struct inflight *f, uint32_t size)
{
	uint64_t slots = 64;

	while (slots < size)
		slots *= 2;
	*f = (struct inflight){ .mask = slots - 1, .reorder = INFLIGHT_REORDER };
	f->ring = calloc(slots, sizeof(*f->ring));
	return f->ring ? 0 : -ENOMEM;
}

void inflight_deinit(struct inflight *f)
{
	free(f->ring);
	*f = (struct inflight){ 0 };
}

void inflight_reset(struct inflight *f)
{
	for (uint64_t n = 0; n < f->next && n <= f->mask; n++)
		f->ring[n].state = 0;
	f->next = f->oldest = f->overdue = f->acked_next = 0;
	f->bytes = f->packets = 0;
	f->reorder_until = 0;
}

static struct sent *inflight_at(const struct inflight *f, uint64_t number)
{
	return &f->ring[number & f->mask];
}

bool inflight_has_room(const struct inflight *f)
{
	return f->next - f->oldest <= f->mask;
}

struct sent *inflight_add(struct inflight *f, enum sent_kind kind, uint64_t what, uint32_t bytes,
			  usec_t now)
{
	struct sent *s = inflight_at(f, f->next);

	*s = (struct sent){ .at = now,
			    .number = f->next,
			    .what = what,
			    .before = f->sent_bytes,
			    .bytes = bytes,
			    .kind = (uint8_t)kind,
			    .state = kind == SENT_NOTHING ? SENT_ACKED : SENT_OUT };
	f->next++;
	f->sent_bytes += bytes;
	if (kind != SENT_NOTHING) {
		f->bytes += bytes;
		f->packets++;
	}
	return s;
}

static void inflight_count(struct inflight *f, const struct sent *s)
{
	if (s->bytes <= INFLIGHT_LONG)
		f->short_acked += s->state == SENT_ACKED;
	else if (s->state == SENT_ACKED)
		f->long_acked++;
	else
		f->long_lost++;
}

static void inflight_settle(struct inflight *f, struct sent *s, enum sent_state state)
{
	s->state = (uint8_t)state;
	f->bytes -= s->bytes;
	f->packets--;
	if (state == SENT_LOST) {
		f->lost_bytes += s->bytes;
		f->lost_packets++;
	}
	inflight_count(f, s);
}

static void inflight_advance(struct inflight *f)
{
	while (f->oldest < f->next && inflight_at(f, f->oldest)->state != SENT_OUT)
		f->oldest++;
	if (f->overdue < f->oldest)
		f->overdue = f->oldest;
}

bool inflight_clip(const struct inflight *f, uint64_t *first, uint64_t last)
{
	uint64_t floor = f->oldest > SPURIOUS_DEPTH ? f->oldest - SPURIOUS_DEPTH : 0;

	if (last >= f->next)
		return false;
	if (f->next > f->mask && floor < f->next - f->mask)
		floor = f->next - f->mask;
	if (*first < floor)
		*first = floor;
	return true;
}

/* A path whose packets overtake each other shows it by losses that were none. */
static void inflight_learn(struct inflight *f, uint64_t number)
{
	uint64_t behind = f->acked_next - number;

	if (behind > INFLIGHT_REORDER_MAX)
		behind = INFLIGHT_REORDER_MAX;
	if (f->reorder < behind)
		f->reorder = behind;
	f->reorder_until = f->next + REORDER_MEMORY;
}

static void inflight_forget(struct inflight *f)
{
	if (f->reorder <= INFLIGHT_REORDER || f->next < f->reorder_until)
		return;
	f->reorder = f->reorder / 2 < INFLIGHT_REORDER ? INFLIGHT_REORDER : f->reorder / 2;
	f->reorder_until = f->next + REORDER_MEMORY;
}

struct sent *inflight_ack(struct inflight *f, uint64_t number, bool *ret_spurious)
{
	struct sent *s = inflight_at(f, number);

	if (number >= f->next || s->number != number)
		return NULL;
	if (f->acked_next <= number)
		f->acked_next = number + 1;
	*ret_spurious = s->state == SENT_LOST;
	if (s->state == SENT_LOST) {
		s->state = SENT_ACKED;
		f->spurious_packets++;
		f->lost_bytes -= s->bytes;
		inflight_count(f, s);
		inflight_learn(f, number);
		return s;
	}
	if (s->state != SENT_OUT)
		return NULL;
	inflight_settle(f, s, SENT_ACKED);
	inflight_advance(f);
	return s;
}

struct sent *inflight_next_lost(struct inflight *f, usec_t delay, usec_t now, usec_t *ret_at)
{
	inflight_advance(f);
	inflight_forget(f);
	for (uint64_t n = f->oldest; n < f->acked_next; n++) {
		struct sent *s = inflight_at(f, n);

		if (s->state != SENT_OUT)
			continue;
		if (n + f->reorder >= f->acked_next && s->at + delay > now) {
			*ret_at = s->at + delay;
			return NULL;
		}
		inflight_settle(f, s, SENT_LOST);
		return s;
	}
	*ret_at = USEC_NEVER;
	return NULL;
}

struct sent *inflight_give_up(struct inflight *f)
{
	struct sent *s;

	inflight_advance(f);
	if (f->oldest == f->next)
		return NULL;
	s = inflight_at(f, f->oldest);
	inflight_settle(f, s, SENT_LOST);
	return s;
}

struct sent *inflight_next_overdue(struct inflight *f, usec_t delay, usec_t now, usec_t *ret_at)
{
	inflight_advance(f);
	for (; f->overdue < f->next; f->overdue++) {
		struct sent *s = inflight_at(f, f->overdue);

		if (s->state != SENT_OUT || s->overdue)
			continue;
		if (s->at + delay > now) {
			*ret_at = s->at + delay;
			return NULL;
		}
		s->overdue = true;
		f->overdue++;
		return s;
	}
	*ret_at = USEC_NEVER;
	return NULL;
}

struct sent *inflight_oldest(struct inflight *f)
{
	inflight_advance(f);
	return f->oldest < f->next ? inflight_at(f, f->oldest) : NULL;
}
