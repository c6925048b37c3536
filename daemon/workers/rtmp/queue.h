#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

/*
 * What waits to be sent to an RTMP server: FLV tags of one video and one audio stream, given out
 * in the order of their decoding times. When the peer takes less than comes in, whole pictures go,
 * up to a key picture; audio is kept much longer.
 */
enum queue_stream {
	QUEUE_STREAM_VIDEO,
	QUEUE_STREAM_AUDIO,
	QUEUE_STREAMS,
};

struct queue_item {
	struct queue_item *next;
	enum queue_stream stream;
	bool key;
	usec_t arrived;
	int64_t dts;	   /* 90 kHz */
	size_t config_len; /* the sequence header's tag body, first in bytes[]; 0: none */
	size_t len;	   /* the tag body, behind it */
	uint8_t bytes[];
};

#define QUEUE_VIDEO_SPAN_MAX (3 * 90000)  /* 3 s: more than one GOP, less than a viewer waits */
#define QUEUE_AUDIO_SPAN_MAX (30 * 90000) /* 30 s: 0.5 MB */
#define QUEUE_BYTES_MAX	     (32u * 1024 * 1024) /* 3 s of 80 Mb/s */
/* How long an item waits for the other stream. MPEG-TS muxers gather audio for up to 200 ms. */
#define QUEUE_HOLD (250 * USEC_PER_MS)

struct queue {
	struct {
		struct queue_item *first;
		struct queue_item **end;
		struct queue_item *last;
		bool seen;
		usec_t arrived; /* the newest item, also if it is gone */
	} streams[QUEUE_STREAMS];
	size_t bytes;
	bool begun;		   /* something was given out */
	bool wait_key;		   /* pictures are dropped until a key picture comes */
	uint64_t dropped_video;	   /* pictures */
	uint64_t dropped_audio;	   /* frames */
	uint64_t dropped_episodes; /* how often dropping began */
};

void queue_init(struct queue *q);
/* NULL: out of memory. */
struct queue_item *queue_item_new(enum queue_stream stream, size_t config_len, size_t len);
void queue_item_free(struct queue_item *item);
/* Takes @item over. */
void queue_push(struct queue *q, struct queue_item *item, usec_t now);
/* The next item in order, the caller's from then on; NULL when there is none or its turn is later.
 */
struct queue_item *queue_pop(struct queue *q, usec_t now);
/* When queue_pop() gives something without another push; USEC_NEVER: empty. */
usec_t queue_wakeup_at(const struct queue *q);
/* Drops everything, uncounted. */
void queue_clear(struct queue *q);
/* From the oldest to the newest waiting item, milliseconds. */
uint32_t queue_span_ms(const struct queue *q);
