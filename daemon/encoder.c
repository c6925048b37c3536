#include "encoder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advicefile.h"
#include "job.h"
#include "sys/command.h"
#include "sys/log.h"

#define RING_BYTES    (8 * 1024 * 1024)
#define BOUND_BYTES   (8 * 1024 * 1024)
#define BOUND_AGE     (2 * USEC_PER_SEC) /* a slow encoder goes on at the newest keyframe */
#define STOP_PATIENCE USEC_PER_SEC
#define DIFFERS	      50 /* a fiftieth: what measuring the stream makes it waver is not told */

struct encoder {
	struct loop *loop;
	enum config_control control;
	struct journal *journal;
	struct feeds *input;
	struct feeds *output;	 /* BUILTIN */
	struct job *job;	 /* BUILTIN */
	struct command *command; /* EXEC */
	struct advicefile file;	 /* OBS */
	uint64_t bps;		 /* told last: of the whole stream, or of the picture */
};

static void builtin_bitrate(struct encoder *encoder, uint64_t bps, const char *reason)
{
	json_t *line = json_pack("{s:s, s:I, s:s}", "command", "bitrate", "bps", (json_int_t)bps,
				 "reason", reason);

	if (!line)
		return;
	worker_send(job_worker(encoder->job), line);
	json_decref(line);
}

/* A new process starts with what it was told at first; it is brought up to date. */
static void on_line(struct job *job, const char *event, json_t *line, void *owner)
{
	struct encoder *encoder = owner;

	(void)job;
	(void)line;
	if (!strcmp(event, "ready") && encoder->bps)
		builtin_bitrate(encoder, encoder->bps, "as before");
}

static int builtin_start(struct encoder *encoder, const struct config *config)
{
	struct job_config job_config = {
		.kind = STATS_JOB_ENCODER,
		.where = "builtin",
		.journal = encoder->journal,
		.input = encoder->input,
		.rule = FANOUT_RULE_FRESH,
		.bound_bytes = BOUND_BYTES,
		.bound_age = BOUND_AGE,
		.on_line = on_line,
		.owner = encoder,
	};
	struct job_args args;

	encoder->output = feeds_new(encoder->loop, RING_BYTES);
	if (!encoder->output)
		return -1;
	job_config.output = encoder->output;
	job_args_init(&args, "encoder", "uplinkd-av");
	job_args_add(&args, "encode");
	job_args_add(&args, "--preset");
	job_args_add(&args, "%s", config->encoder_preset);
	job_args_add(&args, "--encoder");
	job_args_add(&args, "%s", config->encoder_name);
	job_args_add(&args, "--codec");
	job_args_add(&args, "%s", config->encoder_codec);
	job_args_add(&args, "--ladder");
	job_args_add(&args, "%s", config->encoder_ladder);
	job_args_add(&args, "--sound");
	job_args_add(&args, "%s", config->encoder_sound);
	if (!config->encoder_pass)
		job_args_add(&args, "--no-pass");
	job_args_add(&args, "--rate-start");
	job_args_add(&args, "%" PRIu64, config->advice_start_bps);
	job_args_add(&args, "--rate-min");
	job_args_add(&args, "%" PRIu64, config->advice_min_bps);
	job_args_add(&args, "--rate-max");
	job_args_add(&args, "%" PRIu64, config->advice_max_bps);
	encoder->job = job_new(encoder->loop, &job_config, &args);
	return encoder->job ? 0 : -1;
}

struct encoder *encoder_new(struct loop *loop, const struct config *config, const char *control,
			    struct feeds *stream, struct journal *journal)
{
	struct encoder *encoder = calloc(1, sizeof(*encoder));

	if (!encoder)
		return NULL;
	encoder->loop = loop;
	encoder->control = config->encoder_control;
	encoder->journal = journal;
	encoder->input = stream;
	switch (encoder->control) {
	case CONFIG_CONTROL_NONE:
		return encoder;
	case CONFIG_CONTROL_OBS:
		advicefile_init(&encoder->file, control);
		return encoder;
	case CONFIG_CONTROL_BUILTIN:
		return builtin_start(encoder, config) ? encoder_free(encoder) : encoder;
	case CONFIG_CONTROL_EXEC:
		encoder->command = command_new(loop, "encoder command", config->encoder_command);
		return encoder->command ? encoder : encoder_free(encoder);
	}
	return encoder;
}

struct encoder *encoder_free(struct encoder *encoder)
{
	if (!encoder)
		return NULL;
	encoder->job = job_free(encoder->job);
	encoder->command = command_free(encoder->command);
	advicefile_deinit(&encoder->file);
	encoder->output = feeds_free(encoder->output);
	free(encoder);
	return NULL;
}

struct feeds *encoder_stream(struct encoder *encoder)
{
	return encoder->output ? encoder->output : encoder->input;
}

void encoder_advise(struct encoder *encoder, uint64_t bps, uint64_t picture_bps, const char *reason)
{
	uint64_t told = encoder->job ? bps : picture_bps, before = encoder->bps;

	if ((told > before ? told - before : before - told) <= before / DIFFERS)
		return;
	encoder->bps = told;
	switch (encoder->control) {
	case CONFIG_CONTROL_NONE:
		break;
	case CONFIG_CONTROL_BUILTIN:
		builtin_bitrate(encoder, told, reason);
		break;
	case CONFIG_CONTROL_EXEC:
		command_tell(encoder->command, "bitrate %" PRIu64, told);
		break;
	case CONFIG_CONTROL_OBS:
		advicefile_write(&encoder->file, told);
		break;
	}
}

void encoder_ask_key(struct encoder *encoder)
{
	json_t *line = encoder->job ? json_pack("{s:s}", "command", "keyframe") : NULL;

	if (!line)
		return;
	worker_send(job_worker(encoder->job), line);
	json_decref(line);
}

void encoder_stop(struct encoder *encoder)
{
	if (encoder->job)
		job_stop(encoder->job, STOP_PATIENCE);
}

bool encoder_is_stopped(const struct encoder *encoder)
{
	return !encoder->job || job_is_stopped(encoder->job);
}

void encoder_tick(struct encoder *encoder)
{
	if (encoder->job)
		job_tick(encoder->job);
}

static void command_stats(const struct encoder *encoder, struct stats_job *job)
{
	struct command_info info;

	command_info(encoder->command, &info);
	job->kind = STATS_JOB_ENCODER;
	job->pid = info.pid;
	job->restarts = info.restarts;
	(void)snprintf(job->name, sizeof(job->name), "encoder command");
	(void)snprintf(job->state, sizeof(job->state), "%s", info.pid ? "running" : "failed");
	(void)snprintf(job->reason, sizeof(job->reason), "%s", info.reason);
}

void encoder_stats(const struct encoder *encoder, struct stats *stats)
{
	struct stats_job *job = encoder->job || encoder->command ? job_stats_place(stats) : NULL;

	if (!job)
		return;
	if (encoder->job)
		job_stats(encoder->job, job);
	else
		command_stats(encoder, job);
}
