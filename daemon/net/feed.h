#pragma once

#include "stream/fanout.h"
#include "sys/loop.h"

/*
 * The shell's side of a fan-out: a stream (struct feeds) and its consumers (struct feed), each
 * written to its own descriptor or function without ever blocking.
 */
struct feeds;
struct feed;

/* @ring_bytes: see fanout_new(). NULL: out of memory. */
struct feeds *feeds_new(struct loop *loop, size_t ring_bytes);
/* All its feeds must be gone. */
struct feeds *feeds_free(struct feeds *feeds);
/* Whole packets that have just come in: to the ring, and on to whoever can take them. */
void feeds_write(struct feeds *feeds, const uint8_t *packets, size_t len);
/* The same of packets whose time of origin is @captured, for the sinks. */
void feeds_write_captured(struct feeds *feeds, const uint8_t *packets, size_t len, usec_t captured);
uint64_t feeds_bytes(const struct feeds *feeds);

/* A consumer, closed. */
struct feed *feed_new(struct feeds *feeds, enum fanout_rule rule, size_t bound_bytes,
		      usec_t bound_age);
struct feed *feed_free(struct feed *feed);

/* From now on the stream is kept for this consumer (in its bounds), whether or not it has somewhere
 * to go yet. Does nothing when it is open. */
void feed_open(struct feed *feed);
/* Forgets what waits, and keeps nothing until it is opened again. */
void feed_close(struct feed *feed);

/* Goes to @fd, non-blocking, the caller's; -1: to nowhere for now. A packet of which a part was
 * written is finished on the same fd, never on another. */
void feed_to_fd(struct feed *feed, int fd);
/* Goes to a function that takes all it is given (whole packets) at once. NULL: to nowhere.
 * @captured: when they came in, or what feeds_write_captured() was told. */
typedef void (*feed_sink)(void *owner, const uint8_t *packets, size_t len, usec_t captured);
void feed_to_sink(struct feed *feed, feed_sink sink, void *owner);
/* @on_broken is called when writing to the fd fails for good (the reader is gone, an error); the
 * feed then goes to nowhere. */
void feed_on_broken(struct feed *feed, void (*on_broken)(void *owner, int error), void *owner);

struct feed_info {
	uint64_t bytes;
	uint64_t dropped_bytes;
	uint64_t overflows;
	uint64_t backlog_bytes;
	usec_t age; /* of the oldest byte that waits */
};

void feed_info(const struct feed *feed, struct feed_info *ret_info);
