#include "sys/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/lines.h"
#include "sys/log.h"
#include "sys/process.h"

/*
 * One object per job, one process at a time. The process is only ever started from the restart
 * timer: at creation with no delay, after an exit with the back-off. So a callback never sees a
 * process end and the next one begin within one call, and on_stop() may free the object.
 *
 * A worker is trusted to be ours but not to be well: whatever it says or does, one turn of the
 * loop reads a bounded number of bytes from it, memory does not grow, and the log gets a bounded
 * number of lines.
 *
 * Invariants: pid > 0 exactly in STARTING and READY; the four fds are open only then.
 */
#define PIPE_BYTES     (1 << 20) /* 1 s at 8 Mb/s: /proc/sys/fs/pipe-max-size of Linux */
#define READ_MAX       65536	 /* bytes of one worker and turn, for each of stderr and control */
#define LOG_LINE_MAX   1024
#define LOG_BURST      50		   /* lines; a worker in trouble may explain itself */
#define LOG_LINE_USEC  (USEC_PER_SEC / 10) /* and then 10 lines a second */
#define GOOD_WORK_USEC (60 * USEC_PER_SEC) /* after this the back-off begins anew */
#define SAME_END_USEC  (60 * USEC_PER_SEC) /* between log lines about the same failure */
#define ALARMS_MAX     8
#define STOP_USEC      (UPLINKD_WORKER_STOP_SECONDS * USEC_PER_SEC)

static const usec_t backoff[] = { USEC_PER_SEC / 4, USEC_PER_SEC / 2, USEC_PER_SEC,
				  2 * USEC_PER_SEC, 4 * USEC_PER_SEC, 5 * USEC_PER_SEC };
#define BACKOFF_LAST (sizeof(backoff) / sizeof(backoff[0]) - 1)

struct worker_alarm {
	char id[32];
	char text[256];
};

struct worker {
	struct loop *loop;
	struct worker_config config; /* every string is ours */
	struct worker_config next;   /* of worker_restart(); name NULL: none */
	bool stopping;
	bool again;	 /* start once more after this stop, without delay */
	bool tried;	 /* this start is not the first */
	bool input_over; /* stopping, and its end of input has not had half of the time */
	struct worker_info info;
	struct worker_alarm alarms[ALARMS_MAX]; /* oldest first; id "" = free */
	json_t *stats;
	uint64_t bytes_before; /* of earlier processes */

	struct process process;
	struct loop_child child;
	struct loop_io control, error;
	struct loop_timer start, kill;
	struct lines control_lines, error_lines;

	usec_t started;
	size_t attempts; /* index into backoff[] */
	struct log_limit end_limit, garbage_limit;
	unsigned log_tokens, log_suppressed;
	usec_t log_filled;
};

/* --- what it says -------------------------------------------------------------------------------
 */

static void text_copy(char *to, size_t size, json_t *text)
{
	const char *from = json_string_value(text);

	(void)snprintf(to, size, "%s", from ? from : "");
	for (char *p = to; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
}

static void alarm_set(struct worker *worker, json_t *line)
{
	struct worker_alarm *alarms = worker->alarms;
	char id[sizeof(alarms[0].id)];
	size_t i = 0;

	text_copy(id, sizeof(id), json_object_get(line, "id"));
	if (!*id)
		(void)snprintf(id, sizeof(id), "alarm");
	while (i < ALARMS_MAX && *alarms[i].id && strcmp(alarms[i].id, id))
		i++;
	if (i == ALARMS_MAX)
		return;
	if (json_is_false(json_object_get(line, "active"))) {
		memmove(&alarms[i], &alarms[i + 1], (ALARMS_MAX - i - 1) * sizeof(alarms[0]));
		memset(&alarms[ALARMS_MAX - 1], 0, sizeof(alarms[0]));
	} else {
		memcpy(alarms[i].id, id, sizeof(id));
		text_copy(alarms[i].text, sizeof(alarms[i].text), json_object_get(line, "text"));
	}
}

static void line_apply(struct worker *worker, const char *event, json_t *line)
{
	struct worker_info *info = &worker->info;
	json_t *bytes;

	if (!strcmp(event, "ready")) {
		info->state = WORKER_STATE_READY;
		info->port = (unsigned)json_integer_value(json_object_get(line, "port"));
	} else if (!strcmp(event, "state")) {
		text_copy(info->reported, sizeof(info->reported), json_object_get(line, "state"));
		text_copy(info->reason, sizeof(info->reason), json_object_get(line, "reason"));
		text_copy(info->peer, sizeof(info->peer), json_object_get(line, "peer"));
	} else if (!strcmp(event, "stats")) {
		json_decref(worker->stats);
		worker->stats = json_incref(line);
		bytes = json_object_get(line, "bytes");
		if (json_is_integer(bytes) && json_integer_value(bytes) >= 0)
			info->bytes = worker->bytes_before + (uint64_t)json_integer_value(bytes);
	} else if (!strcmp(event, "alarm")) {
		alarm_set(worker, line);
	}
}

static void garbage_note(struct worker *worker, const char *what)
{
	unsigned suppressed;

	worker->info.garbage++;
	if (log_limit_pass(&worker->garbage_limit, loop_clock(), &suppressed))
		log_warning("%s: ignoring a control line that is %s (%u more before)",
			    worker->config.name, what, suppressed);
}

static void control_line(struct worker *worker, const char *text)
{
	json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *event = json_string_value(json_object_get(line, "event"));

	if (event) {
		line_apply(worker, event, line);
		if (worker->config.on_line)
			worker->config.on_line(worker, event, line, worker->config.owner);
	} else {
		garbage_note(worker, "not a JSON object with an event");
	}
	json_decref(line);
}

static bool log_token(struct worker *worker)
{
	usec_t now = loop_clock();
	usec_t refill = usec_since(worker->log_filled, now) / LOG_LINE_USEC;

	if (refill) {
		worker->log_tokens = (unsigned)usec_min(worker->log_tokens + refill, LOG_BURST);
		worker->log_filled = now;
	}
	if (!worker->log_tokens) {
		worker->log_suppressed++;
		return false;
	}
	worker->log_tokens--;
	return true;
}

/* "<N>text", N as in syslog; without it the line is from a library: worth seeing, not alarming. */
static void error_line(struct worker *worker, const char *text)
{
	enum log_level level = LOG_LEVEL_INFO;

	if (text[0] == '<' && text[1] >= '0' && text[1] <= '7' && text[2] == '>') {
		level = text[1] <= '3'	 ? LOG_LEVEL_ERR
			: text[1] == '4' ? LOG_LEVEL_WARNING
			: text[1] <= '6' ? LOG_LEVEL_INFO
					 : LOG_LEVEL_DEBUG;
		text += 3;
	}
	if (level > log_level() || !*text || !log_token(worker))
		return;
	if (worker->log_suppressed)
		log_warning("%s: kept back %u log lines (more than %d a second)",
			    worker->config.name, worker->log_suppressed,
			    (int)(USEC_PER_SEC / LOG_LINE_USEC));
	worker->log_suppressed = 0;
	log_write(level, NULL, "%s: %s", worker->config.name, text);
}

/* Reads up to @max bytes and handles their lines. False: nothing more will come. */
static bool lines_pull(struct worker *worker, int fd, struct lines *lines, size_t max,
		       void (*handle)(struct worker *worker, const char *text))
{
	while (max) {
		char *at, *line;
		size_t room = lines_room(lines, &at);
		ssize_t n = read(fd, at, room < max ? room : max);
		uint64_t oversized = lines->oversized;

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (!n)
			return false;
		lines_added(lines, (size_t)n);
		while ((line = lines_next(lines)))
			handle(worker, line);
		if (lines->oversized != oversized && !lines->keep_head)
			garbage_note(worker, "too long");
		max -= (size_t)n;
	}
	return true;
}

static void on_control(struct loop_io *io, unsigned events)
{
	struct worker *worker = io->owner;

	(void)events;
	if (!lines_pull(worker, io->fd, &worker->control_lines, READ_MAX, control_line))
		loop_io_set(io, 0);
}

static void on_error(struct loop_io *io, unsigned events)
{
	struct worker *worker = io->owner;

	(void)events;
	if (!lines_pull(worker, io->fd, &worker->error_lines, READ_MAX, error_line))
		loop_io_set(io, 0);
}

/* --- its life ------------------------------------------------------------------------------------
 */

static const char *exit_text(int code)
{
	switch ((enum worker_exit)code) {
	case WORKER_EXIT_OK:
		return "its work was over";
	case WORKER_EXIT_USAGE:
		return "wrong arguments: is it of the same version?";
	case WORKER_EXIT_DATA:
		return "cannot work with this input";
	case WORKER_EXIT_UNAVAILABLE:
		return "what it needs cannot be had";
	case WORKER_EXIT_SOFTWARE:
		return "internal error";
	case WORKER_EXIT_CANTCREAT:
		return "cannot create its output";
	case WORKER_EXIT_IO:
		return "reading or writing failed";
	case WORKER_EXIT_TEMPORARY:
		return "cannot work now";
	case WORKER_EXIT_REFUSED:
		return "refused by its peer";
	case WORKER_EXIT_CONFIG:
		return "its settings cannot work";
	}
	return "unknown reason";
}

/* When the next start is due, and the back-off stepped. */
static usec_t backoff_step(struct worker *worker, usec_t now)
{
	usec_t delay;

	if (worker->started && usec_since(worker->started, now) >= GOOD_WORK_USEC)
		worker->attempts = 0;
	delay = backoff[worker->attempts];
	if (worker->attempts < BACKOFF_LAST)
		worker->attempts++;
	return delay;
}

static void end_log(struct worker *worker, const char *why, usec_t delay, bool same)
{
	unsigned suppressed = 0;

	/* The first failures are all told; a job that keeps failing the same way, once a minute. */
	if (same && worker->attempts == BACKOFF_LAST &&
	    !log_limit_pass(&worker->end_limit, loop_clock(), &suppressed))
		return;
	log_warning("%s: %s; starting it again in %u.%02u s", worker->config.name, why,
		    (unsigned)(delay / USEC_PER_SEC),
		    (unsigned)(delay % USEC_PER_SEC / (USEC_PER_SEC / 100)));
}

/* Without a process now: what comes next. */
static void next_step(struct worker *worker, const char *why, bool same)
{
	usec_t now = loop_clock();
	usec_t delay;

	if (worker->stopping && !worker->again) {
		worker->info.state = WORKER_STATE_STOPPED;
		return;
	}
	worker->info.state = WORKER_STATE_WAITING;
	if (worker->again) {
		worker->again = worker->stopping = false;
		worker->attempts = 0;
		if (worker->next.name) {
			process_config_clear(&worker->config);
			worker->config = worker->next;
			worker->next = (struct worker_config){ 0 };
		}
		delay = 0;
	} else {
		delay = backoff_step(worker, now);
		end_log(worker, why, delay, same);
	}
	loop_timer_set(&worker->start, usec_add(now, delay));
}

/* The process is reaped: takes what it said last, forgets it, plans the next one. */
static void on_child(struct loop_child *child, int status)
{
	struct worker *worker = child->owner;
	struct worker_info *info = &worker->info;
	void (*on_stop)(struct worker *, void *) = worker->config.on_stop;
	void *owner = worker->config.owner;
	int input = worker->process.input_fd, output = worker->process.output_fd;
	bool same = info->last_exit == status;
	char *rest;

	(void)lines_pull(worker, worker->process.error_fd, &worker->error_lines, PROCESS_PIPE_BYTES,
			 error_line);
	if ((rest = lines_rest(&worker->error_lines)))
		error_line(worker, rest);
	(void)lines_pull(worker, worker->process.control_fd, &worker->control_lines,
			 PROCESS_PIPE_BYTES, control_line);
	loop_child_deinit(&worker->child);
	loop_timer_set(&worker->kill, USEC_NEVER);
	loop_io_deinit(&worker->control);
	loop_io_deinit(&worker->error);
	lines_deinit(&worker->control_lines);
	lines_deinit(&worker->error_lines);
	process_fd_close(&worker->process.control_fd);
	process_fd_close(&worker->process.error_fd);
	worker->process.input_fd = worker->process.output_fd = -1;

	worker->process.pid = 0;
	info->port = 0;
	info->last_exit = status;
	info->reported[0] = '\0';
	info->peer[0] = '\0';
	worker->bytes_before = info->bytes;
	memset(worker->alarms, 0, sizeof(worker->alarms));
	if (WIFSIGNALED(status))
		(void)snprintf(info->reason, sizeof(info->reason), "killed by signal %d (%s)",
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(info->reason, sizeof(info->reason), "ended with status %d (%s)",
			       WEXITSTATUS(status), exit_text(WEXITSTATUS(status)));
	if (worker->stopping)
		log_debug("%s: %s", worker->config.name, info->reason);
	next_step(worker, info->reason, same);
	/* Last, because it may free the worker. */
	if (on_stop)
		on_stop(worker, owner);
	process_fd_close(&input);
	process_fd_close(&output);
}

static void on_start_timer(struct loop_timer *timer)
{
	struct worker *worker = timer->owner;
	struct worker_info *info = &worker->info;
	bool same;
	int r;

	if (lines_init(&worker->control_lines, UPLINKD_WORKER_LINE_MAX, false) ||
	    lines_init(&worker->error_lines, LOG_LINE_MAX, true))
		r = -ENOMEM;
	else
		r = process_start(&worker->process, &worker->config);
	if (worker->tried)
		info->restarts++;
	worker->tried = true;
	if (r) {
		char why[sizeof(info->reason)];

		lines_deinit(&worker->control_lines);
		lines_deinit(&worker->error_lines);
		(void)snprintf(why, sizeof(why), "cannot start %s: %s", worker->config.program,
			       strerror(-r));
		same = !strcmp(why, info->reason);
		memcpy(info->reason, why, sizeof(why));
		worker->started = 0;
		next_step(worker, why, same);
		return;
	}
	worker->started = loop_clock();
	worker->log_tokens = LOG_BURST;
	worker->log_filled = worker->started;
	info->state = WORKER_STATE_STARTING;
	info->reason[0] = '\0';
	loop_child_init(&worker->child, worker->loop, worker->process.pid, on_child, worker);
	loop_io_init(&worker->control, worker->loop, worker->process.control_fd, on_control,
		     worker);
	loop_io_init(&worker->error, worker->loop, worker->process.error_fd, on_error, worker);
	loop_io_set(&worker->control, LOOP_READ);
	loop_io_set(&worker->error, LOOP_READ);
	log_debug("%s: started %s, process %d", worker->config.name, worker->config.program,
		  worker->process.pid);
	if (worker->config.on_start)
		worker->config.on_start(worker, worker->process.input_fd, worker->process.output_fd,
					worker->config.owner);
}

static void on_kill_timer(struct loop_timer *timer)
{
	struct worker *worker = timer->owner;

	if (!worker->process.pid)
		return;
	if (worker->input_over) {
		worker->input_over = false;
		(void)kill(worker->process.pid, SIGTERM);
		loop_timer_set(timer, usec_add(loop_clock(), STOP_USEC / 2));
		return;
	}
	log_warning("%s: did not stop within %d s; killing process %d", worker->config.name,
		    UPLINKD_WORKER_STOP_SECONDS, worker->process.pid);
	(void)kill(worker->process.pid, SIGKILL);
}

struct worker *worker_new(struct loop *loop, const struct worker_config *config)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	if (process_config_copy(&worker->config, config)) {
		free(worker);
		return NULL;
	}
	worker->loop = loop;
	worker->process = (struct process){ 0, -1, -1, -1, -1 };
	worker->info.state = WORKER_STATE_WAITING;
	worker->info.last_exit = -1;
	worker->garbage_limit.interval = 10 * USEC_PER_SEC;
	worker->end_limit.interval = SAME_END_USEC;
	loop_timer_init(&worker->start, loop, on_start_timer, worker);
	loop_timer_init(&worker->kill, loop, on_kill_timer, worker);
	loop_timer_set(&worker->start, loop_clock());
	return worker;
}

struct worker *worker_free(struct worker *worker)
{
	if (!worker)
		return NULL;
	if (worker->process.pid) {
		/* The loop's SIGCHLD handling reaps it. */
		(void)kill(worker->process.pid, SIGKILL);
		loop_child_deinit(&worker->child);
		loop_io_deinit(&worker->control);
		loop_io_deinit(&worker->error);
		lines_deinit(&worker->control_lines);
		lines_deinit(&worker->error_lines);
	}
	process_close(&worker->process);
	loop_timer_deinit(&worker->start);
	loop_timer_deinit(&worker->kill);
	json_decref(worker->stats);
	process_config_clear(&worker->config);
	process_config_clear(&worker->next);
	free(worker);
	return NULL;
}

void worker_stop(struct worker *worker)
{
	worker->again = false;
	loop_timer_set(&worker->start, USEC_NEVER);
	if (!worker->process.pid) {
		worker->info.state = WORKER_STATE_STOPPED;
		return;
	}
	if (worker->stopping)
		return;
	worker->stopping = true;
	worker->input_over = worker->process.input_fd >= 0;
	process_fd_close(&worker->process.input_fd);
	if (!worker->input_over)
		(void)kill(worker->process.pid, SIGTERM);
	loop_timer_set(&worker->kill,
		       usec_add(loop_clock(), worker->input_over ? STOP_USEC / 2 : STOP_USEC));
}

int worker_restart(struct worker *worker, const struct worker_config *config)
{
	struct worker_config next = { 0 };

	if (config && process_config_copy(&next, config))
		return -ENOMEM;
	process_config_clear(&worker->next);
	worker->next = next;
	worker_stop(worker);
	worker->again = true;
	if (!worker->process.pid)
		next_step(worker, "", false);
	return 0;
}

void worker_send(struct worker *worker, json_t *line)
{
	char text[UPLINKD_WORKER_LINE_MAX];
	size_t length;

	if (worker->process.control_fd < 0)
		return;
	length = json_dumpb(line, text, sizeof(text) - 1, JSON_COMPACT);
	if (!length || length > sizeof(text) - 1)
		return;
	text[length++] = '\n';
	/* A line of this size becomes one buffer of the socket: Linux takes it whole or, when the
	 * worker does not read, refuses it whole. */
	(void)send(worker->process.control_fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void worker_info(const struct worker *worker, struct worker_info *ret_info)
{
	*ret_info = worker->info;
	ret_info->pid = worker->process.pid;
	ret_info->stats = worker->stats;
	memcpy(ret_info->alarm, worker->alarms[0].text, sizeof(ret_info->alarm));
}

const char *worker_name(const struct worker *worker)
{
	return worker->config.name;
}
