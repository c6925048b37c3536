#pragma once

#include <stdbool.h>

#include "base/clock.h"

/*
 * The event loop: libev underneath, with the engine's clock (CLOCK_MONOTONIC in microseconds, read
 * once per turn) on top. Watchers are embedded in their owner and know their loop; starting a
 * started one or stopping a stopped one does nothing. A callback may stop or free any watcher,
 * its own too.
 */
struct ev_loop;
struct loop;

struct loop *loop_new(void);
struct loop *loop_free(struct loop *loop);
/* The time of this turn. */
usec_t loop_now(const struct loop *loop);
/* The time right now, for what must not suffer from a long turn. */
usec_t loop_clock(void);
/* Runs until loop_stop(), which may have been called before. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* One turn; waits for events when @wait. For tests. */
void loop_turn(struct loop *loop, bool wait);

#define LOOP_READ  1u
#define LOOP_WRITE 2u

struct loop_io {
	struct loop *loop;
	void (*call)(struct loop_io *io, unsigned events);
	void *owner;
	int fd;
	unsigned events;
	void *watcher; /* internal */
};

/* Sets the fields; does not start. */
void loop_io_init(struct loop_io *io, struct loop *loop, int fd,
		  void (*call)(struct loop_io *io, unsigned events), void *owner);
/* Wait for these events (LOOP_READ, LOOP_WRITE or both); 0 stops. */
void loop_io_set(struct loop_io *io, unsigned events);
/* Stops and releases; the fd stays open and is the owner's. */
void loop_io_deinit(struct loop_io *io);

struct loop_timer {
	struct loop *loop;
	void (*call)(struct loop_timer *timer);
	void *owner;
	usec_t at;
	void *watcher; /* internal */
};

void loop_timer_init(struct loop_timer *timer, struct loop *loop,
		     void (*call)(struct loop_timer *timer), void *owner);
/* Fires once at @at (not before); USEC_NEVER stops it. */
void loop_timer_set(struct loop_timer *timer, usec_t at);
void loop_timer_deinit(struct loop_timer *timer);

struct loop_signal {
	struct loop *loop;
	void (*call)(struct loop_signal *signal);
	void *owner;
	void *watcher; /* internal */
};

void loop_signal_init(struct loop_signal *signal, struct loop *loop, int number,
		      void (*call)(struct loop_signal *signal), void *owner);
void loop_signal_deinit(struct loop_signal *signal);

/* Tells of the end of a child process, once; @status as from waitpid(2). */
struct loop_child {
	struct loop *loop;
	void (*call)(struct loop_child *child, int status);
	void *owner;
	int pid;
	void *watcher; /* internal */
};

void loop_child_init(struct loop_child *child, struct loop *loop, int pid,
		     void (*call)(struct loop_child *child, int status), void *owner);
void loop_child_deinit(struct loop_child *child);
