#pragma once

#include "ctl/stats.h"
#include "net/uplinks.h"
#include "sys/loop.h"

/*
 * Reception of the uplinks that have any: what Wi-Fi and modems tell, for the status.
 */
struct quality;

/* NULL: out of memory. */
struct quality *quality_new(struct loop *loop);
struct quality *quality_free(struct quality *quality);
/* About once a second. */
void quality_tick(struct quality *quality, const struct uplinks *uplinks);
/* Fills in what is known of this uplink. */
void quality_stats(const struct quality *quality, const struct uplink *uplink,
		   struct stats_uplink *stats);
