#pragma once

#include <stdint.h>

#include "sim/world.h"

/*
 * The oracle knows what every link will carry at any moment: the links are one work-conserving
 * server whose capacity per 10 ms is the sum of theirs (nothing in an outage, less what is lost),
 * and a packet takes the least delay of all links besides. No scheduler does better; most of them
 * cannot do as well, as what waits inside a modem cannot be taken back.
 */
#define ORACLE_STEP	    (10 * USEC_PER_MS)
#define ORACLE_PACKET_EXTRA FIELD_IP_UDP_BYTES /* IP bytes of a media packet beyond its own */

struct oracle {
	unsigned steps;
	uint64_t *bytes;		    /* IP bytes per step */
	uint64_t total[SCENARIO_LINKS_MAX]; /* of each link during the stream */
	bool paid[SCENARIO_LINKS_MAX];	    /* the sender is told that it costs */
	usec_t delay;			    /* the least of all links */
	uint64_t source_seed;
};

/* Walks through the scenario of @config (its text filled in). 0, -EINVAL or -ENOMEM. */
int oracle_init(struct oracle *oracle, const struct world_config *config, uint64_t seed);
void oracle_deinit(struct oracle *oracle);
/* The highest constant rate (of media packets, as the source counts it) of which nothing comes
 * later than the latency. */
uint64_t oracle_highest_bps(const struct oracle *oracle, const struct world_config *config);

enum oracle_advice {
	ORACLE_ADVICE_MAX, /* the highest that it may be */
	/* What a simple law says that knows the capacity of the last second and the queue, both 200
	 * ms late:
	 *
	 *     0.95 C / (1 + max(0, (q - 100 ms) / 100 ms))     every 100 ms */
	ORACLE_ADVICE_LAW,
	/* What our engine said in a run before this one: the advices in *ret_figures. So the delays
	 * are those that the advice alone is to blame for. */
	ORACLE_ADVICE_OURS,
};

/* Carries the source of @config; @advice: what a source that follows it is told. What would come
 * late is left out, at no cost. */
int oracle_run(const struct oracle *oracle, const struct world_config *config,
	       enum oracle_advice advice, struct world_figures *ret_figures);
