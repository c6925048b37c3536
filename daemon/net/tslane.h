#pragma once

#include "bond/bond.h"
#include "net/feed.h"
#include "net/pump.h"

/*
 * Feed `ts`: MPEG-TS from the fan-out straight into the bond, and out of it into the fan-out of the
 * other side. Nothing waits here: the bond keeps what cannot be sent yet, and paces what comes out.
 */
struct tslane;

/* Both ends. @stream: where the packets come from (sender) or go to (receiver). NULL: out of
 * memory. */
struct tslane *tslane_new(struct loop *loop, struct feeds *stream, struct bond *bond,
			  struct pump *pump);
struct tslane *tslane_free(struct tslane *lane);

/* Sender: from now on all that comes in goes to the bond. Does nothing when it does already. */
void tslane_open(struct tslane *lane);
/* Sender: the last packets go, and no more. */
void tslane_close(struct tslane *lane);
bool tslane_is_open(const struct tslane *lane);

/* Receiver: a media packet of feed TS came out of the bond. */
void tslane_media(struct tslane *lane, const struct bond_media *media);

struct tslane_stats {
	uint64_t bytes;	  /* passed on */
	uint64_t insane;  /* receiver: media packets that are no MPEG-TS; left out */
	uint64_t refused; /* sender: bytes for which the bond had no room */
	usec_t last;	  /* when something was passed on; 0: never */
};

void tslane_stats(const struct tslane *lane, struct tslane_stats *ret_stats);
