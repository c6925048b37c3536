#pragma once

#include <stdbool.h>

#include "base/clock.h"

/*
 * Timestamps that wrap, jump and start anywhere, mapped to a timeline that starts at 0, never
 * wraps and has no jumps: where the source's clock jumps, or another source takes over, it goes on
 * by the time that has passed. Sound and pictures of a source have one clock but jump one after
 * the other.
 */
enum timeline_stream_id {
	TIMELINE_STREAM_AUDIO,
	TIMELINE_STREAM_VIDEO,
	TIMELINE_STREAMS,
};

struct timeline_stream {
	bool started;
	int64_t raw;	/* the last one, unwrapped */
	int64_t offset; /* mapped = raw + offset */
	usec_t at;	/* when the last one came */
};

struct timeline {
	unsigned bits; /* of a raw timestamp: 32 in RTMP, 33 in MPEG-TS */
	uint32_t rate; /* ticks per second, of raw and mapped ones alike */
	bool started;
	bool broken;	  /* the next raw timestamp has nothing to do with the last */
	int64_t raw;	  /* the last one by the source's clock as it is now */
	int64_t offset;	  /* of that clock */
	int64_t mapped;	  /* the last one handed out */
	usec_t mapped_at; /* when */
	uint64_t jumps;	  /* how often the source's clock jumped */
	struct timeline_stream streams[TIMELINE_STREAMS];
};

/* A step of more than this within one stream, both by itself and against the time that passed, is
 * a jump of the clock. Well above the distance between sound and pictures of one source. */
#define TIMELINE_JUMP_MS 3000
/* Decoding times of a stream never run backwards; so much is forgiven. */
#define TIMELINE_BACK_MS 100

void timeline_init(struct timeline *t, unsigned bits, uint32_t rate);
int64_t timeline_map(struct timeline *t, enum timeline_stream_id stream, uint64_t raw, usec_t now);
/* Another source begins. */
void timeline_break(struct timeline *t);
/* @later - @earlier of two raw timestamps, the short way around the wrap. */
int64_t timeline_diff(unsigned bits, uint64_t later, uint64_t earlier);
