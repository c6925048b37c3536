#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/meter.h"

/*
 * The sender's clock as the receiver sees it: what to add to the capture time of a media packet to
 * have the moment here at which it was captured.
 */
struct playclock_told {
	usec_t round_trip; /* USEC_NEVER: nothing was told */
	uint32_t difference;
};

struct playclock {
	struct extremum difference; /* arrival less capture; its time counts while packets come */
	usec_t active;		    /* that time */
	usec_t arrival_last;	    /* 0: nothing came yet */
	int64_t least;		    /* minimum of the difference */
	usec_t half_trip;	    /* of the path with the least delay */
	struct playclock_told told[2]; /* the best of the present span and of the one before */
	usec_t told_since;

	bool smooth;   /* follows without steps while it runs; otherwise at once */
	bool running;  /* something was played by it */
	int64_t shown; /* what is added */
	int64_t rest;  /* of the last move, in 1/PLAYCLOCK_CALM us */
	usec_t moved_at;
	usec_t step_min; /* an error of more than this is none of ours to smooth */
};

/* A smooth clock makes up for its error within about this time, as 1/e of it remains. */
#define PLAYCLOCK_CALM (64 * USEC_PER_SEC)
/* It never runs faster or slower than this by more: 10 ms in a second. */
#define PLAYCLOCK_PPM_MAX 10000

void playclock_init(struct playclock *c, usec_t now);
void playclock_set_half_trip(struct playclock *c, usec_t half_trip);
/* @step_min: see the field. */
void playclock_set_smooth(struct playclock *c, bool smooth, usec_t step_min);

/* A packet that was @captured by the sender's clock has arrived. */
void playclock_arrival(struct playclock *c, usec_t captured, usec_t now);
/* Something of ours that the sender says to have had at @remote (its clock, low 32 bits) was under
 * way around @local (ours); the round trip was @round_trip. */
void playclock_tell(struct playclock *c, usec_t local, uint32_t remote, usec_t round_trip,
		    usec_t now);
/* Moves a smooth clock on; to be called before packets are looked at for whether they are due. */
void playclock_move(struct playclock *c, usec_t now);
/* From now on its steps would be seen. */
void playclock_run(struct playclock *c);
/* Nothing is played by it at present: it may step. */
void playclock_rest(struct playclock *c);
/* The moment here, by the receiver's clock; 0 when it would be before that clock began. */
usec_t playclock_here(const struct playclock *c, usec_t captured);
