#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tools/linksim/capacity.h"

/*
 * A seeded generator of capacities like those of radio uplinks. Each kind follows a public trace:
 * its mean and its quantiles over seconds, how much one second differs from the one before, and how
 * often and how long it stands still. In a pause the modem's queue holds what it was given; nothing
 * is lost unless the queue overflows.
 */
#define RADIO_PERIOD (120 * USEC_PER_SEC)
#define RADIO_STEPS  1200 /* of a period */
#define RADIO_STEP   (RADIO_PERIOD / RADIO_STEPS)

enum radio {
	RADIO_LTE_ATT,	 /* LTE in a driving car, 2016: mean 1.9 Mb/s (mahimahi) */
	RADIO_LTE_VZW,	 /* the same, 6 Mb/s */
	RADIO_LTE_TMO,	 /* the same, 13 Mb/s */
	RADIO_LTE_DRIVE, /* LTE, driving, 2022: 33 Mb/s (NUWiNS) */
	RADIO_5G_DRIVE,	 /* 5G mmWave, driving: 31 Mb/s, a quarter of the time nothing (NUWiNS) */
	RADIO_STILL_TMO, /* 4G/5G, standing still: 46 Mb/s (IMC'23) */
	RADIO_STILL_ATT, /* the same, a fifth of the time nothing */
	RADIO_UMTS,	 /* 3G, driving: 0.95 Mb/s (mahimahi) */
	RADIO_EVDO,	 /* the same, 0.84 Mb/s */
	RADIO_WIFI,	 /* a crowded cell: 20 Mb/s with droughts of up to 0.3 s */
	RADIO_KINDS
};

const char *radio_name(enum radio kind);
/* Writes RADIO_STEPS steps. The same kind on another @link is independent. */
void radio_steps(enum radio kind, unsigned link, uint64_t seed, struct capacity_step *steps);
/* A field_capacity_fn: links 0, 1 and 2 (and so on again) are the three LTE uplinks of 2016. */
bool radio_capacity(unsigned link, uint64_t seed, struct capacity_step *steps);
