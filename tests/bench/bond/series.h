#pragma once

#include "bench/bond/jobs.h"

/* The outcomes of one contender in one scenario, over the seeds 1 to `seeds`. */
struct series {
	const struct bench_scenario *scenario;
	enum contender contender;
	unsigned off;
	unsigned seeds;
	const struct outcome *outcome; /* borrowed */
};

#define SERIES_LABEL_MAX 24
/* The contender, and what it has to do without. */
void series_label(const struct series *series, char ret_label[static SERIES_LABEL_MAX]);
/* FIGURE_NONE when no seed has it. */
uint64_t series_median(const struct series *series, enum figure figure);
uint64_t series_worst(const struct series *series, enum figure figure);
/* The seed whose figure is the worst; 0: none has it. */
unsigned series_worst_seed(const struct series *series, enum figure figure);
/* The first seed that did not run, or broke an invariant; 0: none. *ret_why: of that seed. */
unsigned series_broken(const struct series *series, const char **ret_why);
