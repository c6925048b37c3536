#pragma once

#include <ev.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "workers/rtmp/buffer.h"

/*
 * A TCP connection on the loop, with TLS on top where wanted. What is to be sent is taken from a
 * buffer of the owner; nothing blocks.
 */
struct connection;

struct connection_events {
	/* Connected, and the TLS handshake is done. Not for accepted ones. */
	void (*on_open)(void *owner);
	/* Bytes from the peer. Non-zero: the owner has let go of the connection. */
	int (*on_input)(void *owner, const void *data, size_t len);
	/* The output buffer was written down to CONNECTION_LOW or less. */
	void (*on_output)(void *owner);
	/* The end, once; @reason is a text for people. The owner calls connection_free(). */
	void (*on_close)(void *owner, const char *reason);
};

#define CONNECTION_LOW (64u * 1024) /* bytes in the output at which the owner may add more */

/* @fd is taken over; an accepted socket. NULL: out of memory. */
struct connection *connection_accepted(struct ev_loop *loop, int fd, struct buffer *out,
				       const struct connection_events *events, void *owner);
/* Begins to connect. @context NULL: no TLS. NULL: no socket or memory (errno). */
struct connection *connection_connect(struct ev_loop *loop, const struct sockaddr *address,
				      socklen_t address_len, SSL_CTX *context, const char *host,
				      struct buffer *out, const struct connection_events *events,
				      void *owner);
struct connection *connection_free(struct connection *c);
/* There is something new in the output buffer. Never calls back. */
void connection_flush(struct connection *c);
/* Ends it when the output is written and the peer has closed its side: on_close() follows; how long
 * that may take is the owner's to limit. Input is ignored from now on. */
void connection_finish(struct connection *c);
/* TCP got through, whatever came of it. */
bool connection_was_open(const struct connection *c);
/* When the peer's machine last took a byte; while nothing waits to be taken, that is now. */
usec_t connection_progress_at(struct connection *c, usec_t now);
/* Bytes in the kernel that the peer has not acknowledged. */
unsigned connection_unacked(const struct connection *c);
/* The smoothed round-trip time by the kernel, 0 = unknown. */
usec_t connection_rtt(const struct connection *c);
