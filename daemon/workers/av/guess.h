#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "stream/ts.h"

/*
 * Tables for a transport stream that has none: some encoders send PAT and PMT once and never again,
 * or not at all, and a demultiplexer that comes later knows no stream. What the PIDs hold shows in
 * their first bytes. Pure.
 */
#define GUESS_STREAMS_MAX 8
#define GUESS_BYTES	  (2 * TS_PACKET_BYTES) /* a PAT and a PMT */
/* Tables are to come at least twice a second; a file, which is read at once, has no clock. */
#define GUESS_PATIENCE	     (700 * USEC_PER_MS)
#define GUESS_PATIENCE_BYTES (256 * 1024)

struct guess {
	struct ts_align align;
	bool has_tables; /* it has a PAT: nothing to do for ever */
	usec_t started;	 /* when the first byte came; 0: none yet */
	uint64_t bytes;
	unsigned count;
	struct {
		uint16_t pid;
		uint8_t type; /* stream_type of the PMT; 0: not known */
	} stream[GUESS_STREAMS_MAX];
	bool news; /* streams were found since the last tables */
	uint8_t version;
};

void guess_init(struct guess *guess);
/* What was read of the stream. */
void guess_feed(struct guess *guess, const uint8_t *data, size_t len, usec_t now);
/* True when tables are to be put in behind what was fed last: they are in @ret_packets. */
bool guess_tables(struct guess *guess, usec_t now, uint8_t ret_packets[static GUESS_BYTES]);
/* Whether such tables are in use. */
bool guess_is_used(const struct guess *guess);
