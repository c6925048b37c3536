#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bond/bond.h"
#include "sim/coder.h"
#include "sim/field.h"
#include "sim/recorder.h"
#include "sim/source.h"

/*
 * The world: a virtual clock, two bonds driven exactly as bond.h says, links between them, a
 * source on one side and a recorder on the other. After every event it checks what must always
 * hold:
 *
 *     - media comes out in order, once, unmodified, and what was given up is counted right;
 *     - control packets come out at most once, unmodified;
 *     - a turn of a driver leaves the wake-up in the future: twice in the past is a livelock, and
 *       so are more than WORLD_IDLE_TURNS turns in a second that nothing came of;
 *     - the bond sends nothing to an address it was not told, nothing longer than
 *       WIRE_DATAGRAM_MAX;
 *     - counts stay in their bounds; after the stream and its latency nothing is left queued or
 *       held.
 *
 * Everything follows from the row and the seed: the same two give the same hash.
 *
 * The scenario is text, see linksim/scenario.h. Each datagram costs 28 bytes (IPv4, UDP) on a link
 * besides itself. Additional words:
 *
 *     link NAME paid | expensive | cap=RATE     what the sender's bond is told of the uplink
 *     NAME rebind       the address translation forgets: the receiver sees another address
 *     NAME address      the uplink gets another address: path dropped and added again
 *     NAME drop, add    the uplink goes away, comes
 *     NAME mute, unmute
 *     receiver restart, sender restart          a fresh bond with another instance, no farewell
 *     receiver off, on                          the program is gone for a while
 *     bond aggregate, broadcast, backup         the policy
 *     junk on, off                              see junk.h; a piece every 2 ms
 */
#define WORLD_IDLE_TURNS  2000
#define WORLD_TICK	  (100 * USEC_PER_MS) /* of figures over time */
#define WORLD_TICKS_MAX	  6000
#define WORLD_ADVICES_MAX 8192

struct world_config {
	const char *name;
	const char *scenario;
	struct source_config source;
	usec_t latency; /* 0: 1 s */
	usec_t settle;	/* packets of this long at the beginning do not count */
	usec_t length;	/* of the stream, which begins after WORLD_LEAD; 0: 20 s */
	enum bond_policy policy;
	unsigned off;	      /* enum bond_switch */
	bool feed_ts;	      /* the bond plays out */
	usec_t lag;	      /* from the capture of a packet to its submission */
	usec_t control_every; /* both sides submit control packets; 0: none */
	int skew_ppm;	      /* the receiver's clock runs that much faster */
	uint64_t advice_min_bps, advice_max_bps, advice_start_bps; /* 0: the defaults */
	bool gated; /* frames: what is too much is left out by picture, and there is sound */
	struct coder_config coder;   /* a layer above the bond; none unless it is filled in */
	bool unhashed;		     /* figures.hash stays 0; saves a tenth of the time */
	field_capacity_fn *capacity; /* NULL: as the scenario says */
};

static inline usec_t world_latency(const struct world_config *config)
{
	return config->latency ? config->latency : USEC_PER_SEC;
}

static inline usec_t world_length(const struct world_config *config)
{
	return config->length ? config->length : 20 * USEC_PER_SEC;
}

#define WORLD_LEAD USEC_PER_SEC /* between the start of the world and that of the stream */

struct world_link_figures {
	char name[SCENARIO_NAME_MAX];
	uint64_t bytes;			/* IP bytes offered upwards */
	uint32_t tick[WORLD_TICKS_MAX]; /* `bytes` per WORLD_TICK of the world */
	uint64_t media, copies;
};

static inline uint64_t world_link_bytes(const struct world_link_figures *link, usec_t from,
					usec_t to)
{
	uint64_t bytes = 0;

	for (usec_t t = from / WORLD_TICK; t < to / WORLD_TICK && t < WORLD_TICKS_MAX; t++)
		bytes += link->tick[t];
	return bytes;
}

struct world_advice {
	usec_t at;
	uint64_t bps;
	enum bond_reason reason;
};

struct world_figures {
	const char *failure; /* NULL: every invariant held */
	usec_t failed_at;
	uint64_t hash;
	uint64_t events; /* turns of the world, for the cost of a run */
	struct recorder_figures media;
	uint64_t pictures, cut_pictures; /* of a gated stream: all, and those left out */
	uint64_t refused;		 /* bond_submit said no */
	uint64_t primary_bytes;		 /* of the source */
	uint64_t up_bytes;		 /* IP bytes of all links, sender to receiver */
	uint64_t down_bytes;
	uint64_t media_packets, copy_packets; /* as the bond counts them */
	uint64_t parity_packets;
	uint64_t control_sent, control_delivered;
	uint64_t sessions;
	uint64_t junk_bad; /* what the bonds counted as forged, replayed, malformed, unknown */
	unsigned links;
	struct world_link_figures link[SCENARIO_LINKS_MAX];
	unsigned advices;
	struct world_advice advice[WORLD_ADVICES_MAX];
};

/* Runs the whole row. 0; -EINVAL: the scenario does not parse (told on stderr); -ENOMEM. Failed
 * invariants are in the figures. @trace: JSON lines of what happens, or NULL. */
int world_run(const struct world_config *config, uint64_t seed, FILE *trace,
	      struct world_figures *ret_figures);
