#include "net/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "net/address.h"

/*
 * Each check looks at one way in which an uplink is lost without an error from the kernel:
 *
 * - no default route: what is sent is accepted and goes nowhere;
 * - strict reverse path filter: answers that come in by another interface than the best route to
 *   their sender are dropped, so that only one of several uplinks works. A rule by source address
 *   cures it, one by interface does not: the reverse lookup knows no outgoing interface;
 * - two uplinks behind one router are one line and share its fate. Two modem sticks of one make
 *   may well show the same hardware address, so modems are left out;
 * - a VPN that takes all traffic: pinned sockets pass it by, which a person may want or not;
 * - a path that carries what is short and swallows what is long. Uniform loss is no such thing, so
 *   nothing long at all may have arrived while short datagrams did;
 * - a name server that answers over one uplink and not over another: a captive portal, or a prepaid
 *   card without credit;
 * - a receiver that answers over one uplink and not over another.
 */
#define LONG_LOST_MIN	20 /* datagrams; with none that arrived it is not chance */
#define SHORT_ACKED_MIN 3
#define SILENT_MIN	(8 * USEC_PER_SEC)
#define MTU_WANTED	(WIRE_DATAGRAM_MAX + 28) /* IPv4 and UDP */

static void add(struct doctor_report *report, const char *code, enum doctor_severity severity,
		const char *uplink, const char *advice, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
static void add(struct doctor_report *report, const char *code, enum doctor_severity severity,
		const char *uplink, const char *advice, const char *format, ...)
{
	struct doctor_finding *place;
	unsigned at = report->count;
	va_list args;

	/* Stable by severity; when it is full the least of them goes. */
	while (at && report->finding[at - 1].severity < severity)
		at--;
	if (at == DOCTOR_FINDINGS_MAX)
		return;
	if (report->count == DOCTOR_FINDINGS_MAX)
		report->count--;
	place = &report->finding[at];
	memmove(place + 1, place, (report->count - at) * sizeof(*place));
	report->count++;
	*place = (struct doctor_finding){ .code = code, .severity = severity };
	(void)snprintf(place->uplink, sizeof(place->uplink), "%s", uplink);
	(void)snprintf(place->advice, sizeof(place->advice), "%s", advice);
	va_start(args, format);
	(void)vsnprintf(place->text, sizeof(place->text), format, args);
	va_end(args);
}

static const struct iftable_interface *interface_of(const struct doctor_facts *facts,
						    const struct doctor_uplink *uplink)
{
	return uplink->device[0] ? iftable_find(facts->interfaces, uplink->device) : NULL;
}

static bool is_tunnel(const struct iftable_interface *interface)
{
	static const char *const kinds[] = { "tun", "wireguard", "ipip", "sit", "gre", "vxlan" };

	for (size_t i = 0; interface && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(interface->kind, kinds[i]))
			return true;
	return false;
}

/* --- the checks: each returns how many findings it made ------------------------------------- */

static unsigned check_uplink_routes(const struct doctor_facts *facts,
				    const struct doctor_uplink *uplink,
				    struct doctor_report *report)
{
	const struct iftable_interface *interface = interface_of(facts, uplink);
	char advice[sizeof(report->finding[0].advice)];

	if (uplink->open)
		return 0;
	if (!interface || !interface->up || !interface->carrier || !interface->addresses ||
	    iftable_has_default(interface, AF_INET) || iftable_has_default(interface, AF_INET6) ||
	    (uplink->remote.len && iftable_leads_to(interface, &uplink->remote))) {
		add(report, "uplink-closed", DOCTOR_WARNING, uplink->name, "", "it is not used: %s",
		    uplink->problem[0] ? uplink->problem : "not open yet");
		return 1;
	}
	(void)snprintf(advice, sizeof(advice),
		       "let the network service set one with a metric of its own (NetworkManager: "
		       "ipv4.never-default no; ifupdown: metric 200), or set \"gateway = ADDRESS\" "
		       "in [uplink %s] and \"manage-routes = yes\"",
		       uplink->name);
	add(report, "no-default-route", DOCTOR_ERROR, uplink->name, advice,
	    "%s has an address but no default route: what is sent there would go nowhere",
	    uplink->device);
	return 1;
}

static unsigned check_routes(const struct doctor_facts *facts, struct doctor_report *report)
{
	unsigned found = 0;

	for (unsigned i = 0; i < facts->uplinks; i++)
		found += check_uplink_routes(facts, &facts->uplink[i], report);
	if (!facts->uplinks) {
		add(report, "no-uplink", DOCTOR_ERROR, "",
		    "plug in a cable, modem or phone, or join a Wi-Fi; uplinks are found by "
		    "themselves",
		    "there is no uplink: no interface has an address");
		found++;
	}
	if (facts->routes_problem[0]) {
		add(report, "route-manager", DOCTOR_ERROR, "",
		    "give the service the capability CAP_NET_ADMIN (see manage-routes in "
		    "uplinkd.conf(5)), or set manage-routes = no",
		    "%s", facts->routes_problem);
		found++;
	}
	return found;
}

static unsigned check_rp_filter(const struct doctor_facts *facts, struct doctor_report *report)
{
	const struct netfacts_route *best = netfacts_best(facts->net, AF_INET);
	unsigned found = 0;

	for (unsigned i = 0; i < facts->uplinks; i++) {
		const struct doctor_uplink *uplink = &facts->uplink[i];
		const struct iftable_interface *interface = interface_of(facts, uplink);
		char advice[sizeof(report->finding[0].advice)];
		struct bond_address local;

		if (!interface || netfacts_rp_filter(facts->net, interface->index) != 1)
			continue;
		local = uplink->local.len ? uplink->local : iftable_address(interface, AF_INET);
		if (address_family(&local) != AF_INET ||
		    (best && best->index == interface->index) ||
		    netfacts_has_source_rule(facts->net, AF_INET,
					     local.bytes + offsetof(struct sockaddr_in, sin_addr)))
			continue;
		(void)snprintf(advice, sizeof(advice),
			       "sysctl net.ipv4.conf.%s.rp_filter=2 (loose), and the same in a "
			       "file of /etc/sysctl.d for the next start",
			       uplink->device);
		add(report, "rp-filter", DOCTOR_ERROR, uplink->name, advice,
		    "the reverse path filter of %s is strict and its route is not the best: the "
		    "kernel drops the receiver's answers",
		    uplink->device);
		found++;
	}
	return found;
}

static bool is_modem(const struct doctor_uplink *uplink)
{
	return !strcmp(uplink->type, "cellular") || !strcmp(uplink->type, "tether");
}

static bool same_router(const struct doctor_facts *facts, const struct iftable_interface *a,
			const struct iftable_interface *b, int family)
{
	const struct netfacts_route *via_a = netfacts_default(facts->net, a->index, family);
	const struct netfacts_route *via_b = netfacts_default(facts->net, b->index, family);
	const uint8_t *mac_a = via_a ? netfacts_mac(facts->net, via_a) : NULL;
	const uint8_t *mac_b = via_b ? netfacts_mac(facts->net, via_b) : NULL;

	return mac_a && mac_b && !memcmp(mac_a, mac_b, 6);
}

static unsigned check_routers(const struct doctor_facts *facts, struct doctor_report *report)
{
	unsigned found = 0;

	for (unsigned i = 0; i < facts->uplinks; i++)
		for (unsigned k = i + 1; k < facts->uplinks; k++) {
			const struct doctor_uplink *one = &facts->uplink[i],
						   *other = &facts->uplink[k];
			const struct iftable_interface *a = interface_of(facts, one);
			const struct iftable_interface *b = interface_of(facts, other);

			if (!a || !b || a == b || (is_modem(one) && is_modem(other)) ||
			    !(same_router(facts, a, b, AF_INET) ||
			      same_router(facts, a, b, AF_INET6)))
				continue;
			add(report, "same-router", DOCTOR_WARNING, other->name,
			    "connect one of them to another line; two ways to one router share "
			    "its capacity and fail together",
			    "%s and %s lead to the same router", one->name, other->name);
			found++;
		}
	return found;
}

/* The tunnel that takes what is sent without being pinned, or NULL. */
static const struct iftable_interface *tunnel_in_the_way(const struct doctor_facts *facts)
{
	const struct netfacts_route *best = netfacts_best(facts->net, AF_INET);

	for (unsigned i = 0; i < facts->net->routes; i++) {
		const struct netfacts_route *route = &facts->net->route[i];
		const struct iftable_interface *interface =
			iftable_find_index(facts->interfaces, route->index);
		bool wins = route == best || (route->length && route->table == RT_TABLE_MAIN);

		if (!is_tunnel(interface))
			continue;
		for (unsigned k = 0; k < facts->net->rules && !wins; k++)
			wins = facts->net->rule[k].table == route->table &&
			       facts->net->rule[k].family == route->family &&
			       !facts->net->rule[k].source_length && !facts->net->rule[k].out[0] &&
			       (!facts->net->rule[k].mark || facts->net->rule[k].inverted);
		if (wins)
			return interface;
	}
	return NULL;
}

static unsigned check_vpn(const struct doctor_facts *facts, struct doctor_report *report)
{
	const struct iftable_interface *tunnel = tunnel_in_the_way(facts);
	unsigned found = 0;

	for (unsigned i = 0; i < facts->uplinks; i++) {
		const struct doctor_uplink *uplink = &facts->uplink[i];

		if (!is_tunnel(interface_of(facts, uplink)))
			continue;
		add(report, "vpn-uplink", DOCTOR_WARNING, uplink->name,
		    "leave it out, or leave out the uplink below it",
		    "%s is a tunnel: it runs over one of the other uplinks, whose capacity is "
		    "counted twice",
		    uplink->device);
		found++;
	}
	if (tunnel) {
		add(report, "vpn", DOCTOR_NOTE, "",
		    "nothing needs to be done; to send the stream through the VPN after all, name "
		    "it as an uplink",
		    "a VPN (%s) takes the traffic of this machine; the stream passes it by, "
		    "straight over the uplinks",
		    tunnel->name);
		found++;
	}
	return found;
}

static unsigned check_mtu(const struct doctor_facts *facts, struct doctor_report *report)
{
	unsigned found = 0;

	for (unsigned i = 0; i < facts->uplinks; i++) {
		const struct doctor_uplink *uplink = &facts->uplink[i];

		if (!uplink->open)
			continue;
		if (uplink->path_mtu && uplink->path_mtu < MTU_WANTED) {
			add(report, "mtu", uplink->fragments ? DOCTOR_WARNING : DOCTOR_ERROR,
			    uplink->name,
			    "raise the MTU of the interface or of the tunnel on the way to 1428 at "
			    "least",
			    "its way to the receiver carries packets of %u bytes at most, the "
			    "stream's have %u: %s",
			    uplink->path_mtu, MTU_WANTED,
			    uplink->fragments ? "they go in fragments, which doubles the loss"
					      : "they are lost");
			found++;
		} else if (facts->running && uplink->long_lost >= LONG_LOST_MIN &&
			   !uplink->long_acked && uplink->short_acked >= SHORT_ACKED_MIN) {
			add(report, "mtu-black-hole", DOCTOR_ERROR, uplink->name,
			    "somewhere on the way the MTU is smaller and nobody tells: look for a "
			    "tunnel, PPPoE or a firewall that drops ICMP, and raise the MTU there "
			    "to 1428 at least",
			    "it swallows long packets: %llu of more than 1200 bytes were lost and "
			    "none arrived, while short ones do",
			    (unsigned long long)uplink->long_lost);
			found++;
		}
	}
	return found;
}

static unsigned check_dns(const struct doctor_facts *facts, struct doctor_report *report)
{
	unsigned found = 0;

	if (facts->receiver_problem[0]) {
		add(report, "receiver-name", DOCTOR_ERROR, "",
		    "check the name in \"to\" and the name servers of this machine, or give the "
		    "receiver by its address",
		    "%s", facts->receiver_problem);
		found++;
	}
	for (unsigned i = 0; i < facts->uplinks; i++) {
		const struct doctor_uplink *uplink = &facts->uplink[i];

		if (!uplink->open || uplink->dns != DOCTOR_SILENT)
			continue;
		add(report, "dns", DOCTOR_WARNING, uplink->name,
		    "log in where this network asks for it (captive portal), check the credit of "
		    "the card, or set another name server for this connection",
		    "its name server %s does not answer over it", uplink->dns_server);
		found++;
	}
	return found;
}

static unsigned check_silence(const struct doctor_facts *facts, struct doctor_report *report)
{
	unsigned found = 0;
	bool any_up = false;

	for (unsigned i = 0; i < facts->uplinks; i++)
		any_up |= facts->uplink[i].state == BOND_PATH_UP;
	for (unsigned i = 0; i < facts->uplinks; i++) {
		const struct doctor_uplink *uplink = &facts->uplink[i];

		if (!facts->running || !any_up || !uplink->open ||
		    (uplink->state != BOND_PATH_PROBING && uplink->state != BOND_PATH_DEAD) ||
		    uplink->state_age < SILENT_MIN)
			continue;
		add(report, "silent", DOCTOR_WARNING, uplink->name,
		    "check for a captive portal, a firewall that blocks UDP, a card without "
		    "credit, or no reception",
		    "the receiver answers over other uplinks, over this one it does not");
		found++;
	}
	return found;
}

/* --- all of them ---------------------------------------------------------------------------- */

void doctor_judge(const struct doctor_facts *facts, struct doctor_report *ret_report)
{
	static const struct {
		unsigned (*check)(const struct doctor_facts *facts, struct doctor_report *report);
		const char *code, *fine;
	} checks[] = {
		{ check_routes, "routes", "every uplink has a route" },
		{ check_rp_filter, "rp-filter", "no reverse path filter drops answers" },
		{ check_routers, "routers", "no two uplinks lead to the same router" },
		{ check_vpn, "vpn", "no VPN takes the traffic" },
		{ check_mtu, "mtu", "no uplink is known to refuse packets of full size" },
		{ check_dns, "dns", "no name server is known to be silent" },
		{ check_silence, "silent", "no uplink is silent while others are answered" },
	};

	*ret_report = (struct doctor_report){ 0 };
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (!checks[i].check(facts, ret_report))
			add(ret_report, checks[i].code, DOCTOR_OK, "", "", "%s", checks[i].fine);
}

const char *doctor_severity_text(enum doctor_severity severity)
{
	switch (severity) {
	case DOCTOR_OK:
		return "ok";
	case DOCTOR_NOTE:
		return "note";
	case DOCTOR_WARNING:
		return "warning";
	case DOCTOR_ERROR:
		return "error";
	}
	return "unknown";
}

bool doctor_same(const struct doctor_finding *a, const struct doctor_finding *b)
{
	return !strcmp(a->code, b->code) && !strcmp(a->uplink, b->uplink);
}
