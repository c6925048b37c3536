#pragma once

#include <jansson.h>
#include <srt/srt.h>
#include <stdint.h>

/*
 * Counters of libsrt that go on over reconnects, and the gauges of the connection that is.
 *
 * Keys of the stats line: connected (bool), rtt_usec, latency_ms, rate_bps (of the last second),
 * buffer_ms (unacknowledged at the sender, waiting for its play time at the receiver),
 * lost (packets missing when looked at first), retransmitted, dropped (packets given up).
 */
struct tally {
	int64_t lost, retransmitted, dropped; /* of connections that are over */
	int64_t now_lost, now_retransmitted, now_dropped;
	uint64_t bytes_before; /* at the last line */
};

/* Puts the keys into @line; @socket may be SRT_INVALID_SOCK. *ret_full_permille: how much of the
 * receive buffer is in use. */
void tally_tell(struct tally *tally, SRTSOCKET socket, int sends, uint64_t bytes, json_t *line,
		unsigned *ret_full_permille);
/* The connection is over: its counters stay. Before its socket is closed for good. */
void tally_end(struct tally *tally);
