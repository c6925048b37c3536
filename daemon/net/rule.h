#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "bond/bond.h"
#include "net/inventory.h"

/*
 * What the operator says of an uplink: which interfaces are meant, and how they are used.
 */
enum rule_dscp {
	RULE_DSCP_AUTO, /* by the type of the uplink */
	RULE_DSCP_NONE,
	RULE_DSCP_CS4,
	RULE_DSCP_AF41,
	RULE_DSCP_EF,
};

struct rule {
	char name[BOND_NAME_MAX];
	/* Which: all of them that are not "" must hold. Patterns as of the shell. */
	char device[32];
	char path[80];
	char driver[32];
	char type[16];
	char ssid[INVENTORY_SSID_MAX + 1];
	char address[64]; /* instead of all others: a local address */
	/* How. */
	char to[300]; /* HOST:PORT of the receiver over this uplink; "" = the common one */
	bool cost_by_type;
	enum bond_cost cost;
	uint64_t rate_max_bps;
	enum rule_dscp dscp;
	bool use; /* false: such interfaces are left alone */
};

/* It names one uplink, by an exact interface or a local address: one that is there, waiting, even
 * when its interface is not. Else it speaks of interfaces that are found. */
bool rule_is_fixed(const struct rule *rule);
bool rule_matches(const struct rule *rule, const struct inventory_item *item);
/* The first of them that matches; NULL: none. */
const struct rule *rule_find(const struct rule *rules, unsigned count,
			     const struct inventory_item *item);
/* Cost class and DSCP (0 to 63) of an uplink; @rule and @item may be NULL. */
enum bond_cost rule_cost(const struct rule *rule, const struct inventory_item *item);
unsigned rule_dscp(const struct rule *rule, const struct inventory_item *item);
