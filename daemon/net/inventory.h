#pragma once

#include <net/if.h>
#include <stdbool.h>

#include "net/classify.h"
#include "net/iftable.h"

/*
 * What is known of each interface of a table beyond what netlink tells: read once when it comes,
 * and the name of its Wi-Fi network each time. It also remembers which uplink a place was, so that
 * a stick that comes back under another name is the same uplink again.
 */
#define INVENTORY_SSID_MAX 32 /* bytes, of IEEE 802.11 */

struct inventory_item {
	int index; /* of the interface */
	char device[IF_NAMESIZE];
	struct classify classify;
	char ssid[INVENTORY_SSID_MAX + 1]; /* of a Wi-Fi that is associated; "" = unknown */
	bool hotspot; /* Wi-Fi of a phone, by its address: traffic is paid for */
	/* For whoever tells people why it is not used. */
	char told[160];
	bool unused_told;
};

struct inventory;

/* @sysfs: "/sys", or a tree like it; it must stay. NULL: out of memory. */
struct inventory *inventory_new(const char *sysfs);
struct inventory *inventory_free(struct inventory *inventory);
/* Takes over what is in the table now. */
void inventory_refresh(struct inventory *inventory, const struct iftable *table);
/* Valid until the next refresh; NULL: there is none. */
struct inventory_item *inventory_find(struct inventory *inventory, int index);

/* @name is that of another place, which may come back. */
bool inventory_is_reserved(const struct inventory *inventory, const struct inventory_item *item,
			   const char *name);
/* The name for an uplink on this interface: the one that its place had before, else that of the
 * interface, made unique among @taken() (a name in use) and the names of other places. */
void inventory_name(struct inventory *inventory, const struct inventory_item *item,
		    bool (*taken)(void *owner, const char *name), void *owner,
		    char name[BOND_NAME_MAX]);
/* @name is this place's from now on. */
void inventory_remember(struct inventory *inventory, const struct inventory_item *item,
			const char *name);
