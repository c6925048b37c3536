#include "net/uplink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * A socket is opened only when the route table says that its datagrams would go somewhere: the
 * kernel itself accepts them without a route on the interface and they vanish. It is kept as long
 * as interface, address and receiver stay the same, whatever errors it tells meanwhile, for the
 * mapping in the NAT on the way hangs on its port; only when the interface was taken away and came
 * back (another index) is it of no use.
 */

/* About 100 ms at 20 Mb/s, in the kernel's own reckoning (truesize): what the engine's window has
 * not held back already must not queue up behind a slow device. */
#define SEND_BYTES    (256 * 1024)
#define RECEIVE_BYTES (1024 * 1024) /* acknowledgements and the feed's control packets */

int uplink_init(struct uplink *uplink)
{
	uplink->fd = -1;
	uplink->path_id = -1;
	uplink->sender = udp_sender_new();
	return uplink->sender ? 0 : -ENOMEM;
}

static void uplink_close(struct uplink *uplink)
{
	loop_io_deinit(&uplink->io);
	if (uplink->fd >= 0)
		(void)close(uplink->fd);
	uplink->fd = -1;
	uplink->stale = false;
}

void uplink_deinit(struct uplink *uplink)
{
	uplink_close(uplink);
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
	if (!interface || (interface->loopback && address_is_loopback(remote)))
		return true;
	if (!iftable_is_usable(interface, remote, why, size))
		return false;
	place->interface = interface;
	if (!place->local.len)
		place->local = iftable_address(interface, address_family(remote));
	return true;
}

static bool place_is_current(const struct uplink *uplink, const struct place *place,
			     const struct bond_address *remote)
{
	return uplink->fd >= 0 && !uplink->stale && address_equal(&uplink->remote, remote) &&
	       address_equal(&uplink->bound, &place->local) &&
	       uplink->on_index == (place->interface ? place->interface->index : 0);
}

static int uplink_open(struct uplink *uplink, const struct place *place,
		       const struct bond_address *remote)
{
	struct udp_config config = {
		.local = place->local,
		.device = place->interface ? place->interface->name : "",
		.device_index = place->interface ? place->interface->index : 0,
		.receive_bytes = RECEIVE_BYTES,
		.send_bytes = SEND_BYTES,
		.errors = true,
		.timestamps = true,
	};
	int fd;

	uplink_close(uplink);
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
	return 0;
}

enum uplink_change uplink_update(struct uplink *uplink, const struct iftable *table,
				 const struct bond_address *remotes, unsigned count)
{
	char why[sizeof(uplink->problem)] = "the receiver's address is not known yet";
	bool was_open = uplink->fd >= 0;
	struct place place;

	for (unsigned i = 0; i < count; i++) {
		char other[sizeof(why)];

		/* The reason told is that of the receiver's first address. */
		if (!place_find(uplink, table, &remotes[i], &place, i ? other : why, sizeof(why)))
			continue;
		if (place_is_current(uplink, &place, &remotes[i]))
			return UPLINK_SAME;
		if (!uplink_open(uplink, &place, &remotes[i]))
			return UPLINK_OPENED;
		return was_open ? UPLINK_CLOSED : UPLINK_SAME;
	}
	(void)snprintf(uplink->problem, sizeof(uplink->problem), "%s", why);
	uplink_close(uplink);
	return was_open ? UPLINK_CLOSED : UPLINK_SAME;
}

const char *uplink_type(const char *device)
{
	char path[96], line[128];
	const char *type = "lan";
	FILE *file;

	if (!device[0] || !strcmp(device, "lo"))
		return "unknown";
	if (!strncmp(device, "ppp", 3) || !strncmp(device, "wwan", 4))
		return "cellular";
	(void)snprintf(path, sizeof(path), "/sys/class/net/%s/uevent", device);
	file = fopen(path, "re");
	if (!file)
		return "unknown";
	while (fgets(line, sizeof(line), file)) {
		if (!strcmp(line, "DEVTYPE=wlan\n"))
			type = "wifi";
		else if (!strcmp(line, "DEVTYPE=wwan\n"))
			type = "cellular";
	}
	(void)fclose(file);
	return type;
}
