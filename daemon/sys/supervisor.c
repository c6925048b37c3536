#include "sys/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "sys/lines.h"
#include "sys/log.h"
#include "uplinkd/worker.h"

/*
 * A thread waits for a stop signal and for lines of the control socket; the rest of the worker
 * sees an atomic flag and a descriptor to poll. Sending never waits: a supervisor that does not
 * read loses lines, not the stream.
 */
#define ALARMS_MAX  8
#define REPEAT_USEC (60 * USEC_PER_SEC) /* between log lines about an unchanged state */

struct active_alarm {
	char id[32];
	char text[256];
	usec_t sent;
};

struct supervisor {
	void (*on_command)(const char *command, json_t *line, void *owner);
	void *owner;
	int control_fd; /* -1: started by hand */
	int signal_fd;
	int stop_fd;
	int quit_fd; /* ends the thread */
	atomic_bool stopping;
	pthread_t thread;
	struct lines lines;

	pthread_mutex_t lock; /* of what follows */
	struct active_alarm alarms[ALARMS_MAX];
	char last_state[384];
	usec_t last_logged;
};

usec_t supervisor_clock(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

void supervisor_stop(struct supervisor *supervisor)
{
	if (atomic_exchange(&supervisor->stopping, true))
		return;
	/* Whatever hangs from now on, no orphan stays: SIGALRM kills. */
	(void)alarm(UPLINKD_WORKER_STOP_SECONDS);
	(void)eventfd_write(supervisor->stop_fd, 1);
}

static void line_handle(struct supervisor *supervisor, const char *text)
{
	json_t *line = json_loads(text, 0, NULL);
	const char *command = json_string_value(json_object_get(line, "command"));

	if (command && !strcmp(command, "stop"))
		supervisor_stop(supervisor);
	else if (command && supervisor->on_command)
		supervisor->on_command(command, line, supervisor->owner);
	json_decref(line);
}

/* False at the end of the control socket. */
static bool control_read(struct supervisor *supervisor)
{
	char *at, *line;
	size_t room = lines_room(&supervisor->lines, &at);
	ssize_t n = recv(supervisor->control_fd, at, room, MSG_DONTWAIT);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	lines_added(&supervisor->lines, (size_t)n);
	while ((line = lines_next(&supervisor->lines)))
		line_handle(supervisor, line);
	return true;
}

static void *watch(void *data)
{
	struct supervisor *supervisor = data;
	struct pollfd fds[3] = {
		{ .fd = supervisor->quit_fd, .events = POLLIN },
		{ .fd = supervisor->signal_fd, .events = POLLIN },
		{ .fd = supervisor->control_fd, .events = POLLIN },
	};
	struct signalfd_siginfo info;

	for (;;) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			break;
		if (fds[1].revents && read(supervisor->signal_fd, &info, sizeof(info)) > 0)
			supervisor_stop(supervisor);
		if (fds[2].revents && !control_read(supervisor)) {
			supervisor_stop(supervisor);
			fds[2].fd = -1;
		}
	}
	return NULL;
}

static int control_find(void)
{
	const char *text = getenv(UPLINKD_WORKER_CONTROL_ENV);
	int type;
	socklen_t length = sizeof(type);

	if (!text || atoi(text) != UPLINKD_WORKER_CONTROL_FD ||
	    getsockopt(UPLINKD_WORKER_CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &length))
		return -1;
	return UPLINKD_WORKER_CONTROL_FD;
}

struct supervisor *
supervisor_new(void (*on_command)(const char *command, json_t *line, void *owner), void *owner)
{
	struct supervisor *supervisor = calloc(1, sizeof(*supervisor));
	sigset_t stop_signals;

	if (!supervisor)
		return NULL;
	supervisor->on_command = on_command;
	supervisor->owner = owner;
	sigemptyset(&stop_signals);
	sigaddset(&stop_signals, SIGTERM);
	sigaddset(&stop_signals, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &stop_signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)pthread_mutex_init(&supervisor->lock, NULL);
	supervisor->control_fd = control_find();
	supervisor->signal_fd = signalfd(-1, &stop_signals, SFD_CLOEXEC | SFD_NONBLOCK);
	supervisor->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	supervisor->quit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (supervisor->signal_fd >= 0 && supervisor->stop_fd >= 0 && supervisor->quit_fd >= 0 &&
	    !lines_init(&supervisor->lines, UPLINKD_WORKER_LINE_MAX, false) &&
	    !pthread_create(&supervisor->thread, NULL, watch, supervisor))
		return supervisor;
	log_err("cannot set up the control channel: %s", strerror(errno));
	lines_deinit(&supervisor->lines);
	free(supervisor);
	return NULL;
}

struct supervisor *supervisor_free(struct supervisor *supervisor)
{
	if (!supervisor)
		return NULL;
	(void)eventfd_write(supervisor->quit_fd, 1);
	(void)pthread_join(supervisor->thread, NULL);
	(void)close(supervisor->quit_fd);
	(void)close(supervisor->stop_fd);
	(void)close(supervisor->signal_fd);
	(void)pthread_mutex_destroy(&supervisor->lock);
	lines_deinit(&supervisor->lines);
	free(supervisor);
	return NULL;
}

bool supervisor_stopping(const struct supervisor *supervisor)
{
	return atomic_load_explicit(&supervisor->stopping, memory_order_relaxed);
}

int supervisor_stop_fd(const struct supervisor *supervisor)
{
	return supervisor->stop_fd;
}

bool supervisor_wait(const struct supervisor *supervisor, int msec)
{
	struct pollfd fd = { .fd = supervisor->stop_fd, .events = POLLIN };

	return poll(&fd, 1, msec) > 0 || supervisor_stopping(supervisor);
}

void supervisor_send(struct supervisor *supervisor, json_t *line)
{
	char text[UPLINKD_WORKER_LINE_MAX];
	size_t length = 0;

	if (supervisor->control_fd >= 0)
		length = json_dumpb(line, text, sizeof(text) - 1, JSON_COMPACT);
	json_decref(line);
	if (!length || length > sizeof(text) - 1)
		return;
	text[length++] = '\n';
	/* A line of this size is taken whole or not at all; see worker_send(). */
	(void)send(supervisor->control_fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void supervisor_ready(struct supervisor *supervisor, unsigned port)
{
	json_t *line = json_pack("{s:s}", "event", "ready");

	if (line && port)
		(void)json_object_set_new(line, "port", json_integer(port));
	supervisor_send(supervisor, line);
}

/* JSON is UTF-8; a peer's name or a path need not be. */
static json_t *json_text(const char *text)
{
	json_t *string = json_string(text);

	return string ? string : json_string("?");
}

void supervisor_state(struct supervisor *supervisor, const char *state, const char *peer,
		      const char *format, ...)
{
	char reason[256], all[sizeof(supervisor->last_state)];
	usec_t now = supervisor_clock();
	bool told;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	(void)snprintf(all, sizeof(all), "%s%s%s%s%s", state, *reason ? ": " : "", reason,
		       peer && *peer ? "; peer " : "", peer ? peer : "");
	(void)pthread_mutex_lock(&supervisor->lock);
	told = !strcmp(all, supervisor->last_state) &&
	       usec_since(supervisor->last_logged, now) < REPEAT_USEC;
	if (!told) {
		memcpy(supervisor->last_state, all, sizeof(all));
		supervisor->last_logged = now;
	}
	(void)pthread_mutex_unlock(&supervisor->lock);
	if (!told)
		log_write(!strcmp(state, "failed") || !strcmp(state, "reconnecting")
				  ? LOG_LEVEL_WARNING
				  : LOG_LEVEL_INFO,
			  NULL, "%s", all);
	supervisor_send(supervisor, json_pack("{s:s, s:s, s:o, s:o}", "event", "state", "state",
					      state, "reason", json_text(reason), "peer",
					      json_text(peer ? peer : "")));
}

static void alarm_send(struct supervisor *supervisor, const char *id, bool active, const char *text)
{
	supervisor_send(supervisor, json_pack("{s:s, s:s, s:b, s:o}", "event", "alarm", "id", id,
					      "active", (int)active, "text", json_text(text)));
}

static struct active_alarm *alarm_find(struct supervisor *supervisor, const char *id)
{
	for (size_t i = 0; i < ALARMS_MAX; i++)
		if (!strcmp(supervisor->alarms[i].id, id))
			return &supervisor->alarms[i];
	return NULL;
}

void supervisor_alarm(struct supervisor *supervisor, const char *id, const char *format, ...)
{
	char text[sizeof(supervisor->alarms[0].text)];
	usec_t now = supervisor_clock();
	struct active_alarm *alarm;
	bool begins = false, tell = false;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)pthread_mutex_lock(&supervisor->lock);
	alarm = alarm_find(supervisor, id);
	if (!alarm)
		alarm = alarm_find(supervisor, "");
	if (alarm && strcmp(alarm->text, text) &&
	    (!*alarm->id || usec_since(alarm->sent, now) >= USEC_PER_SEC)) {
		begins = !*alarm->id;
		(void)snprintf(alarm->id, sizeof(alarm->id), "%s", id);
		memcpy(alarm->text, text, sizeof(text));
		alarm->sent = now;
		tell = true;
	}
	(void)pthread_mutex_unlock(&supervisor->lock);
	if (!tell)
		return;
	if (begins)
		log_err("%s", text);
	alarm_send(supervisor, id, true, text);
}

void supervisor_alarm_clear(struct supervisor *supervisor, const char *id, const char *text)
{
	struct active_alarm *alarm;

	(void)pthread_mutex_lock(&supervisor->lock);
	alarm = alarm_find(supervisor, id);
	if (alarm)
		memset(alarm, 0, sizeof(*alarm));
	(void)pthread_mutex_unlock(&supervisor->lock);
	if (!alarm)
		return;
	log_info("%s", text);
	alarm_send(supervisor, id, false, text);
}
