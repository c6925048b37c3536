#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys/log.h"
#include "uplinkd/worker.h"
#include "workers/srt/caller.h"
#include "workers/srt/door.h"
#include "workers/srt/framer.h"
#include "workers/srt/outlet.h"
#include "workers/srt/role.h"
#include "workers/srt/tally.h"

/*
 * uplinkd-srt receive: from the peer that calls us, or that we call, to stdout at play-out time.
 *
 * One thread drains everything without blocking. libsrt wakes it through its epoll when a packet is
 * due; because that wakes up ten times as often as needed when nothing is connected, an idle
 * receiver just looks around every 20 ms.
 *
 * A session that is broken still holds up to `latency` of media, which srt_recvmsg2 hands out at
 * the right times although it fails in between; only the state CLOSED is the end of it. So sessions
 * are kept in the order of their coming, and the older ones play on until a newer one has
 * something to play. A restarted peer thus costs only what it did not send.
 *
 * Stats line: bytes (written to stdout), dropped_bytes (the reader of stdout was too slow),
 * ts_errors (bytes that were not MPEG-TS), sessions (so far), and the keys of tally.h.
 */
#define SESSIONS_MAX  4
#define OUTLET_BYTES  (8u << 20)
#define LIVE_MSEC     5 /* look at least this often, should an event be missed */
#define IDLE_MSEC     20
#define TURN_MESSAGES 256 /* of one session, before the others and the output get their turn */
#define TEND_USEC     (20 * USEC_PER_MS)
#define SILENT_USEC   (2 * USEC_PER_SEC)
#define FULL_PERMILLE 750 /* of the receive buffer: something does not fit together */

struct session {
	SRTSOCKET socket;
	char peer[80];
	bool live; /* else it is over and plays its buffer */
	bool delivered;
	bool announced; /* as streaming */
};

struct receiver {
	const struct role *role;
	struct supervisor *supervisor;
	struct caller *caller; /* or */
	struct door door;
	struct session sessions[SESSIONS_MAX]; /* oldest first */
	unsigned count;
	unsigned total;
	SRTSOCKET called; /* the caller's connection that is in the list or was */
	int poll;
	struct framer framer;
	SRTSOCKET framed; /* whose packet the framer is in */
	struct outlet outlet;
	usec_t told, tended;
	struct tally tally;
};

/* --- sessions ----------------------------------------------------------------------------------
 */

static void session_remove(struct receiver *receiver, unsigned i)
{
	struct session *session = &receiver->sessions[i];

	if (session->live)
		(void)srt_epoll_remove_usock(receiver->poll, session->socket);
	(void)srt_close(session->socket);
	receiver->count--;
	memmove(session, session + 1, (receiver->count - i) * sizeof(*session));
}

static struct session *session_live(struct receiver *receiver)
{
	for (unsigned i = receiver->count; i-- > 0;)
		if (receiver->sessions[i].live)
			return &receiver->sessions[i];
	return NULL;
}

static void session_add(struct receiver *receiver, SRTSOCKET socket, const char *peer)
{
	int events = SRT_EPOLL_IN | SRT_EPOLL_ERR;
	struct session *session;
	int latency = 0, size = sizeof(latency);

	tally_end(&receiver->tally);
	if (receiver->count == SESSIONS_MAX)
		session_remove(receiver, 0);
	session = &receiver->sessions[receiver->count++];
	*session = (struct session){ .socket = socket, .live = true };
	memcpy(session->peer, peer, strnlen(peer, sizeof(session->peer) - 1));
	(void)srt_epoll_add_usock(receiver->poll, socket, &events);
	receiver->total++;
	if (receiver->caller)
		return; /* the caller has told of it */
	atomic_store(&receiver->door.last_data, supervisor_clock());
	(void)srt_getsockflag(socket, SRTO_RCVLATENCY, &latency, &size);
	supervisor_state(receiver->supervisor, "connected", peer, "latency %d ms", latency);
}

/* The connection is over; its buffer is not. */
static void session_end(struct receiver *receiver, struct session *session)
{
	session->live = false;
	(void)srt_epoll_remove_usock(receiver->poll, session->socket);
	tally_end(&receiver->tally);
	if (receiver->caller || session_live(receiver))
		return;
	supervisor_state(receiver->supervisor, "listening", "",
			 "%s disconnected; waiting for a caller on port %u", session->peer,
			 receiver->door.port);
}

static void sessions_accept(struct receiver *receiver)
{
	char peer[80];
	SRTSOCKET socket;

	while ((socket = door_accept(&receiver->door, peer, sizeof(peer))) != SRT_INVALID_SOCK) {
		usec_t silent =
			usec_since(atomic_load(&receiver->door.last_data), supervisor_clock());

		/* Two may have passed the callback at once: the first one stays. */
		if (receiver->door.one_publisher && session_live(receiver) &&
		    silent <= SILENT_USEC) {
			log_warning("refused a caller at %s: somebody else is publishing already",
				    peer);
			(void)srt_close(socket);
			continue;
		}
		session_add(receiver, socket, peer);
	}
}

static void sessions_find(struct receiver *receiver)
{
	SRTSOCKET socket;
	unsigned live = 0;

	if (!receiver->caller) {
		sessions_accept(receiver);
		door_report(&receiver->door);
		for (unsigned i = 0; i < receiver->count; i++)
			live += receiver->sessions[i].live;
		atomic_store(&receiver->door.guests, live);
		return;
	}
	socket = caller_socket(receiver->caller);
	if (socket == SRT_INVALID_SOCK || socket == receiver->called)
		return;
	receiver->called = socket;
	session_add(receiver, socket, receiver->role->endpoint.text);
}

/* --- the stream --------------------------------------------------------------------------------
 */

static void message_deliver(struct receiver *receiver, struct session *session,
			    const uint8_t *message, size_t len)
{
	uint8_t *room = outlet_room(&receiver->outlet, len + FRAMER_PACKET);

	if (receiver->framed != session->socket)
		framer_reset(&receiver->framer);
	receiver->framed = session->socket;
	if (room)
		outlet_added(&receiver->outlet, framer_push(&receiver->framer, message, len, room));
	else
		outlet_drop(&receiver->outlet, len);
	session->delivered = true;
}

/* Takes what is due; true: there may be more. */
static bool session_drain(struct receiver *receiver, struct session *session)
{
	uint8_t message[LEG_MESSAGE_MAX];
	int error;

	for (int i = 0; i < TURN_MESSAGES; i++) {
		SRT_MSGCTRL control = srt_msgctrl_default;
		int n = srt_recvmsg2(session->socket, (char *)message, sizeof(message), &control);

		if (n > 0) {
			message_deliver(receiver, session, message, (size_t)n);
			continue;
		}
		error = srt_getlasterror(NULL);
		if (session->live && n < 0 && error != SRT_EASYNCRCV)
			session_end(receiver, session);
		return false;
	}
	return true;
}

static bool sessions_drain(struct receiver *receiver)
{
	bool more = false;

	for (unsigned i = 0; i < receiver->count; i++) {
		struct session *session = &receiver->sessions[i];
		bool delivered = session->delivered;

		session->delivered = false;
		more |= session_drain(receiver, session);
		if (!session->delivered) {
			session->delivered = delivered;
			continue;
		}
		if (session->live)
			atomic_store(&receiver->door.last_data, supervisor_clock());
		if (!session->announced)
			supervisor_state(receiver->supervisor, "streaming", session->peer,
					 "receiving");
		session->announced = true;
		/* It plays: whoever came before is over. */
		while (i) {
			session_remove(receiver, 0);
			i--;
		}
	}
	for (unsigned i = receiver->count; i-- > 0;)
		if (!receiver->sessions[i].live &&
		    srt_getsockstate(receiver->sessions[i].socket) >= SRTS_CLOSED)
			session_remove(receiver, i);
	return more;
}

static void events_wait(struct receiver *receiver)
{
	SRT_EPOLL_EVENT events[SESSIONS_MAX];
	bool plays = receiver->outlet.end != receiver->outlet.begin;

	for (unsigned i = 0; i < receiver->count; i++)
		plays |= !receiver->sessions[i].live;
	if (plays)
		(void)supervisor_wait(receiver->supervisor, 1);
	else if (receiver->count)
		(void)srt_epoll_uwait(receiver->poll, events, SESSIONS_MAX, LIVE_MSEC);
	else
		(void)supervisor_wait(receiver->supervisor, IDLE_MSEC);
}

/* --- reports -------------------------------------------------------------------------------------
 */

static void alarms_tell(struct receiver *receiver, unsigned full_permille)
{
	if (receiver->outlet.stalled)
		supervisor_alarm(receiver->supervisor, "output-stalled",
				 "the reader of the stream does not keep up; %llu bytes dropped",
				 (unsigned long long)receiver->outlet.dropped);
	else
		supervisor_alarm_clear(receiver->supervisor, "output-stalled",
				       "the reader of the stream keeps up again");
	if (full_permille > FULL_PERMILLE)
		supervisor_alarm(receiver->supervisor, "srt-buffer",
				 "the SRT receive buffer is nearly full: is the stream above the "
				 "largest rate it was made for (%llu b/s)?",
				 (unsigned long long)receiver->role->leg.rate_max_bps);
	else if (full_permille < FULL_PERMILLE / 2)
		supervisor_alarm_clear(receiver->supervisor, "srt-buffer",
				       "the SRT receive buffer has room again");
}

static void stats_tell(struct receiver *receiver)
{
	struct session *session = session_live(receiver);
	uint64_t bytes = receiver->outlet.bytes;
	json_t *line = json_pack(
		"{s:s, s:I, s:I, s:I, s:I}", "event", "stats", "bytes", (json_int_t)bytes,
		"dropped_bytes", (json_int_t)receiver->outlet.dropped, "ts_errors",
		(json_int_t)receiver->framer.garbage, "sessions", (json_int_t)receiver->total);
	unsigned full;

	tally_tell(&receiver->tally, session ? session->socket : SRT_INVALID_SOCK, false, bytes,
		   line, &full);
	supervisor_send(receiver->supervisor, line);
	alarms_tell(receiver, full);
}

static void tend(struct receiver *receiver)
{
	usec_t now = supervisor_clock();

	if (now < receiver->tended + TEND_USEC)
		return;
	receiver->tended = now;
	sessions_find(receiver);
	if (now < receiver->told + USEC_PER_SEC)
		return;
	receiver->told = now;
	stats_tell(receiver);
}

/* --- the role ------------------------------------------------------------------------------------
 */

static int receiver_open(struct receiver *receiver)
{
	const struct role *role = receiver->role;
	int r = outlet_open(&receiver->outlet, OUTLET_BYTES);

	receiver->poll = srt_epoll_create();
	if (r || receiver->poll < 0)
		return WORKER_EXIT_SOFTWARE;
	if (!role->listens) {
		receiver->caller = caller_new(&role->leg, &role->endpoint, role->supervisor);
		if (receiver->caller)
			supervisor_ready(role->supervisor, 0);
		return receiver->caller ? 0 : WORKER_EXIT_SOFTWARE;
	}
	r = door_open(&receiver->door, &role->leg, &role->endpoint, role->supervisor);
	if (r)
		return r;
	receiver->door.one_publisher = !role->leg.inner;
	supervisor_ready(role->supervisor, receiver->door.port);
	supervisor_state(role->supervisor, "listening", "", "waiting for a caller on port %u",
			 receiver->door.port);
	return 0;
}

static void receiver_close(struct receiver *receiver)
{
	if (receiver->role->listens)
		door_close(&receiver->door);
	while (receiver->count) {
		/* The caller closes what is still connected. */
		if (receiver->caller &&
		    receiver->sessions[0].socket == caller_socket(receiver->caller))
			receiver->count--;
		else
			session_remove(receiver, 0);
	}
	caller_free(receiver->caller);
	if (receiver->poll >= 0)
		(void)srt_epoll_release(receiver->poll);
	outlet_close(&receiver->outlet);
}

int receive_run(const struct role *role)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));
	int r;

	if (!receiver)
		return WORKER_EXIT_SOFTWARE;
	receiver->role = role;
	receiver->supervisor = role->supervisor;
	receiver->called = receiver->framed = SRT_INVALID_SOCK;
	r = receiver_open(receiver);
	while (!r && !supervisor_stopping(role->supervisor)) {
		bool more;
		int flushed;

		tend(receiver);
		more = sessions_drain(receiver);
		flushed = outlet_flush(&receiver->outlet);
		if (flushed < 0) {
			log_err("cannot write the stream: %s", strerror(-flushed));
			r = WORKER_EXIT_IO;
		}
		if (!more && !r)
			events_wait(receiver);
	}
	if (!r)
		stats_tell(receiver);
	receiver_close(receiver);
	free(receiver);
	return r;
}
