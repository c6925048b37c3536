#include "net/iftable.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "net/address.h"

/*
 * Routes are taken from the dump and not from libnl's cache, which tells two default routes of
 * equal metric apart by nothing and so loses one of two identical modems.
 *
 * What the kernel shows is not quite what is so: a cable that was pulled leaves its default route
 * in the table (hence carrier and operstate), many USB devices stay UNKNOWN for ever (hence UNKNOWN
 * counts as up), and sending by an interface without a route succeeds and goes nowhere (hence the
 * route is asked for before a socket is used).
 */

static struct iftable_interface *by_index(struct iftable *table, int index)
{
	return (struct iftable_interface *)iftable_find_index(table, index);
}

static bool operstate_is_up(uint8_t operstate)
{
	return operstate == IF_OPER_UP || operstate == IF_OPER_UNKNOWN;
}

/* How likely it is of use: what is worth keeping when there are too many. */
static unsigned rank(const struct iftable_interface *interface)
{
	return (iftable_not_candidate(interface) ? 0 : 4) + (interface->carrier ? 2 : 0) +
	       (interface->up ? 1 : 0);
}

/* Room for one of this rank; NULL: all that are there are worth as much. */
static struct iftable_interface *make_room(struct iftable *table, unsigned wanted)
{
	struct iftable_interface *least = NULL;

	if (table->count < IFTABLE_MAX)
		return &table->interface[table->count++];
	for (unsigned i = 0; i < table->count; i++)
		if (rank(&table->interface[i]) < wanted &&
		    (!least || rank(&table->interface[i]) < rank(least)))
			least = &table->interface[i];
	return least;
}

static void add_link(struct iftable *table, const struct nlmsghdr *message)
{
	struct nlattr *attr[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	struct iftable_interface fresh, *interface;
	const struct ifinfomsg *link;

	if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*link), attr, IFLA_MAX, NULL) < 0 ||
	    !attr[IFLA_IFNAME])
		return;
	link = nlmsg_data(message);
	if (by_index(table, link->ifi_index))
		return;
	memset(&fresh, 0, sizeof(fresh)); /* with its padding: entries are compared as bytes */
	fresh.index = link->ifi_index;
	fresh.hardware = link->ifi_type;
	fresh.loopback = link->ifi_flags & IFF_LOOPBACK;
	fresh.up = link->ifi_flags & IFF_UP;
	fresh.carrier = link->ifi_flags & IFF_LOWER_UP;
	fresh.enslaved = attr[IFLA_MASTER];
	(void)nla_strlcpy(fresh.name, attr[IFLA_IFNAME], sizeof(fresh.name));
	if (attr[IFLA_OPERSTATE] && nla_len(attr[IFLA_OPERSTATE]) >= 1)
		fresh.operstate = nla_get_u8(attr[IFLA_OPERSTATE]);
	if (attr[IFLA_MTU] && nla_len(attr[IFLA_MTU]) >= 4)
		fresh.mtu = nla_get_u32(attr[IFLA_MTU]);
	if (attr[IFLA_LINKINFO] &&
	    nla_parse_nested(info, IFLA_INFO_MAX, attr[IFLA_LINKINFO], NULL) >= 0 &&
	    info[IFLA_INFO_KIND])
		(void)nla_strlcpy(fresh.kind, info[IFLA_INFO_KIND], sizeof(fresh.kind));
	interface = make_room(table, rank(&fresh));
	if (interface)
		*interface = fresh;
}

static bool prefix_set(struct iftable_prefix *prefix, int family, const struct nlattr *attr,
		       uint8_t length)
{
	int size = family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;

	if (!size || length > size * 8)
		return false;
	memset(prefix, 0, sizeof(*prefix)); /* with its padding: entries are compared as bytes */
	prefix->family = family;
	prefix->length = length;
	if (attr) {
		if (nla_len(attr) < size)
			return false;
		memcpy(prefix->bytes, nla_data(attr), (size_t)size);
	}
	return true;
}

static void add_address(struct iftable *table, const struct nlmsghdr *message)
{
	struct nlattr *attr[IFA_MAX + 1], *local;
	struct iftable_interface *interface;
	const struct ifaddrmsg *address;
	struct iftable_prefix prefix;
	uint32_t flags;
	unsigned at;

	if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*address), attr, IFA_MAX, NULL) < 0)
		return;
	address = nlmsg_data(message);
	/* On point-to-point links IFA_ADDRESS is the other end. */
	local = attr[IFA_LOCAL] ? attr[IFA_LOCAL] : attr[IFA_ADDRESS];
	flags = attr[IFA_FLAGS] && nla_len(attr[IFA_FLAGS]) >= 4 ? nla_get_u32(attr[IFA_FLAGS])
								 : address->ifa_flags;
	if (!local || flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) ||
	    !prefix_set(&prefix, address->ifa_family, local, address->ifa_prefixlen))
		return;
	interface = by_index(table, (int)address->ifa_index);
	if (!interface || (address->ifa_scope >= RT_SCOPE_LINK && !interface->loopback))
		return;
	/* A deprecated one is for those who use it already: at the end, and the first to give way.
	 */
	at = flags & IFA_F_DEPRECATED ? interface->addresses : interface->preferred;
	if (at == IFTABLE_ADDRESSES_MAX)
		return;
	if (interface->addresses < IFTABLE_ADDRESSES_MAX)
		interface->addresses++;
	if (!(flags & IFA_F_DEPRECATED))
		interface->preferred++;
	memmove(interface->address + at + 1, interface->address + at,
		(interface->addresses - at - 1) * sizeof(prefix));
	interface->address[at] = prefix;
}

static void add_route_by(struct iftable *table, int index, const struct iftable_prefix *prefix)
{
	struct iftable_interface *interface = by_index(table, index);

	if (!interface)
		return;
	/* A default route must find room whatever else there is. */
	if (interface->routes == IFTABLE_ROUTES_MAX) {
		if (!prefix->length)
			interface->route[IFTABLE_ROUTES_MAX - 1] = *prefix;
		return;
	}
	interface->route[interface->routes++] = *prefix;
}

static void add_route(struct iftable *table, const struct nlmsghdr *message)
{
	struct nlattr *attr[RTA_MAX + 1];
	struct iftable_prefix prefix;
	const struct rtmsg *route;
	uint32_t number;

	if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*route), attr, RTA_MAX, NULL) < 0)
		return;
	route = nlmsg_data(message);
	number = attr[RTA_TABLE] && nla_len(attr[RTA_TABLE]) >= 4 ? nla_get_u32(attr[RTA_TABLE])
								  : route->rtm_table;
	if (route->rtm_type != RTN_UNICAST ||
	    (number != RT_TABLE_MAIN && route->rtm_protocol != IFTABLE_PROTOCOL) ||
	    route->rtm_flags & RTM_F_CLONED ||
	    !prefix_set(&prefix, route->rtm_family, attr[RTA_DST], route->rtm_dst_len))
		return;
	if (attr[RTA_OIF] && nla_len(attr[RTA_OIF]) >= 4) {
		add_route_by(table, (int)nla_get_u32(attr[RTA_OIF]), &prefix);
	} else if (attr[RTA_MULTIPATH]) {
		const uint8_t *at = nla_data(attr[RTA_MULTIPATH]);
		size_t left = (size_t)nla_len(attr[RTA_MULTIPATH]);
		struct rtnexthop hop;

		while (left >= sizeof(hop)) {
			memcpy(&hop, at, sizeof(hop));
			if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left)
				break;
			add_route_by(table, hop.rtnh_ifindex, &prefix);
			if ((size_t)RTNH_ALIGN(hop.rtnh_len) >= left)
				break;
			at += RTNH_ALIGN(hop.rtnh_len);
			left -= RTNH_ALIGN(hop.rtnh_len);
		}
	}
}

void iftable_add(struct iftable *table, const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
		add_link(table, message);
		break;
	case RTM_NEWADDR:
		add_address(table, message);
		break;
	case RTM_NEWROUTE:
		add_route(table, message);
		break;
	}
}

static void remove_at(struct iftable *table, unsigned at)
{
	table->count--;
	memmove(table->interface + at, table->interface + at + 1,
		(table->count - at) * sizeof(table->interface[0]));
}

static bool strike_link(struct iftable *table, const struct nlmsghdr *message)
{
	const struct ifinfomsg *link = nlmsg_data(message);
	struct iftable_interface *interface;
	struct nlattr *attr[IFLA_MAX + 1];
	bool was_up, had_carrier;
	uint8_t operstate;

	/* Bridges tell of their ports under a family of their own. */
	if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*link), attr, IFLA_MAX, NULL) < 0 ||
	    link->ifi_family != AF_UNSPEC)
		return false;
	interface = by_index(table, link->ifi_index);
	if (!interface)
		return false;
	if (message->nlmsg_type == RTM_DELLINK) {
		remove_at(table, (unsigned)(interface - table->interface));
		return true;
	}
	was_up = interface->up;
	had_carrier = interface->carrier;
	operstate = interface->operstate;
	interface->up &= (link->ifi_flags & IFF_UP) != 0;
	interface->carrier &= (link->ifi_flags & IFF_LOWER_UP) != 0;
	if (attr[IFLA_OPERSTATE] && nla_len(attr[IFLA_OPERSTATE]) >= 1 &&
	    !operstate_is_up(nla_get_u8(attr[IFLA_OPERSTATE])))
		interface->operstate = nla_get_u8(attr[IFLA_OPERSTATE]);
	return interface->up != was_up || interface->carrier != had_carrier ||
	       interface->operstate != operstate;
}

static bool strike_address(struct iftable *table, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *address = nlmsg_data(message);
	struct nlattr *attr[IFA_MAX + 1], *local;
	struct iftable_interface *interface;
	struct iftable_prefix prefix;

	if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*address), attr, IFA_MAX, NULL) < 0)
		return false;
	local = attr[IFA_LOCAL] ? attr[IFA_LOCAL] : attr[IFA_ADDRESS];
	interface = by_index(table, (int)address->ifa_index);
	if (!interface || !local ||
	    !prefix_set(&prefix, address->ifa_family, local, address->ifa_prefixlen))
		return false;
	for (unsigned i = 0; i < interface->addresses; i++) {
		if (interface->address[i].family != prefix.family ||
		    interface->address[i].length != prefix.length ||
		    memcmp(interface->address[i].bytes, prefix.bytes, sizeof(prefix.bytes)) != 0)
			continue;
		interface->addresses--;
		interface->preferred -= i < interface->preferred;
		memmove(interface->address + i, interface->address + i + 1,
			(interface->addresses - i) * sizeof(prefix));
		memset(interface->address + interface->addresses, 0, sizeof(prefix));
		return true;
	}
	return false;
}

bool iftable_strike(struct iftable *table, const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return strike_link(table, message);
	case RTM_DELADDR:
		return strike_address(table, message);
	}
	return false;
}

bool iftable_equal(const struct iftable *a, const struct iftable *b)
{
	return a->count == b->count &&
	       !memcmp(a->interface, b->interface, a->count * sizeof(a->interface[0]));
}

const struct iftable_interface *iftable_find_index(const struct iftable *table, int index)
{
	for (unsigned i = 0; i < table->count; i++)
		if (table->interface[i].index == index)
			return &table->interface[i];
	return NULL;
}

const struct iftable_interface *iftable_find(const struct iftable *table, const char *name)
{
	for (unsigned i = 0; i < table->count; i++)
		if (!strcmp(table->interface[i].name, name))
			return &table->interface[i];
	return NULL;
}

/* The bytes of the IP address alone. */
static const uint8_t *host_bytes(const struct bond_address *address)
{
	return address->bytes + (address_family(address) == AF_INET
					 ? offsetof(struct sockaddr_in, sin_addr)
					 : offsetof(struct sockaddr_in6, sin6_addr));
}

static bool prefix_covers(const struct iftable_prefix *prefix, const uint8_t *host)
{
	unsigned whole = prefix->length / 8, rest = prefix->length % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	return !memcmp(prefix->bytes, host, whole) &&
	       (!rest || !((prefix->bytes[whole] ^ host[whole]) & mask));
}

bool iftable_has_address(const struct iftable_interface *interface,
			 const struct bond_address *local)
{
	int family = address_family(local);
	size_t size = family == AF_INET ? 4 : 16;

	for (unsigned i = 0; i < interface->addresses; i++)
		if (interface->address[i].family == family &&
		    !memcmp(interface->address[i].bytes, host_bytes(local), size))
			return true;
	return false;
}

const struct iftable_interface *iftable_owner(const struct iftable *table,
					      const struct bond_address *local)
{
	for (unsigned i = 0; i < table->count; i++)
		if (iftable_has_address(&table->interface[i], local))
			return &table->interface[i];
	return NULL;
}

struct bond_address iftable_address(const struct iftable_interface *interface, int family)
{
	for (unsigned i = 0; i < interface->addresses; i++) {
		const struct iftable_prefix *address = &interface->address[i];
		struct sockaddr_in in = { .sin_family = AF_INET };
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

		if (address->family != family)
			continue;
		memcpy(&in.sin_addr, address->bytes, sizeof(in.sin_addr));
		memcpy(&in6.sin6_addr, address->bytes, sizeof(in6.sin6_addr));
		return address_of(family == AF_INET ? (const struct sockaddr *)&in
						    : (const struct sockaddr *)&in6);
	}
	return (struct bond_address){ 0 };
}

bool iftable_has_default(const struct iftable_interface *interface, int family)
{
	for (unsigned i = 0; i < interface->routes; i++)
		if (interface->route[i].family == family && !interface->route[i].length)
			return true;
	return false;
}

bool iftable_leads_to(const struct iftable_interface *interface, const struct bond_address *remote)
{
	int family = address_family(remote);

	for (unsigned i = 0; i < interface->routes; i++)
		if (interface->route[i].family == family &&
		    prefix_covers(&interface->route[i], host_bytes(remote)))
			return true;
	return interface->loopback && address_is_loopback(remote);
}

const char *iftable_not_candidate(const struct iftable_interface *interface)
{
	/* A tunnel runs over one of the others: to use it would be to count that one twice. */
	static const char *const tunnels[] = { "tun",	 "wireguard", "ipip",  "sit",	 "gre",
					       "gretap", "ip6gre",    "vxlan", "geneve", "ip6tnl",
					       "vti",	 "vti6",      "xfrm",  "l2tpeth" };
	static const char *const others[] = { "dummy", "ifb", "vrf", "nlmon", "netdevsim" };

	if (interface->loopback)
		return "is the machine itself";
	if (interface->enslaved)
		return "is a port of a bridge or bond: that one is used instead";
	for (size_t i = 0; i < sizeof(tunnels) / sizeof(tunnels[0]); i++)
		if (!strcmp(interface->kind, tunnels[i]))
			return "is a tunnel, which runs over one of the others";
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(interface->kind, others[i]))
			return "leads nowhere";
	if (interface->hardware >= ARPHRD_IEEE80211 &&
	    interface->hardware <= ARPHRD_IEEE80211_RADIOTAP)
		return "is a Wi-Fi monitor";
	return NULL;
}

static bool usable_for(const struct iftable_interface *interface, int family,
		       const struct bond_address *remote, char *why, size_t size)
{
	struct bond_address local = iftable_address(interface, family);
	char text[ADDRESS_TEXT_MAX];

	if (!local.len) {
		(void)snprintf(why, size, "%s has no %s address", interface->name,
			       family == AF_INET ? "IPv4" : "IPv6");
		return false;
	}
	if (iftable_has_default(interface, family) ||
	    (remote->len && iftable_leads_to(interface, remote)))
		return true;
	(void)address_text(&local, text);
	(void)snprintf(why, size, "%s has address %.*s but no default route", interface->name,
		       (int)(strlen(text) - 2), text); /* without the port, ":0" */
	return false;
}

bool iftable_is_usable(const struct iftable_interface *interface, const struct bond_address *remote,
		       char *why, size_t size)
{
	int family = address_family(remote);
	char other[160];

	why[0] = '\0';
	if (interface->enslaved)
		(void)snprintf(why, size, "%s is a port of a bridge or bond: use that instead",
			       interface->name);
	else if (address_is_loopback(remote) && !interface->loopback)
		(void)snprintf(why, size, "%s does not lead to this machine itself",
			       interface->name);
	else if (!interface->up)
		(void)snprintf(why, size, "%s is switched off", interface->name);
	else if (!interface->carrier)
		(void)snprintf(why, size, "%s has no carrier (cable, association)",
			       interface->name);
	else if (!operstate_is_up(interface->operstate))
		(void)snprintf(why, size, "%s is not ready", interface->name);
	else if (family != AF_UNSPEC)
		return usable_for(interface, family, remote, why, size);
	else if (usable_for(interface, AF_INET, remote, why, size) ||
		 usable_for(interface, AF_INET6, remote, other, sizeof(other))) {
		why[0] = '\0';
		return true;
	}
	return false;
}
