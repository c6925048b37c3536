#pragma once

#include "bench/bond/series.h"

/*
 * A plan: which series are wanted; then all their runs at once, on all processors.
 */
struct plan {
	struct job *job;
	struct series *series;
	struct outcome *outcome;
	unsigned jobs, lines, room;
	usec_t latency; /* for all of them; 0: the scenarios' own */
};

void plan_deinit(struct plan *plan);
/* The same series twice is one. 0 or -ENOMEM. */
int plan_add(struct plan *plan, const struct bench_scenario *scenario, enum contender contender,
	     unsigned off, unsigned seeds);
/* 0 or -ENOMEM. */
int plan_run(struct plan *plan, unsigned processes);
/* NULL: not planned. */
const struct series *plan_find(const struct plan *plan, const struct bench_scenario *scenario,
			       enum contender contender, unsigned off);
