#pragma once

#include <stdint.h>

#include "bond/bond.h"
#include "verdict.h"

/*
 * What a rehearsal saw, second by second, and the figures that follow from it. Pure but for its
 * memory, which is there from the beginning.
 */
struct sample {
	uint32_t capacity_kbps; /* 0: it was not up */
	uint32_t rtt_usec, jitter_usec;
};

struct samples_total {
	uint32_t capacity_kbps, advice_kbps, sent_kbps;
};

struct samples {
	unsigned max, seconds;
	struct samples_total *total;	     /* [max] */
	struct sample *path[BOND_PATHS_MAX]; /* each [max] */
	struct bond_path_stats first[BOND_PATHS_MAX], last[BOND_PATHS_MAX];
	unsigned paths;
	unsigned outages[BOND_PATHS_MAX], down[BOND_PATHS_MAX];
};

/* NULL: out of memory. */
struct samples *samples_new(unsigned seconds);
struct samples *samples_free(struct samples *samples);
/* What was there before the first second. */
void samples_begin(struct samples *samples, const struct bond_stats *stats);
/* A second is over; beyond the last one asked for it is left out. */
void samples_add(struct samples *samples, const struct bond_stats *stats, uint64_t sent_bps);
/* Fills in what does not come from the receiver. The start, when nothing is known yet, is left out
 * of what is said about capacity. */
void samples_figures(const struct samples *samples, struct verdict_figures *figures);
/* The path was an uplink in this rehearsal. */
bool samples_has(const struct samples *samples, unsigned path);
