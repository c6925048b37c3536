#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/world.h"

/*
 * A row of the table of scenarios: what the world is, and which bounds its figures must keep.
 * A bound of 0 is not checked, except lost, late and control: there 0 means none.
 */
#define ROW_ANY		UINT32_MAX
#define ROW_WINDOWS_MAX 3

/* What a link must carry in a span of the world's time, in IP bytes. */
struct row_share {
	const char *link;
	unsigned from_s, to_s;
	uint64_t min_bps, max_bps;
	uint64_t peak_bps; /* of no second more than this; 0: any */
};

/* What the advice must be at all times of a span. */
struct row_advice {
	usec_t from, to;
	uint64_t min_bps, max_bps;
};

struct row {
	struct world_config world;
	bool check; /* part of --check; not: a bound that the engine does not meet yet, or too long
		     */

	bool parity;		     /* is sent; not: must not be */
	uint32_t lost_max, late_max; /* packets */
	uint32_t control_lost_max;
	usec_t gap_max;			/* between two deliveries */
	usec_t p99_max, least_min;	/* delay */
	usec_t spacing_max, wander_max; /* see recorder.h */
	unsigned copies_permille_max;	/* copies of all kinds per first transmission */
	unsigned overhead_permille_max; /* IP bytes beyond the delivered ones, all told */
	unsigned back_permille_max;	/* IP bytes from the receiver, of the source's bytes */
	uint64_t on_time_bps_min;	/* of the source's bytes, over the length of the stream */
	uint32_t cut_max, cut_min;	/* pictures left out of a gated stream */
	unsigned sessions;		/* how many there must be; 0: one */
	struct row_share share[ROW_WINDOWS_MAX];
	struct row_advice advice[ROW_WINDOWS_MAX];
};

extern const struct row rows[];
extern const unsigned rows_count;

/* Writes what is wrong with @figures, "" for nothing. */
void row_judge(const struct row *row, const struct world_figures *figures, char *ret_why,
	       size_t size);
/* The figures for people, in one line. */
void row_describe(const struct row *row, const struct world_figures *figures, char *ret_line,
		  size_t size);
unsigned row_copies_permille(const struct world_figures *figures);
unsigned row_overhead_permille(const struct world_figures *figures);
unsigned row_back_permille(const struct world_figures *figures);
