#pragma once

#include <net/if.h>
#include <stdbool.h>

#include "sys/loop.h"

/*
 * What ModemManager tells of the modems: operator, technology, signal. For people: what a path
 * carries is measured, not read off a signal. Without a system bus or without ModemManager nothing
 * is ever known, and nothing is said about it.
 */
#define MODEM_MAX	16
#define MODEM_PORTS_MAX 4 /* network interfaces of one modem */

struct modem_info {
	unsigned ports;
	char port[MODEM_PORTS_MAX][IF_NAMESIZE];
	char operator_name[64];
	char technology[16];	 /* "5G", "LTE", ...; "" = not connected */
	unsigned signal_percent; /* 0: not known */
	int signal_dbm;		 /* of the pilot (RSRP) where it is told, else RSSI; 0: not known */
};

struct modems;

/* Asks every @period. NULL: out of memory. */
struct modems *modems_new(struct loop *loop, usec_t period);
struct modems *modems_free(struct modems *modems);
/* The modem that has this interface, or NULL. */
const struct modem_info *modems_find(const struct modems *modems, const char *device);
/* How often it was answered: for tests. */
unsigned modems_answers(const struct modems *modems);
