#pragma once

#include "bond/bond.h"
#include "sys/loop.h"

/*
 * The addresses of a host name, kept fresh without ever blocking the loop: getaddrinfo() runs in a
 * thread of its own. The last good answer is kept whatever happens to the name service; a name
 * without any answer yet is asked again until there is one.
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
/* Why there is none, for people; "" = there is one, or the first question is still out. */
const char *resolve_problem(const struct resolve *resolve);
