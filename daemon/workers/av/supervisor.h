#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

/*
 * The control socket to uplinkd (include/uplinkd/worker.h), read by a thread of its own: the
 * encoder thread may be in the middle of a picture when an advice comes.
 */
struct supervisor;

/* Opens the socket that the environment names; without one everything works and nothing is sent.
 * Blocks SIGTERM, SIGINT and SIGPIPE in the calling thread and so in those started later: the
 * first two count as the command "stop". NULL: out of memory or threads. */
struct supervisor *supervisor_new(void);
struct supervisor *supervisor_free(struct supervisor *supervisor);

/* Becomes readable when the worker is to stop: a signal, the command, or uplinkd is gone. */
int supervisor_stop_fd(const struct supervisor *supervisor);
bool supervisor_stopped(const struct supervisor *supervisor);
/* The last advice, in bits per second; 0 = none yet. */
uint64_t supervisor_advice_bps(const struct supervisor *supervisor);

/* Sends one line; consumes @line. */
void supervisor_send(struct supervisor *supervisor, json_t *line);
void supervisor_ready(struct supervisor *supervisor);
void supervisor_state(struct supervisor *supervisor, const char *state, const char *reason);
/* Sent only when @active changes for this @id (a constant text). */
void supervisor_alarm(struct supervisor *supervisor, const char *id, bool active, const char *text);
