#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libavcodec/codec_id.h>

#include "base/clock.h"
#include "sys/supervisor.h"
#include "workers/av/demuxer.h"

/*
 * What the live encoder tells once a second: numbers, and what is wrong with its input.
 *
 * Stats, besides "bytes": in_bps, out_bps, advice_bps, video_bps (given to the encoder), fps (out),
 * lag_ms (input that waits), load_permille (time spent per time covered), qp, encoder, preset,
 * width, height, passing (the input is sent as it is), keyframes, dropped (pictures left out to
 * keep up), damaged (packets and pictures with holes), breaks (of the input's clock).
 */
struct report_numbers {
	/* All since the start. */
	uint64_t out_bytes, pictures, keyframes, dropped, decode_errors;
	unsigned breaks;
	double qp; /* the sum over the pictures */
	/* Now. */
	uint64_t advice_bps, video_bps;
	unsigned load_permille;
	const char *encoder, *preset;
	int width, height;
	bool passing;
	bool unknown_codec; /* of the video: nothing can decode it */
	usec_t picture_at;  /* when the last one came; 0: none yet */
	usec_t sound_at;
};

struct report {
	struct supervisor *supervisor;
	usec_t started, at;
	usec_t slow_at, damaged_at, break_at, misfit_at; /* the last time; 0: never */
	struct report_numbers before;
	struct demuxer_stats input_before;
};

/* Whether the clock references of the input were wrong of late. */
bool report_has_misfits(const struct report *report, usec_t now);
void report_init(struct report *report, struct supervisor *supervisor, usec_t now);
/* True when a second is over and all was told; @last: now, since nothing follows. */
bool report_tick(struct report *report, const struct report_numbers *numbers,
		 const struct demuxer_stats *input, usec_t now, bool last);
