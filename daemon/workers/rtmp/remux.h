#pragma once

#include "workers/rtmp/flvdemux.h"
#include "workers/rtmp/tsmux.h"

/*
 * A publisher's messages into one MPEG-TS that goes on from publisher to publisher. What it
 * writes first waits for both sound and pictures, so that the tables need not change at once.
 */
#define REMUX_HELD_MAX	 256 /* access units */
#define REMUX_HELD_BYTES (8u * 1024 * 1024)
#define REMUX_WAIT	 (1 * USEC_PER_SEC) /* for the second stream */

struct remux_held {
	struct media_unit unit;
	uint8_t *data;
};

struct remux {
	struct flvdemux flv;
	struct tsmux *ts;
	bool open; /* the streams of this publisher are known */
	bool told; /* it said what it will send: */
	bool told_video;
	bool told_audio;
	usec_t since; /* the first access unit */
	struct remux_held held[REMUX_HELD_MAX];
	unsigned held_count;
	size_t held_bytes;
	uint64_t video_frames;
	uint64_t audio_frames;
	uint64_t dropped; /* access units: no room, or not later than the one before */
	bool wait_key;	  /* pictures are dropped until a key picture */
};

/* 0 or -ENOMEM. */
int remux_init(struct remux *r, void (*on_packets)(const uint8_t *data, size_t len, void *owner),
	       void *owner);
void remux_deinit(struct remux *r);
/* Another publisher begins. */
void remux_begin(struct remux *r);
void remux_metadata(struct remux *r, const uint8_t *data, size_t len);
/* A media message. @full: the output takes no more, so the unit is dropped. */
void remux_message(struct remux *r, bool video, uint32_t timestamp, const uint8_t *data, size_t len,
		   bool full, usec_t now);
