#pragma once

#include <stdbool.h>

#include "bond/bond.h"
#include "sys/loop.h"

/*
 * The addresses of a host name, kept fresh without ever blocking the loop: getaddrinfo() runs in a
 * thread of its own. The last good answer is kept whatever happens to the name service, on disk too
 * (sys/state.h), so that a start without a name service finds the receiver as well. A name without
 * any answer yet is asked again until there is one.
 */
#define RESOLVE_ADDRESSES_MAX 8

struct resolve;

/* @target is "HOST:PORT"; a numeric host is known at once. @on_change is called from the loop when
 * the addresses are others. NULL: out of memory or not of that form. */
struct resolve *resolve_new(struct loop *loop, const char *target, void (*on_change)(void *owner),
			    void *owner);
struct resolve *resolve_free(struct resolve *resolve);

const char *resolve_target(const struct resolve *resolve);
/* How many there are; 0: not known yet. */
unsigned resolve_addresses(const struct resolve *resolve, const struct bond_address **ret);
bool resolve_has(const struct resolve *resolve, const struct bond_address *address);
/* Why the last question got no answer, for people; "" = it got one, or the first one is still out.
 * The addresses of an earlier answer are there all the same. */
const char *resolve_problem(const struct resolve *resolve);
/* Nothing is heard from these addresses: asks again soon. Costs nothing when called often. */
void resolve_doubt(struct resolve *resolve);
