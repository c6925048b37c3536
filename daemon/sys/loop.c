#include "sys/loop.h"

#include <ev.h>
#include <stdlib.h>
#include <time.h>

/*
 * Each watcher is a small heap object that points back to its public half; it is released at
 * deinit, never on the packet path. libev's own time is relative to its start and may be adjusted
 * by wall clock jumps; a timer therefore looks at the monotonic clock when it fires and re-arms
 * itself if it is early ("be smart about timeouts" of libev's manual).
 */
struct loop {
	struct ev_loop *ev;
	usec_t now;
	bool stopped; /* loop_stop() was called, perhaps before loop_run() */
	ev_check check;
};

usec_t loop_clock(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

static void on_check(struct ev_loop *ev, ev_check *check, int revents)
{
	struct loop *loop = check->data;

	(void)ev;
	(void)revents;
	loop->now = loop_clock();
}

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	/* The default loop is the one that may watch children. */
	loop->ev = ev_default_loop(EVFLAG_NOENV | EVBACKEND_EPOLL);
	if (!loop->ev) {
		free(loop);
		return NULL;
	}
	loop->now = loop_clock();
	ev_check_init(&loop->check, on_check);
	loop->check.data = loop;
	ev_set_priority(&loop->check, EV_MAXPRI);
	ev_check_start(loop->ev, &loop->check);
	return loop;
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	ev_check_stop(loop->ev, &loop->check);
	ev_loop_destroy(loop->ev);
	free(loop);
	return NULL;
}

usec_t loop_now(const struct loop *loop)
{
	return loop->now;
}

void loop_run(struct loop *loop)
{
	loop->now = loop_clock();
	if (!loop->stopped)
		ev_run(loop->ev, 0);
	loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
	ev_break(loop->ev, EVBREAK_ALL);
}

void loop_turn(struct loop *loop, bool wait)
{
	ev_run(loop->ev, wait ? EVRUN_ONCE : EVRUN_NOWAIT);
	loop->now = loop_clock();
}

static void *watcher_new(size_t size)
{
	void *watcher = calloc(1, size);

	if (!watcher)
		abort(); /* at start or reload only: there is nothing sensible left to do */
	return watcher;
}

static void on_io(struct ev_loop *ev, ev_io *watcher, int revents)
{
	struct loop_io *io = watcher->data;

	(void)ev;
	io->call(io, (revents & EV_READ ? LOOP_READ : 0) | (revents & EV_WRITE ? LOOP_WRITE : 0));
}

void loop_io_init(struct loop_io *io, struct loop *loop, int fd,
		  void (*call)(struct loop_io *io, unsigned events), void *owner)
{
	ev_io *watcher = watcher_new(sizeof(*watcher));

	*io = (struct loop_io){
		.loop = loop, .call = call, .owner = owner, .fd = fd, .watcher = watcher
	};
	ev_io_init(watcher, on_io, fd, 0);
	watcher->data = io;
}

void loop_io_set(struct loop_io *io, unsigned events)
{
	ev_io *watcher = io->watcher;

	if (!watcher || events == io->events)
		return;
	ev_io_stop(io->loop->ev, watcher);
	io->events = events;
	if (!events)
		return;
	ev_io_set(watcher, io->fd,
		  (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0));
	ev_io_start(io->loop->ev, watcher);
}

void loop_io_deinit(struct loop_io *io)
{
	if (!io->watcher)
		return;
	ev_io_stop(io->loop->ev, io->watcher);
	free(io->watcher);
	io->watcher = NULL;
	io->events = 0;
}

static void timer_arm(struct loop_timer *timer)
{
	ev_timer *watcher = timer->watcher;
	usec_t now = loop_clock();

	/* libev counts from its own idea of now, which may be the start of this turn. */
	ev_now_update(timer->loop->ev);
	ev_timer_set(watcher, (double)usec_sub(timer->at, now) * 1e-6, 0.);
	ev_timer_start(timer->loop->ev, watcher);
}

static void on_timer(struct ev_loop *ev, ev_timer *watcher, int revents)
{
	struct loop_timer *timer = watcher->data;

	(void)ev;
	(void)revents;
	if (timer->at > loop_clock()) {
		timer_arm(timer);
		return;
	}
	timer->at = USEC_NEVER;
	timer->call(timer);
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop,
		     void (*call)(struct loop_timer *timer), void *owner)
{
	ev_timer *watcher = watcher_new(sizeof(*watcher));

	*timer = (struct loop_timer){
		.loop = loop, .call = call, .owner = owner, .at = USEC_NEVER, .watcher = watcher
	};
	ev_timer_init(watcher, on_timer, 0., 0.);
	watcher->data = timer;
}

void loop_timer_set(struct loop_timer *timer, usec_t at)
{
	ev_timer *watcher = timer->watcher;

	if (!watcher || (at == timer->at && ev_is_active(watcher)))
		return;
	ev_timer_stop(timer->loop->ev, watcher);
	timer->at = at;
	if (at != USEC_NEVER)
		timer_arm(timer);
}

void loop_timer_deinit(struct loop_timer *timer)
{
	if (!timer->watcher)
		return;
	ev_timer_stop(timer->loop->ev, timer->watcher);
	free(timer->watcher);
	timer->watcher = NULL;
}

static void on_signal(struct ev_loop *ev, ev_signal *watcher, int revents)
{
	struct loop_signal *signal = watcher->data;

	(void)ev;
	(void)revents;
	signal->call(signal);
}

void loop_signal_init(struct loop_signal *signal, struct loop *loop, int number,
		      void (*call)(struct loop_signal *signal), void *owner)
{
	ev_signal *watcher = watcher_new(sizeof(*watcher));

	*signal = (struct loop_signal){
		.loop = loop, .call = call, .owner = owner, .watcher = watcher
	};
	ev_signal_init(watcher, on_signal, number);
	watcher->data = signal;
	ev_signal_start(loop->ev, watcher);
}

void loop_signal_deinit(struct loop_signal *signal)
{
	if (!signal->watcher)
		return;
	ev_signal_stop(signal->loop->ev, signal->watcher);
	free(signal->watcher);
	signal->watcher = NULL;
}

static void on_child(struct ev_loop *ev, ev_child *watcher, int revents)
{
	struct loop_child *child = watcher->data;

	(void)revents;
	ev_child_stop(ev, watcher);
	child->call(child, watcher->rstatus);
}

void loop_child_init(struct loop_child *child, struct loop *loop, int pid,
		     void (*call)(struct loop_child *child, int status), void *owner)
{
	ev_child *watcher = watcher_new(sizeof(*watcher));

	*child = (struct loop_child){
		.loop = loop, .call = call, .owner = owner, .pid = pid, .watcher = watcher
	};
	ev_child_init(watcher, on_child, pid, 0);
	watcher->data = child;
	ev_child_start(loop->ev, watcher);
}

void loop_child_deinit(struct loop_child *child)
{
	if (!child->watcher)
		return;
	ev_child_stop(child->loop->ev, child->watcher);
	free(child->watcher);
	child->watcher = NULL;
}
