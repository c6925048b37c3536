#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * Smaller pictures for low rates: at 0.8 Mb/s a sharp 480p is better to look at than a smeared
 * 1080p. Off unless asked for, since platforms dislike a change of the size. Pure.
 *
 * A rung is a height and the least rate of the whole stream at which it is used; the last rung
 * holds for all rates below.
 */
#define LADDER_RUNGS_MAX  6
#define LADDER_UP_PERCENT 125		     /* of its rate, for a rung to be climbed to */
#define LADDER_DOWN_AFTER (1 * USEC_PER_SEC) /* the rate is too low for so long */
#define LADDER_UP_AFTER	  (10 * USEC_PER_SEC)

struct ladder_rungs {
	unsigned count; /* 0: no ladder */
	struct {
		int height;
		uint64_t from_bps;
	} rung[LADDER_RUNGS_MAX];
};

struct ladder {
	struct ladder_rungs rungs;
	bool started;
	unsigned now; /* the rung in use */
	usec_t since; /* when another rung began to be the right one; USEC_NEVER: it is not */
	bool upward;  /* that one is above */
};

/* "720:1500k,480:0": rungs from the largest to the smallest, heights and rates falling; a rate may
 * end in k or M and may be left out for the last. "yes" stands for the usual one, "no" for none.
 * False: it is none of these. */
bool ladder_parse(const char *text, struct ladder_rungs *ret_rungs);

void ladder_init(struct ladder *ladder, const struct ladder_rungs *rungs);
/* The height for pictures of @height at the rate @bps; asked at least once a second. Never above
 * @height; without a ladder @height itself. */
int ladder_height(struct ladder *ladder, int height, uint64_t bps, usec_t now);
