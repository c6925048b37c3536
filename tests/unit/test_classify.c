#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/classify.h"

/*
 * Trees as the kernel shows them for real devices, made in a directory of the test: a table of
 * path and content; what begins with '>' is a symbolic link to that place in the tree.
 */
#define USB	     "devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1."
#define DRIVER(name) "bus/drivers/" name

/* clang-format off */
static const char *const tree[] = {
	/* A HiLink stick: Ethernet to the eye, no DEVTYPE. */
	USB "1/idVendor", "12d1\n", USB "1/idProduct", "14db\n", USB "1/product", "HUAWEI_MOBILE\n",
	USB "1/1-1.1:1.0/driver", ">" DRIVER("cdc_ether"),
	USB "1/1-1.1:1.0/net/eth1/uevent", "INTERFACE=eth1\nIFINDEX=3\n",
	USB "1/1-1.1:1.0/net/eth1/device", ">" USB "1/1-1.1:1.0",
	"class/net/eth1", ">" USB "1/1-1.1:1.0/net/eth1",
	/* Its twin in the next port. */
	USB "2/idVendor", "12d1\n", USB "2/idProduct", "14db\n",
	USB "2/1-1.2:1.0/driver", ">" DRIVER("cdc_ether"),
	USB "2/1-1.2:1.0/net/eth2/uevent", "INTERFACE=eth2\n",
	USB "2/1-1.2:1.0/net/eth2/device", ">" USB "2/1-1.2:1.0",
	"class/net/eth2", ">" USB "2/1-1.2:1.0/net/eth2",
	/* An MBIM modem. */
	USB "3/idVendor", "1199\n", USB "3/idProduct", "9091\n", USB "3/product", "EM7565\n",
	USB "3/1-1.3:1.12/driver", ">" DRIVER("cdc_mbim"),
	USB "3/1-1.3:1.12/net/wwan0/uevent", "DEVTYPE=wwan\nINTERFACE=wwan0\n",
	USB "3/1-1.3:1.12/net/wwan0/device", ">" USB "3/1-1.3:1.12",
	"class/net/wwan0", ">" USB "3/1-1.3:1.12/net/wwan0",
	/* A QMI modem of a maker that is in no table, without its DEVTYPE. */
	USB "4/idVendor", "dead\n", USB "4/idProduct", "0001\n",
	USB "4/1-1.4:1.4/driver", ">" DRIVER("qmi_wwan"),
	USB "4/1-1.4:1.4/net/wwan1/uevent", "INTERFACE=wwan1\n",
	USB "4/1-1.4:1.4/net/wwan1/device", ">" USB "4/1-1.4:1.4",
	"class/net/wwan1", ">" USB "4/1-1.4:1.4/net/wwan1",
	/* An Android phone of an unknown make. */
	USB "5/idVendor", "0e8d\n", USB "5/idProduct", "2004\n",
	USB "5/1-1.5:1.0/driver", ">" DRIVER("rndis_host"),
	USB "5/1-1.5:1.0/bInterfaceClass", "e0\n", USB "5/1-1.5:1.0/bInterfaceSubClass", "01\n",
	USB "5/1-1.5:1.0/bInterfaceProtocol", "03\n",
	USB "5/1-1.5:1.0/net/usb0/uevent", "INTERFACE=usb0\n",
	USB "5/1-1.5:1.0/net/usb0/device", ">" USB "5/1-1.5:1.0",
	"class/net/usb0", ">" USB "5/1-1.5:1.0/net/usb0",
	/* An iPhone. */
	USB "6/idVendor", "05ac\n", USB "6/idProduct", "12a8\n", USB "6/product", "iPhone\n",
	USB "6/1-1.6:4.2/driver", ">" DRIVER("ipheth"),
	USB "6/1-1.6:4.2/net/eth3/uevent", "INTERFACE=eth3\n",
	USB "6/1-1.6:4.2/net/eth3/device", ">" USB "6/1-1.6:4.2",
	"class/net/eth3", ">" USB "6/1-1.6:4.2/net/eth3",
	/* A ZTE stick that speaks RNDIS. */
	USB "7/idVendor", "19d2\n", USB "7/idProduct", "1405\n",
	USB "7/1-1.7:1.0/driver", ">" DRIVER("rndis_host"),
	USB "7/1-1.7:1.0/net/usb1/uevent", "INTERFACE=usb1\n",
	USB "7/1-1.7:1.0/net/usb1/device", ">" USB "7/1-1.7:1.0",
	"class/net/usb1", ">" USB "7/1-1.7:1.0/net/usb1",
	/* A Pixel with NCM. */
	USB "8/idVendor", "18d1\n", USB "8/idProduct", "4eeb\n",
	USB "8/1-1.8:1.0/driver", ">" DRIVER("cdc_ncm"),
	USB "8/1-1.8:1.0/net/eth4/uevent", "INTERFACE=eth4\n",
	USB "8/1-1.8:1.0/net/eth4/device", ">" USB "8/1-1.8:1.0",
	"class/net/eth4", ">" USB "8/1-1.8:1.0/net/eth4",
	/* USB Ethernet with its own driver, and with a generic one. */
	USB "9/idVendor", "0bda\n", USB "9/idProduct", "8153\n",
	USB "9/1-1.9:1.0/driver", ">" DRIVER("r8152"),
	USB "9/1-1.9:1.0/net/eth5/uevent", "INTERFACE=eth5\n",
	USB "9/1-1.9:1.0/net/eth5/device", ">" USB "9/1-1.9:1.0",
	"class/net/eth5", ">" USB "9/1-1.9:1.0/net/eth5",
	USB "10/idVendor", "0bda\n", USB "10/idProduct", "8156\n",
	USB "10/1-1.10:2.0/driver", ">" DRIVER("cdc_ncm"),
	USB "10/1-1.10:2.0/net/eth6/uevent", "INTERFACE=eth6\n",
	USB "10/1-1.10:2.0/net/eth6/device", ">" USB "10/1-1.10:2.0",
	"class/net/eth6", ">" USB "10/1-1.10:2.0/net/eth6",
	/* Wi-Fi on PCIe, and a stick whose driver sets no DEVTYPE. */
	"devices/pci0000:00/0000:00:1c.0/0000:03:00.0/driver", ">" DRIVER("iwlwifi"),
	"devices/pci0000:00/0000:00:1c.0/0000:03:00.0/net/wlan0/uevent", "DEVTYPE=wlan\n",
	"devices/pci0000:00/0000:00:1c.0/0000:03:00.0/net/wlan0/device",
	">devices/pci0000:00/0000:00:1c.0/0000:03:00.0",
	"class/net/wlan0", ">devices/pci0000:00/0000:00:1c.0/0000:03:00.0/net/wlan0",
	USB "11/idVendor", "0bda\n", USB "11/idProduct", "8812\n",
	USB "11/1-1.11:1.0/driver", ">" DRIVER("rtl8812au"),
	USB "11/1-1.11:1.0/net/wlan1/phy80211/name", "phy1\n",
	USB "11/1-1.11:1.0/net/wlan1/device", ">" USB "11/1-1.11:1.0",
	"class/net/wlan1", ">" USB "11/1-1.11:1.0/net/wlan1",
	/* A cable: PCIe, a single-board computer, its USB hub, a virtual machine. */
	"devices/pci0000:00/0000:00:1f.6/driver", ">" DRIVER("e1000e"),
	"devices/pci0000:00/0000:00:1f.6/net/eno1/uevent", "INTERFACE=eno1\n",
	"devices/pci0000:00/0000:00:1f.6/net/eno1/device", ">devices/pci0000:00/0000:00:1f.6",
	"class/net/eno1", ">devices/pci0000:00/0000:00:1f.6/net/eno1",
	"devices/platform/scb/fd580000.ethernet/driver", ">" DRIVER("bcmgenet"),
	"devices/platform/scb/fd580000.ethernet/net/end0/uevent", "INTERFACE=end0\n",
	"devices/platform/scb/fd580000.ethernet/net/end0/device",
	">devices/platform/scb/fd580000.ethernet",
	"class/net/end0", ">devices/platform/scb/fd580000.ethernet/net/end0",
	"devices/platform/soc/3f980000.usb/usb1/1-1/1-1.1/idVendor", "0424\n",
	"devices/platform/soc/3f980000.usb/usb1/1-1/1-1.1/1-1.1:1.0/driver", ">" DRIVER("smsc95xx"),
	"devices/platform/soc/3f980000.usb/usb1/1-1/1-1.1/1-1.1:1.0/net/enx1/uevent", "\n",
	"devices/platform/soc/3f980000.usb/usb1/1-1/1-1.1/1-1.1:1.0/net/enx1/device",
	">devices/platform/soc/3f980000.usb/usb1/1-1/1-1.1/1-1.1:1.0",
	"class/net/enx1", ">devices/platform/soc/3f980000.usb/usb1/1-1/1-1.1/1-1.1:1.0/net/enx1",
	"devices/pci0000:00/0000:00:03.0/virtio0/driver", ">" DRIVER("virtio_net"),
	"devices/pci0000:00/0000:00:03.0/virtio0/net/ens3/uevent", "INTERFACE=ens3\n",
	"devices/pci0000:00/0000:00:03.0/virtio0/net/ens3/device",
	">devices/pci0000:00/0000:00:03.0/virtio0",
	"class/net/ens3", ">devices/pci0000:00/0000:00:03.0/virtio0/net/ens3",
	/* A modem on PCIe. */
	"devices/pci0000:00/0000:01:00.0/mhi0/mhi0_IP_HW0_MBIM/driver", ">" DRIVER("mhi_wwan_mbim"),
	"devices/pci0000:00/0000:01:00.0/mhi0/mhi0_IP_HW0_MBIM/net/wwan2/uevent", "DEVTYPE=wwan\n",
	"devices/pci0000:00/0000:01:00.0/mhi0/mhi0_IP_HW0_MBIM/net/wwan2/device",
	">devices/pci0000:00/0000:01:00.0/mhi0/mhi0_IP_HW0_MBIM",
	"class/net/wwan2", ">devices/pci0000:00/0000:01:00.0/mhi0/mhi0_IP_HW0_MBIM/net/wwan2",
	/* What has no device. */
	"devices/virtual/net/br0/uevent", "DEVTYPE=bridge\n", "class/net/br0", ">devices/virtual/net/br0",
	"devices/virtual/net/bond0/uevent", "DEVTYPE=bond\n",
	"class/net/bond0", ">devices/virtual/net/bond0",
	"devices/virtual/net/eno1.7/uevent", "DEVTYPE=vlan\n",
	"class/net/eno1.7", ">devices/virtual/net/eno1.7",
	"devices/virtual/net/ppp0/uevent", "INTERFACE=ppp0\n", "devices/virtual/net/ppp0/type", "512\n",
	"class/net/ppp0", ">devices/virtual/net/ppp0",
	"devices/virtual/net/bnep0/uevent", "DEVTYPE=bluetooth\n",
	"class/net/bnep0", ">devices/virtual/net/bnep0",
	"devices/virtual/net/rmnet0/uevent", "INTERFACE=rmnet0\n",
	"class/net/rmnet0", ">devices/virtual/net/rmnet0",
	"devices/platform/fe980000.usb/gadget.0/net/usb9/uevent", "DEVTYPE=gadget\n",
	"devices/platform/fe980000.usb/gadget.0/net/usb9/device",
	">devices/platform/fe980000.usb/gadget.0",
	"class/net/usb9", ">devices/platform/fe980000.usb/gadget.0/net/usb9",
	NULL,
};
/* clang-format on */

static const struct {
	const char *device, *kind;
	enum classify_type type;
	const char *path, *driver;
} expected[] = {
	{ "eth1", "", CLASSIFY_TYPE_CELLULAR, "pci-0000:00:14.0-usb-0:1.1:1.0", "cdc_ether" },
	{ "eth2", "", CLASSIFY_TYPE_CELLULAR, "pci-0000:00:14.0-usb-0:1.2:1.0", "cdc_ether" },
	{ "wwan0", "", CLASSIFY_TYPE_CELLULAR, "pci-0000:00:14.0-usb-0:1.3:1.12", "cdc_mbim" },
	{ "wwan1", "", CLASSIFY_TYPE_CELLULAR, "pci-0000:00:14.0-usb-0:1.4:1.4", "qmi_wwan" },
	{ "usb0", "", CLASSIFY_TYPE_TETHER, "pci-0000:00:14.0-usb-0:1.5:1.0", "rndis_host" },
	{ "eth3", "", CLASSIFY_TYPE_TETHER, "pci-0000:00:14.0-usb-0:1.6:4.2", "ipheth" },
	{ "usb1", "", CLASSIFY_TYPE_CELLULAR, "pci-0000:00:14.0-usb-0:1.7:1.0", "rndis_host" },
	{ "eth4", "", CLASSIFY_TYPE_TETHER, "pci-0000:00:14.0-usb-0:1.8:1.0", "cdc_ncm" },
	{ "eth5", "", CLASSIFY_TYPE_LAN, "pci-0000:00:14.0-usb-0:1.9:1.0", "r8152" },
	{ "eth6", "", CLASSIFY_TYPE_LAN, "pci-0000:00:14.0-usb-0:1.10:2.0", "cdc_ncm" },
	{ "wlan0", "", CLASSIFY_TYPE_WIFI, "pci-0000:03:00.0", "iwlwifi" },
	{ "wlan1", "", CLASSIFY_TYPE_WIFI, "pci-0000:00:14.0-usb-0:1.11:1.0", "rtl8812au" },
	{ "eno1", "", CLASSIFY_TYPE_LAN, "pci-0000:00:1f.6", "e1000e" },
	{ "end0", "", CLASSIFY_TYPE_LAN, "platform-fd580000.ethernet", "bcmgenet" },
	{ "enx1", "", CLASSIFY_TYPE_LAN, "platform-3f980000.usb-usb-0:1.1:1.0", "smsc95xx" },
	{ "ens3", "", CLASSIFY_TYPE_LAN, "pci-0000:00:03.0", "virtio_net" },
	{ "wwan2", "wwan", CLASSIFY_TYPE_CELLULAR, "pci-0000:01:00.0", "mhi_wwan_mbim" },
	{ "br0", "bridge", CLASSIFY_TYPE_LAN, "", "" },
	{ "bond0", "bond", CLASSIFY_TYPE_LAN, "", "" },
	{ "eno1.7", "vlan", CLASSIFY_TYPE_LAN, "", "" },
	{ "ppp0", "", CLASSIFY_TYPE_CELLULAR, "", "" },
	{ "bnep0", "", CLASSIFY_TYPE_TETHER, "", "" },
	{ "rmnet0", "rmnet", CLASSIFY_TYPE_CELLULAR, "", "" },
	{ "nothere0", "", CLASSIFY_TYPE_UNKNOWN, "", "" },
};

static char root[] = "/tmp/uplinkd-sysfs-XXXXXX";

/* Makes the directories above the last part. */
static void make_parents(char *path)
{
	for (char *slash = strchr(path + strlen(root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
}

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(root));
	for (const char *const *entry = tree; *entry; entry += 2) {
		char path[512], target[512];
		FILE *file;

		(void)snprintf(path, sizeof(path), "%s/%s", root, entry[0]);
		make_parents(path);
		if (entry[1][0] == '>') {
			(void)snprintf(target, sizeof(target), "%s/%s", root, entry[1] + 1);
			assert_int_equal(symlink(target, path), 0);
			continue;
		}
		file = fopen(path, "w");
		assert_non_null(file);
		(void)fputs(entry[1], file);
		(void)fclose(file);
	}
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void every_device_is_known_for_what_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct classify classify;

		classify_device(root, expected[i].device, expected[i].kind, &classify);
		if (classify.type != expected[i].type)
			fail_msg("%s is %s instead of %s", expected[i].device,
				 classify_type_text(classify.type),
				 classify_type_text(expected[i].type));
		assert_string_equal(classify.path, expected[i].path);
		assert_string_equal(classify.driver, expected[i].driver);
		assert_false(classify.gadget);
	}
}

static void two_identical_sticks_differ_by_their_place_alone(void **state)
{
	struct classify a, b;

	(void)state;
	classify_device(root, "eth1", "", &a);
	classify_device(root, "eth2", "", &b);
	assert_int_equal(a.usb_vendor, b.usb_vendor);
	assert_int_equal(a.usb_product, 0x14db);
	assert_string_equal(a.model, "HUAWEI_MOBILE");
	assert_string_not_equal(a.path, b.path);
}

static void our_own_end_of_a_usb_cable_is_marked(void **state)
{
	struct classify classify;

	(void)state;
	classify_device(root, "usb9", "", &classify);
	assert_true(classify.gadget);
}

static void radio_and_phone_are_taken_for_paid(void **state)
{
	(void)state;
	assert_true(classify_type_is_paid(CLASSIFY_TYPE_CELLULAR));
	assert_true(classify_type_is_paid(CLASSIFY_TYPE_TETHER));
	assert_false(classify_type_is_paid(CLASSIFY_TYPE_LAN));
	assert_false(classify_type_is_paid(CLASSIFY_TYPE_WIFI));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_device_is_known_for_what_it_is),
		cmocka_unit_test(two_identical_sticks_differ_by_their_place_alone),
		cmocka_unit_test(our_own_end_of_a_usb_cable_is_marked),
		cmocka_unit_test(radio_and_phone_are_taken_for_paid),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
