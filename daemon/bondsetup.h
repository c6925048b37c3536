#pragma once

#include "bond/bond.h"
#include "config.h"

/* A bond for this configuration, with fresh randomness and the wall clock. NULL: with the reason
 * logged. */
struct bond *bondsetup_new(const struct config *config, usec_t now);
/* Tells it the wall clock again: a machine without a battery learns of the time after its start. */
void bondsetup_clock(struct bond *bond, usec_t now);
