#pragma once

#include "config.h"
#include "ctl/stats.h"
#include "journal.h"
#include "steer.h"

/*
 * Counts what each uplink carries per day and month, keeps it over a restart, and drains an uplink
 * that reaches its data cap.
 */
struct caps;

/* @file: where the counts are kept; NULL: nowhere, they begin at 0. NULL: out of memory. */
struct caps *caps_new(struct loop *loop, const char *file, struct uplinks *uplinks,
		      struct steer *steer, struct journal *journal);
/* Keeps the counts for the last time. */
struct caps *caps_free(struct caps *caps);
/* The caps of this configuration hold from now on. */
void caps_set(struct caps *caps, const struct config *config);
/* Once a second: counts, and acts. */
void caps_tick(struct caps *caps, struct bond *bond);
/* The operator wants to go on with this uplink, whatever its cap. */
void caps_lift(struct caps *caps, const char *name);
/* Fills in counts and caps of an uplink. */
void caps_stats(const struct caps *caps, struct stats_uplink *place);
