#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/feed.h"
#include "sys/loop.h"

/*
 * MPEG-TS that goes out without a worker: UDP (unicast or multicast) in datagrams of seven packets,
 * paced as they come, or a pipe (standard output or a FIFO). What goes away is waited for.
 */
struct tsout;

enum tsout_kind {
	TSOUT_UDP,
	TSOUT_PIPE,
};

struct tsout_config {
	enum tsout_kind kind;
	const char *host; /* UDP */
	uint16_t port;
	const char *iface; /* UDP multicast: the interface to send on; "" = the system's choice */
	int ttl;	   /* UDP: 0 = the default of the system */
	const char *path;  /* PIPE: a FIFO; "" = standard output */

	void (*on_log)(void *owner, int level, const char *text);
	void *owner;
};

struct tsout_info {
	const char *state; /* "connecting" "streaming" "reconnecting" "failed" */
	char reason[256];
	struct feed_info feed;
};

/* NULL: out of memory. */
struct tsout *tsout_new(struct loop *loop, struct feeds *feeds, const struct tsout_config *config);
struct tsout *tsout_free(struct tsout *tsout);
void tsout_info(const struct tsout *tsout, struct tsout_info *ret_info);
