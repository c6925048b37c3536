#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libavcodec/codec_id.h>

#include "workers/av/ladder.h"

/*
 * What the live encoder is told on its command line.
 */
struct settings {
	uint64_t rate_start_bps, rate_min_bps, rate_max_bps; /* of the whole stream */
	const char *encoder;				     /* a name of backend.h */
	enum AVCodecID codec;
	int preset;	/* coder_preset(): the best that is to be used */
	double fps_max; /* 0: as they come */
	struct ladder_rungs ladder;
	bool live;	 /* the input does not wait */
	bool passing;	 /* what fits the advice may pass as it is */
	bool keep_sound; /* MPEG audio and AC-3 pass too, not AAC alone */
};

/* Reads argv (argv[0] is the role). False: it makes no sense. */
bool settings_read(struct settings *settings, int argc, char **argv);
