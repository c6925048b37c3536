#include "wire/anchor.h"

#include <assert.h>
#include <string.h>

/*
 * Why it cannot go wrong. Say that packet n was written against anchor c of phase p. Then c had
 * arrived before n left, so the receiver holds it, and c lies below n. Were there another anchor a
 * of phase p between c and n, then it left while c was pending (it replaced c, which was lost, and
 * c is never current), or while c was current (but then it has the other phase). So the highest
 * anchor of phase p below n is c. Nothing of this needs packets to arrive in order, or at all.
 *
 * The receiver keeps the WIRE_ANCHORS highest. When c is not among them, all of them lie above c,
 * and by the same reasoning none of those is taken for it. One anchor follows the other after a
 * round trip at the earliest and after RENEW_TIME or RENEW_SEQ as a rule, so what is too late for
 * its anchor was sent again long ago.
 *
 * A new anchor is due when the packets have come half-way through the window, which leaves the
 * other half for its acknowledgement; and when the prefix changes. A packet that was meant for
 * earlier, a repair after a long outage, does not become an anchor: the next ones would not fit.
 * Nor does one without a prefix where the others have one, the exception of its feed.
 */
#define RENEW_TIME (WIRE_COMPACT_TIME_BACK + (1u << (WIRE_COMPACT_TIME_BITS - 1)) / 2)
#define RENEW_SEQ  (WIRE_COMPACT_SEQ_BACK + (1u << (WIRE_COMPACT_SEQ_BITS - 1)) / 2)

static uint32_t anchor_seq(const struct anchor *anchor, uint32_t seq)
{
	return seq - anchor->seq + WIRE_COMPACT_SEQ_BACK;
}

static uint32_t anchor_time(const struct anchor *anchor, uint32_t time)
{
	return time - anchor->time + WIRE_COMPACT_TIME_BACK;
}

static bool anchor_has_prefix(const struct anchor *anchor, const struct frame_data *data)
{
	return anchor->prefix_len == data->prefix_len &&
	       (!data->prefix_len || !memcmp(anchor->prefix, data->prefix, data->prefix_len));
}

static bool anchor_fits(const struct anchor *anchor, const struct frame_data *data)
{
	return !(anchor_seq(anchor, data->seq) >> WIRE_COMPACT_SEQ_BITS) &&
	       !(anchor_time(anchor, data->time) >> WIRE_COMPACT_TIME_BITS) &&
	       anchor_has_prefix(anchor, data);
}

static struct anchor anchor_of(uint64_t number, const struct frame_data *data)
{
	struct anchor anchor = { .number = number,
				 .seq = data->seq,
				 .time = data->time,
				 .phase = (uint8_t)data->phase,
				 .prefix_len = data->prefix_len };

	if (data->prefix_len)
		memcpy(anchor.prefix, data->prefix, data->prefix_len);
	return anchor;
}

/* Whether @data, if it does not leave compact, is to become the next anchor. */
static bool anchor_suits(const struct anchor_sender *s, const struct frame_data *data)
{
	if (s->has_pending)
		return false;
	if (!s->has_current)
		return true;
	return (int32_t)(data->seq - s->current.seq) > 0 &&
	       (data->prefix_len || !s->current.prefix_len);
}

void anchor_choose(struct anchor_sender *s, uint64_t number, struct frame_data *data)
{
	const struct anchor *current = &s->current;
	bool fits = s->has_current && anchor_fits(current, data);
	bool due = fits && (anchor_time(current, data->time) >= RENEW_TIME ||
			    anchor_seq(current, data->seq) >= RENEW_SEQ);

	assert(data->prefix_len <= WIRE_PREFIX_MAX);
	if ((due || !fits) && anchor_suits(s, data)) {
		data->form = FRAME_DATA_ANCHOR;
		data->phase = s->has_current ? !current->phase : 0;
		s->pending = anchor_of(number, data);
		s->has_pending = true;
	} else if (fits) {
		data->form = FRAME_DATA_COMPACT;
		data->phase = current->phase;
		data->seq = anchor_seq(current, data->seq);
		data->time = anchor_time(current, data->time);
	} else {
		data->form = FRAME_DATA_PLAIN;
	}
}

void anchor_acked(struct anchor_sender *s, uint64_t number)
{
	if (!s->has_pending || s->pending.number != number)
		return;
	s->current = s->pending;
	s->has_current = true;
	s->has_pending = false;
}

void anchor_lost(struct anchor_sender *s, uint64_t number)
{
	if (s->pending.number == number)
		s->has_pending = false;
}

static const struct anchor *anchor_find(const struct anchor_receiver *r, unsigned phase,
					uint64_t number)
{
	const struct anchor *found = NULL;

	for (unsigned i = 0; i < r->count; i++) {
		const struct anchor *a = &r->ring[i];

		if (a->phase == phase && a->number < number &&
		    (!found || a->number > found->number))
			found = a;
	}
	return found;
}

static void anchor_keep(struct anchor_receiver *r, const struct anchor *anchor)
{
	struct anchor *lowest = &r->ring[0];

	if (r->count < WIRE_ANCHORS) {
		r->ring[r->count++] = *anchor;
		return;
	}
	for (unsigned i = 1; i < WIRE_ANCHORS; i++)
		if (r->ring[i].number < lowest->number)
			lowest = &r->ring[i];
	if (lowest->number < anchor->number)
		*lowest = *anchor;
}

bool anchor_resolve(struct anchor_receiver *r, uint64_t number, struct frame_data *data)
{
	const struct anchor *anchor;
	struct anchor set;

	if (data->form == FRAME_DATA_ANCHOR) {
		set = anchor_of(number, data);
		anchor_keep(r, &set);
	}
	if (data->form != FRAME_DATA_COMPACT)
		return true;
	anchor = anchor_find(r, data->phase, number);
	if (!anchor || anchor->prefix_len + data->len > WIRE_MEDIA_MAX)
		return false;
	data->seq += anchor->seq - WIRE_COMPACT_SEQ_BACK;
	data->time += anchor->time - WIRE_COMPACT_TIME_BACK;
	data->prefix = anchor->prefix;
	data->prefix_len = anchor->prefix_len;
	return true;
}
