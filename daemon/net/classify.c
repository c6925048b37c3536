#include "net/classify.h"

#include <linux/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The kernel marks Wi-Fi and most modems by a DEVTYPE. What is left are USB devices that look like
 * a network card: HiLink sticks and phones are plain cdc_ether, cdc_ncm or rndis_host, exactly as a
 * USB Ethernet adapter with a generic driver. Their maker tells them apart, and where it does not,
 * the class of the USB interface: RNDIS as phones offer it.
 */

/* --- reading -------------------------------------------------------------------------------- */

struct device {
	char net[300];	/* ROOT/class/net/NAME */
	char real[512]; /* the device behind it, without ROOT; "" = virtual */
	char root[256];
};

/* The first line of ROOT + @path + "/" + @file, "" when there is none. */
static void read_line(const char *root, const char *path, const char *file, char *line, size_t size)
{
	char name[900];
	FILE *f;

	line[0] = '\0';
	if ((size_t)snprintf(name, sizeof(name), "%s%s/%s", root, path, file) >= sizeof(name))
		return;
	f = fopen(name, "re");
	if (!f)
		return;
	if (!fgets(line, (int)size, f))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	(void)fclose(f);
}

static unsigned read_number(const char *root, const char *path, const char *file, int base)
{
	char line[32];

	read_line(root, path, file, line, sizeof(line));
	return (unsigned)strtoul(line, NULL, base);
}

/* DEVTYPE of the uevent; "" = none. */
static void read_devtype(const struct device *device, char *devtype, size_t size)
{
	char name[400], line[160];
	FILE *f;

	devtype[0] = '\0';
	(void)snprintf(name, sizeof(name), "%s/uevent", device->net);
	f = fopen(name, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "DEVTYPE=", 8))
			(void)snprintf(devtype, size, "%.31s", line + 8);
	}
	(void)fclose(f);
}

/* Whether it is there at all. */
static bool device_open(struct device *device, const char *sysfs, const char *name)
{
	char link[400], *root = realpath(sysfs, NULL), *real;
	bool there = false;

	*device = (struct device){ 0 };
	if (!root || strlen(root) >= sizeof(device->root))
		goto out;
	(void)strcpy(device->root, root);
	(void)snprintf(device->net, sizeof(device->net), "%s/class/net/%s", root, name);
	there = !access(device->net, F_OK);
	(void)snprintf(link, sizeof(link), "%s/device", device->net);
	real = realpath(link, NULL);
	if (real && !strncmp(real, root, strlen(root)) &&
	    strlen(real + strlen(root)) < sizeof(device->real))
		(void)strcpy(device->real, real + strlen(root));
	free(real);
out:
	free(root);
	return there;
}

/* --- the place ------------------------------------------------------------------------------ */

/* "0000:00:14.0" */
static bool is_pci(const char *part)
{
	unsigned domain, bus, slot, function;
	int used = 0;

	return sscanf(part, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &used) == 4 &&
	       !part[used];
}

/* "1-1.2:1.0", bus - ports : configuration . interface */
static bool is_usb_interface(const char *part)
{
	size_t bus = strspn(part, "0123456789"), ports;

	if (!bus || part[bus] != '-')
		return false;
	ports = strspn(part + bus + 1, "0123456789.");
	return ports && part[bus + 1 + ports] == ':';
}

/* The chain of buses from the outside in, as udev writes it: the PCI function or platform device
 * that the bus hangs on, and the ports on the way for USB. Bus numbers are left out, for they
 * depend on the order of discovery. */
static void find_path(const struct device *device, char *path, size_t size)
{
	char copy[sizeof(device->real)], *parts[32], *rest = copy, *part;
	const char *usb = NULL, *host = NULL;
	bool platform = false;
	unsigned count = 0;

	path[0] = '\0';
	(void)strcpy(copy, device->real);
	while ((part = strsep(&rest, "/")) && count < 32)
		if (*part)
			parts[count++] = part;
	for (unsigned i = count; i-- > 0 && !host;) {
		if (!usb && is_usb_interface(parts[i])) {
			usb = strchr(parts[i], '-') + 1;
		} else if (is_pci(parts[i])) {
			host = parts[i];
		} else if (i && !strcmp(parts[i - 1], "platform")) {
			host = parts[i];
			platform = true;
		}
	}
	if (platform)
		/* /platform/soc/3f980000.usb/...: the last one before the USB bus. */
		for (unsigned i = 0; i + 1 < count; i++)
			if (parts[i] == host && strchr(parts[i + 1], '.') &&
			    !is_usb_interface(parts[i + 1]) && strncmp(parts[i + 1], "usb", 3) != 0)
				host = parts[i + 1];
	if (host)
		(void)snprintf(path, size, "%s-%s%s%s", platform ? "platform" : "pci", host,
			       usb ? "-usb-0:" : "", usb ? usb : "");
	else if (usb)
		(void)snprintf(path, size, "usb-0:%s", usb);
}

static void find_driver(const struct device *device, char *driver, size_t size)
{
	char link[900], target[512];
	const char *slash;
	ssize_t len;

	driver[0] = '\0';
	(void)snprintf(link, sizeof(link), "%s%s/driver", device->root, device->real);
	len = readlink(link, target, sizeof(target) - 1);
	if (len <= 0)
		return;
	target[len] = '\0';
	slash = strrchr(target, '/');
	(void)snprintf(driver, size, "%.31s", slash ? slash + 1 : target);
}

/* The USB device that the interface is a part of: one step up from it. */
static void find_usb(const struct device *device, struct classify *classify)
{
	char parent[sizeof(device->real)];
	char *slash;

	(void)strcpy(parent, device->real);
	slash = strrchr(parent, '/');
	if (!slash || !is_usb_interface(slash + 1))
		return;
	*slash = '\0';
	classify->usb_vendor = (uint16_t)read_number(device->root, parent, "idVendor", 16);
	classify->usb_product = (uint16_t)read_number(device->root, parent, "idProduct", 16);
	read_line(device->root, parent, "product", classify->model, sizeof(classify->model));
}

/* --- the type ------------------------------------------------------------------------------- */

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return true;
	return false;
}

static bool is_modem_maker(uint16_t vendor)
{
	switch (vendor) {
	case 0x0846: /* Netgear (Sierra inside) */
	case 0x1199: /* Sierra Wireless */
	case 0x12d1: /* Huawei */
	case 0x19d2: /* ZTE */
	case 0x1bbb: /* TCL, Alcatel */
	case 0x1bc7: /* Telit */
	case 0x1e0e: /* SIMCom */
	case 0x2c7c: /* Quectel */
	case 0x2cb7: /* Fibocom */
	case 0x3566: /* Brovi, the newer E3372 */
		return true;
	}
	return false;
}

static bool is_phone_maker(uint16_t vendor)
{
	switch (vendor) {
	case 0x04e8: /* Samsung */
	case 0x05ac: /* Apple */
	case 0x0fce: /* Sony */
	case 0x18d1: /* Google */
	case 0x22b8: /* Motorola */
	case 0x2717: /* Xiaomi */
	case 0x2a70: /* OnePlus */
		return true;
	}
	return false;
}

/* Chips of network adapters. */
static bool is_adapter_maker(uint16_t vendor)
{
	switch (vendor) {
	case 0x0b95: /* ASIX */
	case 0x0bda: /* Realtek */
	case 0x13b1: /* Linksys */
	case 0x17e9: /* DisplayLink */
	case 0x2357: /* TP-Link */
		return true;
	}
	return false;
}

/* RNDIS: wireless controller e0/01/03, or miscellaneous ef/04/01. */
static bool is_rndis_class(const struct device *device)
{
	unsigned class = read_number(device->root, device->real, "bInterfaceClass", 16);
	unsigned sub = read_number(device->root, device->real, "bInterfaceSubClass", 16);
	unsigned protocol = read_number(device->root, device->real, "bInterfaceProtocol", 16);

	return (class == 0xe0 && sub == 0x01 && protocol == 0x03) ||
	       (class == 0xef && sub == 0x04 && protocol == 0x01);
}

static bool is_wireless(const struct device *device)
{
	char name[400];

	(void)snprintf(name, sizeof(name), "%s/phy80211", device->net);
	if (!access(name, F_OK))
		return true;
	(void)snprintf(name, sizeof(name), "%s/wireless", device->net);
	return !access(name, F_OK);
}

static enum classify_type usb_type(const struct device *device, const struct classify *classify)
{
	static const char *const generic[] = { "cdc_ether",  "cdc_ncm",	   "cdc_eem",
					       "cdc_subset", "rndis_host", NULL };

	if (!strcmp(classify->driver, "ipheth"))
		return CLASSIFY_TYPE_TETHER;
	if (!is_one_of(classify->driver, generic))
		return CLASSIFY_TYPE_LAN; /* the driver of an Ethernet chip */
	if (is_modem_maker(classify->usb_vendor))
		return CLASSIFY_TYPE_CELLULAR;
	if (is_phone_maker(classify->usb_vendor))
		return CLASSIFY_TYPE_TETHER;
	if (is_adapter_maker(classify->usb_vendor))
		return CLASSIFY_TYPE_LAN;
	return !strcmp(classify->driver, "rndis_host") || is_rndis_class(device)
		       ? CLASSIFY_TYPE_TETHER
		       : CLASSIFY_TYPE_LAN;
}

static enum classify_type find_type(const struct device *device, const char *devtype,
				    const char *kind, const struct classify *classify)
{
	static const char *const modems[] = { "cdc_mbim",
					      "qmi_wwan",
					      "huawei_cdc_ncm",
					      "sierra_net",
					      "mhi_net",
					      "mhi_wwan_mbim",
					      "iosm",
					      "mtk_t7xx",
					      "hso",
					      "mhi-pci-generic",
					      NULL };
	static const char *const modem_kinds[] = { "wwan", "rmnet", "qmimux", NULL };
	char hardware[16];

	if (!strcmp(devtype, "wlan") || is_wireless(device))
		return CLASSIFY_TYPE_WIFI;
	if (!strcmp(devtype, "wwan") || is_one_of(classify->driver, modems) ||
	    is_one_of(kind, modem_kinds))
		return CLASSIFY_TYPE_CELLULAR;
	if (!strcmp(devtype, "bluetooth"))
		return CLASSIFY_TYPE_TETHER;
	read_line("", device->net, "type", hardware, sizeof(hardware));
	if (strtol(hardware, NULL, 10) == ARPHRD_PPP)
		return CLASSIFY_TYPE_CELLULAR; /* a modem on a serial line */
	if (classify->usb_vendor)
		return usb_type(device, classify);
	return CLASSIFY_TYPE_LAN;
}

void classify_device(const char *sysfs, const char *name, const char *kind,
		     struct classify *ret_classify)
{
	struct device device;
	char devtype[32];

	*ret_classify = (struct classify){ 0 };
	if (!device_open(&device, sysfs, name))
		return;
	if (device.real[0]) {
		find_path(&device, ret_classify->path, sizeof(ret_classify->path));
		find_driver(&device, ret_classify->driver, sizeof(ret_classify->driver));
		find_usb(&device, ret_classify);
	}
	read_devtype(&device, devtype, sizeof(devtype));
	ret_classify->gadget = !strcmp(devtype, "gadget");
	ret_classify->type = find_type(&device, devtype, kind, ret_classify);
}

const char *classify_type_text(enum classify_type type)
{
	switch (type) {
	case CLASSIFY_TYPE_UNKNOWN:
		break;
	case CLASSIFY_TYPE_LAN:
		return "lan";
	case CLASSIFY_TYPE_WIFI:
		return "wifi";
	case CLASSIFY_TYPE_CELLULAR:
		return "cellular";
	case CLASSIFY_TYPE_TETHER:
		return "tether";
	}
	return "unknown";
}

bool classify_type_is_paid(enum classify_type type)
{
	return type == CLASSIFY_TYPE_CELLULAR || type == CLASSIFY_TYPE_TETHER;
}
