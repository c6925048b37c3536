#include "net/uplink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * A socket is opened only when the route table says that its datagrams would go somewhere: the
 * kernel itself accepts them without a route on the interface and they vanish. It is kept as long
 * as interface, address and receiver stay the same, whatever errors it tells meanwhile, for the
 * mapping in the NAT on the way hangs on its port. While there is no carrier, address or route it
 * is parked, and goes on when these are back; only when the interface was taken away and came back
 * (another index) is it of no use.
 */

/* What the engine's window has not held back already must not queue up behind a slow device. */
#define QUEUE_MS	75
#define QUEUE_BYTES_MIN (32 * 1400)
#define QUEUE_BYTES_MAX (512 * 1024)
#define QUEUE_START_BPS UINT64_C(20000000) /* until the engine has a belief of its own */

/* Before the other family of addresses is tried: several round trips of a bad path. */
#define FAMILY_WAIT	(2 * USEC_PER_SEC)
#define FAMILY_WAIT_MAX (32 * USEC_PER_SEC)

/* A full datagram with its IPv6 and UDP headers. */
#define DATAGRAM_BYTES_MAX (WIRE_DATAGRAM_MAX + 48)

#define IPV4_BYTES    20
#define IPV6_BYTES    40
#define UDP_BYTES     8
#define RECEIVE_BYTES (1024 * 1024) /* acknowledgements and the feed's control packets */

int uplink_init(struct uplink *uplink)
{
	uplink->fd = uplink->parked = -1;
	uplink->path_id = -1;
	uplink->sender = udp_sender_new();
	return uplink->sender ? 0 : -ENOMEM;
}

static void socket_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void uplink_park(struct uplink *uplink)
{
	loop_io_deinit(&uplink->io);
	if (uplink->stale)
		socket_close(&uplink->fd);
	if (uplink->fd >= 0) {
		socket_close(&uplink->parked);
		uplink->parked = uplink->fd;
		uplink->fd = -1;
	}
	uplink->stale = false;
}

void uplink_deinit(struct uplink *uplink)
{
	loop_io_deinit(&uplink->io);
	socket_close(&uplink->fd);
	socket_close(&uplink->parked);
	uplink->sender = udp_sender_free(uplink->sender);
}

/* Where a socket towards @remote would be. */
struct place {
	const struct iftable_interface *interface; /* NULL: not bound to one */
	struct bond_address local;
};

static bool place_find(const struct uplink *uplink, const struct iftable *table,
		       const struct bond_address *remote, struct place *place, char *why,
		       size_t size)
{
	const struct iftable_interface *interface;
	char text[ADDRESS_TEXT_MAX];

	*place = (struct place){ .local = uplink->asked };
	if (uplink->asked.len && address_family(&uplink->asked) != address_family(remote)) {
		(void)snprintf(why, size, "the receiver has no address of the family of %s",
			       address_text(&uplink->asked, text));
		return false;
	}
	interface = uplink->device[0] ? iftable_find(table, uplink->device)
				      : iftable_owner(table, &uplink->asked);
	if (!interface && uplink->device[0]) {
		(void)snprintf(why, size, "there is no interface %s; waiting for it",
			       uplink->device);
		return false;
	}
	/* All of 127.0.0.0/8 is there although only 127.0.0.1 is listed. */
	if (!interface && !address_is_loopback(&uplink->asked)) {
		(void)snprintf(why, size, "no interface has the address %s; waiting for it",
			       address_text(&uplink->asked, text));
		return false;
	}
	if (!interface)
		return true;
	if (!(interface->loopback && address_is_loopback(remote))) {
		if (!iftable_is_usable(interface, remote, why, size))
			return false;
		place->interface = interface;
	}
	/* An address in use is kept until it is taken away, deprecated or not. */
	if (!place->local.len && uplink->fd >= 0 &&
	    iftable_has_address(interface, &uplink->bound) &&
	    address_family(&uplink->bound) == address_family(remote))
		place->local = uplink->bound;
	if (!place->local.len)
		place->local = iftable_address(interface, address_family(remote));
	if (place->local.len)
		return true;
	(void)snprintf(why, size, "%s has no address of the receiver's family", interface->name);
	return false;
}

/* The socket that is open or parked is for this place. */
static bool place_is_same(const struct uplink *uplink, const struct place *place,
			  const struct bond_address *remote)
{
	return address_equal(&uplink->remote, remote) &&
	       address_equal(&uplink->bound, &place->local) &&
	       uplink->on_index == (place->interface ? place->interface->index : 0);
}

/* The least queue: what a burst of the pacer and a busy moment of the machine need. */
static void fit_queue(struct uplink *uplink, uint64_t capacity_bps)
{
	uint64_t bytes = capacity_bps / 8 * QUEUE_MS / 1000;

	if (bytes < QUEUE_BYTES_MIN)
		bytes = QUEUE_BYTES_MIN;
	if (bytes > QUEUE_BYTES_MAX)
		bytes = QUEUE_BYTES_MAX;
	if (bytes * 4 > uplink->queue_bytes * 3 && bytes * 4 < uplink->queue_bytes * 5)
		return;
	if (!udp_set_send_queue(uplink->fd, bytes))
		uplink->queue_bytes = bytes;
}

static int uplink_open(struct uplink *uplink, const struct place *place,
		       const struct bond_address *remote)
{
	struct udp_config config = {
		.local = place->local,
		.device = place->interface ? place->interface->name : "",
		.device_index = place->interface ? place->interface->index : 0,
		.receive_bytes = RECEIVE_BYTES,
		.dscp = uplink->dscp,
		.errors = true,
		.timestamps = true,
	};
	int fd;

	uplink_park(uplink);
	if (uplink->parked >= 0 && place_is_same(uplink, place, remote)) {
		uplink->fd = uplink->parked;
		uplink->parked = -1;
		uplink->problem[0] = '\0';
		(void)udp_set_dscp(uplink->fd, address_family(&uplink->bound), uplink->dscp);
		return 0;
	}
	socket_close(&uplink->parked);
	fd = udp_open(&config);
	if (fd < 0) {
		(void)snprintf(uplink->problem, sizeof(uplink->problem),
			       "cannot open a socket: %s; trying again", strerror(-fd));
		return fd;
	}
	uplink->fd = fd;
	uplink->bound = place->local;
	uplink->remote = *remote;
	uplink->on_index = config.device_index;
	(void)snprintf(uplink->on_device, sizeof(uplink->on_device), "%s", config.device);
	(void)udp_local(fd, &uplink->local);
	uplink->problem[0] = '\0';
	uplink->path_mtu = 0;
	uplink->fragments = false;
	uplink->queue_bytes = 0;
	fit_queue(uplink, QUEUE_START_BPS);
	/* A device that cannot take full datagrams whole is known from the start. */
	if (place->interface && place->interface->mtu && place->interface->mtu < DATAGRAM_BYTES_MAX)
		(void)uplink_allow_fragments(uplink, place->interface->mtu);
	return 0;
}

/* The receiver's addresses in the order of this uplink: by default the resolver's. */
static const struct bond_address *remote_at(const struct uplink *uplink,
					    const struct bond_address *remotes, unsigned count,
					    unsigned at)
{
	int first = address_family(&remotes[0]);

	/* Twice around: at first those of the family that comes first, then the others. */
	for (unsigned i = 0; i < 2 * count; i++) {
		const struct bond_address *remote = &remotes[i % count];
		bool in_turn = (address_family(remote) == first) != uplink->other_family;

		if (in_turn == (i < count) && !at--)
			return remote;
	}
	return &remotes[0];
}

enum uplink_change uplink_update(struct uplink *uplink, const struct iftable *table,
				 const struct bond_address *remotes, unsigned count)
{
	char why[sizeof(uplink->problem)] = "the receiver's address is not known yet";
	bool was_open = uplink->fd >= 0;
	struct place place;

	if (uplink->service == UPLINK_DRAINED) {
		uplink->problem[0] = '\0';
		uplink_park(uplink);
		return was_open ? UPLINK_CLOSED : UPLINK_SAME;
	}
	for (unsigned i = 0; i < count; i++) {
		const struct bond_address *remote = remote_at(uplink, remotes, count, i);
		char other[sizeof(why)];

		/* The reason told is that of the receiver's first address. */
		if (!place_find(uplink, table, remote, &place, i ? other : why, sizeof(why)))
			continue;
		if (uplink->fd >= 0 && !uplink->stale && place_is_same(uplink, &place, remote)) {
			if (place.interface) /* it may be called otherwise by now */
				memcpy(uplink->on_device, place.interface->name,
				       sizeof(uplink->on_device));
			return UPLINK_SAME;
		}
		if (!uplink_open(uplink, &place, remote))
			return UPLINK_OPENED;
		return was_open ? UPLINK_CLOSED : UPLINK_SAME;
	}
	(void)snprintf(uplink->problem, sizeof(uplink->problem), "%s", why);
	uplink_park(uplink);
	return was_open ? UPLINK_CLOSED : UPLINK_SAME;
}

unsigned uplink_header_bytes(const struct bond_address *remote)
{
	return address_family(remote) == AF_INET6 ? IPV6_BYTES + UDP_BYTES : IPV4_BYTES + UDP_BYTES;
}

const char *uplink_service_text(enum uplink_service service)
{
	switch (service) {
	case UPLINK_SERVING:
		return "serving";
	case UPLINK_MUTED:
		return "muted";
	case UPLINK_DRAINING:
		return "draining";
	case UPLINK_DRAINED:
		return "drained";
	}
	return "unknown";
}

/* --- in use --------------------------------------------------------------------------------- */

static bool has_family(const struct bond_address *remotes, unsigned count, int family)
{
	for (unsigned i = 0; i < count; i++)
		if (address_family(&remotes[i]) == family)
			return true;
	return false;
}

void uplink_tick(struct uplink *uplink, const struct bond_path_stats *path,
		 const struct bond_address *remotes, unsigned count, usec_t now)
{
	int family = address_family(&uplink->remote);
	bool answers = path->state != BOND_PATH_PROBING && path->state != BOND_PATH_DEAD;

	fit_queue(uplink, path->capacity_bps);
	if (answers) {
		uplink->family_wait = 0;
		return;
	}
	if (usec_since(path->since, now) < usec_max(uplink->family_wait, FAMILY_WAIT) ||
	    !has_family(remotes, count, family == AF_INET ? AF_INET6 : AF_INET))
		return;
	uplink->family_wait =
		usec_min(2 * usec_max(uplink->family_wait, FAMILY_WAIT), FAMILY_WAIT_MAX);
	uplink->other_family = family == address_family(&remotes[0]);
}

void uplink_set_dscp(struct uplink *uplink, unsigned dscp)
{
	if (uplink->fd >= 0 && uplink->dscp != dscp)
		(void)udp_set_dscp(uplink->fd, address_family(&uplink->bound), dscp);
	uplink->dscp = dscp;
}

bool uplink_allow_fragments(struct uplink *uplink, unsigned mtu)
{
	if (uplink->fragments || uplink->fd < 0 ||
	    udp_allow_fragments(uplink->fd, address_family(&uplink->bound), mtu))
		return false;
	uplink->fragments = true;
	return true;
}
