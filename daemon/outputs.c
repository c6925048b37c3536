#include "outputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "net/tsout.h"
#include "sys/log.h"
#include "sys/messages.h"

/*
 * An output is of use only while it is fresh: one that cannot keep up goes on at the newest
 * keyframe. What a worker's bound holds is what it may be late before that.
 */
#define WORKER_BOUND  (8 * 1024 * 1024)
#define WORKER_AGE    (10 * USEC_PER_SEC)
#define STOP_PATIENCE USEC_PER_SEC

struct output {
	bool used;
	struct config_output config;
	struct outputs *set;
	struct job *job;     /* a worker, */
	struct tsout *tsout; /* or one of our own */
	bool leaving;	     /* taken out of the configuration; the worker is finishing */
	uint64_t last_bytes;
	usec_t last_tick;
	uint64_t rate_bps;
};

struct outputs {
	struct loop *loop;
	struct feeds *stream;
	struct journal *journal;
	uint64_t rate_max_bps;
	struct output output[CONFIG_OUTPUTS_MAX];
};

static void on_log(void *owner, int level, const char *text)
{
	struct output *output = owner;

	journal_add(output->set->journal, level, MESSAGE_OUTPUT, "output %s: %s",
		    output->config.name, text);
}

/* --- one output ----------------------------------------------------------------------------- */

static void start_own(struct output *output)
{
	const struct config_url *url = &output->config.url;
	char iface[64] = "", ttl[16] = "";
	struct tsout_config config = {
		.kind = url->scheme == CONFIG_URL_UDP ? TSOUT_UDP : TSOUT_PIPE,
		.host = url->host,
		.port = url->port,
		.iface = iface,
		.path = url->path,
		.on_log = on_log,
		.owner = output,
	};

	(void)config_url_query(url, "iface", iface, sizeof(iface));
	if (config_url_query(url, "ttl", ttl, sizeof(ttl)))
		config.ttl = atoi(ttl);
	output->tsout = tsout_new(output->set->loop, output->set->stream, &config);
}

static void args_srt(const struct output *output, struct job_args *args)
{
	const struct config_output *config = &output->config;
	const struct config_url *url = &config->url;
	bool is_v6 = strchr(url->host, ':');
	char value[512];
	usec_t latency = config->latency;

	job_args_add(args, "send");
	job_args_add(args, url->host[0] ? "--to" : "--listen");
	job_args_add(args, is_v6 ? "[%s]:%u" : "%s:%u", url->host, url->port);
	if (config_url_query(url, "streamid", value, sizeof(value)))
		job_args_secret(args, "--streamid-file", value);
	if (config_url_query(url, "latency", value, sizeof(value)))
		latency = strtoull(value, NULL, 10) * USEC_PER_MS;
	job_args_add(args, "--rate-max");
	job_args_add(args, "%llu", (unsigned long long)output->set->rate_max_bps);
	if (latency) {
		job_args_add(args, "--latency");
		job_args_add(args, "%llu", (unsigned long long)(latency / USEC_PER_MS));
	}
	if (config->passphrase_file[0]) {
		job_args_add(args, "--passphrase-file");
		job_args_add(args, "%s", config->passphrase_file);
	}
}

static void args_rtmp(const struct output *output, struct job_args *args)
{
	const struct config_output *config = &output->config;

	job_args_add(args, "push");
	job_args_secret(args, "--url-file", config->url.text);
	if (config->key_file[0]) {
		job_args_add(args, "--stream-key-file");
		job_args_add(args, "%s", config->key_file);
	}
	if (config->ca_file[0]) {
		job_args_add(args, "--ca-file");
		job_args_add(args, "%s", config->ca_file);
	}
}

static void start_worker(struct output *output)
{
	const struct config_url *url = &output->config.url;
	bool is_srt = url->scheme == CONFIG_URL_SRT;
	struct job_config config = {
		.kind = STATS_JOB_OUTPUT,
		.where = url->safe,
		.journal = output->set->journal,
		.input = output->set->stream,
		.rule = FANOUT_RULE_FRESH,
		.bound_bytes = WORKER_BOUND,
		.bound_age = WORKER_AGE,
	};
	char name[sizeof("output ") + BOND_NAME_MAX];
	struct job_args args;

	(void)snprintf(name, sizeof(name), "output %s", output->config.name);
	job_args_init(&args, name, is_srt ? "uplinkd-srt" : "uplinkd-rtmp");
	if (is_srt)
		args_srt(output, &args);
	else
		args_rtmp(output, &args);
	output->job = job_new(output->set->loop, &config, &args);
}

static void output_start(struct output *output)
{
	switch (output->config.url.scheme) {
	case CONFIG_URL_NONE:
		break;
	case CONFIG_URL_UDP:
	case CONFIG_URL_PIPE:
		start_own(output);
		break;
	case CONFIG_URL_SRT:
	case CONFIG_URL_RTMP:
	case CONFIG_URL_RTMPS:
		start_worker(output);
		break;
	}
	if (!output->job && !output->tsout)
		log_err("output %s: out of memory; it is left out", output->config.name);
}

static void output_clear(struct output *output)
{
	output->tsout = tsout_free(output->tsout);
	output->job = job_free(output->job);
	*output = (struct output){ 0 };
}

/* --- the set -------------------------------------------------------------------------------- */

struct outputs *outputs_new(struct loop *loop, struct feeds *stream, struct journal *journal)
{
	struct outputs *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->loop = loop;
	set->stream = stream;
	set->journal = journal;
	return set;
}

struct outputs *outputs_free(struct outputs *set)
{
	if (!set)
		return NULL;
	for (unsigned i = 0; i < CONFIG_OUTPUTS_MAX; i++)
		output_clear(&set->output[i]);
	free(set);
	return NULL;
}

static bool same_config(const struct config_output *a, const struct config_output *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->url.text, b->url.text) &&
	       !strcmp(a->key_file, b->key_file) &&
	       !strcmp(a->passphrase_file, b->passphrase_file) && !strcmp(a->ca_file, b->ca_file) &&
	       !memcmp(a->secrets, b->secrets, sizeof(a->secrets)) && a->latency == b->latency;
}

static bool is_wanted(const struct config *config, const struct config_output *output)
{
	for (unsigned i = 0; i < config->output_count; i++)
		if (same_config(&config->outputs[i], output))
			return true;
	return false;
}

static bool is_running(const struct outputs *set, const struct config_output *config)
{
	for (unsigned i = 0; i < CONFIG_OUTPUTS_MAX; i++)
		if (set->output[i].used && !set->output[i].leaving &&
		    same_config(&set->output[i].config, config))
			return true;
	return false;
}

static struct output *free_place(struct outputs *set)
{
	for (unsigned i = 0; i < CONFIG_OUTPUTS_MAX; i++)
		if (!set->output[i].used)
			return &set->output[i];
	/* One that is finishing has had its time. */
	for (unsigned i = 0; i < CONFIG_OUTPUTS_MAX; i++)
		if (set->output[i].leaving) {
			output_clear(&set->output[i]);
			return &set->output[i];
		}
	return NULL;
}

static void output_leave(struct output *output)
{
	journal_add(output->set->journal, LOG_LEVEL_INFO, MESSAGE_OUTPUT,
		    "output %s: taken out of the configuration", output->config.name);
	if (!output->job) {
		output_clear(output);
		return;
	}
	output->leaving = true;
	job_stop(output->job, STOP_PATIENCE);
}

void outputs_set(struct outputs *set, const struct config *config)
{
	set->rate_max_bps = config->rate_max_bps;
	for (unsigned i = 0; i < CONFIG_OUTPUTS_MAX; i++) {
		struct output *output = &set->output[i];

		if (output->used && !output->leaving && !is_wanted(config, &output->config))
			output_leave(output);
	}
	for (unsigned i = 0; i < config->output_count; i++) {
		struct output *output;

		if (is_running(set, &config->outputs[i]))
			continue;
		output = free_place(set);
		if (!output)
			break;
		output->used = true;
		output->set = set;
		output->config = config->outputs[i];
		output->last_tick = loop_now(set->loop);
		output_start(output);
	}
}

uint64_t outputs_video_max_bps(const struct config *config)
{
	uint64_t least = 0;

	for (unsigned i = 0; i < config->output_count; i++) {
		const struct config_output *output = &config->outputs[i];
		uint64_t bps = output->rate_max_bps ?: platform_video_max_bps(output->platform);

		if (bps && (!least || bps < least))
			least = bps;
	}
	return least;
}

void outputs_stop(struct outputs *set)
{
	for (unsigned i = 0; i < CONFIG_OUTPUTS_MAX; i++)
		if (set->output[i].job)
			job_stop(set->output[i].job, STOP_PATIENCE);
}

bool outputs_are_stopped(const struct outputs *set)
{
	for (unsigned i = 0; i < CONFIG_OUTPUTS_MAX; i++)
		if (set->output[i].job && !job_is_stopped(set->output[i].job))
			return false;
	return true;
}

static void output_tick(struct output *output)
{
	usec_t now = loop_now(output->set->loop), span = usec_since(output->last_tick, now);
	struct tsout_info info;

	if (output->job)
		job_tick(output->job);
	if (output->leaving && job_is_stopped(output->job)) {
		output_clear(output);
		return;
	}
	if (!output->tsout || span < USEC_PER_SEC / 2)
		return;
	tsout_info(output->tsout, &info);
	output->rate_bps = (info.feed.bytes - output->last_bytes) * 8 * USEC_PER_SEC / span;
	output->last_bytes = info.feed.bytes;
	output->last_tick = now;
}

void outputs_tick(struct outputs *set)
{
	for (unsigned i = 0; i < CONFIG_OUTPUTS_MAX; i++)
		if (set->output[i].used)
			output_tick(&set->output[i]);
}

static void own_stats(const struct output *output, struct stats_job *job)
{
	struct tsout_info info;

	tsout_info(output->tsout, &info);
	job->kind = STATS_JOB_OUTPUT;
	job->bytes = info.feed.bytes;
	job->dropped_bytes = info.feed.dropped_bytes;
	job->rate_bps = output->rate_bps;
	(void)snprintf(job->where, sizeof(job->where), "%.255s", output->config.url.safe);
	(void)snprintf(job->state, sizeof(job->state), "%s", info.state);
	memcpy(job->reason, info.reason, sizeof(job->reason));
}

void outputs_stats(const struct outputs *set, struct stats *stats)
{
	for (unsigned i = 0; i < CONFIG_OUTPUTS_MAX; i++) {
		const struct output *output = &set->output[i];
		struct stats_job *job;

		if (!output->job && !output->tsout)
			continue;
		job = job_stats_place(stats);
		if (!job)
			return;
		if (output->job)
			job_stats(output->job, job);
		else
			own_stats(output, job);
		memcpy(job->name, output->config.name, sizeof(job->name));
	}
}
