#pragma once

#include <stdbool.h>

#include "base/clock.h"

/*
 * What to do when encoding cannot keep up with real time: never build delay. Pictures are left out
 * while the input waits, and when that lasts, a cheaper preset is asked for; when there was ample
 * room for a while, the better one again. Pure.
 */
#define PACE_LAG_HIGH (300 * USEC_PER_MS)  /* worth acting on when it lasts */
#define PACE_LAG_LOW  (120 * USEC_PER_MS)  /* caught up */
#define PACE_LAG_MAX  (1000 * USEC_PER_MS) /* few pictures are coded until it is HIGH again */
#define PACE_PATIENCE (1 * USEC_PER_SEC)   /* a burst of the input is over by then */

struct pace {
	usec_t high_since; /* USEC_NEVER: the lag is not high */
	usec_t step_at;	   /* last change of the preset */
	usec_t room_since; /* since when there is room for a better preset; USEC_NEVER: there is not
			    */
	usec_t hold;	   /* how long room must last; doubles with every step down */
	usec_t busy;	   /* time spent on pictures, decaying */
	usec_t covered;	   /* media time of the same pictures */
	bool behind;	   /* leaving out every second picture */
	bool stuck;	   /* leaving out most of them */
	unsigned count;	   /* of pictures */
};

enum pace_advice {
	PACE_KEEP,
	PACE_CHEAPER, /* take the next cheaper preset */
	PACE_BETTER,
};

void pace_init(struct pace *pace, usec_t now);
/* Whether the picture at hand is to be coded, with @lag of input waiting behind it. */
bool pace_takes(struct pace *pace, usec_t lag, usec_t now);
/* A picture that covers @span of the stream took @busy to convert and encode. */
void pace_spent(struct pace *pace, usec_t busy, usec_t span);
/* Asked once a second. @cheaper, @better: such a preset exists. */
enum pace_advice pace_preset(struct pace *pace, bool cheaper, bool better, usec_t now);
/* Time spent per time covered, in permille; 0 at first. */
unsigned pace_load_permille(const struct pace *pace);
