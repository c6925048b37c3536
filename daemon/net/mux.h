#pragma once

#include "bond/bond.h"
#include "net/address.h"
#include "net/pump.h"

/*
 * The receiver's one UDP port for any number of bonds. Nobody says which bond a datagram is for: an
 * address that was authentic before goes straight to its bond, any other is tried, so many times a
 * second as cannot hurt. What is nobody's is counted, and told in the log once in a while.
 */
#define MUX_BONDS_MAX 16

struct mux;

struct mux_stats {
	uint64_t datagrams, bytes;
	uint64_t foreign; /* not of our dialect at all */
	uint64_t unknown; /* of our dialect, but no bond took it: a wrong key, or an old session */
	uint64_t forged;  /* from a known address, and yet nothing of its bond */
	uint64_t over_rate; /* not even tried, there were too many */
};

/* @fd: a bound socket that the mux takes over, or -1 to bind @local. @on_log is told lines for
 * people (it logs them), rate-limited. 0, or -errno with the reason logged. */
int mux_new(struct loop *loop, const struct bond_address *local, int fd,
	    void (*on_log)(void *owner, int level, const char *text), void *owner,
	    struct mux **ret_mux);
struct mux *mux_free(struct mux *mux);
/* 0 or -ENOSPC. */
int mux_add(struct mux *mux, struct bond *bond, struct pump *pump);

/* The ports of the pumps. */
void mux_send(struct mux *mux, const struct bond_datagram *datagram);
void mux_flush(struct mux *mux);

/* The address that it listens at. */
const struct bond_address *mux_local(const struct mux *mux);
void mux_stats(const struct mux *mux, struct mux_stats *ret_stats);
