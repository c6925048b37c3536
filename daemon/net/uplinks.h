#pragma once

#include "bond/bond.h"
#include "net/pump.h"
#include "net/receivers.h"
#include "net/rule.h"
#include "net/uplink.h"

/*
 * The sender's uplinks: found, opened and closed as interfaces, addresses and routes come and go,
 * each of them a path of the bond while it is open. The handle of a socket in the bond (`link`) is
 * the place of its uplink in this set.
 */
#define UPLINKS_MAX	      BOND_PATHS_MAX
#define UPLINKS_RECEIVERS_MAX RECEIVERS_MAX

struct uplinks;

struct uplinks_config {
	/* HOST:PORT, first choice first; the others are for when it is gone (net/failover.h), on
	 * all uplinks that have no receiver of their own. */
	const char *receivers[UPLINKS_RECEIVERS_MAX];
	unsigned receiver_count;
	const struct rule *rules; /* copied; the first that matches an interface holds */
	unsigned rule_count;	  /* at most UPLINKS_MAX */
	bool listed_only;	  /* no interface is used that no rule speaks of */
};

/* NULL: out of memory, or netlink cannot be had (logged). The bond and the pump stay the caller's.
 * @on_log is told each state change in words (it logs them). */
struct uplinks *uplinks_new(struct loop *loop, struct bond *bond,
			    void (*on_log)(void *owner, int level, const char *text), void *owner);
struct uplinks *uplinks_free(struct uplinks *uplinks);
/* Before the first uplinks_set(): the pump whose bond gets what arrives. */
void uplinks_attach(struct uplinks *uplinks, struct pump *pump);
/* Takes over another set; what is the same in both stays open. */
void uplinks_set(struct uplinks *uplinks, const struct uplinks_config *config);

/* The ports of the pump. */
void uplinks_send(struct uplinks *uplinks, const struct bond_datagram *datagram);
void uplinks_flush(struct uplinks *uplinks);

unsigned uplinks_open_count(const struct uplinks *uplinks);
/* The receiver in use, HOST:PORT. */
const char *uplinks_receiver(const struct uplinks *uplinks);
/* Why its name has no (fresh) addresses; "" = nothing is wrong. */
const char *uplinks_receiver_problem(const struct uplinks *uplinks);
/* What the uplinks are made of; valid until the next turn of the loop. */
const struct iftable *uplinks_interfaces(const struct uplinks *uplinks);
/* The uplink of that name; NULL: there is none. Its cost, rate_max_bps, service and notice
 * may be changed; the next uplinks_set() puts cost and rate_max_bps back to what is configured. */
struct uplink *uplinks_find(struct uplinks *uplinks, const char *name);
/* Takes over such a change, at once. */
void uplinks_changed(struct uplinks *uplinks, struct uplink *uplink);
/* The uplink of a place, 0 to UPLINKS_MAX - 1; NULL: the place is empty. */
const struct uplink *uplinks_get(const struct uplinks *uplinks, unsigned place);

/* An interface of this machine, used or not. */
struct uplinks_interface {
	const struct iftable_interface *interface;
	const struct inventory_item *item; /* NULL: not looked at yet */
	const char *uplink;		   /* the name of the uplink it is; "" = none */
	char reason[160];		   /* why it is not in use; "" = it is */
	const char *section;		   /* the name of the rule that speaks of it; "" = none */
	bool lacks_route;		   /* it would be an uplink had it a default route */
};

/* False: there is no @i-th. Valid until the next turn of the loop. */
bool uplinks_interface(const struct uplinks *uplinks, unsigned i,
		       struct uplinks_interface *ret_interface);
