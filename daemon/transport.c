#include "transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/log.h"

/*
 * Delay. A receiving SRT socket hands a packet on at the time stamp of its sender plus the latency
 * plus the delay that the handshake had on its way. That delay is known here (half of the round
 * trip of the best path), so the sender's worker asks for that much less, and the whole way takes
 * what the bond agreed upon. The receiver's worker asks for next to nothing, because the greater of
 * both holds.
 *
 * A session of the bond that ends takes the connection with it: the peer is another process or has
 * long given it up. So the worker is ended at once and a new one calls when there is a session
 * again.
 */
#define LATENCY_MIN (20 * USEC_PER_MS)
#define LIVE_BOUND  (8 * 1024 * 1024)
#define LIVE_AGE    (2 * USEC_PER_SEC) /* a worker that starts anew is given what it missed */

struct transport {
	struct loop *loop;
	struct journal *journal;
	struct feeds *stream;
	struct relay *relay;
	struct job *job;
	bool is_caller;
	uint64_t rate_max_bps;
};

static struct transport *transport_new(struct loop *loop, enum relay_side side,
				       struct feeds *stream, struct bond *bond, struct pump *pump,
				       struct journal *journal, uint64_t rate_max_bps)
{
	struct transport *transport = calloc(1, sizeof(*transport));

	if (!transport)
		return NULL;
	transport->loop = loop;
	transport->journal = journal;
	transport->stream = stream;
	transport->is_caller = side == RELAY_SIDE_CALLER;
	transport->rate_max_bps = rate_max_bps;
	transport->relay = relay_new(loop, side, bond, pump);
	return transport->relay ? transport : transport_free(transport);
}

/* The worker is gone; its peer would wait for it. */
static void on_end(struct job *job, void *owner)
{
	struct transport *transport = owner;

	(void)job;
	relay_hang_up(transport->relay);
	if (!transport->is_caller)
		relay_listener(transport->relay, 0);
}

static void on_line(struct job *job, const char *event, json_t *line, void *owner)
{
	struct transport *transport = owner;
	struct worker_info info;

	(void)line;
	if (transport->is_caller || strcmp(event, "ready") != 0)
		return;
	worker_info(job_worker(job), &info);
	relay_listener(transport->relay, (uint16_t)info.port);
}

struct transport *transport_caller_new(struct loop *loop, struct feeds *stream, struct bond *bond,
				       struct pump *pump, struct journal *journal,
				       uint64_t rate_max_bps)
{
	return transport_new(loop, RELAY_SIDE_CALLER, stream, bond, pump, journal, rate_max_bps);
}

struct transport *transport_listener_new(struct loop *loop, struct feeds *stream, struct bond *bond,
					 struct pump *pump, struct journal *journal, usec_t latency,
					 uint64_t rate_max_bps)
{
	struct transport *transport =
		transport_new(loop, RELAY_SIDE_LISTENER, stream, bond, pump, journal, rate_max_bps);
	struct job_config config = {
		.kind = STATS_JOB_TRANSPORT,
		.where = "SRT over the bond",
		.journal = journal,
		.output = stream,
		.on_line = on_line,
		.on_end = on_end,
		.owner = transport,
	};
	struct job_args args;

	if (!transport)
		return NULL;
	job_args_init(&args, "transport", "uplinkd-srt");
	job_args_add(&args, "receive");
	job_args_add(&args, "--listen");
	job_args_add(&args, "127.0.0.1:0");
	job_args_add(&args, "--inner");
	job_args_add(&args, "--latency");
	job_args_add(&args, "%llu", (unsigned long long)(latency / USEC_PER_MS));
	job_args_add(&args, "--rate-max");
	job_args_add(&args, "%llu", (unsigned long long)rate_max_bps);
	transport->job = job_new(loop, &config, &args);
	return transport->job ? transport : transport_free(transport);
}

struct transport *transport_free(struct transport *transport)
{
	if (!transport)
		return NULL;
	transport->job = job_free(transport->job);
	transport->relay = relay_free(transport->relay);
	free(transport);
	return NULL;
}

struct relay *transport_relay(struct transport *transport)
{
	return transport->relay;
}

void transport_abort(struct transport *transport)
{
	transport->job = job_free(transport->job);
}

void transport_start(struct transport *transport, usec_t latency, usec_t delay)
{
	struct job_config config = {
		.kind = STATS_JOB_TRANSPORT,
		.where = "SRT over the bond",
		.journal = transport->journal,
		.input = transport->stream,
		.rule = FANOUT_RULE_FRESH,
		.bound_bytes = LIVE_BOUND,
		.bound_age = LIVE_AGE,
		.on_end = on_end,
		.owner = transport,
	};
	usec_t inner = usec_max(usec_sub(latency, delay), LATENCY_MIN);
	struct job_args args;

	transport_abort(transport);
	job_args_init(&args, "transport", "uplinkd-srt");
	job_args_add(&args, "send");
	job_args_add(&args, "--to");
	job_args_add(&args, "127.0.0.1:%u", relay_port(transport->relay));
	job_args_add(&args, "--inner");
	job_args_add(&args, "--latency");
	job_args_add(&args, "%llu", (unsigned long long)((inner + USEC_PER_MS / 2) / USEC_PER_MS));
	job_args_add(&args, "--rate-max");
	job_args_add(&args, "%llu", (unsigned long long)transport->rate_max_bps);
	transport->job = job_new(transport->loop, &config, &args);
	if (!transport->job)
		log_err("transport: out of memory; the stream is not sent");
}

bool transport_is_running(const struct transport *transport)
{
	return transport->job != NULL;
}

void transport_stop(struct transport *transport, usec_t patience)
{
	if (transport->job)
		job_stop(transport->job, patience);
}

bool transport_is_stopped(const struct transport *transport)
{
	return !transport->job || job_is_stopped(transport->job);
}

void transport_tick(struct transport *transport)
{
	if (transport->job)
		job_tick(transport->job);
}

void transport_stats(const struct transport *transport, struct stats *stats)
{
	struct stats_job *job = job_stats_place(stats);

	if (!job)
		return;
	if (transport->job) {
		job_stats(transport->job, job);
		return;
	}
	job->kind = STATS_JOB_TRANSPORT;
	(void)snprintf(job->name, sizeof(job->name), "transport");
	(void)snprintf(job->state, sizeof(job->state), "waiting");
	(void)snprintf(job->reason, sizeof(job->reason), "for the receiver");
}
