#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tools/linksim/capacity.h"

/*
 * A seeded generator of capacities like those of LTE uplinks in motion: link 0, 1 and 2 (and so on
 * again) have means of 1.9, 6 and 13 Mb/s; the rate wanders within and between seconds and stands
 * still for 0.7 to 4 s now and then. The means and pauses follow the public traces of AT&T,
 * Verizon and T-Mobile uplinks (mahimahi): next second over last second is 0.27 to 0.58 at the 5th
 * percentile there, and here.
 */
#define RADIO_PERIOD (120 * USEC_PER_SEC)
#define RADIO_STEPS  1200 /* of a period */
#define RADIO_STEP   (RADIO_PERIOD / RADIO_STEPS)

/* Writes RADIO_STEPS steps. */
bool radio_capacity(unsigned link, uint64_t seed, struct capacity_step steps[static RADIO_STEPS]);
