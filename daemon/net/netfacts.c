#include "net/netfacts.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Reverse path filters are read over netlink and not below /proc/sys, which a sandboxed service
 * does not see.
 */
#define DUMP_ATTEMPTS 4 /* a dump during which the tables changed is void */

static size_t address_size(int family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

/* False: it is there, but not as long as an address of that family. */
static bool take_address(uint8_t *out, int family, const struct nlattr *attr)
{
	size_t size = address_size(family);

	if (!size || !attr || (size_t)nla_len(attr) < size)
		return false;
	memcpy(out, nla_data(attr), size);
	return true;
}

static uint32_t take_u32(const struct nlattr *attr, uint32_t otherwise)
{
	return attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : otherwise;
}

static void add_hop(struct netfacts *facts, const struct netfacts_route *route, int index,
		    const struct nlattr *gateway)
{
	struct netfacts_route *place;

	if (facts->routes == NETFACTS_MAX || index <= 0)
		return;
	place = &facts->route[facts->routes++];
	*place = *route;
	place->index = index;
	place->has_gateway = take_address(place->gateway, route->family, gateway);
}

static void add_hops(struct netfacts *facts, const struct netfacts_route *route,
		     const struct nlattr *multipath)
{
	const uint8_t *at = nla_data(multipath);
	size_t left = (size_t)nla_len(multipath);
	struct nlattr *attr[RTA_MAX + 1];
	struct rtnexthop hop;

	while (left >= sizeof(hop)) {
		size_t step;

		memcpy(&hop, at, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left)
			return;
		if (nla_parse(attr, RTA_MAX, (struct nlattr *)(at + sizeof(hop)),
			      hop.rtnh_len - (int)sizeof(hop), NULL) >= 0)
			add_hop(facts, route, hop.rtnh_ifindex, attr[RTA_GATEWAY]);
		step = RTNH_ALIGN(hop.rtnh_len);
		if (step >= left)
			return;
		at += step;
		left -= step;
	}
}

static void add_route(struct netfacts *facts, const struct nlmsghdr *message)
{
	struct netfacts_route route = { 0 };
	struct nlattr *attr[RTA_MAX + 1];
	const struct rtmsg *header;

	if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*header), attr, RTA_MAX, NULL) < 0)
		return;
	header = nlmsg_data(message);
	if (header->rtm_type != RTN_UNICAST || header->rtm_dst_len > 1 ||
	    header->rtm_flags & RTM_F_CLONED || !address_size(header->rtm_family))
		return;
	route.family = header->rtm_family;
	route.length = header->rtm_dst_len;
	route.protocol = header->rtm_protocol;
	route.table = take_u32(attr[RTA_TABLE], header->rtm_table);
	route.priority = take_u32(attr[RTA_PRIORITY], 0);
	if (attr[RTA_MULTIPATH])
		add_hops(facts, &route, attr[RTA_MULTIPATH]);
	else
		add_hop(facts, &route, (int)take_u32(attr[RTA_OIF], 0), attr[RTA_GATEWAY]);
}

static void add_rule(struct netfacts *facts, const struct nlmsghdr *message)
{
	struct netfacts_rule rule = { 0 };
	struct nlattr *attr[FRA_MAX + 1];
	const struct fib_rule_hdr *header;

	if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*header), attr, FRA_MAX, NULL) < 0)
		return;
	header = nlmsg_data(message);
	rule.family = header->family;
	rule.table = take_u32(attr[FRA_TABLE], header->table);
	rule.priority = take_u32(attr[FRA_PRIORITY], 0);
	rule.mark = take_u32(attr[FRA_FWMARK], 0);
	rule.inverted = header->flags & FIB_RULE_INVERT;
	if (attr[FRA_PROTOCOL] && nla_len(attr[FRA_PROTOCOL]) >= 1)
		rule.protocol = nla_get_u8(attr[FRA_PROTOCOL]);
	if (attr[FRA_OIFNAME])
		(void)nla_strlcpy(rule.out, attr[FRA_OIFNAME], sizeof(rule.out));
	if (take_address(rule.source, rule.family, attr[FRA_SRC]) &&
	    header->src_len <= 8 * address_size(rule.family))
		rule.source_length = header->src_len;
	if (facts->rules == NETFACTS_MAX || header->action != FR_ACT_TO_TBL ||
	    (rule.table >= RT_TABLE_DEFAULT && rule.table <= RT_TABLE_LOCAL))
		return;
	facts->rule[facts->rules++] = rule;
}

static bool is_gateway(const struct netfacts *facts, const struct netfacts_router *router)
{
	for (unsigned i = 0; i < facts->routes; i++) {
		const struct netfacts_route *route = &facts->route[i];

		if (route->has_gateway && route->index == router->index &&
		    route->family == router->family &&
		    !memcmp(route->gateway, router->address, sizeof(route->gateway)))
			return true;
	}
	return false;
}

static void add_neighbour(struct netfacts *facts, const struct nlmsghdr *message)
{
	struct netfacts_router router = { 0 };
	struct nlattr *attr[NDA_MAX + 1];
	const struct ndmsg *header;

	if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*header), attr, NDA_MAX, NULL) < 0)
		return;
	header = nlmsg_data(message);
	router.family = header->ndm_family;
	router.index = header->ndm_ifindex;
	if (!take_address(router.address, router.family, attr[NDA_DST]) || !attr[NDA_LLADDR] ||
	    nla_len(attr[NDA_LLADDR]) != (int)sizeof(router.mac) ||
	    header->ndm_state & (NUD_FAILED | NUD_INCOMPLETE | NUD_NOARP))
		return;
	memcpy(router.mac, nla_data(attr[NDA_LLADDR]), sizeof(router.mac));
	if (facts->routers < NETFACTS_MAX && is_gateway(facts, &router))
		facts->router[facts->routers++] = router;
}

static void add_netconf(struct netfacts *facts, const struct nlmsghdr *message)
{
	struct nlattr *attr[NETCONFA_MAX + 1];
	const struct netconfmsg *header;
	int index, value;

	if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*header), attr, NETCONFA_MAX, NULL) < 0)
		return;
	header = nlmsg_data(message);
	if (header->ncm_family != AF_INET || !attr[NETCONFA_IFINDEX] || !attr[NETCONFA_RP_FILTER])
		return;
	index = (int)take_u32(attr[NETCONFA_IFINDEX], 0);
	value = (int)take_u32(attr[NETCONFA_RP_FILTER], 0);
	if (index == NETCONFA_IFINDEX_ALL)
		facts->rp_filter_all = value;
	else if (index > 0 && facts->filters < NETFACTS_MAX)
		facts->filter[facts->filters++] =
			(struct netfacts_filter){ .index = index, .rp_filter = value };
}

void netfacts_add(struct netfacts *facts, const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWROUTE:
		add_route(facts, message);
		break;
	case RTM_NEWRULE:
		add_rule(facts, message);
		break;
	case RTM_NEWNEIGH:
		add_neighbour(facts, message);
		break;
	case RTM_NEWNETCONF:
		add_netconf(facts, message);
		break;
	}
}

/* --- the dump ------------------------------------------------------------------------------- */

static int take_message(struct nl_msg *message, void *data)
{
	netfacts_add(data, nlmsg_hdr(message));
	return NL_OK;
}

static int dump(struct nl_sock *socket, int request, int family)
{
	/* Zeroes behind the family: everything. Long enough for each of the requests. */
	union {
		struct rtmsg route;
		struct fib_rule_hdr rule;
		struct ndmsg neighbour;
		struct netconfmsg netconf;
	} header = { 0 };
	size_t len = request == RTM_GETNETCONF ? sizeof(header.netconf)
		     : request == RTM_GETNEIGH ? sizeof(header.neighbour)
					       : sizeof(header.route);
	int r;

	*(unsigned char *)&header = (unsigned char)family;
	r = nl_send_simple(socket, request, NLM_F_DUMP, &header, len);
	return r < 0 ? r : nl_recvmsgs_default(socket);
}

static int dump_all(struct nl_sock *socket)
{
	static const struct {
		int request, family;
	} dumps[] = {
		{ RTM_GETROUTE, AF_UNSPEC }, { RTM_GETNEIGH, AF_UNSPEC }, { RTM_GETRULE, AF_INET },
		{ RTM_GETRULE, AF_INET6 },   { RTM_GETNETCONF, AF_INET },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(dumps) / sizeof(dumps[0]) && r >= 0; i++)
		r = dump(socket, dumps[i].request, dumps[i].family);
	return r < 0 ? r : 0;
}

int netfacts_read(struct netfacts *ret_facts)
{
	struct nl_sock *socket = nl_socket_alloc();
	int r = socket ? nl_connect(socket, NETLINK_ROUTE) : -NLE_NOMEM;

	*ret_facts = (struct netfacts){ 0 };
	if (!r)
		r = nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, take_message, ret_facts);
	for (unsigned i = 0; !r && i < DUMP_ATTEMPTS; i++) {
		*ret_facts = (struct netfacts){ 0 };
		r = dump_all(socket);
		if (r != -NLE_DUMP_INTR)
			break;
		r = i + 1 < DUMP_ATTEMPTS ? 0 : r;
	}
	nl_socket_free(socket);
	if (r)
		*ret_facts = (struct netfacts){ 0 };
	return r ? -EIO : 0;
}

/* --- questions ------------------------------------------------------------------------------ */

/* The index that stands for every interface. */
#define ANY_INDEX 0

static const struct netfacts_route *least(const struct netfacts *facts, int index, int family)
{
	const struct netfacts_route *best = NULL;

	for (unsigned i = 0; i < facts->routes; i++) {
		const struct netfacts_route *route = &facts->route[i];

		if (route->family == family && route->table == RT_TABLE_MAIN && !route->length &&
		    (index == ANY_INDEX || route->index == index) &&
		    (!best || route->priority < best->priority))
			best = route;
	}
	return best;
}

const struct netfacts_route *netfacts_default(const struct netfacts *facts, int index, int family)
{
	return index > 0 ? least(facts, index, family) : NULL;
}

const struct netfacts_route *netfacts_best(const struct netfacts *facts, int family)
{
	return least(facts, ANY_INDEX, family);
}

const uint8_t *netfacts_mac(const struct netfacts *facts, const struct netfacts_route *route)
{
	for (unsigned i = 0; i < facts->routers; i++) {
		const struct netfacts_router *router = &facts->router[i];

		if (route->has_gateway && router->index == route->index &&
		    router->family == route->family &&
		    !memcmp(router->address, route->gateway, sizeof(route->gateway)))
			return router->mac;
	}
	return NULL;
}

int netfacts_rp_filter(const struct netfacts *facts, int index)
{
	int value = facts->rp_filter_all;

	for (unsigned i = 0; i < facts->filters; i++)
		if (facts->filter[i].index == index && facts->filter[i].rp_filter > value)
			value = facts->filter[i].rp_filter;
	return value;
}

bool netfacts_has_source_rule(const struct netfacts *facts, int family, const uint8_t *source)
{
	for (unsigned i = 0; i < facts->rules; i++) {
		const struct netfacts_rule *rule = &facts->rule[i];
		unsigned whole = rule->source_length / 8, rest = rule->source_length % 8;
		uint8_t mask = (uint8_t)(0xff00u >> rest);

		if (rule->family == family && rule->source_length && !rule->inverted &&
		    !memcmp(rule->source, source, whole) &&
		    (!rest || !((rule->source[whole] ^ source[whole]) & mask)))
			return true;
	}
	return false;
}
