#pragma once

#include "net/address.h"
#include "net/iftable.h"
#include "net/inventory.h"
#include "net/udp.h"
#include "sys/loop.h"

/*
 * One way out of this machine: an interface or a local address, with a socket pinned to it while it
 * can be used. It decides nothing of the bond; net/uplinks keeps the set and tells the bond.
 */
enum uplink_change {
	UPLINK_SAME,
	UPLINK_OPENED, /* a socket where there was none, or another one than before */
	UPLINK_CLOSED,
};

/* What is asked of it, by the operator or by a data cap. */
enum uplink_service {
	UPLINK_SERVING,
	UPLINK_MUTED,	 /* answers, carries no media */
	UPLINK_DRAINING, /* the same, until what is out has come home */
	UPLINK_DRAINED,	 /* closed */
};

struct uplink {
	char name[BOND_NAME_MAX];
	char device[IF_NAMESIZE]; /* asked for; "" = whichever has the address */
	struct bond_address
		asked; /* local address asked for, port 0; empty = the interface's own */
	bool automatic;
	enum bond_cost cost;
	uint64_t rate_max_bps;
	unsigned dscp;
	enum uplink_service service;
	char notice[160]; /* who asked for it and what ends it, or how near a cap is; "" = nothing
			   */

	struct inventory_item item; /* the interface; index 0: none that is known */
	int fd;			    /* -1: closed */
	int parked; /* the socket that was closed last, in case its place comes back; -1: none */
	struct loop_io io; /* started by the owner once the socket is open, stopped with it */
	int path_id;
	char on_device[IF_NAMESIZE]; /* where the socket is; "" = not bound to an interface */
	int on_index;
	struct bond_address bound; /* local address of the socket, port 0 */
	struct bond_address local; /* the same with its port */
	struct bond_address remote;
	bool stale;	      /* the socket is known to be of no use any more */
	bool failing;	      /* `problem` is what the last sending told */
	unsigned path_mtu;    /* told by a router or the kernel on the way; 0: nobody complained */
	char problem[160];    /* why it is closed, or what is wrong; "" = nothing */
	bool fragments;	      /* what is too long for the path goes in fragments */
	uint64_t queue_bytes; /* what the socket lets wait in this host */
	bool other_family;    /* the receiver is asked for by its other family first */
	usec_t family_wait;   /* how long the present one gets to answer; 0: the least */
	struct udp_sender *sender;
};

/* Zero it first. 0 or -ENOMEM. */
int uplink_init(struct uplink *uplink);
void uplink_deinit(struct uplink *uplink);

/* Brings the socket in line with what the machine has now: opens it towards the first of @remotes
 * that this uplink can reach, or closes it and says why. */
enum uplink_change uplink_update(struct uplink *uplink, const struct iftable *table,
				 const struct bond_address *remotes, unsigned count);
/* What IP and UDP add to each datagram to @remote. */
unsigned uplink_header_bytes(const struct bond_address *remote);
/* "serving", "muted", "draining", "drained". */
const char *uplink_service_text(enum uplink_service service);
/* Once in a while with what the engine knows of the path: fits the socket's queue to the rate, and
 * turns to the other family of addresses when the receiver does not answer by this one (at the next
 * uplink_update()). */
void uplink_tick(struct uplink *uplink, const struct bond_path_stats *path,
		 const struct bond_address *remotes, unsigned count, usec_t now);
void uplink_set_dscp(struct uplink *uplink, unsigned dscp);
/* Full datagrams do not get through whole: sends them in fragments. @mtu: of the path, 0 = not
 * known. False: it does already. */
bool uplink_allow_fragments(struct uplink *uplink, unsigned mtu);
