#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * One stream of whole MPEG-TS packets for any number of consumers. The bytes are kept once, in a
 * ring; a consumer is a tap: a position in it with a bound of its own and a rule for what happens
 * when it falls behind. Writing never waits for a tap, and no tap knows of another.
 *
 * Pure: it moves bytes and counts; who reads a tap and when is the business of net/feed.
 */
#define FANOUT_PACKET_BYTES 188

struct fanout;

enum fanout_rule {
	/* Skips the oldest packets, as few as must be: what it gets later has one hole. For a
	 * recording. */
	FANOUT_RULE_OLDEST,
	/* Skips to the newest clean point (a packet where a decoder can start), or to the newest
	 * packet where none is in reach. For whatever is only of use while it is fresh. */
	FANOUT_RULE_FRESH,
};

struct fanout_tap {
	struct fanout *fanout; /* NULL: closed */
	struct fanout_tap *next;
	uint64_t at; /* position of the next byte, counted from the start of the stream */
	size_t bound_bytes;
	usec_t bound_age;
	enum fanout_rule rule;

	/* Counters, kept while the tap is closed. */
	uint64_t taken_bytes;
	uint64_t dropped_bytes;
	uint64_t overflows; /* how often it had to skip */
};

/* The ring holds @bytes, rounded down to whole packets. NULL: out of memory. */
struct fanout *fanout_new(size_t bytes);
/* All taps must be closed. */
struct fanout *fanout_free(struct fanout *fanout);

/* Appends @len bytes, a multiple of FANOUT_PACKET_BYTES, that arrived at @now; taps whose bound is
 * exceeded by it skip, by their rule. */
void fanout_write(struct fanout *fanout, const uint8_t *packets, size_t len, usec_t now);
/* Everything that was ever written. */
uint64_t fanout_bytes(const struct fanout *fanout);

/* Opens at the newest position: the tap gets what is written from now on. @bound_bytes is cut to
 * the size of the ring; @bound_age USEC_NEVER: no limit of age. The counters go on. */
void fanout_tap_open(struct fanout_tap *tap, struct fanout *fanout, enum fanout_rule rule,
		     size_t bound_bytes, usec_t bound_age);
void fanout_tap_close(struct fanout_tap *tap);

/* The bytes in front of the tap that lie together, at most @max (whole packets): their number, 0
 * when there are none. Valid until the next fanout_write(). */
size_t fanout_tap_peek(const struct fanout_tap *tap, size_t max, const uint8_t **ret_packets);
/* @len bytes of what peek showed, a multiple of FANOUT_PACKET_BYTES, are done. */
void fanout_tap_take(struct fanout_tap *tap, size_t len);

/* Bytes that wait for this tap. */
uint64_t fanout_tap_backlog(const struct fanout_tap *tap);
/* How long the oldest of them waits , to a few milliseconds; 0 when none does. */
usec_t fanout_tap_age(const struct fanout_tap *tap, usec_t now);
