#include "stream/fanout.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * Positions count bytes since the start of the stream and never wrap (2^64); the place in the ring
 * is the position modulo its size, which is a multiple of a packet, so that no packet is ever cut
 * by the end of the ring.
 *
 * Arrival times are kept as marks, at most one per FANOUT_MARK_SPAN: the age of a tap needs no
 * more, and the table stays small whatever the size of the writes. When the marks run out before
 * the ring does (many small writes over a long time), the oldest mark stands for all older bytes:
 * an age is then told too short, never too long.
 *
 * Invariant after every call, for every open tap: head - bound <= at <= head.
 */
#define FANOUT_MARKS	 4096
#define FANOUT_MARK_SPAN (5 * USEC_PER_MS)
#define NOWHERE		 UINT64_MAX

struct fanout_mark {
	uint64_t at;
	usec_t arrived;
};

struct fanout {
	uint8_t *ring;
	size_t size;
	uint64_t head;	/* position after the newest byte */
	uint64_t clean; /* position of the newest clean packet; NOWHERE: none was seen */
	struct fanout_mark mark[FANOUT_MARKS];
	uint64_t marks; /* ever made; the newest is (marks - 1) modulo FANOUT_MARKS */
	struct fanout_tap *taps;
};

struct fanout *fanout_new(size_t bytes)
{
	struct fanout *fanout = calloc(1, sizeof(*fanout));

	if (!fanout)
		return NULL;
	fanout->size = bytes - bytes % FANOUT_PACKET_BYTES;
	fanout->clean = NOWHERE;
	fanout->ring = fanout->size ? calloc(1, fanout->size) : NULL;
	if (!fanout->ring)
		return fanout_free(fanout);
	return fanout;
}

struct fanout *fanout_free(struct fanout *fanout)
{
	if (!fanout)
		return NULL;
	assert(!fanout->taps);
	free(fanout->ring);
	free(fanout);
	return NULL;
}

/* A keyframe of video: random access indicator and clock reference in one adaptation field
 * (ISO/IEC 13818-1, 2.4.3.5). Audio has the indicator too, on every frame, but not the clock. */
static bool packet_is_clean(const uint8_t *packet)
{
	return packet[0] == 0x47 && packet[3] & 0x20 && packet[4] > 0 && (packet[5] & 0x50) == 0x50;
}

static void mark_arrival(struct fanout *fanout, usec_t now)
{
	const struct fanout_mark *newest = &fanout->mark[(fanout->marks - 1) % FANOUT_MARKS];

	if (fanout->marks && usec_since(newest->arrived, now) < FANOUT_MARK_SPAN)
		return;
	fanout->mark[fanout->marks++ % FANOUT_MARKS] =
		(struct fanout_mark){ .at = fanout->head, .arrived = now };
}

/* When the byte at @at arrived: the newest mark that is not behind it, by bisection. */
static usec_t arrival_of(const struct fanout *fanout, uint64_t at)
{
	uint64_t low = fanout->marks > FANOUT_MARKS ? fanout->marks - FANOUT_MARKS : 0;
	uint64_t high = fanout->marks - 1;

	while (low < high) {
		uint64_t middle = high - (high - low) / 2;

		if (fanout->mark[middle % FANOUT_MARKS].at <= at)
			low = middle;
		else
			high = middle - 1;
	}
	return fanout->mark[low % FANOUT_MARKS].arrived;
}

usec_t fanout_tap_age(const struct fanout_tap *tap, usec_t now)
{
	return fanout_tap_backlog(tap) ? usec_since(arrival_of(tap->fanout, tap->at), now) : 0;
}

uint64_t fanout_tap_backlog(const struct fanout_tap *tap)
{
	return tap->fanout ? tap->fanout->head - tap->at : 0;
}

static void tap_skip(struct fanout_tap *tap, uint64_t to)
{
	if (to <= tap->at)
		return;
	tap->dropped_bytes += to - tap->at;
	tap->overflows++;
	tap->at = to;
}

/* Called before the bytes in front of @head are written over. */
static void tap_bound(struct fanout_tap *tap, uint64_t head, usec_t now)
{
	const struct fanout *fanout = tap->fanout;
	bool too_long = head - tap->at > tap->bound_bytes;

	if (!too_long && (tap->bound_age == USEC_NEVER || tap->at == fanout->head ||
			  fanout_tap_age(tap, now) <= tap->bound_age))
		return;
	if (tap->rule == FANOUT_RULE_OLDEST) {
		tap_skip(tap, usec_max(too_long ? head - tap->bound_bytes : 0,
				       tap->at + FANOUT_PACKET_BYTES));
		return;
	}
	if (fanout->clean != NOWHERE && fanout->clean > tap->at &&
	    head - fanout->clean <= tap->bound_bytes &&
	    usec_since(arrival_of(fanout, fanout->clean), now) <= tap->bound_age)
		tap_skip(tap, fanout->clean);
	else
		tap_skip(tap, usec_max(fanout->head, head - tap->bound_bytes));
}

static void write_piece(struct fanout *fanout, const uint8_t *packets, size_t len, usec_t now)
{
	size_t offset = (size_t)(fanout->head % fanout->size);
	size_t first = len < fanout->size - offset ? len : fanout->size - offset;

	for (struct fanout_tap *tap = fanout->taps; tap; tap = tap->next)
		tap_bound(tap, fanout->head + len, now);
	mark_arrival(fanout, now);
	memcpy(fanout->ring + offset, packets, first);
	memcpy(fanout->ring, packets + first, len - first);
	for (size_t i = 0; i < len; i += FANOUT_PACKET_BYTES)
		if (packet_is_clean(packets + i))
			fanout->clean = fanout->head + i;
	fanout->head += len;
}

void fanout_write(struct fanout *fanout, const uint8_t *packets, size_t len, usec_t now)
{
	assert(len % FANOUT_PACKET_BYTES == 0);
	while (len) {
		size_t piece = len < fanout->size ? len : fanout->size;

		write_piece(fanout, packets, piece, now);
		packets += piece;
		len -= piece;
	}
}

uint64_t fanout_bytes(const struct fanout *fanout)
{
	return fanout->head;
}

void fanout_tap_open(struct fanout_tap *tap, struct fanout *fanout, enum fanout_rule rule,
		     size_t bound_bytes, usec_t bound_age)
{
	assert(!tap->fanout);
	bound_bytes = bound_bytes < fanout->size ? bound_bytes : fanout->size;
	tap->fanout = fanout;
	tap->at = fanout->head;
	tap->rule = rule;
	tap->bound_bytes = bound_bytes - bound_bytes % FANOUT_PACKET_BYTES;
	tap->bound_age = bound_age;
	tap->next = fanout->taps;
	fanout->taps = tap;
}

void fanout_tap_close(struct fanout_tap *tap)
{
	if (!tap->fanout)
		return;
	for (struct fanout_tap **link = &tap->fanout->taps; *link; link = &(*link)->next)
		if (*link == tap) {
			*link = tap->next;
			break;
		}
	tap->fanout = NULL;
}

size_t fanout_tap_peek(const struct fanout_tap *tap, size_t max, const uint8_t **ret_packets)
{
	const struct fanout *fanout = tap->fanout;
	size_t offset, len;

	if (!fanout || tap->at == fanout->head)
		return 0;
	offset = (size_t)(tap->at % fanout->size);
	len = (size_t)usec_min(fanout->head - tap->at, fanout->size - offset);
	if (len > max)
		len = max - max % FANOUT_PACKET_BYTES;
	*ret_packets = fanout->ring + offset;
	return len;
}

void fanout_tap_take(struct fanout_tap *tap, size_t len)
{
	assert(len % FANOUT_PACKET_BYTES == 0 && len <= fanout_tap_backlog(tap));
	tap->at += len;
	tap->taken_bytes += len;
}
