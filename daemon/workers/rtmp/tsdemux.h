#pragma once

#include <ev.h>

#include "workers/rtmp/media.h"

/*
 * MPEG-TS from a file descriptor into access units, by libavformat in a thread of its own: its
 * demuxer wants to wait for its input, and the loop must not.
 */
struct tsdemux;

struct tsdemux_events {
	/* A picture or a parcel of audio; dts and pts are raw, 33 bits. */
	void (*on_unit)(const struct media_unit *unit, void *owner);
	/* A stream of the first program that cannot be carried; @codec is its name. Once each. */
	void (*on_foreign)(bool video, const char *codec, void *owner);
	void (*on_end)(void *owner);
};

struct tsdemux_stats {
	uint64_t bytes;	    /* read */
	uint64_t skipped;   /* bytes between packets */
	uint64_t changes;   /* of the tables */
	uint64_t unstamped; /* units without a time, dropped */
	bool tables;	    /* a PAT and its PMT were there */
};

/* @events are called from @loop. NULL: no memory or thread. */
struct tsdemux *tsdemux_new(struct ev_loop *loop, int fd, const struct tsdemux_events *events,
			    void *owner);
struct tsdemux *tsdemux_free(struct tsdemux *d);
void tsdemux_stats(struct tsdemux *d, struct tsdemux_stats *ret_stats);
