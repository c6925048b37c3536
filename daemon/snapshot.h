#pragma once

#include "bond/bond.h"
#include "ctl/stats.h"
#include "job.h"
#include "journal.h"
#include "net/uplinks.h"

/*
 * What both roles do to fill in the snapshot of ctl/stats.h; `stats->bond` is filled before.
 */

/* An uplink of the sender; NULL is passed over. */
void snapshot_uplink(struct stats *stats, const struct uplink *uplink);
/* Every interface of the machine, used or not. */
void snapshot_interfaces(struct stats *stats, const struct uplinks *uplinks);
/* The paths of a receiver, which has no uplinks: each address that the sender comes from. */
void snapshot_paths(struct stats *stats, const struct bond_address *local);
/* How the media of the last second was divided among the uplinks. */
void snapshot_shares(struct stats *stats);
void snapshot_job(struct stats *stats, const struct job *job);
/* The state of the stream as one word or two. */
void snapshot_stream(struct stats *stats, bool input_is_live);
/* A path changed its state: for people. */
void snapshot_tell_path(struct journal *journal, struct bond *bond, const struct bond_event *event,
			usec_t now);
