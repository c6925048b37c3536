#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/packet.h"
#include "bond/bond.h"
#include "bond/playclock.h"
#include "wire/frame.h"

/*
 * The receiver's end of the stream: puts media packets in order, releases each as soon as all
 * before it are there or given up, and gives up what is missing when the packet behind it is due.
 * Paced (feed `ts`), it releases no packet before it is due, so that they come out at the distances
 * at which they were captured.
 */
struct held {
	struct packet *packet; /* NULL: not here */
	uint64_t seq;
	usec_t captured; /* by the sender's clock, unrolled */
	usec_t delay;	 /* from there to its arrival */
};

#define PLAYOUT_PAST WIRE_PARITY_PACKETS

struct playout {
	struct packet_pool pool;
	struct held *ring;
	uint64_t *given_up; /* bit per sequence number: to tell late from twice */
	uint64_t mask;
	/* The last ones that playout_next() gave, for bond/recovery: with these and what is held, a
	 * window of which a packet is still wanted is complete but for what never came. */
	struct held past[PLAYOUT_PAST];

	bool started;	/* the first packet was released */
	bool has_any;	/* something came in */
	uint64_t next;	/* to be released next; before the start: the lowest that came */
	uint64_t end;	/* the highest that came, plus one */
	uint32_t count; /* held */
	usec_t first_at;
	uint64_t lost_before; /* to be told with the next packet released */

	bool paced;
	usec_t hold;	      /* from capture to the deadline */
	usec_t captured_last; /* unrolled, to unroll the next */
	usec_t arrival_last;
	usec_t released_last;
	struct playclock clock;

	uint64_t delivered, lost, late, duplicate, refused;
	usec_t slack; /* least time to spare since the last playout_slack() */
};

/* Room for @packets; 0 or -ENOMEM. @hold: see bond_feed_margin(). */
int playout_init(struct playout *p, uint32_t packets, usec_t hold, usec_t now);
void playout_deinit(struct playout *p);
/* The stream begins anew (another sender); the counters stay. */
void playout_restart(struct playout *p, usec_t now);
void playout_set_hold(struct playout *p, usec_t hold);
void playout_set_paced(struct playout *p, bool paced);
/* Another one goes on with what this one counted, and this one counts anew. */
void playout_hand_over(struct playout *p, struct playout *heir);
void playout_set_half_trip(struct playout *p, usec_t half_trip);

/* See playclock_tell(). */
void playout_tell(struct playout *p, usec_t local, uint32_t remote, usec_t round_trip, usec_t now);
void playout_put(struct playout *p, const struct frame_data *data, usec_t now);
/* What is here of @seq, as the fields count: held, or just handed on; NULL: nothing. */
const struct held *playout_find(const struct playout *p, uint64_t seq);
/* The number that the low bits @seq stand for, as the fields count; and back. */
uint64_t playout_expand(const struct playout *p, uint32_t seq);
uint32_t playout_wire_seq(uint64_t seq);
/* True: *ret_media is set and valid until the next call. */
bool playout_next(struct playout *p, struct bond_media *ret_media, usec_t now);
/* When playout_next() may have something although nothing came in; USEC_NEVER: not by itself. */
usec_t playout_wakeup_at(const struct playout *p);
/* The least time to spare of a packet that was needed, since the last call; resets it. */
usec_t playout_slack(struct playout *p);
/* The sequence number below which everything was released or given up. */
uint64_t playout_next_seq(const struct playout *p);
