#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/recorder.h"

/*
 * The figures of one run: what one contender did with one scenario and seed. All are whole numbers
 * in the unit that the name says; FIGURE_NONE where it has no meaning.
 */
#define FIGURE_NONE	 UINT64_MAX
#define FIGURE_NEVER	 UINT32_MAX /* ms: it did not happen */
#define FIGURE_LINKS_MAX 4

enum figure {
	FIGURE_SUBMITTED, /* packets */
	FIGURE_LOST,	  /* never delivered */
	FIGURE_LATE,	  /* delivered after the deadline */
	FIGURE_MISSED,	  /* both */
	FIGURE_MISSED_PPM,
	FIGURE_WITHIN_PPM, /* delivered within 300, 500, 1000, 2000 ms */
	FIGURE_P50_US = FIGURE_WITHIN_PPM + RECORDER_BUDGETS,
	FIGURE_P95_US,
	FIGURE_P99_US,
	FIGURE_P999_US,
	FIGURE_GAP_US,		/* longest time between two deliveries */
	FIGURE_ON_TIME_BPS,	/* of the stream, over its length */
	FIGURE_OVERHEAD_PPM,	/* IP bytes beyond the delivered ones, per delivered one */
	FIGURE_EXTRA_BYTES,	/* the same as a sum */
	FIGURE_COPIES_PPM,	/* further copies per first transmission */
	FIGURE_COPIES_PAID_PPM, /* the same on paid uplinks alone */
	FIGURE_USE_PPM,		/* of what each link could carry */
	FIGURE_HEAL_MS = FIGURE_USE_PPM + FIGURE_LINKS_MAX, /* until a healed link has its share */
	FIGURE_HEAL_SHARE_PPM, /* of what it carried before, 5 s after it healed */
	FIGURE_DOWN_MS,	       /* until the advice is below a capacity that fell */
	FIGURE_UP_MS,	       /* until the advice is near a capacity that rose */
	FIGURE_HIGHEST_BPS,    /* the largest constant stream without a miss */
	FIGURES
};

struct figure_kind {
	const char *name;    /* for JSON, with its unit */
	const char *heading; /* of a column */
	double scale;	     /* for people: divided by it */
	unsigned decimals;
	bool more_is_better;
};

const struct figure_kind *figure_kind(enum figure figure);

struct outcome {
	uint64_t value[FIGURES];
	char failure[96]; /* "" for none: an invariant of the world does not hold */
	bool ran;
};

void outcome_init(struct outcome *outcome);
