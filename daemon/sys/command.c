#include "sys/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/log.h"
#include "sys/spawn.h"

/*
 * The pipe is as small as the system allows: what lies in it is old, and a reader that wakes up
 * should not have to work through minutes of it. Lines are shorter than PIPE_BUF, so the kernel
 * takes each one whole or not at all (pipe(7)).
 *
 * The process is started from a timer only, so no callback sees one end and the next begin.
 */
#define PIPE_BYTES     4096
#define GOOD_WORK_USEC (60 * USEC_PER_SEC)

static const usec_t backoff[] = { USEC_PER_SEC / 4, USEC_PER_SEC / 2, USEC_PER_SEC,
				  2 * USEC_PER_SEC, 4 * USEC_PER_SEC, 5 * USEC_PER_SEC };
#define BACKOFF_LAST (sizeof(backoff) / sizeof(backoff[0]) - 1)

struct command {
	struct loop *loop;
	char *name, *text;
	int fd; /* its stdin; -1: none */
	struct loop_io io;
	struct loop_child child;
	struct loop_timer start;
	usec_t started;
	size_t attempts;
	char line[COMMAND_LINE_MAX + 1]; /* the newest, with its newline; "": none yet */
	bool waiting;			 /* it is not in the pipe yet */
	struct command_info info;
};

/* Puts the newest line into the pipe, or waits until it can. */
static void command_write(struct command *command)
{
	size_t length = strlen(command->line);

	command->waiting = length > 0;
	if (command->fd < 0 || !length)
		return;
	if (write(command->fd, command->line, length) == (ssize_t)length) {
		command->waiting = false;
		command->info.lines++;
		loop_io_set(&command->io, 0);
	} else if (errno == EAGAIN || errno == EINTR) {
		loop_io_set(&command->io, LOOP_WRITE);
	} else {
		/* It has closed its stdin; its end comes by SIGCHLD, or it works without. */
		loop_io_set(&command->io, 0);
	}
}

static void on_writable(struct loop_io *io, unsigned events)
{
	(void)events;
	command_write(io->owner);
}

static void command_close(struct command *command)
{
	if (command->fd < 0)
		return;
	loop_io_deinit(&command->io);
	(void)close(command->fd);
	command->fd = -1;
}

static void command_again(struct command *command)
{
	usec_t now = loop_clock();
	usec_t delay;

	if (command->started && usec_since(command->started, now) >= GOOD_WORK_USEC)
		command->attempts = 0;
	delay = backoff[command->attempts];
	/* After the last step the log falls silent until it has worked for a while again. */
	if (command->attempts < BACKOFF_LAST) {
		command->attempts++;
		log_warning("%s: command %s; starting it again in %u.%02u s", command->name,
			    command->info.reason, (unsigned)(delay / USEC_PER_SEC),
			    (unsigned)(delay % USEC_PER_SEC / (USEC_PER_SEC / 100)));
	}
	loop_timer_set(&command->start, usec_add(now, delay));
}

static void on_child(struct loop_child *child, int status)
{
	struct command *command = child->owner;

	loop_child_deinit(child);
	command_close(command);
	/* Whatever its shell had begun would go on beside the next one, into the same input. */
	(void)kill(-command->info.pid, SIGTERM);
	command->info.pid = 0;
	if (WIFSIGNALED(status))
		(void)snprintf(command->info.reason, sizeof(command->info.reason),
			       "was killed by signal %d (%s)", WTERMSIG(status),
			       strsignal(WTERMSIG(status)));
	else
		(void)snprintf(command->info.reason, sizeof(command->info.reason),
			       "ended with status %d", WEXITSTATUS(status));
	command_again(command);
}

static int command_start(struct command *command)
{
	char *argv[] = { (char *)"sh", (char *)"-c", command->text, NULL };
	struct spawn spawn = {
		.path = "/bin/sh",
		.argv = argv,
		.fds = { -1, -1, STDERR_FILENO },
		.fd_count = 3,
	};
	int fds[2], pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	/* Only our end: the command may expect a stdin that blocks. */
	(void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	spawn.fds[0] = fds[0];
	pid = spawn_process(&spawn);
	(void)close(fds[0]);
	if (pid < 0) {
		(void)close(fds[1]);
		return pid;
	}
	command->fd = fds[1];
	command->info.pid = pid;
	return 0;
}

static void on_start(struct loop_timer *timer)
{
	struct command *command = timer->owner;
	int r = command_start(command);

	if (command->started)
		command->info.restarts++;
	command->started = loop_clock();
	if (r) {
		(void)snprintf(command->info.reason, sizeof(command->info.reason),
			       "cannot be started: %s", strerror(-r));
		command_again(command);
		return;
	}
	loop_child_init(&command->child, command->loop, command->info.pid, on_child, command);
	loop_io_init(&command->io, command->loop, command->fd, on_writable, command);
	command_write(command);
}

struct command *command_new(struct loop *loop, const char *name, const char *text)
{
	struct command *command = calloc(1, sizeof(*command));

	if (!command)
		return NULL;
	command->loop = loop;
	command->fd = -1;
	command->name = strdup(name);
	command->text = strdup(text);
	loop_timer_init(&command->start, loop, on_start, command);
	if (!command->name || !command->text)
		return command_free(command);
	loop_timer_set(&command->start, loop_clock());
	return command;
}

struct command *command_free(struct command *command)
{
	if (!command)
		return NULL;
	loop_timer_deinit(&command->start);
	command_close(command);
	if (command->info.pid) {
		loop_child_deinit(&command->child);
		(void)kill(-command->info.pid, SIGTERM);
	}
	free(command->name);
	free(command->text);
	free(command);
	return NULL;
}

void command_tell(struct command *command, const char *format, ...)
{
	va_list args;
	size_t length;

	if (command->waiting && command->info.pid)
		command->info.replaced++;
	va_start(args, format);
	(void)vsnprintf(command->line, COMMAND_LINE_MAX, format, args);
	va_end(args);
	length = strlen(command->line);
	command->line[length] = '\n';
	command->line[length + 1] = '\0';
	command_write(command);
}

void command_info(const struct command *command, struct command_info *ret_info)
{
	*ret_info = command->info;
}
