#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

/*
 * What waits to be sent to an RTMP server: FLV tags of one video and one audio stream, given out
 * in the order of their decoding times. When the peer takes less than comes in, whole pictures go,
 * up to a key picture; audio is kept much longer.
 */
enum outbox_stream {
	OUTBOX_STREAM_VIDEO,
	OUTBOX_STREAM_AUDIO,
	OUTBOX_STREAMS,
};

struct outbox_item {
	struct outbox_item *next;
	enum outbox_stream stream;
	bool key;
	usec_t arrived;
	int64_t dts;	   /* 90 kHz */
	size_t config_len; /* the sequence header's tag body, first in bytes[]; 0: none */
	size_t len;	   /* the tag body, behind it */
	uint8_t bytes[];
};

#define OUTBOX_VIDEO_SPAN_MAX (3 * 90000)  /* 3 s: more than one GOP, less than a viewer waits */
#define OUTBOX_AUDIO_SPAN_MAX (30 * 90000) /* 30 s: 0.5 MB */
#define OUTBOX_BYTES_MAX      (32u * 1024 * 1024) /* 3 s of 80 Mb/s */
/* How long an item waits for the other stream. FFmpeg's muxer gathers audio for up to
 * 350 ms (max_delay / 2), hardware encoders for less. */
#define OUTBOX_HOLD (500 * USEC_PER_MS)

struct outbox {
	struct {
		struct outbox_item *first;
		struct outbox_item **end;
		struct outbox_item *last;
		bool seen;
		usec_t arrived; /* the newest item, also if it is gone */
	} streams[OUTBOX_STREAMS];
	size_t bytes;
	bool begun;		   /* something was given out */
	bool wait_key;		   /* pictures are dropped until a key picture comes */
	uint64_t dropped_video;	   /* pictures */
	uint64_t dropped_audio;	   /* frames */
	uint64_t dropped_episodes; /* how often dropping began */
};

void outbox_init(struct outbox *q);
/* NULL: out of memory. */
struct outbox_item *outbox_item_new(enum outbox_stream stream, size_t config_len, size_t len);
void outbox_item_free(struct outbox_item *item);
/* Takes @item over. */
void outbox_push(struct outbox *q, struct outbox_item *item, usec_t now);
/* The next item in order, the caller's from then on; NULL when there is none or its turn is later.
 */
struct outbox_item *outbox_pop(struct outbox *q, usec_t now);
/* When outbox_pop() gives something without another push; USEC_NEVER: empty. */
usec_t outbox_wakeup_at(const struct outbox *q);
/* Drops everything, uncounted. */
void outbox_clear(struct outbox *q);
/* From the oldest to the newest waiting item, milliseconds. */
uint32_t outbox_span_ms(const struct outbox *q);
