#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One access unit as it is in MPEG-TS: a picture in Annex B form (start codes), or one or more AAC
 * frames with ADTS headers. What passes between the TS side and the FLV side of this worker.
 */
enum media_codec {
	MEDIA_CODEC_NONE,
	MEDIA_CODEC_H264,
	MEDIA_CODEC_HEVC,
	MEDIA_CODEC_AAC,
	MEDIA_CODEC_OTHER, /* something that this worker cannot carry */
};

#define MEDIA_CLOCK 90000 /* ticks per second of dts and pts */

struct media_unit {
	bool video;
	bool key; /* decoding can begin here */
	enum media_codec codec;
	int64_t dts;
	int64_t pts;
	const uint8_t *data;
	size_t len;
};
