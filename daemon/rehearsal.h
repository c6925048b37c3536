#pragma once

#include "ctl/control.h"
#include "journal.h"
#include "net/pump.h"
#include "net/uplinks.h"

/*
 * A rehearsal before the event: generated media goes through the real bond to the real receiver at
 * the bitrate that the engine advises, and what was measured becomes an advice for people
 * (verdict.h). Nothing of it leaves the receiver.
 */
struct rehearsal;

struct rehearsal_config {
	struct loop *loop;
	struct bond *bond;
	struct pump *pump;
	struct uplinks *uplinks;
	struct journal *journal;
	/* The encoder sends. */
	bool (*is_live)(void *owner);
	void *owner;
};

/* Everything in @config stays the caller's. NULL: out of memory. */
struct rehearsal *rehearsal_new(const struct rehearsal_config *config);
struct rehearsal *rehearsal_free(struct rehearsal *rehearsal);
/* Adds the command "rehearse". */
void rehearsal_listen(struct rehearsal *rehearsal, struct control *control);
/* Ends it, when one is running: the program is about to end. */
void rehearsal_stop(struct rehearsal *rehearsal);
/* The highest bitrate that may be advised, as configured. */
void rehearsal_limit(struct rehearsal *rehearsal, uint64_t advice_max_bps);
/* True: it was an answer of the receiver to a rehearsal, and is dealt with. */
bool rehearsal_take(struct rehearsal *rehearsal, const struct bond_media *media);
