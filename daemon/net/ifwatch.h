#pragma once

#include "net/iftable.h"
#include "sys/loop.h"

/*
 * Keeps a table of the network interfaces up to date, over netlink, without privilege.
 */
struct ifwatch;

/* Reads the table at once. @on_change is called from the loop whenever it is another one. 0, or
 * -errno with the reason logged. */
int ifwatch_new(struct loop *loop, void (*on_change)(void *owner), void *owner,
		struct ifwatch **ret_ifwatch);
struct ifwatch *ifwatch_free(struct ifwatch *ifwatch);
/* Valid until the next turn of the loop. */
const struct iftable *ifwatch_table(const struct ifwatch *ifwatch);
