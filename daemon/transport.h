#pragma once

#include "job.h"
#include "net/relay.h"

/*
 * What joins the stream to the bond, by the feed of the session:
 *
 *     srt   one plain SRT connection from the sender's srt worker to the receiver's, carried by the
 *           bond. Each side has its half: the worker and the relay between it and the bond.
 *     ts    MPEG-TS straight from the fan-out into the bond and out of it (net/tslane).
 */
struct transport;

/* The sender's half, idle. NULL: out of memory or no socket (logged). */
struct transport *transport_caller_new(struct loop *loop, struct feeds *stream, struct bond *bond,
				       struct pump *pump, struct journal *journal,
				       uint64_t rate_max_bps);
/* The receiver's half, idle. */
struct transport *transport_listener_new(struct loop *loop, struct feeds *stream, struct bond *bond,
					 struct pump *pump, struct journal *journal, usec_t latency,
					 uint64_t rate_max_bps);
struct transport *transport_free(struct transport *transport);

/* The receiver's half. There is a session with that feed. */
void transport_expect(struct transport *transport, enum bond_feed feed);

/* The sender's half. There is a session with feed srt: what comes out at the other end is to be
 * @latency old, and a packet takes @delay on its way. Another session than before: starts anew. */
void transport_start(struct transport *transport, usec_t latency, usec_t delay);
/* The sender's half. There is a session with feed ts; what is sent already goes on. */
void transport_start_ts(struct transport *transport);
/* There is none any more. An SRT connection has ended with it; with feed ts the bond keeps what is
 * sent for the next one. */
void transport_abort(struct transport *transport);

/* A clean stop: what waits is sent, then the worker ends the connection. */
void transport_stop(struct transport *transport, usec_t patience);
bool transport_is_stopped(const struct transport *transport);

/* The ports of the pump. */
void transport_media(struct transport *transport, const struct bond_media *media);
void transport_flush(struct transport *transport);

void transport_tick(struct transport *transport);
void transport_stats(const struct transport *transport, struct stats *stats);
