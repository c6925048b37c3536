#pragma once

#include <ev.h>
#include <stdbool.h>

#include "workers/rtmp/buffer.h"

/*
 * The worker's output: a pipe that takes what it can, and a bounded buffer in front of it.
 */
#define SINK_HIGH (8u * 1024 * 1024)  /* above, no media should be added: 10 s of 6 Mb/s */
#define SINK_MAX  (48u * 1024 * 1024) /* SINK_HIGH and the largest access units */

struct sink {
	struct ev_loop *loop;
	ev_io io;
	int fd;
	struct buffer waiting;
	uint64_t written; /* bytes */
	uint64_t lost;	  /* bytes that found no room */
	bool broken;
	void (*on_broken)(int error, void *owner); /* the reader is gone; from the loop */
	int error;
	void *owner;
};

/* @fd stays the caller's; it becomes non-blocking. */
void sink_init(struct sink *s, struct ev_loop *loop, int fd,
	       void (*on_broken)(int error, void *owner), void *owner);
void sink_deinit(struct sink *s);
void sink_write(struct sink *s, const void *data, size_t len);
bool sink_is_full(const struct sink *s);
