#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bond/bond.h"
#include "encoder.h"
#include "journal.h"
#include "live.h"

/*
 * What the encoder is told: the bond's advice, less what the receiver's outputs do not take, which
 * the receiver tells in notes (wire.h, section 7).
 */
struct limit {
	struct encoder *encoder;
	struct live *live;
	struct journal *journal;
	uint64_t advice_max_bps;  /* the operator's own limit, as the bond was told at the start */
	uint64_t picture_max_bps; /* by the receiver's outputs; 0: none */
	uint64_t advice_bps;	  /* of the bond; 0: none yet */
	uint64_t told_bps;	  /* what is told instead; 0: the same */
};

/* False: @media is not a note of the receiver's, but something for the feed. */
bool limit_take(struct limit *limit, const struct bond_media *media);
/* The bond advises @bps. */
void limit_advise(struct limit *limit, uint64_t bps, const char *reason);
/* Once a second: the sound may have changed, and with it what is left for the picture. */
void limit_tick(struct limit *limit);
