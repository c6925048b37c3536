#include "net/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/ssid.h"

/* Places that are remembered; the oldest goes. */
#define PLACES_MAX 32

struct place {
	char path[sizeof(((struct classify *)0)->path)];
	char name[BOND_NAME_MAX];
};

struct inventory {
	const char *sysfs;
	struct ssid *ssid; /* NULL: netlink cannot be had; then no network has a name */
	unsigned count;
	struct inventory_item item[IFTABLE_MAX], before[IFTABLE_MAX];
	struct place place[PLACES_MAX];
	unsigned next_place;
};

struct inventory *inventory_new(const char *sysfs)
{
	struct inventory *inventory = calloc(1, sizeof(*inventory));

	if (!inventory)
		return NULL;
	inventory->sysfs = sysfs;
	inventory->ssid = ssid_new();
	return inventory;
}

struct inventory *inventory_free(struct inventory *inventory)
{
	if (!inventory)
		return NULL;
	inventory->ssid = ssid_free(inventory->ssid);
	free(inventory);
	return NULL;
}

/* Networks that phones give to their guests: iPhones always, Android until version 11. */
static bool is_hotspot(const struct iftable_interface *interface)
{
	static const uint8_t iphone[] = { 172, 20, 10 }, android[] = { 192, 168, 43 };

	for (unsigned i = 0; i < interface->addresses; i++) {
		const struct iftable_prefix *address = &interface->address[i];

		if (address->family == AF_INET &&
		    ((!memcmp(address->bytes, iphone, 3) && address->length == 28) ||
		     !memcmp(address->bytes, android, 3)))
			return true;
	}
	return false;
}

static void item_refresh(struct inventory *inventory, struct inventory_item *item,
			 const struct iftable_interface *interface)
{
	bool is_wifi = item->classify.type == CLASSIFY_TYPE_WIFI;

	item->hotspot = is_wifi && is_hotspot(interface);
	if (!is_wifi || !interface->carrier || !inventory->ssid ||
	    !ssid_get(inventory->ssid, item->index, item->ssid, sizeof(item->ssid)))
		item->ssid[0] = '\0';
}

void inventory_refresh(struct inventory *inventory, const struct iftable *table)
{
	unsigned before = inventory->count;

	memcpy(inventory->before, inventory->item, before * sizeof(inventory->item[0]));
	inventory->count = 0;
	for (unsigned i = 0; i < table->count; i++) {
		const struct iftable_interface *interface = &table->interface[i];
		struct inventory_item *item = &inventory->item[inventory->count++];
		const struct inventory_item *old = NULL;

		for (unsigned k = 0; k < before && !old; k++)
			if (inventory->before[k].index == interface->index &&
			    !strcmp(inventory->before[k].device, interface->name))
				old = &inventory->before[k];
		if (old) {
			*item = *old;
		} else {
			*item = (struct inventory_item){ .index = interface->index };
			memcpy(item->device, interface->name, sizeof(item->device));
			classify_device(inventory->sysfs, item->device, interface->kind,
					&item->classify);
		}
		item_refresh(inventory, item, interface);
	}
}

struct inventory_item *inventory_find(struct inventory *inventory, int index)
{
	for (unsigned i = 0; i < inventory->count; i++)
		if (inventory->item[i].index == index)
			return &inventory->item[i];
	return NULL;
}

bool inventory_is_reserved(const struct inventory *inventory, const struct inventory_item *item,
			   const char *name)
{
	for (unsigned i = 0; i < PLACES_MAX; i++)
		if (!strcmp(inventory->place[i].name, name) &&
		    strcmp(inventory->place[i].path, item->classify.path) != 0)
			return true;
	return false;
}

void inventory_name(struct inventory *inventory, const struct inventory_item *item,
		    bool (*taken)(void *owner, const char *name), void *owner,
		    char name[BOND_NAME_MAX])
{
	const char *path = item->classify.path;

	for (unsigned i = 0; i < PLACES_MAX && path[0]; i++)
		if (!strcmp(inventory->place[i].path, path) &&
		    !taken(owner, inventory->place[i].name)) {
			memcpy(name, inventory->place[i].name, BOND_NAME_MAX);
			return;
		}
	(void)snprintf(name, BOND_NAME_MAX, "%s", item->device);
	for (unsigned n = 2; n < 2 * PLACES_MAX; n++) {
		if (!taken(owner, name) && !inventory_is_reserved(inventory, item, name))
			return;
		(void)snprintf(name, BOND_NAME_MAX, "%s-%u", item->device, n);
	}
}

void inventory_remember(struct inventory *inventory, const struct inventory_item *item,
			const char *name)
{
	struct place *place;

	if (!item->classify.path[0])
		return;
	for (unsigned i = 0; i < PLACES_MAX; i++)
		if (!strcmp(inventory->place[i].path, item->classify.path) &&
		    !strcmp(inventory->place[i].name, name))
			return;
	place = &inventory->place[inventory->next_place++ % PLACES_MAX];
	memcpy(place->path, item->classify.path, sizeof(place->path));
	(void)snprintf(place->name, sizeof(place->name), "%s", name);
}
