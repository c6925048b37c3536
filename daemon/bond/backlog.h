#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/packet.h"
#include "uplinkd/wire.h"

/*
 * The media packets that the sender still owes: submitted, and neither acknowledged nor past their
 * deadline. By media sequence number, which is also the order of their deadlines.
 *
 * With feed TS what is acknowledged is kept until its deadline, for the receiver holds it until
 * then, and one that is started anew has nothing.
 */
struct owed {
	struct packet *packet; /* NULL: no longer owed */
	struct packet *kept;   /* acknowledged, but not past its deadline */
	uint64_t seq;
	usec_t captured;
	usec_t sent_at; /* the last time that a copy left; 0: never sent */
	uint16_t paths; /* bit per path: a copy was given to it */
	uint8_t class;
	uint8_t prefix; /* bytes at the beginning that cross a path only when they change */
	uint8_t out;	/* copies believed to be on their way */
	uint8_t copies; /* sent so far */
	bool in_repair; /* is to be sent again: has an entry in the repair heap */
};

struct backlog {
	struct packet_pool pool;
	struct owed *ring;
	uint64_t mask;
	bool keeps;	 /* what is acknowledged */
	uint64_t kept;	 /* nothing below is kept; at most `first` */
	uint64_t first;	 /* everything below is settled */
	uint64_t unsent; /* everything from here on was never sent ... */
	uint64_t next;	 /* ... and this is the number of the next to be submitted */
	uint32_t owed;
	uint32_t queued; /* owed, never sent */
	uint64_t queued_bytes;
	uint64_t *repair; /* min-heap of sequence numbers: earliest deadline first */
	uint32_t repairs;
	uint64_t submitted, refused, expired;
};

/* Room for @packets; 0 or -ENOMEM. */
int backlog_init(struct backlog *b, uint32_t packets);
void backlog_deinit(struct backlog *b);
/* Makes room for @packets; what is owed stays. 0 or -ENOMEM, and then nothing changed. */
int backlog_grow(struct backlog *b, uint32_t packets);

/* Copies @data. 0 or -ENOBUFS. */
int backlog_submit(struct backlog *b, enum wire_class class, const uint8_t *data, size_t len,
		   size_t prefix, usec_t captured);
/* NULL: not owed (any more). */
struct owed *backlog_find(struct backlog *b, uint64_t seq);
/* The first at or after @seq that was never sent; NULL: none. */
struct owed *backlog_unsent(struct backlog *b, uint64_t seq);
/* A copy of it left on @path_id. */
void backlog_sent(struct backlog *b, struct owed *o, unsigned path_id, usec_t now);
/* It arrived. */
void backlog_acked(struct backlog *b, struct owed *o);
/* It cannot be of use any more. */
void backlog_settle(struct backlog *b, struct owed *o);
/* Gives up all that were captured before @horizon, and what is kept of that time. */
void backlog_expire(struct backlog *b, usec_t horizon);
/* The receiver has handed on all that it held: nothing is kept any more. */
void backlog_forget_kept(struct backlog *b);
/* The receiver has nothing of what it acknowledged: what is kept is owed again. To be followed by
 * backlog_forget_sent(). */
void backlog_revive(struct backlog *b);
/* Nothing of what was sent is on its way any more (a new session). */
void backlog_forget_sent(struct backlog *b);

/* Asks for a further copy of a packet that was sent before. */
void backlog_repair(struct backlog *b, struct owed *o);
/* The most urgent one of these; NULL: none. */
struct owed *backlog_repair_peek(struct backlog *b);
/* What backlog_repair_peek() gave was sent or is not needed. */
void backlog_repair_done(struct backlog *b);
/* The oldest that is still owed; NULL: none. */
struct owed *backlog_oldest(struct backlog *b);
