#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "bond/bond.h"
#include "bond/path.h"

/*
 * Chooses the path for a packet: the one on which it is predicted to arrive first, reckoning with
 * the delay of the path, its queue, what already waits for it, and how far it is trusted.
 */
struct scheduler {
	enum bond_policy policy;
	unsigned off; /* enum bond_switch */
	usec_t hold;  /* from capture to the deadline */
	int last;     /* the path chosen last; -1: none */

	/* Of this turn: */
	int64_t base_min; /* least one-way delay of all paths, by two clocks */
	usec_t rtt_min;	  /* least round trip of all paths; 0: unknown */
	unsigned usable;  /* paths that may carry new media */
	uint64_t queued_bytes;
	uint64_t ahead[BOND_PATHS_MAX]; /* bytes held back for this path */
	usec_t wake_at;			/* a path that packets wait for will be ready */
	uint64_t skip; /* after WAIT: so many bytes of packets will wait for the same path before
			  another one is better; UINT64_MAX: no other is ready */
};

enum scheduler_verdict {
	SCHEDULER_SEND, /* on *ret_path, now */
	SCHEDULER_WAIT, /* the best path is not ready; the packet counts as waiting for it */
	SCHEDULER_LATE, /* it would come after its deadline on the best path */
	SCHEDULER_NONE, /* there is no such path, or all of them are stalled */
};

enum scheduler_purpose {
	SCHEDULER_NEW,	  /* first transmission */
	SCHEDULER_REPAIR, /* a copy that is needed */
};

void scheduler_init(struct scheduler *s, enum bond_policy policy, unsigned off);
/* Once per datagram, before any choice. @paths: BOND_PATHS_MAX of them. @queued_bytes: of the
 * packets that were never sent. */
void scheduler_refresh(struct scheduler *s, struct path *paths, uint64_t queued_bytes);
/* @exclude: bit per path not to be used. */
enum scheduler_verdict scheduler_choose(struct scheduler *s, struct path *paths,
					enum scheduler_purpose purpose, uint64_t size,
					unsigned exclude, usec_t deadline, usec_t now,
					unsigned *ret_path);
/* The path for something small that must not wait: -1: there is none. Takes paths that are not
 * usable for media when there is nothing better. */
int scheduler_quickest(const struct scheduler *s, struct path *paths, unsigned exclude, usec_t now);
/* True delay of a path one way without its queue, as far as it can be known. */
usec_t scheduler_delay(const struct scheduler *s, const struct path *p);
/* When a packet of @size bytes given to the path now would arrive. */
usec_t scheduler_arrival(const struct scheduler *s, struct path *p, uint64_t size, usec_t now);
