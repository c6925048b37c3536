#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/loop.h"

/*
 * MPEG-TS that comes in without a worker: UDP (unicast or multicast) or a pipe (standard input or a
 * FIFO). Waits for ever for what is not there, and for what went away to come back.
 */
struct tsin;

enum tsin_kind {
	TSIN_UDP,
	TSIN_PIPE,
};

struct tsin_config {
	enum tsin_kind kind;
	const char *host;  /* UDP: local address or multicast group; "" = any address */
	uint16_t port;	   /* UDP */
	const char *iface; /* UDP multicast: the interface to join on; "" = the system's choice */
	const char *path;  /* PIPE: a FIFO; "" = standard input */

	/* Whole, aligned packets. */
	void (*on_packets)(void *owner, const uint8_t *packets, size_t len);
	/* What was noticed, for the log and the status. */
	void (*on_log)(void *owner, int level, const char *text);
	/* Standard input has ended; nothing will ever come again. */
	void (*on_end)(void *owner);
	void *owner;
};

struct tsin_info {
	const char *state; /* "waiting" "streaming" "failed" */
	char reason[256];
	uint64_t bytes;
	uint64_t garbage_bytes; /* not MPEG-TS: thrown away */
};

/* NULL: out of memory. */
struct tsin *tsin_new(struct loop *loop, const struct tsin_config *config);
struct tsin *tsin_free(struct tsin *tsin);
void tsin_info(const struct tsin *tsin, struct tsin_info *ret_info);
