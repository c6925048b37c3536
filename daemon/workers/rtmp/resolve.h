#pragma once

#include <ev.h>
#include <netdb.h>

/*
 * Host names to addresses without blocking the loop: getaddrinfo() in a thread of its own.
 */
struct resolve;

/* Exactly one call of @on_done follows, unless resolve_cancel() comes first: @addresses is the
 * owner's (freeaddrinfo), or NULL with @error saying why. NULL: no thread could be started. */
struct resolve *resolve_start(struct ev_loop *loop, const char *host, const char *port,
			      void (*on_done)(struct addrinfo *addresses, const char *error,
					      void *owner),
			      void *owner);
/* Always NULL. The thread ends by itself when the resolver gives up. */
struct resolve *resolve_cancel(struct resolve *r);
