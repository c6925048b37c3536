#include "workers/av/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/log.h"
#include "uplinkd/worker.h"

/*
 * One thread waits for lines and signals. What it learns is two words that others read without a
 * lock: the advice and the wish to stop. Stopping is an eventfd, so that whoever waits for input
 * wakes up; it is never reset.
 */
#define ALARMS_MAX 8

struct supervisor {
	int control_fd; /* -1: started by hand */
	int signal_fd;
	int stop_fd;
	int quit_fd; /* tells the thread to end */
	_Atomic uint64_t advice_bps;
	atomic_bool stopped;
	pthread_t thread;
	bool running;
	pthread_mutex_t send_lock;
	struct {
		const char *id;
		bool active;
	} alarms[ALARMS_MAX];
	char line[UPLINKD_WORKER_LINE_MAX];
	size_t line_len;
	bool line_skipped; /* the rest of a line that is too long */
};

static void supervisor_stop(struct supervisor *supervisor)
{
	uint64_t one = 1;

	atomic_store(&supervisor->stopped, true);
	(void)!write(supervisor->stop_fd, &one, sizeof(one));
}

static void supervisor_take_line(struct supervisor *supervisor, const char *text, size_t len)
{
	json_t *line = json_loadb(text, len, 0, NULL);
	const char *command = json_string_value(json_object_get(line, "command"));
	json_int_t bps = json_integer_value(json_object_get(line, "bps"));

	if (command && !strcmp(command, "bitrate") && bps > 0)
		atomic_store(&supervisor->advice_bps, (uint64_t)bps);
	else if (command && !strcmp(command, "stop"))
		supervisor_stop(supervisor);
	json_decref(line);
}

/* False: the other end is gone. */
static bool supervisor_read(struct supervisor *supervisor)
{
	char data[4096];
	ssize_t n = recv(supervisor->control_fd, data, sizeof(data), MSG_DONTWAIT);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	for (ssize_t i = 0; i < n; i++) {
		if (data[i] == '\n') {
			if (!supervisor->line_skipped)
				supervisor_take_line(supervisor, supervisor->line,
						     supervisor->line_len);
			supervisor->line_len = 0;
			supervisor->line_skipped = false;
		} else if (supervisor->line_len < sizeof(supervisor->line)) {
			supervisor->line[supervisor->line_len++] = data[i];
		} else {
			supervisor->line_skipped = true;
		}
	}
	return true;
}

static void *supervisor_run(void *owner)
{
	struct supervisor *supervisor = owner;
	struct pollfd items[] = {
		{ .fd = supervisor->quit_fd, .events = POLLIN },
		{ .fd = supervisor->signal_fd, .events = POLLIN },
		{ .fd = supervisor->control_fd, .events = POLLIN },
	};

	for (;;) {
		if (poll(items, 3, -1) < 0)
			continue;
		if (items[0].revents)
			return NULL;
		if (items[1].revents) {
			struct signalfd_siginfo info;

			if (read(supervisor->signal_fd, &info, sizeof(info)) > 0)
				supervisor_stop(supervisor);
		}
		if (items[2].revents && !supervisor_read(supervisor)) {
			items[2].fd = -1;
			supervisor_stop(supervisor);
		}
	}
}

struct supervisor *supervisor_new(void)
{
	struct supervisor *supervisor = calloc(1, sizeof(*supervisor));
	const char *number = getenv(UPLINKD_WORKER_CONTROL_ENV);
	sigset_t signals;

	if (!supervisor)
		return NULL;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	(void)pthread_mutex_init(&supervisor->send_lock, NULL);
	supervisor->control_fd = number ? atoi(number) : -1;
	supervisor->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	supervisor->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	supervisor->quit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (supervisor->signal_fd < 0 || supervisor->stop_fd < 0 || supervisor->quit_fd < 0)
		return supervisor_free(supervisor);
	supervisor->running =
		!pthread_create(&supervisor->thread, NULL, supervisor_run, supervisor);
	return supervisor->running ? supervisor : supervisor_free(supervisor);
}

struct supervisor *supervisor_free(struct supervisor *supervisor)
{
	uint64_t one = 1;

	if (!supervisor)
		return NULL;
	if (supervisor->running) {
		(void)!write(supervisor->quit_fd, &one, sizeof(one));
		(void)pthread_join(supervisor->thread, NULL);
	}
	for (int *fd =
		     (int[]){ supervisor->signal_fd, supervisor->stop_fd, supervisor->quit_fd, -1 };
	     *fd >= 0; fd++)
		(void)close(*fd);
	(void)pthread_mutex_destroy(&supervisor->send_lock);
	free(supervisor);
	return NULL;
}

int supervisor_stop_fd(const struct supervisor *supervisor)
{
	return supervisor->stop_fd;
}

bool supervisor_stopped(const struct supervisor *supervisor)
{
	return atomic_load(&supervisor->stopped);
}

uint64_t supervisor_advice_bps(const struct supervisor *supervisor)
{
	return atomic_load(&supervisor->advice_bps);
}

void supervisor_send(struct supervisor *supervisor, json_t *line)
{
	char *text = supervisor->control_fd < 0 ? NULL : json_dumps(line, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;

	if (text && len + 1 < UPLINKD_WORKER_LINE_MAX) {
		text[len] = '\n';
		/* A reader that hangs must not hold up the pictures: what does not fit is lost, and
		 * the half line that may remain is one broken line for the reader. */
		(void)pthread_mutex_lock(&supervisor->send_lock);
		(void)send(supervisor->control_fd, text, len + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		(void)pthread_mutex_unlock(&supervisor->send_lock);
	}
	free(text);
	json_decref(line);
}

void supervisor_ready(struct supervisor *supervisor)
{
	supervisor_send(supervisor, json_pack("{s:s}", "event", "ready"));
}

void supervisor_state(struct supervisor *supervisor, const char *state, const char *reason)
{
	supervisor_send(supervisor, json_pack("{s:s, s:s, s:s}", "event", "state", "state", state,
					      "reason", reason));
}

void supervisor_alarm(struct supervisor *supervisor, const char *id, bool active, const char *text)
{
	for (unsigned i = 0; i < ALARMS_MAX; i++) {
		if (!supervisor->alarms[i].id)
			supervisor->alarms[i].id = id;
		if (strcmp(supervisor->alarms[i].id, id))
			continue;
		if (supervisor->alarms[i].active != active) {
			supervisor->alarms[i].active = active;
			if (active)
				log_warning("%s", text);
			else
				log_info("%s", text);
			supervisor_send(supervisor,
					json_pack("{s:s, s:s, s:b, s:s}", "event", "alarm", "id",
						  id, "active", active, "text", text));
		}
		return;
	}
}
