#include "bond/ack.h"

#include <string.h>

/*
 * Ranges are kept descending and merged as holes fill. When there are more than fit, the lowest
 * one is forgotten: what is not acknowledged by then has long been sent again, and arriving twice
 * costs only bytes. What came long ago is not told any more, for the same reason.
 *
 * Arrival times of the last packets travel along, because the one of the largest alone would tell
 * the sender nothing about the spacing inside a burst.
 */
#define TIME_MAX ((int64_t)USEC_PER_SEC)

void ack_init(struct ack *a)
{
	*a = (struct ack){ .untold_since = USEC_NEVER };
}

static void ack_insert(struct ack *a, unsigned at, uint64_t number)
{
	if (at == WIRE_ACK_RANGES_MAX) {
		a->dropped++;
		return;
	}
	if (a->ranges == WIRE_ACK_RANGES_MAX) {
		a->ranges--;
		a->dropped++;
	}
	memmove(&a->range[at + 1], &a->range[at], (a->ranges - at) * sizeof(a->range[0]));
	a->range[at] = (struct frame_range){ .first = number, .last = number };
	a->ranges++;
}

static void ack_merge(struct ack *a, uint64_t number)
{
	unsigned i = 0;

	while (i < a->ranges && a->range[i].first > number + 1)
		i++;
	if (i == a->ranges || a->range[i].last + 1 < number) {
		ack_insert(a, i, number);
		return;
	}
	if (a->range[i].last + 1 == number)
		a->range[i].last = number;
	else if (a->range[i].first == number + 1)
		a->range[i].first = number;
	if (i + 1 < a->ranges && a->range[i + 1].last + 1 == a->range[i].first) {
		a->range[i].first = a->range[i + 1].first;
		a->ranges--;
		memmove(&a->range[i + 1], &a->range[i + 2],
			(a->ranges - i - 1) * sizeof(a->range[0]));
	}
}

/* Before the second span begins, `low_before` is 0: all is told. */
static void ack_lowest(struct ack *a, uint64_t number, usec_t now)
{
	if (now >= a->low_since + ACK_REPEAT) {
		a->low_before = a->low;
		a->low = number;
		a->low_since = now;
	} else if (number < a->low) {
		a->low = number;
	}
}

void ack_record(struct ack *a, uint64_t number, bool eliciting, usec_t now)
{
	bool first = !a->ranges;

	ack_merge(a, number);
	ack_lowest(a, number, now);
	a->time[a->times++ % (WIRE_ACK_TIMES_MAX + 1)] = (struct ack_time){ number, now };
	if (first || number > a->largest) {
		a->largest = number;
		a->largest_at = now;
	}
	if (!eliciting)
		return;
	a->own_untold = true;
	if (!a->untold++)
		a->untold_since = now;
}

usec_t ack_due_at(const struct ack *a)
{
	usec_t at;

	if (!a->untold)
		return USEC_NEVER;
	at = a->untold >= ACK_PACKETS ? a->untold_since : a->untold_since + ACK_DELAY;
	return usec_max(at, a->told_at ? a->told_at + ACK_SPACING : 0);
}

usec_t ack_own_due_at(const struct ack *a)
{
	return a->own_untold ? a->own_told_at + ACK_OWN_SPACING : USEC_NEVER;
}

bool ack_frame(const struct ack *a, uint8_t path_id, usec_t now, struct frame_ack *ret_frame)
{
	unsigned fresh = a->times - a->times_told;
	uint64_t above = a->largest, low = a->low < a->low_before ? a->low : a->low_before;

	if (!a->ranges)
		return false;
	ret_frame->path_id = path_id;
	ret_frame->delay_usec = (uint32_t)usec_min(usec_since(a->largest_at, now), UINT32_MAX);
	ret_frame->received_usec = (uint32_t)a->largest_at;
	ret_frame->ranges = 1;
	while (ret_frame->ranges < a->ranges && a->range[ret_frame->ranges].last >= low)
		ret_frame->ranges++;
	memcpy(ret_frame->range, a->range, ret_frame->ranges * sizeof(a->range[0]));
	ret_frame->ect = ret_frame->ce = 0;
	ret_frame->times = 0;
	if (fresh > WIRE_ACK_TIMES_MAX + 1)
		fresh = WIRE_ACK_TIMES_MAX + 1;
	/* Descending numbers only: what came out of order within the burst goes without a time. */
	for (unsigned back = 1; back <= fresh && ret_frame->times < WIRE_ACK_TIMES_MAX; back++) {
		const struct ack_time *t = &a->time[(a->times - back) % (WIRE_ACK_TIMES_MAX + 1)];

		int64_t before = (int64_t)(a->largest_at - t->at);

		if (t->number >= above || before > TIME_MAX || before < -TIME_MAX)
			continue;
		ret_frame->time[ret_frame->times].number = t->number;
		ret_frame->time[ret_frame->times].before_usec = (int32_t)before;
		ret_frame->times++;
		above = t->number;
	}
	return true;
}

void ack_told(struct ack *a, usec_t now)
{
	a->times_told = a->times;
	a->untold = 0;
	a->untold_since = USEC_NEVER;
	a->told_at = now;
}

void ack_own_told(struct ack *a, usec_t now)
{
	a->own_untold = false;
	a->own_told_at = now;
}
