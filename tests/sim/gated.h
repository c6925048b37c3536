#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "bond/bond.h"
#include "sim/source.h"
#include "stream/gate.h"

/*
 * The gate between a source of frames and the bond, as in the daemon: each packet of the source is
 * seven of MPEG-TS, and a second one with sound goes beside every other picture (133 kb/s). What
 * passes has numbers of its own, without holes.
 */
#define GATED_TS 7 /* in a packet of the source */

struct gated {
	struct gate gate;
	usec_t viewed_at;
	uint64_t keys; /* left out, as last seen */
	uint8_t continuity[2];
	uint64_t pictures; /* begun */
	uint64_t number;   /* of the next packet that passes */
	/* What is to be put still: packets of MPEG-TS. */
	uint8_t put[2 * GATED_TS][TS_PACKET_BYTES];
	unsigned puts, taken;
	usec_t now;
};

/* To be freed with free(). NULL: out of memory. */
struct gated *gated_new(usec_t now);
void gated_put(struct gated *gated, struct bond *bond, const struct source_packet *packet,
	       usec_t now);
/* What passes of all that was put. False: nothing more. */
bool gated_next(struct gated *gated, struct source_packet *ret_packet);
/* Pictures that were left out. */
uint64_t gated_cut(const struct gated *gated);
