#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/packet.h"

/*
 * Control messages of the feed: small, at once, in no order, each delivered once or not at all.
 * Both directions; an outbox on one side talks to the inbox of the other.
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

struct outbox {
	struct message slot[MESSAGE_OUT_MAX]; /* by id */
	uint32_t first, next;		      /* ids; first: the oldest that may be alive */
	struct packet_pool pool;
	uint64_t submitted, refused, expired;
};

int outbox_init(struct outbox *o);
void outbox_deinit(struct outbox *o);
/* @copies: how many to begin with, each on another path. 0 or -ENOBUFS. */
int outbox_submit(struct outbox *o, const uint8_t *data, size_t len, unsigned copies, usec_t now);
/* NULL: no longer under way. */
struct message *outbox_find(struct outbox *o, uint32_t id);
/* The oldest message of which a copy is to be sent; NULL: none. Drops those that are too old. */
struct message *outbox_peek(struct outbox *o, usec_t now);
void outbox_sent(struct message *m, unsigned path_id);
void outbox_acked(struct outbox *o, struct message *m);
/* Nothing is on its way any more (a new session): send all again. */
void outbox_forget_sent(struct outbox *o);

struct inbox {
	bool started;
	uint32_t highest;
	uint64_t seen[MESSAGE_WINDOW / 64];
	struct packet *ready[MESSAGE_IN_MAX]; /* ring */
	unsigned head, count;
	struct packet *lent; /* what inbox_next() gave last */
	struct packet_pool pool;
	uint64_t delivered, duplicate, dropped;
};

int inbox_init(struct inbox *i);
void inbox_deinit(struct inbox *i);
/* The other side was started anew: its ids begin again. */
void inbox_restart(struct inbox *i);
void inbox_put(struct inbox *i, uint32_t id, const uint8_t *data, size_t len);
/* NULL: none. The packet stays valid until the next call. */
const struct packet *inbox_next(struct inbox *i);
