#include "job.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/log.h"
#include "sys/messages.h"

/*
 * The worker writes whole packets, but a pipe may be read in the middle of one: the beginning is
 * kept until the rest is there, and thrown away when the process dies in between.
 *
 * While a worker is away its feed goes on collecting within its bounds, so that the one that takes
 * its place goes on where it stopped.
 */
#define READ_BYTES	      (188 * 256)
#define OVERFLOW_LOG_INTERVAL (30 * USEC_PER_SEC)
#define ALARM_AGAIN	      (60 * USEC_PER_SEC) /* when only figures in its text change */
#define READS_MAX	      16 /* per turn: a flood from one worker leaves time for the others */

struct job {
	struct loop *loop;
	struct job_config config;
	char where[256];
	struct worker *worker;
	struct feed *feed;
	int output_fd; /* -1: none now */
	struct loop_io io;
	uint8_t part[188]; /* the beginning of a packet */
	size_t part_len;
	uint64_t out_bytes;
	usec_t delay;  /* of its source */
	bool stopping; /* told to stop; the worker may not know yet */
	bool told;     /* the worker knows */
	usec_t patience_until;
	struct loop_timer timer; /* while stopping: looks whether the feed is empty */

	/* For job_tick(). */
	uint64_t last_bytes;
	usec_t last_tick;
	uint64_t rate_bps;
	uint64_t last_overflows;
	struct log_limit overflow_limit;
	char noted[300];
	char alarm[256];
	usec_t alarm_noted;
};

void job_args_init(struct job_args *args, const char *name, const char *program)
{
	memset(args, 0, sizeof(*args));
	args->worker.name = name;
	args->worker.program = program;
}

/* Prints to the end of the text; what was printed. */
static const char *args_print(struct job_args *args, const char *format, va_list list)
{
	char *at = args->text + args->used;
	size_t left = sizeof(args->text) - args->used;
	int n = vsnprintf(at, left, format, list);

	assert(n >= 0 && (size_t)n < left);
	args->used += (size_t)n + 1;
	return at;
}

void job_args_add(struct job_args *args, const char *format, ...)
{
	va_list list;

	assert(args->count < WORKER_ARGS_MAX - 1);
	va_start(list, format);
	args->worker.args[args->count++] = args_print(args, format, list);
	va_end(list);
}

static const char *args_keep(struct job_args *args, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static const char *args_keep(struct job_args *args, const char *format, ...)
{
	const char *text;
	va_list list;

	va_start(list, format);
	text = args_print(args, format, list);
	va_end(list);
	return text;
}

void job_args_secret(struct job_args *args, const char *option, const char *text)
{
	assert(args->secrets < WORKER_SECRETS_MAX - 1);
	args->worker.secrets[args->secrets++] =
		(struct worker_secret){ option, args_keep(args, "%s", text) };
}

/* --- its output ----------------------------------------------------------------------------- */

static void pass_on(struct job *job, const uint8_t *packets, size_t len)
{
	feeds_write_captured(job->config.output, packets, len,
			     usec_sub(loop_now(job->loop), job->delay));
}

static void take_output(struct job *job, const uint8_t *data, size_t len)
{
	size_t whole;

	job->out_bytes += len;
	if (job->part_len) {
		size_t rest = sizeof(job->part) - job->part_len;
		size_t piece = len < rest ? len : rest;

		memcpy(job->part + job->part_len, data, piece);
		job->part_len += piece;
		data += piece;
		len -= piece;
		if (job->part_len < sizeof(job->part))
			return;
		pass_on(job, job->part, sizeof(job->part));
		job->part_len = 0;
	}
	whole = len - len % sizeof(job->part);
	if (whole)
		pass_on(job, data, whole);
	memcpy(job->part, data + whole, len - whole);
	job->part_len = len - whole;
}

/* False: nothing more is there. */
static bool read_output(struct job *job)
{
	uint8_t data[READ_BYTES];
	ssize_t n = read(job->output_fd, data, sizeof(data));

	if (n > 0) {
		take_output(job, data, (size_t)n);
		return true;
	}
	if (!n)
		loop_io_set(&job->io, 0); /* its end; the end of the process will be told */
	return n < 0 && errno == EINTR;
}

static void on_output(struct loop_io *io, unsigned events)
{
	(void)events;
	for (unsigned i = 0; i < READS_MAX; i++)
		if (!read_output(io->owner))
			break;
}

/* --- the worker's life ---------------------------------------------------------------------- */

static void on_start(struct worker *worker, int input_fd, int output_fd, void *owner)
{
	struct job *job = owner;

	(void)worker;
	job->part_len = 0;
	job->output_fd = output_fd;
	if (output_fd >= 0) {
		loop_io_init(&job->io, job->loop, output_fd, on_output, job);
		loop_io_set(&job->io, LOOP_READ);
	}
	if (job->feed) {
		feed_open(job->feed);
		feed_to_fd(job->feed, input_fd);
	}
}

static void on_stop(struct worker *worker, void *owner)
{
	struct job *job = owner;

	(void)worker;
	if (job->feed)
		feed_to_fd(job->feed, -1);
	if (job->output_fd >= 0) {
		while (read_output(job))
			;
		loop_io_deinit(&job->io);
		job->output_fd = -1;
	}
	if (job->config.on_end)
		job->config.on_end(job, job->config.owner);
}

static void on_line(struct worker *worker, const char *event, json_t *line, void *owner)
{
	struct job *job = owner;

	(void)worker;
	if (job->config.on_line)
		job->config.on_line(job, event, line, job->config.owner);
}

static void worker_prepare(struct job *job, struct job_args *args)
{
	args->worker.wants_input = job->config.input != NULL;
	args->worker.gives_output = job->config.output != NULL;
	args->worker.on_start = on_start;
	args->worker.on_stop = on_stop;
	args->worker.on_line = on_line;
	args->worker.owner = job;
}

static void tell_worker_to_stop(struct job *job)
{
	job->told = true;
	if (job->feed)
		feed_to_fd(job->feed, -1);
	worker_stop(job->worker);
}

static void on_timer(struct loop_timer *timer)
{
	struct job *job = timer->owner;
	struct feed_info info;

	feed_info(job->feed, &info);
	if (info.backlog_bytes && loop_now(job->loop) < job->patience_until)
		loop_timer_set(timer, loop_now(job->loop) + 10 * USEC_PER_MS);
	else
		tell_worker_to_stop(job);
}

void job_stop(struct job *job, usec_t patience)
{
	if (job->stopping)
		return;
	job->stopping = true;
	job->patience_until = loop_now(job->loop) + patience;
	if (job->feed)
		on_timer(&job->timer);
	else
		tell_worker_to_stop(job);
}

bool job_is_stopped(const struct job *job)
{
	struct worker_info info;

	worker_info(job->worker, &info);
	return job->told && info.state == WORKER_STATE_STOPPED;
}

void job_restart(struct job *job, struct job_args *args)
{
	worker_prepare(job, args);
	if (job->feed)
		feed_to_fd(job->feed, -1);
	(void)worker_restart(job->worker, &args->worker);
}

struct job *job_new(struct loop *loop, const struct job_config *config, struct job_args *args)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->loop = loop;
	job->config = *config;
	job->output_fd = -1;
	job->overflow_limit.interval = OVERFLOW_LOG_INTERVAL;
	job->last_tick = loop_now(loop);
	(void)snprintf(job->where, sizeof(job->where), "%s", config->where);
	loop_timer_init(&job->timer, loop, on_timer, job);
	if (config->input) {
		job->feed = feed_new(config->input, config->rule, config->bound_bytes,
				     config->bound_age);
		if (!job->feed)
			return job_free(job);
		feed_open(job->feed);
	}
	worker_prepare(job, args);
	job->worker = worker_new(loop, &args->worker);
	return job->worker ? job : job_free(job);
}

struct job *job_free(struct job *job)
{
	if (!job)
		return NULL;
	if (job->output_fd >= 0)
		loop_io_deinit(&job->io);
	job->feed = feed_free(job->feed);
	job->worker = worker_free(job->worker);
	loop_timer_deinit(&job->timer);
	free(job);
	return NULL;
}

struct worker *job_worker(struct job *job)
{
	return job->worker;
}

const char *job_name(const struct job *job)
{
	return worker_name(job->worker);
}

void job_set_delay(struct job *job, usec_t delay)
{
	job->delay = delay;
}

/* --- what is told of it --------------------------------------------------------------------- */

static uint64_t job_bytes(const struct job *job, const struct worker_info *info)
{
	struct feed_info feed;

	if (job->config.output)
		return job->out_bytes;
	if (info->bytes || !job->feed)
		return info->bytes;
	feed_info(job->feed, &feed);
	return feed.bytes;
}

static void note_state(struct job *job, const struct worker_info *info)
{
	char text[sizeof(job->noted)];

	if (!info->reported[0])
		return;
	(void)snprintf(text, sizeof(text), "%.16s%s%.240s", info->reported,
		       info->reason[0] ? ": " : "", info->reason);
	if (!strcmp(text, job->noted))
		return;
	memcpy(job->noted, text, sizeof(text));
	/* The worker has logged it itself. */
	journal_note(job->config.journal, LOG_LEVEL_INFO, "%s: %s", job_name(job), text);
}

/* The same text, perhaps with other figures. */
static bool is_same_alarm(const char *a, const char *b)
{
	static const char digits[] = "0123456789";

	while (*a && *b) {
		a += strspn(a, digits);
		b += strspn(b, digits);
		if (*a != *b)
			return false;
		a += *a != '\0';
		b += *b != '\0';
	}
	return *a == *b;
}

static void note_alarm(struct job *job, const struct worker_info *info)
{
	usec_t now = loop_now(job->loop);

	if (!strcmp(info->alarm, job->alarm) || (is_same_alarm(info->alarm, job->alarm) &&
						 usec_since(job->alarm_noted, now) < ALARM_AGAIN))
		return;
	job->alarm_noted = now;
	memcpy(job->alarm, info->alarm, sizeof(job->alarm));
	/* The worker has logged it itself; one of a recording is told again, with what to do. */
	if (info->alarm[0] && job->config.kind == STATS_JOB_RECORD)
		journal_add(job->config.journal, LOG_LEVEL_ERR, MESSAGE_RECORDING_ALARM, "%s: %s",
			    job_name(job), info->alarm);
	else if (info->alarm[0])
		journal_note(job->config.journal, LOG_LEVEL_ERR, "%s: %s", job_name(job),
			     info->alarm);
	else if (info->state == WORKER_STATE_READY) /* else its alarm ended with itself */
		journal_add(job->config.journal, LOG_LEVEL_INFO, NULL, "%s: works again",
			    job_name(job));
}

static void note_overflow(struct job *job)
{
	struct feed_info feed;
	unsigned more;

	if (!job->feed)
		return;
	feed_info(job->feed, &feed);
	if (feed.overflows == job->last_overflows ||
	    !log_limit_pass(&job->overflow_limit, loop_now(job->loop), &more))
		return;
	job->last_overflows = feed.overflows;
	journal_add(job->config.journal, LOG_LEVEL_WARNING, NULL,
		    "%s: does not keep up, %llu bytes of the stream were left out so far",
		    job_name(job), (unsigned long long)feed.dropped_bytes);
}

void job_tick(struct job *job)
{
	usec_t now = loop_now(job->loop), span = usec_since(job->last_tick, now);
	struct worker_info info;
	uint64_t bytes;

	worker_info(job->worker, &info);
	bytes = job_bytes(job, &info);
	if (span >= USEC_PER_SEC / 2) {
		job->rate_bps = (bytes - job->last_bytes) * 8 * USEC_PER_SEC / span;
		job->last_bytes = bytes;
		job->last_tick = now;
	}
	note_state(job, &info);
	note_alarm(job, &info);
	note_overflow(job);
}

static const char *state_text(const struct worker_info *info)
{
	switch (info->state) {
	case WORKER_STATE_STARTING:
		return "starting";
	case WORKER_STATE_READY:
		return info->reported[0] ? info->reported : "running";
	case WORKER_STATE_WAITING:
		return "failed";
	case WORKER_STATE_STOPPED:
		break;
	}
	return "stopped";
}

void job_stats(const struct job *job, struct stats_job *ret_stats)
{
	struct feed_info feed = { 0 };
	struct worker_info info;

	worker_info(job->worker, &info);
	if (job->feed)
		feed_info(job->feed, &feed);
	*ret_stats = (struct stats_job){
		.kind = job->config.kind,
		.bytes = job_bytes(job, &info),
		.rate_bps = job->rate_bps,
		.dropped_bytes = feed.dropped_bytes + (uint64_t)json_integer_value(json_object_get(
							      info.stats, "dropped_bytes")),
		.restarts = info.restarts,
		.pid = info.pid,
	};
	(void)snprintf(ret_stats->name, sizeof(ret_stats->name), "%s", job_name(job));
	memcpy(ret_stats->where, job->where, sizeof(ret_stats->where));
	(void)snprintf(ret_stats->state, sizeof(ret_stats->state), "%s", state_text(&info));
	memcpy(ret_stats->reason, info.reason, sizeof(ret_stats->reason));
	memcpy(ret_stats->alarm, info.alarm, sizeof(ret_stats->alarm));
}

struct stats_job *job_stats_place(struct stats *stats)
{
	struct stats_job *place;

	if (stats->jobs == STATS_JOBS_MAX)
		return NULL;
	place = &stats->job[stats->jobs++];
	*place = (struct stats_job){ 0 };
	return place;
}
