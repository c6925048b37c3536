#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "sys/loop.h"

/*
 * How well Wi-Fi interfaces are received, as nl80211 tells it, without privilege. For people: what
 * a path carries is measured, not read off a signal.
 */
#define WIFI_MAX 16 /* interfaces; more are left out */

struct wifi_info {
	int index;	 /* of the interface; 0: the place is empty */
	char ssid[33];	 /* "" = not associated; may hold any bytes but 0 */
	int signal_dbm;	 /* 0: not known */
	uint64_t tx_bps; /* what the radio sends with now; 0: not known */
};

struct wifi_table {
	struct wifi_info info[WIFI_MAX];
};

/* Takes one message of nl80211 in; total for any message. */
void wifi_take(struct wifi_table *table, const struct nlmsghdr *message);
/* NULL: nothing is known of it. */
const struct wifi_info *wifi_find(const struct wifi_table *table, int index);

struct wifi;

/* NULL: out of memory. A machine without Wi-Fi is no error: then nothing is ever known. */
struct wifi *wifi_new(struct loop *loop);
struct wifi *wifi_free(struct wifi *wifi);
/* Asks for this interface; the answer is there some turns of the loop later. */
void wifi_ask(struct wifi *wifi, int index);
/* The last answer, or NULL. */
const struct wifi_info *wifi_info(const struct wifi *wifi, int index);
