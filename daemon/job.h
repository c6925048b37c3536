#pragma once

#include "ctl/stats.h"
#include "journal.h"
#include "net/feed.h"
#include "sys/worker.h"

/*
 * A worker in the data path: fed from a fan-out, or giving MPEG-TS into one, or both; with what the
 * status tells of it. The worker does the job, this joins it to the stream.
 */
struct job;

/* Arguments of a worker, printed into a buffer of their own; too many or too long is our own bug.
 */
struct job_args {
	struct worker_config worker;
	unsigned count, secrets;
	size_t used;
	char text[6000];
};

/* Zeroes @args and names the worker. */
void job_args_init(struct job_args *args, const char *name, const char *program);
void job_args_add(struct job_args *args, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* @option gets the name of a file that holds @text, which nobody else can read. */
void job_args_secret(struct job_args *args, const char *option, const char *text);

struct job_config {
	enum stats_job_kind kind;
	const char *where; /* for the status, without secrets */
	struct journal *journal;

	/* It consumes: what it gets and how much is kept for it. NULL: it has no input. */
	struct feeds *input;
	enum fanout_rule rule;
	size_t bound_bytes;
	usec_t bound_age;

	/* It produces: where that goes. NULL: it has no output. */
	struct feeds *output;

	/* Both optional. */
	void (*on_line)(struct job *job, const char *event, json_t *line, void *owner);
	/* The process is gone: by itself (it is started again) or because of job_stop(). */
	void (*on_end)(struct job *job, void *owner);
	void *owner;
};

/* Starts the worker of @args (its callbacks are set here). NULL: out of memory. */
struct job *job_new(struct loop *loop, const struct job_config *config, struct job_args *args);
/* Kills what is left. */
struct job *job_free(struct job *job);

/* A clean stop: what waits for it is written first (for as long as @patience), then the worker
 * finishes. */
void job_stop(struct job *job, usec_t patience);
bool job_is_stopped(const struct job *job);
/* Ends the worker and starts it with these arguments. */
void job_restart(struct job *job, struct job_args *args);
struct worker *job_worker(struct job *job);
const char *job_name(const struct job *job);
/* How long before it comes out here the stream left its source: @delay is taken off the time of
 * origin of what it produces from now on. */
void job_set_delay(struct job *job, usec_t delay);

/* Once a second: measures rates and notes changes of state in the journal. */
void job_tick(struct job *job);
void job_stats(const struct job *job, struct stats_job *ret_stats);
/* The next free place in the jobs of a snapshot, zeroed; NULL: it is full. */
struct stats_job *job_stats_place(struct stats *stats);
