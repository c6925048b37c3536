#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * What was sent on one path and how it fared, by packet number: the bookkeeping of RFC 9002. The
 * ring is a fixed size; when the oldest packet in it is still out, the path is full.
 */
#define INFLIGHT_REORDER     3	  /* RFC 9002, 6.1.1: packets */
#define INFLIGHT_REORDER_MAX 64	  /* learned from losses that were none */
#define INFLIGHT_LONG	     1200 /* bytes of a datagram: what every path should carry */

enum sent_kind {
	SENT_NOTHING, /* asks for no acknowledgement */
	SENT_PING,
	SENT_MEDIA,   /* `what` is a media sequence number */
	SENT_MESSAGE, /* `what` is the id of a control message */
};

enum sent_state {
	SENT_OUT = 1,
	SENT_ACKED,
	SENT_LOST, /* declared so; may still turn out to be wrong */
};

struct sent {
	usec_t at;
	uint64_t number;
	uint64_t what;
	uint64_t before; /* bytes sent before it, cumulative */
	uint32_t bytes;
	uint8_t kind;
	uint8_t state;
	bool overdue; /* takes too long: not relied on any more */
	bool probe;   /* nobody relies on it */
};

struct inflight {
	struct sent *ring;
	uint64_t mask;
	uint64_t next;		/* number of the next packet */
	uint64_t oldest;	/* everything below is settled */
	uint64_t overdue;	/* everything below was looked at by inflight_next_overdue() */
	uint64_t acked_next;	/* the largest acknowledged, plus one */
	uint64_t sent_bytes;	/* cumulative */
	uint64_t bytes;		/* out */
	uint64_t packets;	/* out, of those that ask for an acknowledgement */
	uint64_t reorder;	/* so many behind is lost: INFLIGHT_REORDER or what was learned */
	uint64_t reorder_until; /* packet number at which half of what was learned is forgotten */
	uint64_t lost_bytes;	/* cumulative, less those that came after all */
	uint64_t lost_packets, spurious_packets; /* cumulative */
	/* The same apart by size, to tell a path that swallows what is long. */
	uint64_t long_lost, long_acked, short_acked;
};

/* 0 or -ENOMEM. @size is rounded up to a power of two. */
int inflight_init(struct inflight *f, uint32_t size);
void inflight_deinit(struct inflight *f);
/* Begins again at number 0 for a new session; the counters stay. */
void inflight_reset(struct inflight *f);

bool inflight_has_room(const struct inflight *f);
/* Records that packet `next` left; returns it. */
struct sent *inflight_add(struct inflight *f, enum sent_kind kind, uint64_t what, uint32_t bytes,
			  usec_t now);

/* Bounds of a walk over acknowledged numbers: those of first..last which can still matter. False:
 * `last` was never sent, the acknowledgement is void. */
bool inflight_clip(const struct inflight *f, uint64_t *first, uint64_t last);
/* @number was acknowledged. NULL when that is no news. A packet that had been declared lost is
 * counted as spurious and returned with its state still SENT_LOST on entry: *ret_spurious. */
struct sent *inflight_ack(struct inflight *f, uint64_t number, bool *ret_spurious);

/* The next packet to be declared lost: @delay older than a later one that arrived, or three
 * behind it. NULL: none now; *ret_at is when to look again. */
struct sent *inflight_next_lost(struct inflight *f, usec_t delay, usec_t now, usec_t *ret_at);
/* Gives the oldest packet up, whatever it is. NULL: none is out. */
struct sent *inflight_give_up(struct inflight *f);
/* The next packet that is out for longer than @delay and was not returned before. */
struct sent *inflight_next_overdue(struct inflight *f, usec_t delay, usec_t now, usec_t *ret_at);
/* The oldest packet that is out and asks for an acknowledgement; NULL: none. */
struct sent *inflight_oldest(struct inflight *f);
