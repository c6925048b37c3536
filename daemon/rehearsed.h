#pragma once

#include <stdbool.h>

#include "bond/bond.h"

/*
 * The receiver's part of a rehearsal: counts how its media arrived, answers who asks, and keeps all
 * of it away from recording and outputs.
 */
struct rehearsed;

/* NULL: out of memory. */
struct rehearsed *rehearsed_new(void);
struct rehearsed *rehearsed_free(struct rehearsed *rehearsed);
/* True: it was of a rehearsal, and is dealt with. May submit an answer to @bond. */
bool rehearsed_take(struct rehearsed *rehearsed, const struct bond_media *media, struct bond *bond,
		    usec_t now);
