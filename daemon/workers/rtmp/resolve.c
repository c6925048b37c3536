#include "workers/rtmp/resolve.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * getaddrinfo() cannot be interrupted, so the thread may outlive the question. The question is
 * therefore counted: the loop's side and the thread each hold it, the last one frees it. The thread
 * tells through an eventfd that belongs to the question too, never through the loop.
 */
struct resolve {
	atomic_int holders;
	struct ev_loop *loop;
	ev_io io;
	int fd;
	char host[256];
	char port[8];
	struct addrinfo *addresses;
	int result; /* of getaddrinfo() */
	void (*on_done)(struct addrinfo *addresses, const char *error, void *owner);
	void *owner;
};

static void resolve_release(struct resolve *r)
{
	if (atomic_fetch_sub(&r->holders, 1) > 1)
		return;
	if (r->addresses)
		freeaddrinfo(r->addresses);
	(void)close(r->fd);
	free(r);
}

static void *resolve_thread(void *data)
{
	struct resolve *r = data;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	uint64_t one = 1;

	r->result = getaddrinfo(r->host, r->port, &hints, &r->addresses);
	if (r->result)
		r->addresses = NULL;
	(void)!write(r->fd, &one, sizeof(one));
	resolve_release(r);
	return NULL;
}

struct resolve *resolve_cancel(struct resolve *r)
{
	if (r) {
		ev_io_stop(r->loop, &r->io);
		resolve_release(r);
	}
	return NULL;
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct resolve *r = io->data;
	struct addrinfo *addresses;
	uint64_t count;
	void (*on_done)(struct addrinfo *, const char *, void *) = r->on_done;
	void *owner = r->owner;
	const char *error;

	(void)loop;
	(void)events;
	/* Reading orders what the thread wrote before our looking at it. */
	if (read(r->fd, &count, sizeof(count)) != sizeof(count))
		return;
	addresses = r->addresses;
	error = r->result ? gai_strerror(r->result) : NULL;
	r->addresses = NULL;
	(void)resolve_cancel(r);
	on_done(addresses, error, owner);
}

struct resolve *resolve_start(struct ev_loop *loop, const char *host, const char *port,
			      void (*on_done)(struct addrinfo *addresses, const char *error,
					      void *owner),
			      void *owner)
{
	struct resolve *r = calloc(1, sizeof(*r));
	sigset_t all, before;
	pthread_t thread;
	int failed;

	if (!r)
		return NULL;
	atomic_init(&r->holders, 2);
	r->loop = loop;
	r->on_done = on_done;
	r->owner = owner;
	(void)snprintf(r->host, sizeof(r->host), "%s", host);
	(void)snprintf(r->port, sizeof(r->port), "%s", port);
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ev_io_init(&r->io, on_io, r->fd, EV_READ);
	r->io.data = r;
	/* Signals are the loop's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = r->fd < 0 || pthread_create(&thread, NULL, resolve_thread, r);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		if (r->fd >= 0)
			(void)close(r->fd);
		free(r);
		return NULL;
	}
	(void)pthread_detach(thread);
	ev_io_start(loop, &r->io);
	return r;
}
