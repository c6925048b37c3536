#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/log.h"
#include "uplinkd/worker.h"
#include "workers/srt/caller.h"
#include "workers/srt/packer.h"
#include "workers/srt/players.h"
#include "workers/srt/role.h"
#include "workers/srt/tally.h"

/*
 * uplinkd-srt send: stdin to one peer that we call, or to all players that call us.
 *
 * While nobody is connected the stream is read and dropped: SRT plays each message `latency` after
 * it was handed over, so what waited would come too late. A connection that takes nothing (its
 * buffer of a whole blackout is full) makes us stop reading; then uplinkd's fan-out drops, from a
 * clean point.
 *
 * Stats line: bytes (handed to SRT), dropped_bytes (read while nobody was there, or too much for a
 * player), players (listening), and the keys of tally.h.
 */
#define TEND_USEC    (50 * USEC_PER_MS)
#define BLOCKED_MSEC 2
#define BLOCKED_USEC (2 * USEC_PER_SEC) /* after this a person should know */
/* For the last messages to arrive; less than STOP_SECONDS. */
#define LINGER_USEC (3 * USEC_PER_SEC)

struct sender {
	const struct role *role;
	struct supervisor *supervisor;
	struct packer packer;
	struct caller *caller; /* or */
	struct door door;
	struct players players;
	SRTSOCKET streaming; /* the connection that got something already */
	usec_t blocked;	     /* since when; 0: not */
	usec_t told, tended;
	uint64_t bytes, dropped;
	struct tally tally;
};

/* True: the message is dealt with; false: the connection does not take it now. */
static bool message_call(struct sender *sender, const uint8_t *message, size_t len)
{
	SRTSOCKET socket = caller_socket(sender->caller);
	SRT_MSGCTRL control = srt_msgctrl_default;
	int error;

	if (socket == SRT_INVALID_SOCK) {
		sender->dropped += len;
		return true;
	}
	if (srt_sendmsg2(socket, (const char *)message, (int)len, &control) == SRT_ERROR) {
		error = srt_getlasterror(NULL);
		if (error == SRT_EASYNCSND)
			return false;
		sender->dropped += len; /* it broke just now */
		return true;
	}
	if (sender->streaming != socket)
		supervisor_state(sender->supervisor, "streaming", sender->role->endpoint.text,
				 "sending");
	sender->streaming = socket;
	sender->bytes += len;
	return true;
}

static bool message_send(struct sender *sender, const uint8_t *message, size_t len)
{
	if (sender->caller)
		return message_call(sender, message, len);
	if (sender->players.count) {
		players_send(&sender->players, message, len);
		sender->bytes += len;
	} else {
		sender->dropped += len;
	}
	return true;
}

/* Sends what is due; false: blocked. */
static bool messages_send(struct sender *sender)
{
	const uint8_t *message;
	size_t len;

	while ((len = packer_peek(&sender->packer, supervisor_clock(), &message))) {
		if (!message_send(sender, message, len)) {
			if (!sender->blocked)
				sender->blocked = supervisor_clock();
			return false;
		}
		packer_consume(&sender->packer, len);
		sender->blocked = 0;
	}
	return true;
}

static SRTSOCKET socket_of(const struct sender *sender)
{
	if (sender->caller)
		return caller_socket(sender->caller);
	return sender->players.count ? sender->players.player[0].socket : SRT_INVALID_SOCK;
}

static void stats_tell(struct sender *sender, usec_t now)
{
	SRTSOCKET socket = socket_of(sender);
	json_t *line = json_pack("{s:s, s:I, s:I, s:I}", "event", "stats", "bytes",
				 (json_int_t)sender->bytes, "dropped_bytes",
				 (json_int_t)(sender->dropped + sender->players.dropped), "players",
				 (json_int_t)sender->players.count);
	unsigned full;

	if (sender->caller && socket == SRT_INVALID_SOCK)
		tally_end(&sender->tally);
	tally_tell(&sender->tally, socket, true, sender->bytes, line, &full);
	supervisor_send(sender->supervisor, line);
	if (sender->blocked && usec_since(sender->blocked, now) > BLOCKED_USEC)
		supervisor_alarm(sender->supervisor, "srt-blocked",
				 "the connection to %s takes nothing; the stream waits",
				 sender->role->endpoint.text);
	else if (!sender->blocked)
		supervisor_alarm_clear(sender->supervisor, "srt-blocked",
				       "the connection takes data again");
}

static void tend(struct sender *sender, usec_t now)
{
	if (now < sender->tended + TEND_USEC)
		return;
	sender->tended = now;
	if (!sender->caller)
		players_tend(&sender->players);
	if (now < sender->told + USEC_PER_SEC)
		return;
	sender->told = now;
	stats_tell(sender, now);
}

/* Waits for input, for a message that becomes due, or for the next look around. */
static int input_wait(struct sender *sender, bool blocked)
{
	struct pollfd fds[2] = {
		{ .fd = supervisor_stop_fd(sender->supervisor), .events = POLLIN },
		{ .fd = packer_has_room(&sender->packer) ? STDIN_FILENO : -1, .events = POLLIN },
	};
	usec_t now = supervisor_clock();
	usec_t until = usec_min(sender->tended + TEND_USEC, packer_due(&sender->packer));
	int msec = blocked ? BLOCKED_MSEC : (int)((usec_sub(until, now) + 999) / 1000);

	(void)poll(fds, 2, msec);
	return fds[1].revents ? packer_read(&sender->packer, STDIN_FILENO, supervisor_clock()) : 0;
}

/* What was sent should arrive before we say goodbye. */
static void linger(struct sender *sender)
{
	usec_t end = supervisor_clock() + LINGER_USEC;
	struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	size_t blocks = 1, bytes;
	SRTSOCKET socket;

	while (supervisor_clock() < end) {
		socket = socket_of(sender);
		if (socket == SRT_INVALID_SOCK || srt_getsndbuffer(socket, &blocks, &bytes) < 0 ||
		    !blocks)
			break;
		(void)nanosleep(&pause, NULL);
	}
}

static int sender_open(struct sender *sender)
{
	const struct role *role = sender->role;
	int r;

	if (!role->listens) {
		sender->caller = caller_new(&role->leg, &role->endpoint, role->supervisor);
		if (sender->caller)
			supervisor_ready(role->supervisor, 0);
		return sender->caller ? 0 : WORKER_EXIT_SOFTWARE;
	}
	r = door_open(&sender->door, &role->leg, &role->endpoint, role->supervisor);
	if (r)
		return r;
	sender->players.door = &sender->door;
	sender->door.guests_max = role->callers;
	supervisor_ready(role->supervisor, sender->door.port);
	supervisor_state(role->supervisor, "listening", "", "port %u, for up to %u players",
			 sender->door.port, role->callers);
	return 0;
}

int send_run(const struct role *role)
{
	struct sender *sender = calloc(1, sizeof(*sender));
	int r, error = 0;

	if (!sender)
		return WORKER_EXIT_SOFTWARE;
	sender->role = role;
	sender->supervisor = role->supervisor;
	sender->streaming = SRT_INVALID_SOCK;
	r = sender_open(sender);
	while (!r && !error && !supervisor_stopping(role->supervisor)) {
		bool blocked = !messages_send(sender);

		if (sender->packer.ended && !blocked)
			break;
		tend(sender, supervisor_clock());
		error = input_wait(sender, blocked);
	}
	if (error) {
		log_err("cannot read the stream: %s", strerror(-error));
		r = WORKER_EXIT_IO;
	}
	if (!r) {
		linger(sender);
		stats_tell(sender, supervisor_clock());
	}
	caller_free(sender->caller);
	players_close(&sender->players);
	if (role->listens)
		door_close(&sender->door);
	free(sender);
	return r;
}
