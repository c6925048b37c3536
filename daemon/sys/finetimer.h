#pragma once

#include "sys/loop.h"

/*
 * A timer that fires within some 100 us of its time. loop_timer is good for a millisecond: the
 * poll of the loop counts in these.
 */
struct finetimer {
	void (*call)(struct finetimer *timer);
	void *owner;
	usec_t at;
	struct loop_io io;
	int fd;
};

/* 0 or a negative errno; @timer can be deinitialised in either case. */
int finetimer_init(struct finetimer *timer, struct loop *loop,
		   void (*call)(struct finetimer *timer), void *owner);
/* Fires once at @at; USEC_NEVER stops it. */
void finetimer_set(struct finetimer *timer, usec_t at);
void finetimer_deinit(struct finetimer *timer);
