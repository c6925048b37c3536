#pragma once

#include "job.h"
#include "net/relay.h"

/*
 * The inner leg: one plain SRT connection from the sender's srt worker to the receiver's, carried
 * by the bond. Each side has its half: the worker and the relay between it and the bond.
 */
struct transport;

/* The sender's half, idle. NULL: out of memory or no socket (logged). */
struct transport *transport_caller_new(struct loop *loop, struct feeds *stream, struct bond *bond,
				       struct pump *pump, struct journal *journal,
				       uint64_t rate_max_bps);
/* The receiver's half; its worker listens at once. */
struct transport *transport_listener_new(struct loop *loop, struct feeds *stream, struct bond *bond,
					 struct pump *pump, struct journal *journal, usec_t latency,
					 uint64_t rate_max_bps);
struct transport *transport_free(struct transport *transport);
struct relay *transport_relay(struct transport *transport);

/* The sender's half. There is a session: what comes out at the other end is to be @latency old, and
 * a packet takes @delay on its way. Another session than before: starts anew. */
void transport_start(struct transport *transport, usec_t latency, usec_t delay);
/* There is none any more. */
void transport_abort(struct transport *transport);
bool transport_is_running(const struct transport *transport);

/* A clean stop: what waits is sent, then the worker ends the connection. */
void transport_stop(struct transport *transport, usec_t patience);
bool transport_is_stopped(const struct transport *transport);

void transport_tick(struct transport *transport);
void transport_stats(const struct transport *transport, struct stats *stats);
