#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * What an interface is, from what the kernel tells below /sys: its type, its driver, and where it
 * is plugged in. That place is its identity: names, MAC addresses and interface numbers change from
 * plug to plug and are the same for two sticks of one make; the port is not.
 */
enum classify_type {
	CLASSIFY_TYPE_UNKNOWN,
	CLASSIFY_TYPE_LAN,
	CLASSIFY_TYPE_WIFI,
	CLASSIFY_TYPE_CELLULAR,
	CLASSIFY_TYPE_TETHER, /* a phone on a cable or over Bluetooth */
};

struct classify {
	enum classify_type type;
	char path[80];	 /* "pci-0000:00:14.0-usb-0:1.2:1.0", as ID_PATH of udev; "" = virtual */
	char driver[32]; /* "" = none */
	char model[48];	 /* what a USB device calls itself; "" = not told */
	uint16_t usb_vendor, usb_product; /* 0: not on USB */
	bool gadget;			  /* our own end of a USB cable to another host */
};

/* @sysfs: "/sys", or a tree like it. @kind: what the kernel calls a virtual interface, "" for a
 * device. An interface that is not there is of unknown type. */
void classify_device(const char *sysfs, const char *device, const char *kind,
		     struct classify *ret_classify);
/* "lan", "wifi", "cellular", "tether", "unknown". */
const char *classify_type_text(enum classify_type type);
/* Traffic on it is paid for by volume, as far as one can guess. */
bool classify_type_is_paid(enum classify_type type);
