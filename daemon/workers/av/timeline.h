#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * The time stamps of a live stream, made fit for decoders, encoders and muxers: 33-bit values that
 * wrap become 64-bit ones that go on, and a break of the source's clock (it restarted, or its
 * operator switched programmes) becomes one frame's distance. Without a break the low 33 bits stay
 * what they were. One timeline is shared by all streams of a programme, so that they stay together.
 */
#define TIMELINE_HZ	 90000
#define TIMELINE_WRAP	 (INT64_C(1) << 33)
#define TIMELINE_NONE	 INT64_MIN
#define TIMELINE_STREAMS 2

struct timeline {
	int64_t hole_max; /* a step forth up to this is kept even when the clock of arrival does not
			   * explain it (recordings have none); 0 for a live stream */
	bool started;
	int64_t input;	  /* last time stamp in, unwrapped */
	int64_t output;	  /* the largest that was given out */
	int64_t offset;	  /* output = input + offset */
	int64_t previous; /* the offset on the other side of the last break */
	usec_t at;	  /* when the last packet came */
	unsigned breaks;
	usec_t break_at;
	/* The last position of each stream that is placed as one. */
	int64_t stream[TIMELINE_STREAMS];
	bool stream_started[TIMELINE_STREAMS];
};

/* The position of the time stamp @stamp (33 bits count) of a packet that came at @now. */
int64_t timeline_place(struct timeline *timeline, int64_t stamp, usec_t now);
/* The same for one of several streams whose own time stamps are in the order of decoding: so a step
 * back shows a break that is too small to be seen in all of them together. */
int64_t timeline_place_in(struct timeline *timeline, unsigned stream, int64_t stamp, usec_t now);
