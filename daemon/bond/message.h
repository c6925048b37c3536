#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/packet.h"

/*
 * Control messages of the feed: small, at once, in no order, each delivered once or not at all.
 * Both directions; an outgoing on one side talks to the incoming of the other.
 */
#define MESSAGE_OUT_MAX	 256		    /* under way at a time */
#define MESSAGE_IN_MAX	 256		    /* delivered, not yet fetched */
#define MESSAGE_LIFETIME (2 * USEC_PER_SEC) /* tried for so long */
#define MESSAGE_WINDOW	 1024		    /* ids remembered, to know copies */

struct message {
	struct packet *packet; /* NULL: free */
	uint32_t id;
	usec_t submitted;
	uint8_t wanted; /* copies to be sent as soon as possible */
	uint8_t out;	/* copies believed to be on their way */
	uint16_t paths; /* bit per path: a copy was given to it */
};

struct outgoing {
	struct message slot[MESSAGE_OUT_MAX]; /* by id */
	uint32_t first, next;		      /* ids; first: the oldest that may be alive */
	struct packet_pool pool;
	uint64_t submitted, refused, expired;
};

int outgoing_init(struct outgoing *o);
void outgoing_deinit(struct outgoing *o);
/* @copies: how many to begin with, each on another path. 0 or -ENOBUFS. */
int outgoing_submit(struct outgoing *o, const uint8_t *data, size_t len, unsigned copies,
		    usec_t now);
/* NULL: no longer under way. */
struct message *outgoing_find(struct outgoing *o, uint32_t id);
/* The oldest message of which a copy is to be sent; NULL: none. Drops those that are too old. */
struct message *outgoing_peek(struct outgoing *o, usec_t now);
void outgoing_sent(struct message *m, unsigned path_id);
void outgoing_acked(struct outgoing *o, struct message *m);
/* Nothing is on its way any more (a new session): send all again. */
void outgoing_forget_sent(struct outgoing *o);

struct incoming {
	bool started;
	uint32_t highest;
	uint64_t seen[MESSAGE_WINDOW / 64];
	struct packet *ready[MESSAGE_IN_MAX]; /* ring */
	unsigned head, count;
	struct packet *lent; /* what incoming_next() gave last */
	struct packet_pool pool;
	uint64_t delivered, duplicate, dropped;
};

int incoming_init(struct incoming *i);
void incoming_deinit(struct incoming *i);
/* The other side was started anew: its ids begin again. */
void incoming_restart(struct incoming *i);
void incoming_put(struct incoming *i, uint32_t id, const uint8_t *data, size_t len);
/* NULL: none. The packet stays valid until the next call. */
const struct packet *incoming_next(struct incoming *i);
