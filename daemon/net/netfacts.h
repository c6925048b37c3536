#pragma once

#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What the kernel knows of routing beyond net/iftable.h, for a diagnosis: default routes of all
 * tables, policy rules, reverse path filters, and the routers' hardware addresses. Read by a dump,
 * without privilege; built from its messages one by one, total for any message.
 */
#define NETFACTS_MAX 64 /* of each kind; more are left out */

/* A route to everywhere, or to one half of it (what VPNs set to win over a default route). */
struct netfacts_route {
	int family;
	uint32_t table, priority;
	int index; /* of the interface */
	uint8_t length;
	uint8_t protocol;
	bool has_gateway;
	uint8_t gateway[16]; /* the first 4 or all 16 bytes */
};

/* A policy rule other than those for the tables local, main and default. */
struct netfacts_rule {
	int family;
	uint32_t table, priority, mark;
	uint8_t protocol;
	bool inverted; /* "not" */
	uint8_t source_length;
	uint8_t source[16];
	char out[IF_NAMESIZE]; /* "oif"; "" = any */
};

/* A router: the gateway of one of the routes. */
struct netfacts_router {
	int family, index;
	uint8_t address[16];
	uint8_t mac[6];
};

struct netfacts_filter {
	int index;
	int rp_filter; /* 0 none, 1 strict, 2 loose */
};

struct netfacts {
	unsigned routes, rules, routers, filters;
	struct netfacts_route route[NETFACTS_MAX];
	struct netfacts_rule rule[NETFACTS_MAX];
	struct netfacts_router router[NETFACTS_MAX];
	struct netfacts_filter filter[NETFACTS_MAX];
	int rp_filter_all;
};

/* Takes one message of a dump in: RTM_NEWROUTE before RTM_NEWNEIGH, RTM_NEWRULE, RTM_NEWNETCONF. */
void netfacts_add(struct netfacts *facts, const struct nlmsghdr *message);
/* Dumps everything. 0 or -errno; then @facts hold nothing. */
int netfacts_read(struct netfacts *ret_facts);

/* The default route of this interface in the main table; the one of least priority value. NULL:
 * there is none. */
const struct netfacts_route *netfacts_default(const struct netfacts *facts, int index, int family);
/* The default route of the main table that wins over all others. */
const struct netfacts_route *netfacts_best(const struct netfacts *facts, int family);
/* The hardware address of the gateway of @route; NULL: not known (yet). */
const uint8_t *netfacts_mac(const struct netfacts *facts, const struct netfacts_route *route);
/* What holds for an interface: the greater of its own and that of "all". */
int netfacts_rp_filter(const struct netfacts *facts, int index);
/* A rule picks a table by this source address (4 or 16 bytes). */
bool netfacts_has_source_rule(const struct netfacts *facts, int family, const uint8_t *source);
