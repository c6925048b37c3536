#include "net/ifwatch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

#include "sys/log.h"

/*
 * An event is a wake-up: a short while later everything is dumped and compared with what was known.
 * There is no state to get out of step, a lost event (ENOBUFS) is healed by the dump that its own
 * error causes, and a dump of six interfaces takes half a millisecond. The groups are joined before
 * the first dump, so nothing falls between the two.
 *
 * What an event says is believed in one direction only: a carrier, an address or an interface that
 * is gone is taken out at once, for each millisecond of sending on loses datagrams without any
 * error. Was the event stale, the dump puts it right.
 */
#define DEBOUNCE   (20 * USEC_PER_MS) /* a change comes as several events within a few ms */
#define REST	   10		      /* times as long as a dump took: with very many interfaces */
#define RETRY	   (100 * USEC_PER_MS)
#define EVENTS_MAX 64 /* messages read per wake-up; the rest makes the socket readable again */
#define READ_BYTES                                                                                 \
	32768		/* the kernel fills no more in one go; asking for its size costs as much   \
			 */
#define DUMP_ATTEMPTS 4 /* a dump during which the tables changed is void */

struct ifwatch {
	struct loop *loop;
	struct nl_sock *events;
	struct nl_sock *dumps;
	struct loop_io io;
	struct loop_timer timer;
	void (*on_change)(void *owner);
	void *owner;
	bool struck; /* the events at hand took something out of the table */
	usec_t cost; /* of the last dump */
	struct iftable table, fresh;
};

static int take_message(struct nl_msg *message, void *data)
{
	struct ifwatch *watch = data;

	iftable_add(&watch->fresh, nlmsg_hdr(message));
	return NL_OK;
}

static int dump_once(struct ifwatch *watch)
{
	static const int requests[] = { RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE };

	watch->fresh.count = 0;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		/* AF_UNSPEC and zeroes: everything, but of links not their counters, which are most
		 * of the message. */
		union {
			struct {
				struct ifinfomsg header;
				struct nlattr mask;
				uint32_t skip;
			} link;
			struct ifaddrmsg address;
			struct rtmsg route;
		} request = { 0 };
		size_t len = requests[i] == RTM_GETLINK	  ? sizeof(request.link)
			     : requests[i] == RTM_GETADDR ? sizeof(request.address)
							  : sizeof(request.route);
		int r;

		if (requests[i] == RTM_GETLINK) {
			request.link.mask.nla_type = IFLA_EXT_MASK;
			request.link.mask.nla_len = sizeof(request.link.mask) + sizeof(uint32_t);
			request.link.skip = RTEXT_FILTER_SKIP_STATS;
		}
		r = nl_send_simple(watch->dumps, requests[i], NLM_F_DUMP, &request, len);
		if (r >= 0)
			r = nl_recvmsgs_default(watch->dumps);
		if (r < 0)
			return r;
	}
	return 0;
}

/* 1: the table is another one; 0: it is as it was; negative: an error of libnl. */
static int refresh(struct ifwatch *watch)
{
	usec_t begin = loop_clock();
	bool same;
	int r = 0;

	for (unsigned i = 0; i < DUMP_ATTEMPTS; i++) {
		r = dump_once(watch);
		if (r != -NLE_DUMP_INTR)
			break;
	}
	if (r < 0)
		return r;
	same = iftable_equal(&watch->table, &watch->fresh);
	if (!same) {
		watch->table.count = watch->fresh.count;
		memcpy(watch->table.interface, watch->fresh.interface,
		       watch->fresh.count * sizeof(watch->fresh.interface[0]));
	}
	watch->cost = usec_since(begin, loop_clock());
	log_debug("netlink: %u interfaces read in %llu us: %s", watch->table.count,
		  (unsigned long long)watch->cost, same ? "as before" : "changed");
	return !same;
}

static void on_timer(struct loop_timer *timer)
{
	struct ifwatch *watch = timer->owner;
	int r = refresh(watch);

	if (r > 0) {
		watch->on_change(watch->owner);
	} else if (r < 0) {
		log_debug("netlink: cannot read the interfaces: %s; trying again", nl_geterror(r));
		loop_timer_set(&watch->timer, loop_now(watch->loop) + RETRY);
	}
}

static void on_event(struct loop_io *io, unsigned events)
{
	struct ifwatch *watch = io->owner;
	int r = 0;

	(void)events;
	watch->struck = false;
	for (unsigned i = 0; i < EVENTS_MAX && !r; i++)
		r = nl_recvmsgs_default(watch->events);
	if (r == -NLE_NOMEM)
		log_debug("netlink: there were too many events; all is read anew");
	if (watch->timer.at == USEC_NEVER)
		loop_timer_set(&watch->timer,
			       loop_now(watch->loop) + usec_max(DEBOUNCE, REST * watch->cost));
	if (watch->struck)
		watch->on_change(watch->owner);
}

static int take_event(struct nl_msg *message, void *data)
{
	struct ifwatch *watch = data;

	watch->struck |= iftable_strike(&watch->table, nlmsg_hdr(message));
	return NL_SKIP;
}

static int sockets_open(struct ifwatch *watch)
{
	int r;

	watch->events = nl_socket_alloc();
	watch->dumps = nl_socket_alloc();
	if (!watch->events || !watch->dumps)
		return -NLE_NOMEM;
	nl_socket_disable_seq_check(watch->events);
	(void)nl_socket_modify_cb(watch->events, NL_CB_VALID, NL_CB_CUSTOM, take_event, watch);
	(void)nl_socket_modify_cb(watch->dumps, NL_CB_VALID, NL_CB_CUSTOM, take_message, watch);
	(void)nl_socket_set_msg_buf_size(watch->dumps, READ_BYTES);
	nl_socket_disable_msg_peek(watch->dumps);
	r = nl_connect(watch->events, NETLINK_ROUTE);
	if (!r)
		r = nl_connect(watch->dumps, NETLINK_ROUTE);
	if (!r)
		r = nl_socket_set_nonblocking(watch->events);
	if (!r)
		r = nl_socket_add_memberships(watch->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					      RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
					      RTNLGRP_IPV6_ROUTE, RTNLGRP_NONE);
	return r;
}

int ifwatch_new(struct loop *loop, void (*on_change)(void *owner), void *owner,
		struct ifwatch **ret_ifwatch)
{
	struct ifwatch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	watch->loop = loop;
	watch->on_change = on_change;
	watch->owner = owner;
	r = sockets_open(watch);
	if (!r)
		r = refresh(watch);
	if (r < 0) {
		log_err("netlink: cannot watch the network interfaces: %s", nl_geterror(r));
		(void)ifwatch_free(watch);
		return -EIO;
	}
	loop_io_init(&watch->io, loop, nl_socket_get_fd(watch->events), on_event, watch);
	loop_io_set(&watch->io, LOOP_READ);
	loop_timer_init(&watch->timer, loop, on_timer, watch);
	*ret_ifwatch = watch;
	return 0;
}

struct ifwatch *ifwatch_free(struct ifwatch *watch)
{
	if (!watch)
		return NULL;
	loop_timer_deinit(&watch->timer);
	loop_io_deinit(&watch->io);
	if (watch->events)
		nl_socket_free(watch->events);
	if (watch->dumps)
		nl_socket_free(watch->dumps);
	free(watch);
	return NULL;
}

const struct iftable *ifwatch_table(const struct ifwatch *watch)
{
	return &watch->table;
}
