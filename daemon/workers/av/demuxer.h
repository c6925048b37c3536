#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libavcodec/packet.h>
#include <libavcodec/codec_id.h>

#include "base/clock.h"
#include "workers/av/raw.h"
#include "workers/av/selector.h"

/*
 * MPEG-TS from a descriptor, taken apart by a thread that never waits for whoever uses the packets:
 * what has come in is always known, so that a lag can be measured and acted on.
 *
 * One stream of each kind is followed (selector.h).
 */
struct demuxer;

struct media {
	/* Time stamps of 90 kHz as in the stream, 33 bits; `pos` is the place in the stream of the
	 * PES packet in which it begins, -1: not known. The taker frees it. */
	AVPacket *packet;
	enum media_kind kind;
	enum AVCodecID codec;
	unsigned source; /* counts up whenever another stream took over */
	usec_t arrived;	 /* CLOCK_MONOTONIC */
};

struct demuxer_stats {
	uint64_t bytes;	  /* read so far */
	uint64_t damaged; /* packets with a hole in them, and stretches that were no MPEG-TS */
	uint64_t dropped; /* packets, because they were not taken in time */
	uint64_t misfits; /* time stamps that the clock references do not fit (reference.h) */
	usec_t lag;	  /* of the video: how much of the stream waits */
	enum AVCodecID listed[MEDIA_KINDS]; /* AV_CODEC_ID_NONE: no such stream was seen */
	struct programme programme;
};

/* Starts the thread. @live: the input does not wait; when the packets are not taken in time they
 * are dropped, up to the next keyframe. Otherwise it is read as fast as packets are taken. Reading
 * ends at the end of the file or when @stop_fd becomes readable. What is read is copied to @raw
 * (not owned; NULL: nowhere). NULL: out of memory. */
struct demuxer *demuxer_new(int fd, int stop_fd, bool live, struct raw *raw);
struct demuxer *demuxer_free(struct demuxer *demuxer);

/* 1: *ret_media is filled. 0: nothing for @timeout. -ENODATA: the input has ended. */
int demuxer_next(struct demuxer *demuxer, usec_t timeout, struct media *ret_media);
/* Makes demuxer_next() return at once, now or the next time; from any thread. */
void demuxer_poke(struct demuxer *demuxer);
void demuxer_stats(struct demuxer *demuxer, struct demuxer_stats *ret_stats);
