#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "base/clock.h"
#include "sys/loop.h"
#include "uplinkd/worker.h"

/*
 * A supervised worker process: started with its pipes and control socket
 * (include/uplinkd/worker.h), its stderr logged under its name, started again after any exit with a
 * back-off of 0.25, 0.5, 1, 2, 4, 5, 5 ... seconds that falls back to the shortest after a minute
 * of good work.
 *
 * A hung worker (stopped, blocked) is not told from a slow one here: its pipes are non-blocking on
 * our side, so it can hold up nobody.
 */
struct worker;

struct worker_secret {
	const char *option; /* "--url-file": gets the name of a memfd that holds the text */
	const char *text;
};

#define WORKER_ARGS_MAX 48

struct worker_config {
	const char *name;    /* for logs and status: "record", "output youtube" */
	const char *program; /* "uplinkd-srt": found beside our own executable, then in
			      * the libexec directory of the installation */
	const char *args[WORKER_ARGS_MAX]; /* NULL-terminated, without argv[0] */
	struct worker_secret secrets[4];   /* ended by option == NULL */
	bool wants_input;		   /* a pipe to its fd 0 */
	bool gives_output;		   /* a pipe from its fd 1 */

	/* All optional. The fds are ours to read or write but owned by the worker object; they are
	 * valid from started() until stopped(). Non-blocking, CLOEXEC, pipe size 1 MiB if allowed.
	 */
	void (*on_start)(struct worker *worker, int input_fd, int output_fd, void *owner);
	void (*on_stop)(struct worker *worker, void *owner);
	void (*on_line)(struct worker *worker, const char *event, json_t *line, void *owner);
	void *owner;
};

enum worker_state {
	WORKER_STATE_STARTING, /* running, not ready yet */
	WORKER_STATE_READY,
	WORKER_STATE_WAITING, /* ended; will be started again */
	WORKER_STATE_STOPPED, /* told to stop, and gone */
};

/* Everything in @config is copied. NULL: out of memory. Starts at once. */
struct worker *worker_new(struct loop *loop, const struct worker_config *config);
/* Kills what is left and releases. */
struct worker *worker_free(struct worker *worker);

/* Clean stop: closes its input (the role that consumes finishes what is there), sends SIGTERM to
 * one without input, and SIGKILL after UPLINKD_WORKER_STOP_SECONDS. on_stop() tells the end. */
void worker_stop(struct worker *worker);
/* Ends and starts it again with other arguments (reload). */
void worker_restart(struct worker *worker, const struct worker_config *config);
/* One JSON line to the worker; dropped when it does not read. Takes its own reference. */
void worker_send(struct worker *worker, json_t *line);

/* What is known of it, for status. */
struct worker_info {
	enum worker_state state;
	int pid; /* 0: none */
	unsigned restarts;
	int last_exit;	   /* wait status of the last end; -1: none yet */
	char reported[32]; /* "state" of the last state line */
	char reason[256];  /* its reason, or why the process ended */
	char peer[128];
	uint64_t bytes;	 /* "bytes" of the last stats line */
	char alarm[256]; /* text of an active alarm; "" = none */
	json_t *stats;	 /* last stats line, borrowed; NULL = none */
};

void worker_info(const struct worker *worker, struct worker_info *ret_info);
const char *worker_name(const struct worker *worker);
