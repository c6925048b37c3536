#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/bond/figure.h"

struct bench_scenario;

/* Who carries the stream. */
enum contender {
	CONTENDER_OURS,
	CONTENDER_WITHOUT,   /* ours, without the bad link of the scenario */
	CONTENDER_CLASSIC,   /* SRT over SRTLA's scheduler */
	CONTENDER_WEIGHTED,  /* SRT over a round robin with weights like the mean capacities */
	CONTENDER_SINGLE,    /* SRT on the link with the best mean */
	CONTENDER_DUPLICATE, /* SRT, everything on all links */
	CONTENDER_BROADCAST, /* ours, every packet on every path */
	CONTENDER_REPEAT_10, /* ours, with 10 % of the packets a second time */
	CONTENDER_PARITY_10, /* ours, with 10 % of parity, one code across all paths */
	CONTENDER_REPEAT_20,
	CONTENDER_PARITY_20,
	CONTENDER_PARITY_20_DEEP, /* interleaved four deep */
	CONTENDER_LAW,		  /* knows what the links carried a moment ago */
	CONTENDER_IDEAL,	  /* the oracle's links under the advice of ours */
	CONTENDER_ORACLE,	  /* knows all capacities beforehand: the fluid bound */
	CONTENDERS
};

const char *contender_name(enum contender contender);
bool contender_takes_part(const struct bench_scenario *scenario, enum contender contender);

/* Runs @scenario for @contender. @off: enum bond_switch, for our own engine. @latency: 0, or
 * instead of the scenario's. */
void contender_run(const struct bench_scenario *scenario, enum contender contender, uint64_t seed,
		   unsigned off, usec_t latency, struct outcome *ret_outcome);
