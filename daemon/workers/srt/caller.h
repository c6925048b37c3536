#pragma once

#include "sys/supervisor.h"
#include "workers/srt/endpoint.h"
#include "workers/srt/leg.h"

/*
 * Keeps one outgoing connection alive for ever: resolves, connects, watches, and after an end tries
 * again 1, 2, 4, 5, 5 ... seconds later, in a thread of its own. It reports states, and an alarm
 * "srt-refused" while the peer refuses us for a reason that does not go away by itself.
 */
struct caller;

/* @leg and @endpoint have to stay. NULL: no resources. */
struct caller *caller_new(const struct leg *leg, const struct endpoint *endpoint,
			  struct supervisor *supervisor);
/* Ends the thread. The current connection is closed; with a leg that receives, ended ones are the
 * taker's. */
struct caller *caller_free(struct caller *caller);
/* The connected socket, SRT_INVALID_SOCK while there is none. When a connection breaks, the caller
 * closes it, except on a leg that receives: there the taker reads on what is buffered and closes.
 */
SRTSOCKET caller_socket(const struct caller *caller);
