#include "unit/test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/inventory.h"

/* A tree with one port per entry and a stick in it, under the name that it has now. */
static char root[] = "/tmp/uplinkd-inventory-XXXXXX";

/* A script of the shell in the tree, with $1 and $2. */
static void sh(const char *script, const char *a, const char *b)
{
	char command[600];

	(void)snprintf(command, sizeof(command), "cd %s && set -- %s %s && %s", root, a, b, script);
	assert_int_equal(system(command), 0);
}

static void plug(const char *port, const char *name)
{
	sh("usb=bus/pci0000:00/0000:00:14.0/usb1/1-1/$1:1.0 && mkdir -p class/net $usb/net/$2 && "
	   "ln -s ../../$usb/net/$2 class/net/$2 && ln -s ../.. class/net/$2/device",
	   port, name);
}

static void unplug(const char *port, const char *name)
{
	sh("rm -r class/net/$2 bus/pci0000:00/0000:00:14.0/usb1/1-1/$1:1.0", port, name);
}

static void table_add(struct iftable *table, int index, const char *name)
{
	struct iftable_interface *interface = &table->interface[table->count++];

	*interface = (struct iftable_interface){ .index = index, .up = true, .carrier = true };
	(void)strcpy(interface->name, name);
}

static bool is_taken(void *owner, const char *name)
{
	return owner && !strcmp(owner, name);
}

/* What an uplink on this interface would be called; it is remembered as that. */
static const char *name_of(struct inventory *inventory, int index, const char *taken)
{
	static char name[BOND_NAME_MAX];
	struct inventory_item *item = inventory_find(inventory, index);

	assert_non_null(item);
	inventory_name(inventory, item, is_taken, (void *)taken, name);
	inventory_remember(inventory, item, name);
	return name;
}

static int setup(void **state)
{
	*state = inventory_new(root);
	return mkdtemp(root) && *state ? 0 : -1;
}

static int teardown(void **state)
{
	(void)inventory_free(*state);
	sh("rm -rf ../$1", root + strlen("/tmp/"), "");
	return 0;
}

static void a_stick_in_the_same_port_is_the_same_uplink(void **state)
{
	struct inventory *inventory = *state;
	struct iftable both = { 0 }, none = { 0 }, again = { 0 };

	plug("1-1.1", "eth1");
	plug("1-1.2", "eth2");
	table_add(&both, 5, "eth1");
	table_add(&both, 6, "eth2");
	inventory_refresh(inventory, &both);
	assert_string_equal(inventory_find(inventory, 5)->classify.path,
			    "pci-0000:00:14.0-usb-0:1.1:1.0");
	assert_string_equal(name_of(inventory, 5, NULL), "eth1");
	assert_string_equal(name_of(inventory, 6, NULL), "eth2");

	/* Out and in again, with the names the other way round. */
	unplug("1-1.1", "eth1");
	unplug("1-1.2", "eth2");
	inventory_refresh(inventory, &none);
	assert_null(inventory_find(inventory, 5));
	plug("1-1.1", "eth2");
	plug("1-1.2", "enx0c5b8f279a64");
	plug("1-1.3", "eth1");
	table_add(&again, 7, "eth2");
	table_add(&again, 8, "enx0c5b8f279a64");
	table_add(&again, 9, "eth1");
	inventory_refresh(inventory, &again);
	assert_string_equal(name_of(inventory, 7, NULL), "eth1");
	assert_string_equal(name_of(inventory, 8, NULL), "eth2");
	/* The name of another place is not given away, nor one that is in use. */
	assert_string_equal(name_of(inventory, 9, NULL), "eth1-2");
	assert_string_equal(name_of(inventory, 9, "eth1-2"), "eth1-3");
}

static void a_new_name_is_read_and_the_old_one_forgotten(void **state)
{
	struct inventory *inventory = *state;
	struct iftable before = { 0 }, after = { 0 };

	plug("1-2.1", "usb0");
	table_add(&before, 20, "usb0");
	inventory_refresh(inventory, &before);
	assert_string_equal(name_of(inventory, 20, NULL), "usb0");
	unplug("1-2.1", "usb0");
	plug("1-2.1", "enx1");
	table_add(&after, 20, "enx1");
	inventory_refresh(inventory, &after);
	assert_string_equal(inventory_find(inventory, 20)->device, "enx1");
	assert_string_equal(name_of(inventory, 20, NULL), "usb0");
}

static void a_virtual_interface_is_called_by_its_name(void **state)
{
	struct inventory *inventory = *state;
	struct iftable table = { 0 };

	sh("mkdir -p class/net/$1", "veth0", "");
	table_add(&table, 30, "veth0");
	inventory_refresh(inventory, &table);
	assert_int_equal(inventory_find(inventory, 30)->classify.type, CLASSIFY_TYPE_LAN);
	assert_string_equal(name_of(inventory, 30, NULL), "veth0");
	assert_string_equal(name_of(inventory, 30, "veth0"), "veth0-2");
}

static void the_wifi_of_a_phone_is_known_by_its_network(void **state)
{
	struct inventory *inventory = *state;
	struct iftable table = { 0 };

	sh("mkdir -p class/net/$1/phy80211", "wlan0", "");
	table_add(&table, 40, "wlan0");
	table.interface[0].carrier = true; /* its network is asked for: it has none */
	table.interface[0].addresses = 1;
	table.interface[0].address[0].family = AF_INET;
	table.interface[0].address[0].length = 28;
	(void)inet_pton(AF_INET, "172.20.10.4", table.interface[0].address[0].bytes);
	inventory_refresh(inventory, &table);
	assert_int_equal(inventory_find(inventory, 40)->classify.type, CLASSIFY_TYPE_WIFI);
	assert_true(inventory_find(inventory, 40)->hotspot);
	assert_string_equal(inventory_find(inventory, 40)->ssid, "");
	(void)inet_pton(AF_INET, "172.20.11.4", table.interface[0].address[0].bytes);
	inventory_refresh(inventory, &table);
	assert_false(inventory_find(inventory, 40)->hotspot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stick_in_the_same_port_is_the_same_uplink),
		cmocka_unit_test(a_new_name_is_read_and_the_old_one_forgotten),
		cmocka_unit_test(a_virtual_interface_is_called_by_its_name),
		cmocka_unit_test(the_wifi_of_a_phone_is_known_by_its_network),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
