#pragma once

#include <stdbool.h>

#include "base/clock.h"

/*
 * Timestamps that wrap, jump and start anywhere, mapped to a timeline that starts at 0, never
 * wraps and has no jumps: where the source's clock jumps, or another source takes over, it goes on
 * by the time that has passed.
 */
struct timeline {
	unsigned bits; /* of a raw timestamp: 32 in RTMP, 33 in MPEG-TS */
	uint32_t rate; /* ticks per second, of raw and mapped ones alike */
	bool started;
	bool broken;	/* the next raw timestamp has nothing to do with the last */
	int64_t raw;	/* the last one, unwrapped */
	int64_t offset; /* mapped = raw + offset */
	usec_t at;	/* when the last one came */
	uint64_t jumps; /* how often the source's clock jumped */
};

/* A step of more than this against the last timestamp and against the time that passed is a jump
 * of the clock. Well above the distance between audio and video of one source. */
#define TIMELINE_JUMP_MS 3000

void timeline_init(struct timeline *t, unsigned bits, uint32_t rate);
int64_t timeline_map(struct timeline *t, uint64_t raw, usec_t now);
/* Another source begins. */
void timeline_break(struct timeline *t);
/* @later - @earlier of two raw timestamps, the short way around the wrap. */
int64_t timeline_diff(unsigned bits, uint64_t later, uint64_t earlier);
