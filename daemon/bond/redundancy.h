#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "bond/backlog.h"
#include "bond/path.h"

/*
 * Copies in spare capacity: of what is not acknowledged yet, the most important first, only while
 * nothing else wants to leave and the path's queue is next to empty. They mend losses before they
 * are noticed, and they measure what the path could carry.
 */
struct redundancy {
	unsigned off;		/* enum bond_switch */
	unsigned paid_permille; /* budget on paid uplinks */
	int64_t budget, paid;	/* bytes that may be spent */
	unsigned train_path;	/* the path that is being probed */
	unsigned train;		/* copies left of the train; 0: none is under way */
	uint64_t train_seq;	/* the last media packet copied */
	usec_t train_at;	/* when the last one began */
	uint64_t copies;
};

void redundancy_init(struct redundancy *r, unsigned off, unsigned paid_permille);
/* @bytes of media left for the first time on @p; @troubled: losses make copies worth more. */
void redundancy_earn(struct redundancy *r, const struct path *p, uint64_t bytes, bool troubled);
/* @bytes of copies left on @p that were needed anyway: they prove as much about the paths. */
void redundancy_repaired(struct redundancy *r, const struct path *p, uint64_t bytes);
/* The packet and the path for a copy now; NULL: none. @paths: BOND_PATHS_MAX. */
struct owed *redundancy_pick(struct redundancy *r, struct path *paths, struct backlog *backlog,
			     usec_t now, unsigned *ret_path);
void redundancy_spent(struct redundancy *r, struct path *p, uint64_t bytes, usec_t now);
