#pragma once

#include <stdio.h>

#include "base/clock.h"
#include "link.h"
#include "scenario.h"

/*
 * A carrier joins the link model to the world: it gives what it reads to one direction and writes
 * what comes out of it. There are two: UDP relays (relay.c) and pairs of TUN devices (tun.c).
 * Errors while it is set up go to stderr, whole, and end the program; later ones are counted.
 */
struct carrier;

struct carrier_ops {
	/* Data can be read from descriptor @which. */
	void (*ready)(struct carrier *carrier, unsigned which, usec_t now);
	/* Writes what has arrived at @now. */
	void (*flush)(struct carrier *carrier, usec_t now);
	/* Once a second. */
	void (*tick)(struct carrier *carrier, usec_t now);
	/* 0, or -ENOTSUP. */
	int (*rebind)(struct carrier *carrier, usec_t now);
	/* Members of a JSON object, such as "listen":"127.0.0.1:7000". */
	void (*describe)(const struct carrier *carrier, FILE *to);
	struct carrier *(*free)(struct carrier *carrier);
};

/* Begins with this; the owner of the links is main.c. */
struct carrier {
	const struct carrier_ops *ops;
	const char *name;
	struct link *up, *down;
	int epoll;
	unsigned index;	    /* events carry index << 32 | which */
	uint64_t overflows; /* datagrams that the kernel or our tables had no room for */
};

/* NULL: told on stderr. @carrier_index: of this carrier among all. */
struct carrier *relay_new(const struct scenario_link *link, struct link *up, struct link *down,
			  int epoll, unsigned carrier_index);
struct carrier *tun_new(const struct scenario_link *link, struct link *up, struct link *down,
			int epoll, unsigned carrier_index);

/* Registers @fd for reading as descriptor @which. 0 or -errno. */
int carrier_watch(struct carrier *carrier, int fd, unsigned which);
