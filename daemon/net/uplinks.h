#pragma once

#include "bond/bond.h"
#include "net/pump.h"
#include "net/uplink.h"

/*
 * The sender's uplinks: opened and closed as interfaces, addresses and routes come and go, each of
 * them a path of the bond while it is open. The handle of a socket in the bond (`link`) is the
 * place of its uplink in this set.
 */
#define UPLINKS_MAX	      BOND_PATHS_MAX
#define UPLINKS_RECEIVERS_MAX 4

struct uplinks;

/* What is asked for; strings as in the configuration. */
struct uplinks_entry {
	const char *name;
	const char *device;  /* "" = by address */
	const char *address; /* "" = the interface's own */
	const char *to;	     /* HOST:PORT of the receiver over this uplink; "" = the common one */
	enum bond_cost cost;
	uint64_t rate_max_bps;
	bool use; /* false: excluded from the automatic ones */
};

struct uplinks_config {
	const char *receivers[UPLINKS_RECEIVERS_MAX]; /* HOST:PORT, first choice first */
	unsigned receiver_count;
	const struct uplinks_entry *entries; /* none with `use`: all interfaces that can be used */
	unsigned entry_count;
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

/* The next receiver of the list is tried, on all uplinks that have none of their own. */
void uplinks_next_receiver(struct uplinks *uplinks);
unsigned uplinks_open_count(const struct uplinks *uplinks);
/* The receiver in use, HOST:PORT. */
const char *uplinks_receiver(const struct uplinks *uplinks);
/* The uplink of a place, 0 to UPLINKS_MAX - 1; NULL: the place is empty. */
const struct uplink *uplinks_get(const struct uplinks *uplinks, unsigned place);
