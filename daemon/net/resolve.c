#include "net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/address.h"
#include "sys/log.h"
#include "sys/state.h"

/*
 * A question is an object that the thread and the loop share; whoever lets go of it last frees it,
 * so that a resolver can be dropped while the name service hangs. The thread writes the answer
 * before it signals the eventfd, and touches nothing else of the program. It also writes the answer
 * to disk, where that may block, when it is another one than before.
 */
#define RESOLVE_RETRY	(3 * USEC_PER_SEC)
#define RESOLVE_REFRESH (300 * USEC_PER_SEC) /* addresses of servers change over hours */
#define RESOLVE_DOUBT	(5 * USEC_PER_SEC)   /* between questions while nobody answers there */
#define STORED_MAX	(RESOLVE_ADDRESSES_MAX * (ADDRESS_TEXT_MAX + 1) + 1)

struct question {
	atomic_uint owners;
	int done; /* eventfd */
	char host[256];
	char service[8];
	char path[STATE_PATH_MAX]; /* "": nowhere to keep the answer */
	char stored[STORED_MAX];   /* what is there */
	int error;		   /* of getaddrinfo() */
	unsigned count;
	struct bond_address address[RESOLVE_ADDRESSES_MAX];
};

struct resolve {
	struct loop *loop;
	char target[300];
	char host[256];
	uint16_t port;
	bool numeric;
	usec_t asked_at;
	char path[STATE_PATH_MAX];
	char stored[STORED_MAX];
	void (*on_change)(void *owner);
	void *owner;
	struct loop_timer timer;
	struct loop_io io;
	struct question *question; /* the one that is out */
	char problem[400];
	unsigned count;
	struct bond_address address[RESOLVE_ADDRESSES_MAX];
};

static void question_drop(struct question *question)
{
	if (atomic_fetch_sub(&question->owners, 1) > 1)
		return;
	(void)close(question->done);
	free(question);
}

static void question_answer(struct question *question, int flags)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = flags }, *list = NULL;

	question->error = getaddrinfo(question->host, question->service, &hints, &list);
	for (const struct addrinfo *a = list; a && !question->error; a = a->ai_next)
		if ((a->ai_family == AF_INET || a->ai_family == AF_INET6) &&
		    question->count < RESOLVE_ADDRESSES_MAX)
			question->address[question->count++] = address_of(a->ai_addr);
	if (list)
		freeaddrinfo(list);
}

/* The answer as it is kept: an address a line. */
static void question_print(const struct question *question, char text[static STORED_MAX])
{
	char address[ADDRESS_TEXT_MAX];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < question->count; i++)
		used += (size_t)snprintf(text + used, STORED_MAX - used, "%s\n",
					 address_text(&question->address[i], address));
}

static void *question_thread(void *data)
{
	struct question *question = data;
	char text[STORED_MAX];

	question_answer(question, 0);
	question_print(question, text);
	if (question->count && question->path[0] && strcmp(text, question->stored) != 0 &&
	    !state_write(question->path, text, strlen(text)))
		memcpy(question->stored, text, sizeof(text));
	(void)eventfd_write(question->done, 1);
	question_drop(question);
	return NULL;
}

/* Name services turn the order round with each answer; what is in use stays as it is. */
static bool is_same(const struct resolve *resolve, const struct question *question)
{
	for (unsigned i = 0; i < question->count; i++)
		if (!resolve_has(resolve, &question->address[i]))
			return false;
	return resolve->count == question->count;
}

static void take_answer(struct resolve *resolve, const struct question *question)
{
	if (!question->count) {
		(void)snprintf(resolve->problem, sizeof(resolve->problem),
			       "cannot resolve %s: %s; %s", resolve->host,
			       question->error ? gai_strerror(question->error) : "no address",
			       resolve->count ? "going on with its last known addresses"
					      : "trying again");
		return;
	}
	resolve->problem[0] = '\0';
	if (is_same(resolve, question))
		return;
	resolve->count = question->count;
	memcpy(resolve->address, question->address, sizeof(resolve->address));
	if (resolve->on_change)
		resolve->on_change(resolve->owner);
}

static void on_answer(struct loop_io *io, unsigned events)
{
	struct resolve *resolve = io->owner;
	struct question *question = resolve->question;
	bool had = resolve->problem[0];

	(void)events;
	loop_io_deinit(&resolve->io);
	resolve->question = NULL;
	loop_timer_set(&resolve->timer,
		       loop_now(resolve->loop) +
			       (question->count ? RESOLVE_REFRESH : RESOLVE_RETRY));
	take_answer(resolve, question);
	memcpy(resolve->stored, question->stored, sizeof(resolve->stored));
	question_drop(question);
	if (resolve->problem[0] && !had)
		log_warning("%s", resolve->problem);
}

static int thread_start(struct question *question)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	pthread_t thread;
	int r;

	/* Signals are for the loop's thread. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attributes, question_thread, question);
	(void)pthread_attr_destroy(&attributes);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

static struct question *question_new(const struct resolve *resolve)
{
	struct question *question = calloc(1, sizeof(*question));

	if (!question)
		return NULL;
	atomic_init(&question->owners, 1);
	question->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	memcpy(question->host, resolve->host, sizeof(question->host));
	memcpy(question->path, resolve->path, sizeof(question->path));
	memcpy(question->stored, resolve->stored, sizeof(question->stored));
	(void)snprintf(question->service, sizeof(question->service), "%u", resolve->port);
	if (question->done < 0) {
		free(question);
		return NULL;
	}
	return question;
}

static void on_timer(struct loop_timer *timer)
{
	struct resolve *resolve = timer->owner;
	struct question *question = question_new(resolve);

	resolve->asked_at = loop_now(resolve->loop);
	if (question) {
		atomic_store(&question->owners, 2);
		if (!thread_start(question)) {
			resolve->question = question;
			loop_io_init(&resolve->io, resolve->loop, question->done, on_answer,
				     resolve);
			loop_io_set(&resolve->io, LOOP_READ);
			return;
		}
		atomic_store(&question->owners, 1);
		question_drop(question);
	}
	loop_timer_set(timer, loop_now(resolve->loop) + RESOLVE_RETRY);
}

/* The answer of an earlier run, until there is one of now. */
static void take_stored(struct resolve *resolve)
{
	char name[300], text[STORED_MAX], *rest = text;

	(void)snprintf(name, sizeof(name), "addresses-%s", resolve->host);
	if (!state_path(name, resolve->path)) {
		resolve->path[0] = '\0';
		return;
	}
	(void)state_read(resolve->path, resolve->stored, sizeof(resolve->stored));
	memcpy(text, resolve->stored, sizeof(text));
	for (char *line; (line = strsep(&rest, "\n")) && resolve->count < RESOLVE_ADDRESSES_MAX;) {
		struct bond_address address;

		if (!*line || address_parse(line, &address))
			continue;
		address_set_port(&address, resolve->port);
		resolve->address[resolve->count++] = address;
	}
}

struct resolve *resolve_new(struct loop *loop, const char *target, void (*on_change)(void *owner),
			    void *owner)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));
	struct question *question;

	if (!resolve ||
	    address_split(target, resolve->host, sizeof(resolve->host), &resolve->port)) {
		free(resolve);
		return NULL;
	}
	resolve->loop = loop;
	(void)snprintf(resolve->target, sizeof(resolve->target), "%s", target);
	loop_timer_init(&resolve->timer, loop, on_timer, resolve);
	question = question_new(resolve);
	if (question) {
		question_answer(question, AI_NUMERICHOST);
		if (question->count) {
			resolve->numeric = true;
			take_answer(resolve, question);
		}
		question_drop(question);
	}
	resolve->on_change = on_change;
	resolve->owner = owner;
	if (!resolve->numeric) {
		take_stored(resolve);
		loop_timer_set(&resolve->timer, loop_now(loop));
	}
	return resolve;
}

struct resolve *resolve_free(struct resolve *resolve)
{
	if (!resolve)
		return NULL;
	if (resolve->question) {
		loop_io_deinit(&resolve->io);
		question_drop(resolve->question);
	}
	loop_timer_deinit(&resolve->timer);
	free(resolve);
	return NULL;
}

const char *resolve_target(const struct resolve *resolve)
{
	return resolve->target;
}

unsigned resolve_addresses(const struct resolve *resolve, const struct bond_address **ret)
{
	*ret = resolve->address;
	return resolve->count;
}

bool resolve_has(const struct resolve *resolve, const struct bond_address *address)
{
	for (unsigned i = 0; i < resolve->count; i++)
		if (address_equal(address, &resolve->address[i]))
			return true;
	return false;
}

const char *resolve_problem(const struct resolve *resolve)
{
	return resolve->problem;
}

void resolve_doubt(struct resolve *resolve)
{
	usec_t soon = usec_max(loop_now(resolve->loop), resolve->asked_at + RESOLVE_DOUBT);

	if (!resolve->numeric && !resolve->question && resolve->timer.at > soon)
		loop_timer_set(&resolve->timer, soon);
}
