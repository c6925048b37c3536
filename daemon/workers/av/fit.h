#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/meter.h"

/*
 * Whether the input is small enough to be sent as it is, without another encoding. Pure.
 *
 * It fits when the most that came in any second of the last FIT_MEMORY stays 5 % below what is
 * allowed, for `hold`; it does not fit any more as soon as that is above. `hold` doubles with every
 * time that it held shortly.
 */
#define FIT_MEMORY   (4 * USEC_PER_SEC)
#define FIT_HOLD_MIN (2 * USEC_PER_SEC)
#define FIT_HOLD_MAX (60 * USEC_PER_SEC)
#define FIT_SHORT    (10 * USEC_PER_SEC)

struct fit {
	struct meter input;   /* bytes, over a second */
	struct extremum peak; /* of the negated rate */
	usec_t started;
	usec_t room_since; /* USEC_NEVER: there is none */
	usec_t fits_since;
	usec_t hold;
	bool fits;
};

void fit_init(struct fit *fit, usec_t now);
/* @bytes came in since the last call (several a second); @allowed_bps is the whole stream's rate.
 */
bool fit_update(struct fit *fit, uint64_t bytes, uint64_t allowed_bps, usec_t now);
/* The most of any second of late, bits per second. */
uint64_t fit_peak_bps(struct fit *fit, usec_t now);
