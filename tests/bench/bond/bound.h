#pragma once

#include <stdio.h>

#include "bench/bond/plan.h"

/*
 * A bound: what the bench must show of our engine. It holds when every seed (or all but so many of
 * a hundred) keeps it.
 */
struct bound {
	const char *text;
	const char *scenario;
	enum figure figure;
	bool at_least; /* otherwise at most */
	uint64_t limit;
	/* Instead of `limit`: so many per mille of what another contender has with the same seed.
	 */
	unsigned permille;
	enum contender of;
	unsigned misses_percent;
	bool many; /* wants more seeds than the others: 100 for 15 */
};

extern const struct bound bounds[];
extern const unsigned bounds_count;

/* Adds what the bound needs. 0, -ENOMEM. */
int bound_plan(const struct bound *bound, struct plan *plan, unsigned off, unsigned seeds);
/* Prints a line; true when it holds. */
bool bound_judge(const struct bound *bound, const struct plan *plan, unsigned off, FILE *to);
