#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * The worker's side of include/uplinkd/worker.h: the control socket up to whoever started us, and
 * the wish to stop, whether it comes as a signal (SIGTERM, SIGINT), as a command or as the end of
 * the control socket. Started by hand, without a control socket, everything works and only the
 * log lines remain. All functions may be called from any thread and never block.
 */
struct supervisor;

/* To be called before any other thread is started: it blocks the stop signals for all of them and
 * ignores SIGPIPE. From the wish to stop on, the process has UPLINKD_WORKER_STOP_SECONDS; then it
 * is killed by an alarm of its own. @on_command (may be NULL) gets every other command, in a thread
 * of its own. NULL: no resources. */
struct supervisor *
supervisor_new(void (*on_command)(const char *command, json_t *line, void *owner), void *owner);
struct supervisor *supervisor_free(struct supervisor *supervisor);
/* CLOCK_MONOTONIC: the time of a worker, which has no loop. */
usec_t supervisor_clock(void);

bool supervisor_stopping(const struct supervisor *supervisor);
/* Becomes readable (level-triggered, not to be read) with supervisor_stopping(). */
int supervisor_stop_fd(const struct supervisor *supervisor);
/* The wish to stop, from inside. */
void supervisor_stop(struct supervisor *supervisor);
/* Waits until the wish to stop comes, at most @msec; true: it came. */
bool supervisor_wait(const struct supervisor *supervisor, int msec);

/* "ready"; @port 0: it listens nowhere. */
void supervisor_ready(struct supervisor *supervisor, unsigned port);
/* "state", and the same as a log line (once a minute while nothing changes). Each state is one of
 * those of worker.h; "reconnecting" and "failed" are logged as warnings. */
void supervisor_state(struct supervisor *supervisor, const char *state, const char *peer,
		      const char *format, ...) __attribute__((format(printf, 4, 5)));
/* "alarm" when it begins, ends or (at most once a second) changes its text; beginning and end are
 * log lines as well. Doing what is done already costs nothing. */
void supervisor_alarm(struct supervisor *supervisor, const char *id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void supervisor_alarm_clear(struct supervisor *supervisor, const char *id, const char *text);
/* Any other line, with its "event" set. @line is consumed. */
void supervisor_send(struct supervisor *supervisor, json_t *line);
