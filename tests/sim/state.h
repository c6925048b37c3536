#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/rng.h"
#include "sim/field.h"
#include "sim/gated.h"
#include "sim/junk.h"
#include "sim/localclock.h"
#include "sim/world.h"

/*
 * The inside of the world, for its own parts: world.c (the run), side.c (the two bonds and the
 * turn of their drivers), traffic.c (what goes in and out), script.c (what happens to it all).
 *
 * Addresses: the receiver's is {1}. An uplink appears to the receiver as {2, link, port}, where
 * `port` changes with each rebinding; what goes to a port of the past is dropped, as an address
 * translation would.
 */
#define SENDER	       0
#define RECEIVER       1
#define CONTROLS_MAX   65536
#define ELSEWHERE_LINK 99 /* of an address that nobody has */

struct side {
	struct bond *bond; /* NULL: switched off */
	struct localclock clock;
	usec_t idle_second; /* in which idle_turns happened */
	unsigned idle_turns;
	uint8_t control_seen[CONTROLS_MAX]; /* of the other side's: deliveries */
	uint64_t control_sent;
};

struct uplink {
	const char *name;
	struct link *up, *down; /* of the field */
	uint8_t port;
	bool present;
	struct bond_path_config path;
	int path_id;
};

struct world {
	const struct world_config *config;
	uint64_t seed;
	FILE *trace;
	usec_t now;
	struct rng rng;
	struct field field;
	unsigned links;
	struct uplink uplink[SCENARIO_LINKS_MAX];
	struct side side[2];
	struct source source;
	struct recorder recorder;
	struct coder coder;
	struct gated *gated; /* NULL: the stream is not */
	struct junk junk;
	bool junk_on;
	usec_t junk_at, control_at, sample_at;
	uint8_t buffer[LINK_PACKET_MAX];
	/* Counts of bonds that are gone. */
	uint64_t media_before, copies_before, parity_before;
	struct world_figures *figures;
};

static inline usec_t world_local(const struct world *w, unsigned side)
{
	return localclock_of(&w->side[side].clock, w->now);
}

static inline struct bond_address world_receiver_address(void)
{
	return (struct bond_address){ .len = 1, .bytes = { 1 } };
}

static inline struct bond_address world_uplink_address(unsigned link, uint8_t port)
{
	return (struct bond_address){ .len = 3, .bytes = { 2, (uint8_t)link, port } };
}

/* world.c */

/* An invariant does not hold; the first one counts. */
void world_fail(struct world *w, const char *why);
void world_hash(struct world *w, uint64_t word);
void world_hash_event(struct world *w, uint64_t kind, uint64_t who, const uint8_t *data,
		      size_t len);
/* Members of a JSON object, when there is a trace. */
__attribute__((format(printf, 2, 3))) void world_trace(struct world *w, const char *format, ...);

/* side.c */

int side_start(struct world *w, unsigned role);
void side_stop(struct world *w, unsigned role);
/* Adds up what a bond counted, before it goes. */
void side_count(struct world *w, unsigned role, struct bond_stats *stats);
void side_add_path(struct world *w, unsigned link);
/* The turn of a driver, as bond.h says it, and its checks. */
void side_turn(struct world *w, unsigned role);

/* traffic.c */

void traffic_arrivals(struct world *w, unsigned link);
void traffic_submit_media(struct world *w);
/* A packet of the source goes into the bond. */
void traffic_submit_packet(struct world *w, const struct source_packet *packet);
void traffic_submit_control(struct world *w);
void traffic_junk(struct world *w);
void traffic_send(struct world *w, unsigned role, const struct bond_datagram *datagram);
void traffic_deliver(struct world *w, unsigned role, const struct bond_media *media);

/* script.c */

bool script_knows(const char *target, const char *word);
void script_happen(struct world *w, const struct timeline_event *event);
void script_link(struct world *w, unsigned link, const char *word);
