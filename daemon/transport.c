#include "transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/tslane.h"
#include "sys/log.h"

/*
 * Feed srt. Delay. A receiving SRT socket hands a packet on at the time stamp of its sender plus
 * the latency plus the delay that the handshake had on its way. That delay is known here (half of
 * the round trip of the best path), so the sender's worker asks for that much less, and the whole
 * way takes what the bond agreed upon. The receiver's worker asks for next to nothing, because the
 * greater of both holds.
 *
 * A session of the bond that ends takes the connection with it: the peer is another process or has
 * long given it up. So the worker is ended at once and a new one calls when there is a session
 * again.
 *
 * Feed ts. There is no connection that could end: once begun, the sender's lane gives the bond all
 * that comes in, whether or not there is a session just then. The receiver's takes what comes out.
 */
#define LATENCY_MIN (20 * USEC_PER_MS)
#define LIVE_BOUND  (8 * 1024 * 1024)
#define LIVE_AGE    (2 * USEC_PER_SEC) /* a worker that starts anew is given what it missed */
#define SILENCE	    (2 * USEC_PER_SEC) /* a lane without packets for so long waits */

struct transport {
	struct loop *loop;
	struct journal *journal;
	struct feeds *stream;
	struct relay *relay;
	struct job *job;
	struct tslane *lane;
	enum bond_feed feed; /* of the present session, or the last one */
	bool has_peer;	     /* caller, feed ts: there is a session */
	bool is_caller;
	usec_t latency; /* of the listener */
	uint64_t rate_max_bps;
	uint64_t lane_bytes, lane_bps; /* as of the last tick */
	usec_t lane_tick;
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
	transport->lane_tick = loop_now(loop);
	transport->relay = relay_new(loop, side, bond, pump);
	transport->lane = tslane_new(loop, stream, bond, pump);
	return transport->relay && transport->lane ? transport : transport_free(transport);
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

	if (transport)
		transport->latency = latency;
	return transport;
}

static void listen_start(struct transport *transport)
{
	struct job_config config = {
		.kind = STATS_JOB_TRANSPORT,
		.where = "SRT over the bond",
		.journal = transport->journal,
		.output = transport->stream,
		.on_line = on_line,
		.on_end = on_end,
		.owner = transport,
	};
	struct job_args args;

	job_args_init(&args, "transport", "uplinkd-srt");
	job_args_add(&args, "receive");
	job_args_add(&args, "--listen");
	job_args_add(&args, "127.0.0.1:0");
	job_args_add(&args, "--inner");
	job_args_add(&args, "--latency");
	job_args_add(&args, "%llu", (unsigned long long)(transport->latency / USEC_PER_MS));
	job_args_add(&args, "--rate-max");
	job_args_add(&args, "%llu", (unsigned long long)transport->rate_max_bps);
	transport->job = job_new(transport->loop, &config, &args);
	if (!transport->job)
		log_err("transport: out of memory; the stream is not received");
}

void transport_expect(struct transport *transport, enum bond_feed feed)
{
	transport->feed = feed;
	/* One that listens already goes on: its last connection may still be played out. */
	if (feed == BOND_FEED_SRT && !transport->job)
		listen_start(transport);
}

struct transport *transport_free(struct transport *transport)
{
	if (!transport)
		return NULL;
	transport->job = job_free(transport->job);
	transport->lane = tslane_free(transport->lane);
	transport->relay = relay_free(transport->relay);
	free(transport);
	return NULL;
}

void transport_abort(struct transport *transport)
{
	transport->has_peer = false;
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
	tslane_close(transport->lane);
	transport->feed = BOND_FEED_SRT;
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

void transport_start_ts(struct transport *transport)
{
	transport_abort(transport);
	transport->feed = BOND_FEED_TS;
	transport->has_peer = true;
	if (tslane_is_open(transport->lane))
		return;
	journal_add(transport->journal, LOG_LEVEL_INFO, NULL,
		    "transport: streaming MPEG-TS over the bond");
	tslane_open(transport->lane);
}

void transport_stop(struct transport *transport, usec_t patience)
{
	tslane_close(transport->lane);
	if (transport->job)
		job_stop(transport->job, patience);
}

bool transport_is_stopped(const struct transport *transport)
{
	return !transport->job || job_is_stopped(transport->job);
}

void transport_tick(struct transport *transport)
{
	usec_t now = loop_now(transport->loop), span = usec_since(transport->lane_tick, now);
	struct tslane_stats lane;

	if (transport->job)
		job_tick(transport->job);
	tslane_stats(transport->lane, &lane);
	if (span < USEC_PER_SEC / 2)
		return;
	transport->lane_bps = (lane.bytes - transport->lane_bytes) * 8 * USEC_PER_SEC / span;
	transport->lane_bytes = lane.bytes;
	transport->lane_tick = now;
}

void transport_media(struct transport *transport, const struct bond_media *media)
{
	if (media->kind == BOND_MEDIA_DATA && media->feed == BOND_FEED_TS)
		tslane_media(transport->lane, media);
	else
		relay_media(transport->relay, media);
}

void transport_flush(struct transport *transport)
{
	relay_flush(transport->relay);
}

static void lane_stats(const struct transport *transport, struct stats_job *job)
{
	struct tslane_stats lane;
	bool is_silent;

	tslane_stats(transport->lane, &lane);
	is_silent = !lane.last || usec_since(lane.last, loop_now(transport->loop)) > SILENCE;
	job->bytes = lane.bytes;
	job->rate_bps = transport->lane_bps;
	job->dropped_bytes = lane.refused;
	job->ts_errors = lane.insane;
	(void)snprintf(job->where, sizeof(job->where), "MPEG-TS over the bond");
	(void)snprintf(job->state, sizeof(job->state), "%s",
		       transport->is_caller && !transport->has_peer ? "waiting"
		       : is_silent				    ? "connected"
								    : "streaming");
	if (transport->is_caller && !transport->has_peer)
		(void)snprintf(job->reason, sizeof(job->reason),
			       "for the receiver; the bond keeps what is within the latency");
	else if (is_silent)
		(void)snprintf(job->reason, sizeof(job->reason), "nothing comes in");
}

void transport_stats(const struct transport *transport, struct stats *stats)
{
	struct stats_job *job = job_stats_place(stats);

	if (!job)
		return;
	if (transport->job && transport->feed == BOND_FEED_SRT) {
		job_stats(transport->job, job);
		return;
	}
	job->kind = STATS_JOB_TRANSPORT;
	(void)snprintf(job->name, sizeof(job->name), "transport");
	if (transport->feed == BOND_FEED_TS) {
		lane_stats(transport, job);
		return;
	}
	(void)snprintf(job->state, sizeof(job->state), "waiting");
	(void)snprintf(job->reason, sizeof(job->reason), "for the %s",
		       transport->is_caller ? "receiver" : "sender");
}
