#pragma once

#include "bond/bond.h"
#include "net/failover.h"
#include "net/resolve.h"
#include "sys/loop.h"

/*
 * The receivers that a sender knows, first choice first: their addresses, and which of them it
 * speaks to (net/failover.h).
 */
#define RECEIVERS_MAX FAILOVER_MAX

struct receivers;

/* @on_change is called from the loop when addresses are others, or (@switched) when another
 * receiver is the present one. NULL: out of memory. */
struct receivers *receivers_new(struct loop *loop, void (*on_change)(void *owner, bool switched),
				void *owner);
struct receivers *receivers_free(struct receivers *receivers);
/* Another list of HOST:PORT; the first of it is the present one then. False: it is the same. */
bool receivers_set(struct receivers *receivers, const char *const *targets, unsigned count);
/* The present one; NULL: there is none. */
struct resolve *receivers_present(const struct receivers *receivers);

/* A hello left for an address of the present one: who else is to get it, at most RECEIVERS_MAX
 * addresses of this family. */
unsigned receivers_asked(struct receivers *receivers, int family,
			 struct bond_address ret_others[static RECEIVERS_MAX]);
/* The answer to a hello came from @from. True: that is another receiver than the present one, and
 * the answer is not for the bond. */
bool receivers_answered(struct receivers *receivers, const struct bond_address *from);
/* Something authentic came from the present one. */
void receivers_heard(struct receivers *receivers);
