#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "net/tsin.h"
#include "sys/log.h"
#include "sys/messages.h"

/*
 * An encoder that calls by SRT has its packets handed out here as late as both agreed upon. That is
 * a part of the latency of the whole way, which counts from the encoder.
 */
#define LIVE_SPAN      (2 * USEC_PER_SEC) /* without data for so long: the encoder is away */
#define SRT_LATENCY_MS 120 /* what SRT asks for unless told; the greater of both holds */

struct input {
	struct loop *loop;
	struct config_url url;
	struct feeds *stream;
	struct journal *journal;
	void (*on_end)(void *owner);
	void *owner;
	struct job *job;
	struct tsin *tsin;
	bool stopped; /* our own: closed by input_stop() */
	struct tsin_info last;
	uint64_t last_bytes;
	usec_t last_tick;
	usec_t last_change; /* when the count of bytes was another one */
	uint64_t rate_bps;
};

static void on_packets(void *owner, const uint8_t *packets, size_t len)
{
	struct input *input = owner;

	feeds_write(input->stream, packets, len);
}

static void on_log(void *owner, int level, const char *text)
{
	struct input *input = owner;

	journal_add(input->journal, level, MESSAGE_INPUT, "%s", text);
}

static void on_end(void *owner)
{
	struct input *input = owner;

	input->on_end(input->owner);
}

static void start_own(struct input *input)
{
	char iface[64] = "";
	struct tsin_config config = {
		.kind = input->url.scheme == CONFIG_URL_UDP ? TSIN_UDP : TSIN_PIPE,
		.host = input->url.host,
		.port = input->url.port,
		.iface = iface,
		.path = input->url.path,
		.on_packets = on_packets,
		.on_log = on_log,
		.on_end = on_end,
		.owner = input,
	};

	(void)config_url_query(&input->url, "iface", iface, sizeof(iface));
	input->tsin = tsin_new(input->loop, &config);
}

static void args_listen(const struct input *input, struct job_args *args)
{
	const char *host = !input->url.host[0]			   ? "0.0.0.0"
			   : !strcmp(input->url.host, "localhost") ? "127.0.0.1"
								   : input->url.host;

	job_args_add(args, "--listen");
	job_args_add(args, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, input->url.port);
}

/* What this side asks for. */
static unsigned srt_latency_ms(const struct input *input)
{
	char value[512];

	if (!config_url_query(&input->url, "latency", value, sizeof(value)))
		return SRT_LATENCY_MS;
	return (unsigned)strtoul(value, NULL, 10);
}

static void args_srt(const struct input *input, const struct config *config, struct job_args *args)
{
	job_args_add(args, "receive");
	args_listen(input, args);
	if (config->input_streamid[0])
		job_args_secret(args, "--streamid-file", config->input_streamid);
	if (config->input_passphrase_file[0]) {
		job_args_add(args, "--passphrase-file");
		job_args_add(args, "%s", config->input_passphrase_file);
	}
	job_args_add(args, "--rate-max");
	job_args_add(args, "%llu", (unsigned long long)config->rate_max_bps);
	job_args_add(args, "--latency");
	job_args_add(args, "%u", srt_latency_ms(input));
}

/* The encoder may have asked for more. */
static void on_line(struct job *job, const char *event, json_t *line, void *owner)
{
	json_int_t latency_ms = json_integer_value(json_object_get(line, "latency_ms"));

	(void)owner;
	if (!strcmp(event, "stats") && json_is_true(json_object_get(line, "connected")) &&
	    latency_ms > 0)
		job_set_delay(job, (usec_t)latency_ms * USEC_PER_MS);
}

static void args_rtmp(const struct input *input, const struct config *config, struct job_args *args)
{
	job_args_add(args, "serve");
	args_listen(input, args);
	job_args_add(args, "--app");
	job_args_add(args, "%s", input->url.path);
	if (config->input_streamid[0])
		job_args_secret(args, "--key-file", config->input_streamid);
}

static void start_worker(struct input *input, const struct config *config)
{
	bool is_srt = input->url.scheme == CONFIG_URL_SRT;
	struct job_config job_config = {
		.kind = STATS_JOB_INPUT,
		.where = input->url.safe,
		.journal = input->journal,
		.output = input->stream,
		.on_line = is_srt ? on_line : NULL,
	};
	struct job_args args;

	job_args_init(&args, "input", is_srt ? "uplinkd-srt" : "uplinkd-rtmp");
	if (is_srt)
		args_srt(input, config, &args);
	else
		args_rtmp(input, config, &args);
	input->job = job_new(input->loop, &job_config, &args);
	if (input->job && is_srt)
		job_set_delay(input->job, srt_latency_ms(input) * USEC_PER_MS);
}

struct input *input_new(struct loop *loop, const struct config *config, struct feeds *stream,
			struct journal *journal, void (*ended)(void *owner), void *owner)
{
	struct input *input = calloc(1, sizeof(*input));

	if (!input)
		return NULL;
	input->loop = loop;
	input->url = config->input;
	input->stream = stream;
	input->journal = journal;
	input->on_end = ended;
	input->owner = owner;
	input->last_tick = loop_now(loop);
	switch (input->url.scheme) {
	case CONFIG_URL_NONE:
		break;
	case CONFIG_URL_UDP:
	case CONFIG_URL_PIPE:
		start_own(input);
		break;
	case CONFIG_URL_SRT:
	case CONFIG_URL_RTMP:
	case CONFIG_URL_RTMPS:
		start_worker(input, config);
		break;
	}
	return input->job || input->tsin ? input : input_free(input);
}

struct input *input_free(struct input *input)
{
	if (!input)
		return NULL;
	input->tsin = tsin_free(input->tsin);
	input->job = job_free(input->job);
	free(input);
	return NULL;
}

void input_stop(struct input *input)
{
	if (input->job) {
		job_stop(input->job, 0);
	} else if (!input->stopped) {
		input->stopped = true;
		tsin_info(input->tsin, &input->last);
		input->tsin = tsin_free(input->tsin);
	}
}

bool input_is_stopped(const struct input *input)
{
	return input->job ? job_is_stopped(input->job) : input->stopped;
}

static void own_info(const struct input *input, struct tsin_info *info)
{
	*info = input->last;
	if (input->tsin)
		tsin_info(input->tsin, info);
}

void input_tick(struct input *input)
{
	usec_t now = loop_now(input->loop), span = usec_since(input->last_tick, now);
	uint64_t bytes = feeds_bytes(input->stream);

	if (input->job)
		job_tick(input->job);
	if (bytes != input->last_bytes)
		input->last_change = now;
	if (span < USEC_PER_SEC / 2)
		return;
	input->rate_bps = (bytes - input->last_bytes) * 8 * USEC_PER_SEC / span;
	input->last_bytes = bytes;
	input->last_tick = now;
}

bool input_is_live(const struct input *input)
{
	return input->last_change &&
	       usec_since(input->last_change, loop_now(input->loop)) < LIVE_SPAN;
}

void input_stats(const struct input *input, struct stats *stats)
{
	struct stats_job *job = job_stats_place(stats);
	struct tsin_info info;

	if (!job)
		return;
	if (input->job) {
		job_stats(input->job, job);
	} else {
		own_info(input, &info);
		job->kind = STATS_JOB_INPUT;
		job->bytes = info.bytes;
		job->ts_errors = info.garbage_bytes;
		(void)snprintf(job->where, sizeof(job->where), "%.255s", input->url.safe);
		(void)snprintf(job->state, sizeof(job->state), "%s",
			       info.state ? info.state : "stopped");
		memcpy(job->reason, info.reason, sizeof(job->reason));
	}
	job->rate_bps = input->rate_bps;
	(void)snprintf(job->name, sizeof(job->name), "input");
}
