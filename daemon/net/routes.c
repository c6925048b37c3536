#include "net/routes.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/log.h"

/*
 * Other programs remove foreign rules (systemd-networkd does at each start), so nothing is believed
 * to be there because it was set: each turn reads the tables and compares. Two programs of ours may
 * run; so but for the start only what this one has set is taken away, and what the start of another
 * one takes away is back a second later.
 *
 * When an interface goes the kernel drops its routes itself; the rule stays and is taken away.
 */
struct entry {
	int index, family;
	char device[IF_NAMESIZE];
	uint8_t gateway[16];
};

struct routes {
	struct nl_sock *socket;
	struct netfacts facts;
	unsigned count;
	struct entry entry[ROUTES_MAX]; /* what we have set */
	char problem[160];
};

static uint32_t table_of(int index)
{
	return ROUTES_TABLE + (uint32_t)index;
}

/* --- to the kernel -------------------------------------------------------------------------- */

static struct rtnl_rule *rule_of(int family, const char *device, uint32_t table)
{
	struct rtnl_rule *rule = rtnl_rule_alloc();

	if (!rule)
		return NULL;
	rtnl_rule_set_family(rule, family);
	rtnl_rule_set_table(rule, table);
	rtnl_rule_set_prio(rule, ROUTES_PRIORITY);
	rtnl_rule_set_action(rule, FR_ACT_TO_TBL);
	(void)rtnl_rule_set_oif(rule, device);
	(void)rtnl_rule_set_protocol(rule, ROUTES_PROTOCOL);
	return rule;
}

static int rule_change(struct routes *routes, int family, const char *device, uint32_t table,
		       bool add)
{
	struct rtnl_rule *rule = rule_of(family, device, table);
	int r = !rule ? -NLE_NOMEM
		: add ? rtnl_rule_add(routes->socket, rule, NLM_F_EXCL)
		      : rtnl_rule_delete(routes->socket, rule, 0);

	rtnl_rule_put(rule);
	return r == -NLE_EXIST || (!add && r == -NLE_OBJ_NOTFOUND) ? 0 : r;
}

static int route_change(struct routes *routes, int family, int index, uint32_t table,
			const uint8_t *gateway, bool add)
{
	struct nl_addr *to = nl_addr_build(family, NULL, 0);
	struct nl_addr *via =
		gateway ? nl_addr_build(family, gateway, family == AF_INET ? 4 : 16) : NULL;
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct rtnl_route *route = rtnl_route_alloc();
	int r = -NLE_NOMEM;

	if (to && hop && route && (via || !gateway)) {
		rtnl_route_nh_set_ifindex(hop, index);
		if (via) {
			rtnl_route_nh_set_gateway(hop, via);
			/* Networks that give an address alone (/32) have their gateway outside. */
			rtnl_route_nh_set_flags(hop, RTNH_F_ONLINK);
		}
		(void)rtnl_route_set_family(route, (uint8_t)family);
		rtnl_route_set_table(route, table);
		rtnl_route_set_protocol(route, ROUTES_PROTOCOL);
		rtnl_route_set_scope(route, RT_SCOPE_UNIVERSE);
		(void)rtnl_route_set_dst(route, to);
		rtnl_route_add_nexthop(route, hop);
		hop = NULL; /* the route's now */
		r = add ? rtnl_route_add(routes->socket, route, NLM_F_REPLACE)
			: rtnl_route_delete(routes->socket, route, 0);
	}
	if (hop)
		rtnl_route_nh_free(hop);
	rtnl_route_put(route);
	nl_addr_put(via);
	nl_addr_put(to);
	return !add && r == -NLE_OBJ_NOTFOUND ? 0 : r;
}

static void entry_remove(struct routes *routes, const struct entry *entry)
{
	(void)rule_change(routes, entry->family, entry->device, table_of(entry->index), false);
	(void)route_change(routes, entry->family, entry->index, table_of(entry->index), NULL,
			   false);
}

/* --- what there is -------------------------------------------------------------------------- */

static bool entry_has_route(const struct netfacts *facts, const struct entry *entry)
{
	for (unsigned i = 0; i < facts->routes; i++) {
		const struct netfacts_route *route = &facts->route[i];

		if (route->table == table_of(entry->index) && route->family == entry->family &&
		    route->index == entry->index && route->protocol == ROUTES_PROTOCOL &&
		    !memcmp(route->gateway, entry->gateway, sizeof(route->gateway)))
			return true;
	}
	return false;
}

static bool entry_has_rule(const struct netfacts *facts, const struct entry *entry)
{
	for (unsigned i = 0; i < facts->rules; i++) {
		const struct netfacts_rule *rule = &facts->rule[i];

		if (rule->table == table_of(entry->index) && rule->family == entry->family &&
		    rule->protocol == ROUTES_PROTOCOL && !strcmp(rule->out, entry->device))
			return true;
	}
	return false;
}

static void flush(struct routes *routes)
{
	const struct netfacts *facts = &routes->facts;
	unsigned removed = 0;

	if (netfacts_read(&routes->facts) < 0)
		return;
	for (unsigned i = 0; i < facts->rules; i++)
		if (facts->rule[i].protocol == ROUTES_PROTOCOL)
			removed += !rule_change(routes, facts->rule[i].family, facts->rule[i].out,
						facts->rule[i].table, false);
	for (unsigned i = 0; i < facts->routes; i++)
		if (facts->route[i].protocol == ROUTES_PROTOCOL)
			removed +=
				!route_change(routes, facts->route[i].family, facts->route[i].index,
					      facts->route[i].table, NULL, false);
	if (removed)
		log_info("routes: removed %u rules and routes that an earlier run left", removed);
}

/* --- what is wanted ------------------------------------------------------------------------- */

/* The router that systemd-networkd got by DHCP. */
static bool lease_gateway(int index, char *text, size_t size)
{
	char path[64], line[256];
	FILE *file;
	bool found = false;

	(void)snprintf(path, sizeof(path), "/run/systemd/netif/leases/%d", index);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		if (!strncmp(line, "ROUTER=", 7)) {
			(void)snprintf(text, size, "%.*s", (int)strcspn(line + 7, " \n"), line + 7);
			found = true;
		}
	if (file)
		(void)fclose(file);
	return found;
}

/* False: it has a default route, or no gateway is known. */
static bool entry_wanted(const struct routes *routes, const struct routes_uplink *uplink,
			 struct entry *ret_entry)
{
	char gateway[sizeof(uplink->gateway)];

	*ret_entry = (struct entry){ .index = (int)if_nametoindex(uplink->device) };
	(void)snprintf(gateway, sizeof(gateway), "%s", uplink->gateway);
	if (!ret_entry->index ||
	    (!gateway[0] && !lease_gateway(ret_entry->index, gateway, sizeof(gateway))))
		return false;
	ret_entry->family = strchr(gateway, ':') ? AF_INET6 : AF_INET;
	memcpy(ret_entry->device, uplink->device, sizeof(ret_entry->device));
	return inet_pton(ret_entry->family, gateway, ret_entry->gateway) == 1 &&
	       !netfacts_default(&routes->facts, ret_entry->index, ret_entry->family);
}

static bool same_place(const struct entry *a, const struct entry *b)
{
	return a->index == b->index && a->family == b->family && !strcmp(a->device, b->device);
}

static void entry_set(struct routes *routes, const struct entry *entry)
{
	char text[INET6_ADDRSTRLEN] = "";
	bool route = entry_has_route(&routes->facts, entry),
	     rule = entry_has_rule(&routes->facts, entry);
	int r = 0;

	if (!route)
		r = route_change(routes, entry->family, entry->index, table_of(entry->index),
				 entry->gateway, true);
	if (!r && !rule)
		r = rule_change(routes, entry->family, entry->device, table_of(entry->index), true);
	(void)inet_ntop(entry->family, entry->gateway, text, sizeof(text));
	if (r == -NLE_PERM)
		(void)snprintf(routes->problem, sizeof(routes->problem),
			       "manage-routes: %s needs a default route by %s, but setting one is "
			       "not permitted",
			       entry->device, text);
	else if (r < 0)
		(void)snprintf(routes->problem, sizeof(routes->problem),
			       "manage-routes: cannot set a route for %s by %s: %s", entry->device,
			       text, nl_geterror(r));
	else if (!route || !rule)
		log_info("routes: %s gets a default route by %s, in table %u of its own",
			 entry->device, text, table_of(entry->index));
}

void routes_sync(struct routes *routes, const struct routes_uplink *uplinks, unsigned count)
{
	struct entry wanted[ROUTES_MAX];
	unsigned n = 0;

	if (netfacts_read(&routes->facts) < 0)
		return;
	for (unsigned i = 0; i < count && n < ROUTES_MAX; i++)
		n += entry_wanted(routes, &uplinks[i], &wanted[n]);
	for (unsigned i = 0; i < routes->count; i++) {
		bool stays = false;

		for (unsigned k = 0; k < n; k++)
			stays |= same_place(&routes->entry[i], &wanted[k]);
		if (!stays)
			entry_remove(routes, &routes->entry[i]);
	}
	routes->problem[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		entry_set(routes, &wanted[i]);
	memcpy(routes->entry, wanted, n * sizeof(wanted[0]));
	routes->count = n;
}

struct routes *routes_new(void)
{
	struct routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return NULL;
	routes->socket = nl_socket_alloc();
	if (!routes->socket || nl_connect(routes->socket, NETLINK_ROUTE) < 0)
		return routes_free(routes);
	flush(routes);
	return routes;
}

struct routes *routes_free(struct routes *routes)
{
	if (!routes)
		return NULL;
	for (unsigned i = 0; i < routes->count; i++)
		entry_remove(routes, &routes->entry[i]);
	nl_socket_free(routes->socket);
	free(routes);
	return NULL;
}

const char *routes_problem(const struct routes *routes)
{
	return routes->problem;
}
