#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/bond/contender.h"

/*
 * Runs to be done: each is a scenario, a contender, a seed and what is switched off. They are
 * independent, so any number of processes may share them.
 */
struct job {
	const struct bench_scenario *scenario;
	enum contender contender;
	uint64_t seed;
	unsigned off;
	usec_t latency; /* 0: the scenario's */
};

/* Outcome i is that of job i; NULL: told on stderr. jobs_free() follows. */
struct outcome *jobs_run(const struct job *job, unsigned count, unsigned processes);
void jobs_free(struct outcome *outcomes, unsigned count);
