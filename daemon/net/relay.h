#pragma once

#include <stdint.h>

#include "bond/bond.h"
#include "net/pump.h"

/*
 * Stands between the bond and the srt worker, on loopback UDP. SRT's data packets become media
 * packets of kind DATA, everything else CONTROL or URGENT; what comes out of the bond is checked
 * and given to libsrt. libsrt takes packets of a connection from one address only, so each
 * connection has a socket of its own on the listener's side.
 */
struct relay;

enum relay_side {
	RELAY_SIDE_CALLER,   /* the sender's: the srt worker calls us */
	RELAY_SIDE_LISTENER, /* the receiver's: we call the srt worker */
};

struct relay_stats {
	uint64_t to_bond, from_bond; /* packets */
	uint64_t insane;	     /* refused: not fit for libsrt */
	uint64_t homeless;	     /* nobody to give them to */
	uint64_t refused;	     /* the bond had no room */
	uint64_t busy;		     /* the socket to libsrt was full */
	uint64_t given_up;	     /* packets whose NAKs end here */
};

/* NULL: out of memory, or no socket (logged). */
struct relay *relay_new(struct loop *loop, enum relay_side side, struct bond *bond,
			struct pump *pump);
struct relay *relay_free(struct relay *relay);

/* The caller's side: the port on 127.0.0.1 that the srt worker is to call. */
uint16_t relay_port(const struct relay *relay);
/* The listener's side: the port on 127.0.0.1 where the srt worker listens; 0: it does not now. */
void relay_listener(struct relay *relay, uint16_t port);
/* The srt worker is gone without having said so to its peer: says it in its place. */
void relay_hang_up(struct relay *relay);

/* The ports of the pump. */
void relay_media(struct relay *relay, const struct bond_media *media);
void relay_flush(struct relay *relay);

void relay_stats(const struct relay *relay, struct relay_stats *ret_stats);
