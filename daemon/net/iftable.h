#pragma once

#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bond/bond.h"

/*
 * The network interfaces of this machine with what an uplink needs of each: its state, its
 * addresses, its routes. Built from the messages of a netlink dump, one by one; total for any
 * message, and without a socket of its own.
 */
#define IFTABLE_MAX 192 /* interfaces; of more those that can least be used are left out */
#define IFTABLE_ADDRESSES_MAX                                                                      \
	8		      /* per interface: global ones, not tentative, not deprecated first */
#define IFTABLE_ROUTES_MAX 16 /* per interface: unicast routes of the main table */
/* Routes of this protocol number count in any table: the route manager's. */
#define IFTABLE_PROTOCOL 181

struct iftable_prefix {
	int family;	   /* AF_INET or AF_INET6 */
	uint8_t bytes[16]; /* the first 4 or all 16 */
	uint8_t length;	   /* of the prefix, in bits */
};

struct iftable_interface {
	int index;
	char name[IF_NAMESIZE];
	char kind[16];	   /* of virtual ones: "tun", "bridge", "wireguard" ...; "" = a device */
	uint16_t hardware; /* ARPHRD_* of linux/if_arp.h */
	unsigned mtu;	   /* bytes of an IP packet; 0 = not told */
	bool loopback;
	bool up;	   /* switched on */
	bool carrier;	   /* cable, association */
	uint8_t operstate; /* IF_OPER_* of linux/if.h */
	bool enslaved;	   /* a port of a bridge or bond */
	unsigned addresses;
	unsigned preferred; /* so many of them, the first, are not deprecated */
	struct iftable_prefix address[IFTABLE_ADDRESSES_MAX];
	unsigned routes;
	struct iftable_prefix route[IFTABLE_ROUTES_MAX]; /* length 0: a default route */
};

struct iftable {
	unsigned count;
	struct iftable_interface interface[IFTABLE_MAX];
};

/* Takes one message of a dump in (RTM_NEWLINK first, then RTM_NEWADDR and RTM_NEWROUTE); what is
 * not of use or malformed is passed over. */
void iftable_add(struct iftable *table, const struct nlmsghdr *message);
bool iftable_equal(const struct iftable *a, const struct iftable *b);
/* Takes out at once what an event (RTM_NEWLINK, RTM_DELLINK, RTM_DELADDR) says is gone: carrier,
 * interface, address. What it says has come is not believed: that takes a dump. True: something
 * was taken out. */
bool iftable_strike(struct iftable *table, const struct nlmsghdr *message);

/* NULL: there is none. */
const struct iftable_interface *iftable_find(const struct iftable *table, const char *name);
const struct iftable_interface *iftable_find_index(const struct iftable *table, int index);
/* The interface that has this local address. */
const struct iftable_interface *iftable_owner(const struct iftable *table,
					      const struct bond_address *local);
bool iftable_has_address(const struct iftable_interface *interface,
			 const struct bond_address *local);
/* The first address of this family, port 0; an empty address: none. */
struct bond_address iftable_address(const struct iftable_interface *interface, int family);
bool iftable_has_default(const struct iftable_interface *interface, int family);
/* A route of this very interface leads to @remote. */
bool iftable_leads_to(const struct iftable_interface *interface, const struct bond_address *remote);
/* An uplink may be made of it without being asked for by name: no loopback, no tunnel, no port, no
 * monitor. NULL: it may; else why not, in words that go behind its name. */
const char *iftable_not_candidate(const struct iftable_interface *interface);

/* Why nothing can be sent to @remote by this interface, and what to do, in @why; true: it can, and
 * @why is empty. @remote may be empty: then to anywhere, in one of the two families. */
bool iftable_is_usable(const struct iftable_interface *interface, const struct bond_address *remote,
		       char *why, size_t size);
