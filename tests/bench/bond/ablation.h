#pragma once

#include <stdio.h>

#include "bench/bond/plan.h"

/* What each mechanism of our engine is worth: the scenario with all of them beside runs in which
 * one is switched off. */

/* 0 or -ENOMEM. @off is off in all of them. */
int ablation_plan(struct plan *plan, const struct bench_scenario *scenario, unsigned off,
		  unsigned seeds);
/* A line for all mechanisms, then one for each that is off, with the first figure that tells the
 * two apart, in the order of what matters: missed packets, the rate that came in time, delays,
 * overhead. */
void ablation_print(const struct plan *plan, const struct bench_scenario *scenario, unsigned off,
		    FILE *to);
