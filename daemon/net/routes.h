#pragma once

#include <net/if.h>
#include <stdbool.h>

#include "net/iftable.h"
#include "net/netfacts.h"

/*
 * The optional route manager: an interface that has an address and a known gateway but no default
 * route gets one, in a table of its own that only what is pinned to this interface looks into (a
 * rule by outgoing interface). The system's own routes and rules are never touched. Needs
 * CAP_NET_ADMIN.
 *
 * Everything of ours carries one protocol number, by which the remains of a crash are found.
 */
#define ROUTES_PROTOCOL IFTABLE_PROTOCOL
#define ROUTES_TABLE	10000 /* plus the index of the interface */
#define ROUTES_PRIORITY 5000  /* of the rules: before that of the main table */
#define ROUTES_MAX	16

struct routes;

struct routes_uplink {
	char device[IF_NAMESIZE];
	char gateway[64]; /* "": that of its DHCP lease, where systemd-networkd got one */
};

/* Removes what an earlier run left behind. NULL: out of memory. */
struct routes *routes_new(void);
/* Removes what it has set. */
struct routes *routes_free(struct routes *routes);
/* Sets what is missing for these uplinks (others may have removed it), takes away what is not
 * wanted any more. Cheap when all is as it should be; to be called about once a second. */
void routes_sync(struct routes *routes, const struct routes_uplink *uplinks, unsigned count);
/* Why something could not be set, for people; "" = nothing is wrong. */
const char *routes_problem(const struct routes *routes);
