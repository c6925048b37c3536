#include "sim/switch.h"

#include <stdio.h>
#include <string.h>

#include "bond/bond.h"

const struct switch_name switches[] = {
	{ "pacing", BOND_OFF_PACING },	 { "window", BOND_OFF_WINDOW },
	{ "arrival", BOND_OFF_ARRIVAL }, { "reinject", BOND_OFF_REINJECT },
	{ "stall", BOND_OFF_STALL },	 { "redundancy", BOND_OFF_REDUNDANCY },
	{ "probe", BOND_OFF_PROBE },	 { "damping", BOND_OFF_DAMPING },
	{ "parity", BOND_OFF_PARITY },
};
const unsigned switches_count = sizeof(switches) / sizeof(*switches);

bool switch_find(const char *name, unsigned *off)
{
	for (unsigned i = 0; i < switches_count; i++) {
		if (strcmp(name, switches[i].name) != 0)
			continue;
		*off |= switches[i].bit;
		return true;
	}
	fprintf(stderr, "there is no switch %s\n", name);
	return false;
}
