#include "workers/srt/caller.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "workers/srt/refusal.h"

#define TICK_MSEC	 10
#define CONNECT_MAX_USEC (15 * USEC_PER_SEC) /* beyond libsrt's own timeout: never for ever */
#define GOOD_WORK_USEC	 (10 * USEC_PER_SEC) /* after this the back-off begins anew */

struct caller {
	const struct leg *leg;
	const struct endpoint *endpoint;
	struct supervisor *supervisor;
	atomic_int socket; /* published: connected */
	pthread_t thread;
};

SRTSOCKET caller_socket(const struct caller *caller)
{
	return atomic_load_explicit(&caller->socket, memory_order_acquire);
}

static void refusal_tell(struct caller *caller, int reason)
{
	const char *text = refusal_text(reason);

	if (refusal_is_lasting(reason))
		supervisor_alarm(caller->supervisor, "srt-refused", "%s refuses the connection: %s",
				 caller->endpoint->text, text);
	supervisor_state(caller->supervisor, "reconnecting", caller->endpoint->text,
			 "cannot connect: %s; trying again", text);
}

/* A socket on its way to the peer; SRT_INVALID_SOCK and told why not. */
static SRTSOCKET connect_begin(struct caller *caller)
{
	struct sockaddr_storage address;
	socklen_t length;
	const char *why;
	SRTSOCKET socket;
	int r = endpoint_resolve(caller->endpoint, false, &address, &length);

	if (r) {
		supervisor_state(caller->supervisor, "reconnecting", caller->endpoint->text,
				 "cannot find the address: %s; trying again", gai_strerror(r));
		return SRT_INVALID_SOCK;
	}
	socket = leg_socket(caller->leg, false, &why);
	if (socket == SRT_INVALID_SOCK) {
		supervisor_state(caller->supervisor, "failed", caller->endpoint->text,
				 "libsrt refuses the setting %s: %s", why, srt_getlasterror_str());
		return socket;
	}
	if (srt_connect(socket, (struct sockaddr *)&address, (int)length) == SRT_ERROR) {
		supervisor_state(caller->supervisor, "reconnecting", caller->endpoint->text,
				 "cannot connect: %s; trying again", srt_getlasterror_str());
		(void)srt_close(socket);
		return SRT_INVALID_SOCK;
	}
	return socket;
}

static SRTSOCKET connect_finish(struct caller *caller, SRTSOCKET socket)
{
	usec_t end = supervisor_clock() + CONNECT_MAX_USEC;

	while (supervisor_clock() < end) {
		SRT_SOCKSTATUS state = srt_getsockstate(socket);

		if (state == SRTS_CONNECTED)
			return socket;
		if (state > SRTS_CONNECTED || supervisor_wait(caller->supervisor, TICK_MSEC))
			break;
	}
	if (!supervisor_stopping(caller->supervisor))
		refusal_tell(caller, srt_getrejectreason(socket));
	(void)srt_close(socket);
	return SRT_INVALID_SOCK;
}

/* From connected to broken. */
static void connection_watch(struct caller *caller, SRTSOCKET socket)
{
	int latency = 0, size = sizeof(latency);

	(void)srt_getsockflag(socket, caller->leg->sends ? SRTO_PEERLATENCY : SRTO_RCVLATENCY,
			      &latency, &size);
	leg_settle(caller->leg, socket);
	supervisor_alarm_clear(caller->supervisor, "srt-refused", "the connection is accepted");
	atomic_store_explicit(&caller->socket, socket, memory_order_release);
	supervisor_state(caller->supervisor, "connected", caller->endpoint->text, "latency %d ms",
			 latency);
	while (!supervisor_wait(caller->supervisor, TICK_MSEC) &&
	       srt_getsockstate(socket) == SRTS_CONNECTED)
		;
	if (supervisor_stopping(caller->supervisor))
		return;
	atomic_store_explicit(&caller->socket, SRT_INVALID_SOCK, memory_order_release);
	supervisor_state(caller->supervisor, "reconnecting", caller->endpoint->text,
			 "the connection ended; connecting again");
	if (caller->leg->sends)
		(void)srt_close(socket);
}

static void *call(void *data)
{
	static const int pauses_msec[] = { 1000, 2000, 4000, 5000 };
	struct caller *caller = data;
	size_t attempt = 0;

	while (!supervisor_stopping(caller->supervisor)) {
		SRTSOCKET socket;

		if (!attempt)
			supervisor_state(caller->supervisor, "connecting", caller->endpoint->text,
					 "calling");
		socket = connect_begin(caller);
		if (socket != SRT_INVALID_SOCK)
			socket = connect_finish(caller, socket);
		if (socket != SRT_INVALID_SOCK) {
			usec_t begin = supervisor_clock();

			connection_watch(caller, socket);
			if (usec_since(begin, supervisor_clock()) > GOOD_WORK_USEC)
				attempt = 0;
		}
		if (supervisor_wait(caller->supervisor, pauses_msec[attempt]))
			break;
		if (attempt < sizeof(pauses_msec) / sizeof(pauses_msec[0]) - 1)
			attempt++;
	}
	return NULL;
}

struct caller *caller_new(const struct leg *leg, const struct endpoint *endpoint,
			  struct supervisor *supervisor)
{
	struct caller *caller = calloc(1, sizeof(*caller));

	if (!caller)
		return NULL;
	caller->leg = leg;
	caller->endpoint = endpoint;
	caller->supervisor = supervisor;
	atomic_init(&caller->socket, SRT_INVALID_SOCK);
	if (!pthread_create(&caller->thread, NULL, call, caller))
		return caller;
	free(caller);
	return NULL;
}

struct caller *caller_free(struct caller *caller)
{
	if (!caller)
		return NULL;
	supervisor_stop(caller->supervisor);
	(void)pthread_join(caller->thread, NULL);
	if (caller_socket(caller) != SRT_INVALID_SOCK)
		(void)srt_close(caller_socket(caller));
	free(caller);
	return NULL;
}
