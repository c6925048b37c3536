#include "bench/bond/linkset.h"

#define FROM_TEXT RADIO_KINDS

static bool fill(const enum radio *kinds, unsigned count, unsigned link, uint64_t seed,
		 struct capacity_step *steps)
{
	if (link >= count || kinds[link] == FROM_TEXT)
		return false;
	radio_steps(kinds[link], link, seed, steps);
	return true;
}

bool linkset_lte(unsigned link, uint64_t seed, struct capacity_step *steps)
{
	return radio_capacity(link, seed, steps);
}

bool linkset_drive(unsigned link, uint64_t seed, struct capacity_step *steps)
{
	static const enum radio kinds[] = { RADIO_5G_DRIVE, RADIO_LTE_DRIVE, RADIO_LTE_VZW };

	return fill(kinds, 3, link, seed, steps);
}

bool linkset_static(unsigned link, uint64_t seed, struct capacity_step *steps)
{
	static const enum radio kinds[] = { RADIO_STILL_TMO, RADIO_STILL_ATT, RADIO_LTE_DRIVE };

	return fill(kinds, 3, link, seed, steps);
}

bool linkset_venue(unsigned link, uint64_t seed, struct capacity_step *steps)
{
	static const enum radio kinds[] = { FROM_TEXT, RADIO_WIFI, RADIO_LTE_VZW };

	return fill(kinds, 3, link, seed, steps);
}

bool linkset_weak(unsigned link, uint64_t seed, struct capacity_step *steps)
{
	static const enum radio kinds[] = { RADIO_UMTS, RADIO_EVDO, RADIO_UMTS };

	return fill(kinds, 3, link, seed, steps);
}
