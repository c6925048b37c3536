#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/bond/contender.h"
#include "sim/world.h"

/*
 * A scenario of the bench: a world, what is measured in it besides the usual, and who takes part.
 * Its text may hold places that the seed fills in:
 *
 *     {at}      a moment of the first two thirds of the stream, in ms
 *     {one}     one of its links
 *     {others}  all but that one
 *     {swings}  every 1 to 5 s the link `cell` gets another delay, 100 to 1200 ms
 *     {stalls}  every 1 to 5 s its radio stands still for 400 to 800 ms
 */
#define SCENARIO_TEXT_MAX 2048

struct bench_scenario {
	const char *group, *about;
	struct world_config world;
	const char *without; /* the same without the link that is bad; NULL: not asked */
	unsigned skip;	     /* contenders that cannot take part: 1 << CONTENDER_... */
	bool coded;	     /* asks what parity would be worth */
	bool hidden;	     /* runs only when it is named, or a bound asks for it */

	/* The source's constant rate in per mille of the highest one that the oracle carries
	 * without a late packet. 0: as the world says. */
	unsigned oracle_permille;
	/* Look for the highest constant rate without a miss between these, in steps of 100 kb/s;
	 * the other figures are those at that rate. 0: no. */
	uint64_t search_from_bps, search_to_bps;

	/* A link that is gone for a while: how fast it carries its share again. */
	const char *heal_link;
	usec_t cut_at, heal_at;

	/* Steps of the capacity, and the stream that it carries after them. */
	usec_t down_at, up_at;
	uint64_t down_bps, up_bps;
};

extern const struct bench_scenario bench_scenarios[];
extern const unsigned bench_scenarios_count;

const struct bench_scenario *bench_scenario_find(const char *name);
/* @text with its places filled in. False: too long. */
bool bench_scenario_text(const char *text, uint64_t seed, usec_t length, char *ret_text,
			 size_t size);
