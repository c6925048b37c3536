#pragma once

#include "base/clock.h"
#include "workers/rtmp/adts.h"
#include "workers/rtmp/buffer.h"
#include "workers/rtmp/flv.h"
#include "workers/rtmp/paramset.h"
#include "workers/rtmp/outbox.h"
#include "workers/rtmp/timeline.h"

/*
 * Access units of MPEG-TS into the FLV tags of one publishing session, put into a queue. Each key
 * picture and each audio frame carries its sequence header with it; whoever sends them leaves out
 * the ones that are as before.
 */
#define FLVMUX_CONFIG_MAX (FLV_HEADER_MAX + PARAMSET_RECORD_MAX)

struct flvmux {
	struct outbox *queue;
	struct timeline timeline;
	bool live;	    /* tags are wanted; else only settings are learned */
	bool started;	    /* the first key picture was there */
	usec_t audio_since; /* audio alone starts the session after a while; USEC_NEVER: none */
	enum media_codec video_codec; /* of the last picture; MEDIA_CODEC_NONE: none yet */
	struct paramset params;
	uint8_t video_config[FLVMUX_CONFIG_MAX];
	size_t video_config_len;
	struct adts_config audio;
	uint8_t audio_config[4];
	size_t audio_config_len;
	struct buffer rest; /* the beginning of an audio frame that ends in the next unit */
	int64_t audio_next; /* when the next audio frame is due, 90 kHz */
	int64_t last_dts[OUTBOX_STREAMS];
	uint64_t waited;  /* units not sent before the first key picture */
	uint64_t garbage; /* units and bytes that were no AAC, H.264 or H.265 */
	uint64_t late;	  /* audio frames not after their predecessor, dropped */
};

/* A stream with audio and no pictures starts after this. */
#define FLVMUX_AUDIO_ALONE (3 * USEC_PER_SEC)

void flvmux_init(struct flvmux *m, struct outbox *queue);
void flvmux_deinit(struct flvmux *m);
/* A publishing session begins or ends: the next tag is a key picture with its header. */
void flvmux_begin(struct flvmux *m);
void flvmux_end(struct flvmux *m);
/* @unit's times are raw 33-bit ones of MPEG-TS. 0 or -ENOMEM. */
int flvmux_unit(struct flvmux *m, const struct media_unit *unit, usec_t now);
