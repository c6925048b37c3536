#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "sys/log.h"
#include "sys/supervisor.h"
#include "workers/srt/endpoint.h"
#include "workers/srt/leg.h"

/*
 * A listener and the rules of who may come in. The rules are applied in libsrt's own thread, by the
 * listen callback, which touches only what is atomic or under the lock here and never waits; what
 * there is to tell about the refused is told by door_report().
 */
#define DOOR_KNOCKS 16

struct door_knock {
	char peer[80];
	SRTSOCKET socket; /* let in so far; SRT_INVALID_SOCK: refused */
	const char *why;  /* refused */
	usec_t at;
};

struct door {
	const struct leg *leg;
	struct supervisor *supervisor;
	SRTSOCKET listener;
	unsigned port;
	unsigned guests_max; /* 0: any number */
	bool one_publisher;  /* a second one is refused while the first one sends */

	/* Told by the owner, read by the callback. */
	atomic_uint guests;
	atomic_ullong last_data; /* of the publisher, by supervisor_clock() */

	pthread_mutex_t lock; /* of what follows */
	struct door_knock knocks[DOOR_KNOCKS];
	unsigned knock_count;
	unsigned untold; /* more than there was room for */
	struct log_limit limit;
};

/* Binds and listens. 0, or an exit status of worker.h with the reason told. @leg has to stay. */
int door_open(struct door *door, const struct leg *leg, const struct endpoint *endpoint,
	      struct supervisor *supervisor);
void door_close(struct door *door);
/* The next connection (or group); SRT_INVALID_SOCK: none. */
SRTSOCKET door_accept(struct door *door, char *ret_peer, size_t size);
/* Logs who was refused. To be called a few times a second. */
void door_report(struct door *door);
