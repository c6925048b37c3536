#pragma once

#include "base/clock.h"
#include "workers/rtmp/adts.h"
#include "workers/rtmp/buffer.h"
#include "workers/rtmp/flv.h"
#include "workers/rtmp/paramset.h"
#include "workers/rtmp/timeline.h"

/*
 * The audio and video messages of a publisher into access units as MPEG-TS wants them. The
 * timeline goes on from one publisher to the next.
 */
struct flvdemux {
	struct timeline timeline;
	bool video_known; /* a usable sequence header was there */
	bool audio_known;
	struct paramset params;
	unsigned length_size; /* of the NAL units, bytes */
	struct adts_config audio;
	struct buffer unit;	/* the access unit given out last */
	uint32_t foreign_video; /* codec that cannot be carried, as flv_codec_text() takes it; */
	uint32_t foreign_audio; /* 0 = none was seen */
	uint64_t waited;	/* frames before their sequence header, or before a key picture */
	uint64_t garbage;	/* messages that could not be read */
	bool started;		/* a key picture was there */
};

void flvdemux_init(struct flvdemux *d);
void flvdemux_deinit(struct flvdemux *d);
/* Another publisher begins. */
void flvdemux_begin(struct flvdemux *d);
/* A message's body and timestamp. 1: *@ret_unit is set, valid until the next call; 0: there is
 * nothing to hand on. */
int flvdemux_video(struct flvdemux *d, uint32_t timestamp, const uint8_t *data, size_t len,
		   usec_t now, struct media_unit *ret_unit);
int flvdemux_audio(struct flvdemux *d, uint32_t timestamp, const uint8_t *data, size_t len,
		   usec_t now, struct media_unit *ret_unit);
