#pragma once

#include <stdbool.h>

#include "base/clock.h"

/*
 * Which of several receivers a sender speaks to, and when it goes on to another. Knows neither
 * addresses nor sockets.
 *
 * While no path of the session answers, the bond asks by hellos, and each of these is also sent to
 * the other receivers. Their answers are not taken but noted here. When another one answers and the
 * present one stays silent for a moment longer, it is the receiver that is gone; when nobody
 * answers it is the uplinks, and nothing changes. There is no way back but the same one: whoever
 * works stays.
 */
#define FAILOVER_MAX	 4
#define FAILOVER_SILENCE (800 * USEC_PER_MS) /* asking without an answer of the present one */
/* Since the first answer of another one: both were asked in the same moment, so this is what the
 * ways to them may differ by. */
#define FAILOVER_GRACE (400 * USEC_PER_MS)

struct failover {
	unsigned receivers, now;
	usec_t asked_at;		  /* the first hello of this silence; USEC_NEVER: none */
	usec_t answered_at[FAILOVER_MAX]; /* the first answer to that; USEC_NEVER: none */
};

/* Begins with the first of @receivers (at most FAILOVER_MAX). */
void failover_init(struct failover *failover, unsigned receivers);
/* A hello left for the present receiver. True: the others are to get it too. */
bool failover_asked(struct failover *failover, usec_t now);
/* Something authentic came from the present receiver. */
void failover_heard(struct failover *failover);
/* @receiver, another one, answered a hello. */
void failover_answered(struct failover *failover, unsigned receiver, usec_t now);
/* When failover_turn() has something to do. */
usec_t failover_wakeup_at(const struct failover *failover);
/* True: another receiver is the present one now, and is to be asked. */
bool failover_turn(struct failover *failover, usec_t now);
