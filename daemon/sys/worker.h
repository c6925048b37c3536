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
 * A hung worker (stopped, blocked) is not told from a slow one here: everything between it and us
 * is non-blocking on our side, so it can hold up nobody.
 */
struct worker;

struct worker_secret {
	const char *option; /* "--url-file": gets the name of a memfd that holds the text */
	const char *text;
};

#define WORKER_ARGS_MAX	   48
#define WORKER_SECRETS_MAX 4

struct worker_config {
	const char *name;    /* for logs and status: "record", "output youtube" */
	const char *program; /* "uplinkd-srt": found beside our own executable, then in
			      * the libexec directory of the installation */
	const char *args[WORKER_ARGS_MAX];		  /* NULL-terminated, without argv[0] */
	struct worker_secret secrets[WORKER_SECRETS_MAX]; /* ended by option == NULL */
	bool wants_input;				  /* a pipe to its fd 0 */
	bool gives_output;				  /* a pipe from its fd 1 */

	/* All optional; none may call worker_free(), except on_stop(). The fds are ours to read or
	 * write but owned by the worker object: valid from on_start() until on_stop() returns (the
	 * input only until worker_stop() or worker_restart() is called). Non-blocking, CLOEXEC,
	 * pipe size 1 MiB if allowed; -1: not asked for. In on_stop() the process is gone; what is
	 * still in the output pipe can be read there. Events with a meaning for every worker
	 * (ready, state, stats, alarm) are in worker_info() already when on_line() tells of them.
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

/* Everything in @config is copied. NULL: out of memory. The process starts in the next turn of the
 * loop, so that on_start() finds the caller complete. */
struct worker *worker_new(struct loop *loop, const struct worker_config *config);
/* Kills what is left and releases; on_stop() is not called. */
struct worker *worker_free(struct worker *worker);

/* Clean stop: closes its input (the role that consumes finishes what is there), sends SIGTERM at
 * once to one without input, after half the time to one with, and SIGKILL after
 * UPLINKD_WORKER_STOP_SECONDS. on_stop() tells the end; when no process is running, the state is
 * STOPPED at once and on_stop() is not called. */
void worker_stop(struct worker *worker);
/* Ends it cleanly and starts it again, with other arguments (reload), or the same if @config is
 * NULL. 0 or -ENOMEM (then it goes on as it is). */
int worker_restart(struct worker *worker, const struct worker_config *config);
/* One JSON line to the worker; dropped when there is none or it does not read. Takes its own
 * reference. */
void worker_send(struct worker *worker, json_t *line);

/* What is known of it, for status. */
struct worker_info {
	enum worker_state state;
	int pid; /* 0: none */
	unsigned restarts;
	int last_exit;	   /* wait status of the last end; -1: none yet */
	char reported[32]; /* "state" of the last state line; "" = none from this process */
	char reason[256];  /* its reason, or why the process ended */
	char peer[128];
	unsigned port;	  /* of the ready line; 0 = none */
	uint64_t bytes;	  /* "bytes" of the stats lines, summed over restarts */
	uint64_t garbage; /* lines that were too long or not a JSON object with an event */
	char alarm[256];  /* text of the oldest active alarm; "" = none */
	json_t *stats;	  /* last stats line, borrowed; NULL = none */
};

void worker_info(const struct worker *worker, struct worker_info *ret_info);
const char *worker_name(const struct worker *worker);
