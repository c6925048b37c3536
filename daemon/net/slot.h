#pragma once

#include "net/ifwatch.h"
#include "net/inventory.h"
#include "net/pump.h"
#include "net/receivers.h"
#include "net/rule.h"
#include "net/uplink.h"

/*
 * A place for an uplink in the set of net/uplinks: the uplink, what is asked of it, and its
 * standing in the bond.
 */
struct slot_common {
	struct loop *loop;
	struct bond *bond;
	struct pump *pump;
	struct ifwatch *ifwatch;
	struct inventory *inventory;
	struct udp_batch *batch;
	struct receivers *receivers; /* of uplinks that have none of their own */
	void (*on_log)(void *owner, int level, const char *text);
	void *log_owner;
	void (*on_change)(void *owner); /* the addresses of a receiver are others */
	void (*on_stale)(void *owner);	/* a socket is of no use any more: update soon */
	void *owner;
};

struct slot {
	bool used;
	bool dirty;    /* has datagrams to flush */
	uint32_t link; /* its handle in the bond */
	struct uplink uplink;
	const struct rule *rule; /* NULL: none speaks of it */
	bool configured; /* the uplink has taken over these two; whoever may has changed them since
			  */
	enum bond_cost cost;
	uint64_t rate_max_bps;
	struct resolve *to; /* of its own; NULL: the common receiver */
	char to_text[300];  /* what `to` was made from */
	char address_text[64];
	bool moving;	/* the receiver's address that it has is left for another one's */
	char told[160]; /* the problem that was logged last */
	const struct slot_common *common;
};

void slot_log(const struct slot_common *common, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* 0 or -ENOMEM; @rule (NULL: none) is kept. */
int slot_init(struct slot *slot, const struct slot_common *common, uint32_t link, const char *name,
	      const struct rule *rule);
/* Leaves the bond, closes, and is free for another. */
void slot_clear(struct slot *slot);
/* The receiver's addresses for this uplink; 0: not known. */
unsigned slot_remotes(const struct slot *slot, const struct bond_address **ret_remotes);
/* Finds the interface that it is on, or would be on, and what that and the rule ask for. */
void slot_describe(struct slot *slot);
/* After a change of what the bond should know of it. */
void slot_tell_bond(struct slot *slot);
/* Brings the socket and the bond in line with what the machine has now. */
void slot_update(struct slot *slot);
/* Once in a while, with what the engine knows. */
void slot_tick(struct slot *slot, const struct bond_stats *stats, usec_t now);
/* A hello was sent: nobody answers. */
void slot_asked(struct slot *slot, const struct bond_datagram *hello);
/* Hands to the kernel what was sent. */
void slot_flush(struct slot *slot);
