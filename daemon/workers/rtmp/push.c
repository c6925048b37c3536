#include "workers/rtmp/push.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/log.h"
#include "sys/supervisor.h"
#include "uplinkd/worker.h"
#include "workers/rtmp/client.h"
#include "workers/rtmp/connection.h"
#include "workers/rtmp/flvmux.h"
#include "workers/rtmp/monotonic.h"
#include "workers/rtmp/picture.h"
#include "workers/rtmp/resolve.h"
#include "workers/rtmp/tls.h"
#include "workers/rtmp/tsdemux.h"

/*
 * One session after another with the same server and key. A session is: addresses of the host,
 * one connection attempt per address, TLS, RTMP up to "publishing", then tags out of the queue as
 * fast as the connection takes them. Whatever goes wrong ends the session by push_fail(), and the
 * next one begins after 1, 2, 4, 5, 5 ... seconds.
 *
 * The goodbye (FCUnpublish, deleteStream) tells some platforms to end the whole broadcast. So it
 * is said only when somebody asked for the stop or the input was ended on purpose; not when
 * uplinkd died, as its successor goes on with the same broadcast.
 */
#define SESSION_TIME 15.0 /* seconds from the first SYN until the server lets us publish */
#define STALL_TIME   (30 * USEC_PER_SEC) /* a server that takes nothing for so long is dead */
#define STOP_TIME    3.0		 /* seconds for the rest of the queue and the goodbye */
#define GOOD_TIME    (10 * USEC_PER_SEC) /* a session so long begins the back-off anew */
#define QUIET_TIME   (5 * USEC_PER_SEC)	 /* input without a usable unit, until that is said */

static const double delays[] = { 1, 2, 4, 5 };

enum push_state {
	PUSH_STATE_WAIT, /* for the next attempt */
	PUSH_STATE_RESOLVE,
	PUSH_STATE_CONNECT, /* TCP, TLS, RTMP up to publish */
	PUSH_STATE_LIVE,
	PUSH_STATE_GOODBYE,
};

struct push {
	struct ev_loop *loop;
	const struct push_config *config;
	const struct url *url;
	struct supervisor *supervisor;
	SSL_CTX *tls;
	enum push_state state;
	struct tsdemux *input;
	struct outbox queue;
	struct flvmux mux;

	struct resolve *resolve;
	struct addrinfo *addresses;
	struct addrinfo *address; /* the one in use */
	struct client client;	  /* initialised while there is a connection */
	struct connection *connection;
	unsigned failures; /* in a row */
	usec_t live_since;
	ev_timer retry;
	ev_timer deadline; /* of the session's beginning, and of the stop */
	ev_timer turn;	   /* of the queue */
	ev_timer tick;
	ev_io stop;

	/* This session. */
	bool described; /* metadata was sent */
	int64_t base;	/* dts of the first tag */
	uint8_t sent_config[OUTBOX_STREAMS][FLVMUX_CONFIG_MAX];
	size_t sent_config_len[OUTBOX_STREAMS];

	bool stopping;
	bool told_quiet;
	usec_t unit_at;	     /* last usable unit of the input, or the start */
	uint64_t unit_bytes; /* input bytes then */
	uint64_t sent_bytes;
	uint64_t sent_frames[OUTBOX_STREAMS];
	uint64_t told_episodes; /* of dropping */
	uint64_t reconnects;
};

static void push_teardown(struct push *p)
{
	p->resolve = resolve_cancel(p->resolve);
	if (p->connection) {
		p->connection = connection_free(p->connection);
		client_deinit(&p->client);
	}
	ev_timer_stop(p->loop, &p->deadline);
	ev_timer_stop(p->loop, &p->turn);
	flvmux_end(&p->mux);
}

static void forget_addresses(struct push *p)
{
	if (p->addresses)
		freeaddrinfo(p->addresses);
	p->addresses = p->address = NULL;
}

/* The session is over, or did not come about; the next one follows. */
static void push_fail(struct push *p, const char *reason)
{
	const unsigned last = sizeof(delays) / sizeof(delays[0]) - 1;
	char text[512];

	if (p->state == PUSH_STATE_LIVE && usec_since(p->live_since, monotonic_now()) >= GOOD_TIME)
		p->failures = 0;
	p->reconnects += p->state == PUSH_STATE_LIVE;
	push_teardown(p);
	forget_addresses(p);
	p->state = PUSH_STATE_WAIT;
	if (p->stopping) {
		ev_break(p->loop, EVBREAK_ALL);
		return;
	}
	if (p->failures > last)
		p->failures = last;
	(void)snprintf(text, sizeof(text), "%s: %s", p->url->shown, reason);
	supervisor_alarm(p->supervisor, "output", "%s", text);
	supervisor_state(p->supervisor, "reconnecting", p->url->shown, "%s; trying again %s %.0f s",
			 text, p->failures == last ? "every" : "in", delays[p->failures]);
	ev_timer_set(&p->retry, delays[p->failures], 0);
	ev_timer_start(p->loop, &p->retry);
	p->failures++;
}

static void push_describe(struct push *p)
{
	struct flv_metadata m = { 0 };
	struct picture_info picture;
	uint8_t bytes[1024];
	struct writer w = writer_of(bytes, sizeof(bytes));

	if (p->mux.video_config_len && picture_info_read(&p->mux.params, &picture)) {
		m.video = p->mux.params.codec;
		m.width = picture.width;
		m.height = picture.height;
		m.frame_rate = picture.frame_rate;
	}
	if (p->mux.audio_config_len) {
		m.audio = MEDIA_CODEC_AAC;
		m.sample_rate = adts_rate(p->mux.audio.rate_index);
		m.channels = p->mux.audio.channels == 7 ? 8 : p->mux.audio.channels;
	}
	flv_write_metadata(&m, "uplinkd " UPLINKD_VERSION, &w);
	(void)client_send(&p->client, CHUNK_TYPE_DATA, 0, bytes, writer_len(&w));
}

/* 0, or -ENOBUFS. */
static int push_item(struct push *p, const struct outbox_item *item)
{
	enum chunk_type type =
		item->stream == OUTBOX_STREAM_VIDEO ? CHUNK_TYPE_VIDEO : CHUNK_TYPE_AUDIO;
	uint8_t *sent = p->sent_config[item->stream];
	size_t *sent_len = &p->sent_config_len[item->stream];
	uint32_t timestamp;
	int r;

	if (!p->described) {
		p->described = true;
		p->base = item->dts;
		push_describe(p);
		supervisor_state(p->supervisor, "streaming", p->url->shown, "sending to %s",
				 p->url->shown);
	}
	if (item->dts < p->base)
		return 0;
	timestamp = (uint32_t)((item->dts - p->base) / (MEDIA_CLOCK / 1000));
	if (item->config_len &&
	    (item->config_len != *sent_len || memcmp(item->bytes, sent, *sent_len) != 0)) {
		r = client_send(&p->client, type, timestamp, item->bytes, item->config_len);
		if (r < 0)
			return r;
		memcpy(sent, item->bytes, item->config_len);
		*sent_len = item->config_len;
	}
	r = client_send(&p->client, type, timestamp, item->bytes + item->config_len, item->len);
	if (r < 0)
		return r;
	p->sent_bytes += item->config_len + item->len;
	p->sent_frames[item->stream]++;
	return 0;
}

static void push_goodbye(struct push *p)
{
	p->state = PUSH_STATE_GOODBYE;
	(void)client_goodbye(&p->client);
	connection_finish(p->connection);
}

/* Gives the connection what it takes and what has its turn. */
static void push_turn(struct push *p)
{
	usec_t now = p->stopping ? USEC_NEVER - 1 : monotonic_now(), at;
	struct outbox_item *item;

	if (p->state != PUSH_STATE_LIVE)
		return;
	while (buffer_len(&p->client.session.out) <= CONNECTION_LOW &&
	       (item = outbox_pop(&p->queue, now))) {
		int r = push_item(p, item);

		outbox_item_free(item);
		if (r < 0) {
			push_fail(p, "a picture is too large to be sent");
			return;
		}
		connection_flush(p->connection);
	}
	ev_timer_stop(p->loop, &p->turn);
	at = outbox_wakeup_at(&p->queue);
	if (at == USEC_NEVER && p->stopping) {
		push_goodbye(p);
	} else if (at != USEC_NEVER && at > now) {
		ev_timer_set(&p->turn, (double)(at - now) / USEC_PER_SEC, 0);
		ev_timer_start(p->loop, &p->turn);
	}
}

static void on_turn(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	push_turn(timer->data);
}

static void push_live(struct push *p)
{
	ev_timer_stop(p->loop, &p->deadline);
	forget_addresses(p);
	p->state = PUSH_STATE_LIVE;
	p->live_since = monotonic_now();
	p->described = false;
	memset(p->sent_config_len, 0, sizeof(p->sent_config_len));
	flvmux_begin(&p->mux);
	supervisor_alarm_clear(p->supervisor, "output", "the server accepts the stream");
	supervisor_state(p->supervisor, "connected", p->url->shown,
			 "%s accepts the stream; it begins with the next key picture",
			 p->url->shown);
	if (p->stopping)
		push_goodbye(p);
}

static int on_input(void *owner, const void *data, size_t len)
{
	struct push *p = owner;
	char text[SESSION_TEXT_MAX + 64];
	enum client_event event;
	int r = client_input(&p->client, data, len);

	while (!r && (r = client_next(&p->client, &event)) > 0) {
		if (event != CLIENT_EVENT_LIVE) {
			(void)snprintf(text, sizeof(text), "the server %s: %s",
				       event == CLIENT_EVENT_REFUSED ? "refused the stream"
								     : "ended the stream",
				       p->client.text);
			push_fail(p, text);
			return 1;
		}
		push_live(p);
		r = 0;
	}
	if (r < 0) {
		(void)snprintf(text, sizeof(text), "the server %s",
			       p->client.session.error ? p->client.session.error
						       : "broke the protocol");
		push_fail(p, text);
		return 1;
	}
	connection_flush(p->connection);
	return 0;
}

/* TCP and TLS are there: the RTMP handshake begins. */
static void on_open(void *owner)
{
	struct push *p = owner;
	enum client_event event;

	(void)client_next(&p->client, &event);
	connection_flush(p->connection);
}

static void on_output(void *owner)
{
	push_turn(owner);
}

static void on_close(void *owner, const char *reason)
{
	struct push *p = owner;

	/* Another address of the host may do better where this one could not even be reached. */
	if (p->state == PUSH_STATE_CONNECT && p->address->ai_next &&
	    !connection_was_open(p->connection)) {
		p->address = p->address->ai_next;
		push_teardown(p);
		p->state = PUSH_STATE_WAIT;
		ev_timer_set(&p->retry, 0., 0.);
		ev_timer_start(p->loop, &p->retry);
		return;
	}
	push_fail(p, reason);
}

static const struct connection_events connection_events = {
	.on_open = on_open,
	.on_input = on_input,
	.on_output = on_output,
	.on_close = on_close,
};

static void push_connect(struct push *p)
{
	struct client_config config = { .app = p->url->app,
					.tc_url = p->url->tc_url,
					.name = p->url->key };

	(void)client_init(&p->client, &config); /* url_parse() has checked the lengths */
	p->connection = connection_connect(p->loop, p->address->ai_addr, p->address->ai_addrlen,
					   p->url->tls ? p->tls : NULL, p->url->host,
					   &p->client.session.out, &connection_events, p);
	if (!p->connection) {
		client_deinit(&p->client);
		push_fail(p, strerror(errno));
		return;
	}
	p->state = PUSH_STATE_CONNECT;
	ev_timer_set(&p->deadline, SESSION_TIME, 0);
	ev_timer_start(p->loop, &p->deadline);
}

static void on_resolved(struct addrinfo *addresses, const char *error, void *owner)
{
	struct push *p = owner;
	char text[384];

	p->resolve = NULL;
	if (!addresses) {
		(void)snprintf(text, sizeof(text), "cannot find the address of %s: %s",
			       p->url->host, error);
		push_fail(p, text);
		return;
	}
	p->addresses = p->address = addresses;
	push_connect(p);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct push *p = timer->data;

	(void)events;
	if (p->address) {
		push_connect(p);
		return;
	}
	p->state = PUSH_STATE_RESOLVE;
	if (!p->failures)
		supervisor_state(p->supervisor, "connecting", p->url->shown, "connecting to %s",
				 p->url->shown);
	p->resolve = resolve_start(loop, p->url->host, p->url->port, on_resolved, p);
	if (!p->resolve)
		push_fail(p, "no thread for the name resolution");
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	static const char *const waiting[] = {
		[CLIENT_STATE_HANDSHAKE] = "no connection or RTMP handshake within 15 s",
		[CLIENT_STATE_CONNECT] = "no answer to connect within 15 s",
		[CLIENT_STATE_CREATE] = "no answer to createStream within 15 s",
		[CLIENT_STATE_PUBLISH] = "no answer to publish within 15 s",
	};
	struct push *p = timer->data;

	(void)events;
	if (p->stopping)
		ev_break(loop, EVBREAK_ALL);
	else if (p->client.state < CLIENT_STATE_LIVE)
		push_fail(p, waiting[p->client.state]);
}

/* With a goodbye if there is somebody to say it to. */
static void push_stop(struct push *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	if (p->state != PUSH_STATE_LIVE) {
		ev_break(p->loop, EVBREAK_ALL);
		return;
	}
	ev_timer_set(&p->deadline, STOP_TIME, 0);
	ev_timer_start(p->loop, &p->deadline);
	push_turn(p);
}

/* Uplinkd has closed its end of the control socket. */
static bool is_orphan(void)
{
	const char *text = getenv(UPLINKD_WORKER_CONTROL_ENV);
	char byte;

	return text && atoi(text) == UPLINKD_WORKER_CONTROL_FD &&
	       recv(UPLINKD_WORKER_CONTROL_FD, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void on_stop(struct ev_loop *loop, ev_io *io, int events)
{
	(void)events;
	ev_io_stop(loop, io);
	if (is_orphan())
		ev_break(loop, EVBREAK_ALL);
	else
		push_stop(io->data);
}

static void on_unit(const struct media_unit *unit, void *owner)
{
	struct push *p = owner;
	struct tsdemux_stats input;

	p->unit_at = monotonic_now();
	tsdemux_stats(p->input, &input);
	p->unit_bytes = input.bytes;
	p->told_quiet = false;
	if (flvmux_unit(&p->mux, unit, p->unit_at) < 0)
		log_err("out of memory; a picture is lost");
	push_turn(p);
}

static void on_foreign(bool video, const char *codec, void *owner)
{
	(void)owner;
	log_warning("input: the %s is %s and cannot be sent by RTMP (%s)",
		    video ? "video" : "audio", codec, video ? "H.264 or H.265 can" : "AAC can");
}

static void on_end(void *owner)
{
	struct push *p = owner;

	if (is_orphan())
		ev_break(p->loop, EVBREAK_ALL);
	else
		push_stop(p);
}

static const struct tsdemux_events tsdemux_events = {
	.on_unit = on_unit,
	.on_foreign = on_foreign,
	.on_end = on_end,
};

/* Bytes come in, but nothing that can be used. */
static void check_input(struct push *p, const struct tsdemux_stats *input, usec_t now)
{
	if (p->told_quiet || input->bytes == p->unit_bytes ||
	    usec_since(p->unit_at, now) < QUIET_TIME)
		return;
	p->told_quiet = true;
	log_warning("input: %s; still waiting",
		    input->tables ? "no H.264, H.265 or AAC in the MPEG-TS for 5 s"
				  : "5 s of data without MPEG-TS tables (PAT and PMT)");
}

static void check_drops(struct push *p)
{
	if (p->queue.dropped_episodes == p->told_episodes)
		return;
	if (!p->told_episodes || p->queue.dropped_episodes >= 2 * p->told_episodes) {
		p->told_episodes = p->queue.dropped_episodes;
		log_warning("%s takes less than comes in; %llu pictures were dropped so far",
			    p->url->shown, (unsigned long long)p->queue.dropped_video);
	}
}

static void push_report(struct push *p, const struct tsdemux_stats *input)
{
	bool connected = p->connection;
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "bytes", p->sent_bytes },
		{ "video_frames", p->sent_frames[OUTBOX_STREAM_VIDEO] },
		{ "audio_frames", p->sent_frames[OUTBOX_STREAM_AUDIO] },
		{ "dropped_video", p->queue.dropped_video },
		{ "dropped_audio", p->queue.dropped_audio },
		{ "queue_ms", outbox_span_ms(&p->queue) },
		{ "queue_bytes", p->queue.bytes },
		{ "unacked", connected ? connection_unacked(p->connection) : 0 },
		{ "rtt_us", connected ? connection_rtt(p->connection) : 0 },
		{ "pings", connected ? p->client.session.pings : 0 },
		{ "reconnects", p->reconnects },
		{ "input_bytes", input->bytes },
		{ "input_changes", input->changes },
		{ "garbage", p->mux.garbage + input->unstamped },
	};
	json_t *line = json_pack("{s:s}", "event", "stats");

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)json_object_set_new(line, numbers[i].name,
					  json_integer((json_int_t)numbers[i].value));
	supervisor_send(p->supervisor, line);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct push *p = timer->data;
	struct tsdemux_stats input;
	usec_t now = monotonic_now();

	(void)loop;
	(void)events;
	tsdemux_stats(p->input, &input);
	check_input(p, &input, now);
	check_drops(p);
	push_report(p, &input);
	if (p->state == PUSH_STATE_LIVE &&
	    usec_since(connection_progress_at(p->connection, now), now) >= STALL_TIME)
		push_fail(p, "the server has taken no data for 30 s");
}

static void push_init(struct push *p)
{
	outbox_init(&p->queue);
	flvmux_init(&p->mux, &p->queue);
	ev_timer_init(&p->retry, on_retry, 0., 0.);
	ev_timer_init(&p->deadline, on_deadline, SESSION_TIME, 0.);
	ev_timer_init(&p->turn, on_turn, 0., 0.);
	ev_timer_init(&p->tick, on_tick, 1., 1.);
	p->retry.data = p->deadline.data = p->turn.data = p->tick.data = p;
	p->unit_at = monotonic_now();
}

static void push_deinit(struct push *p)
{
	push_teardown(p);
	forget_addresses(p);
	ev_timer_stop(p->loop, &p->retry);
	ev_timer_stop(p->loop, &p->tick);
	ev_io_stop(p->loop, &p->stop);
	p->input = tsdemux_free(p->input);
	flvmux_deinit(&p->mux);
	SSL_CTX_free(p->tls);
	p->supervisor = supervisor_free(p->supervisor);
}

int push_run(struct ev_loop *loop, const struct push_config *config)
{
	struct push *p = calloc(1, sizeof(*p));
	int status = WORKER_EXIT_SOFTWARE;
	char error[384];

	if (!p)
		return status;
	p->loop = loop;
	p->config = config;
	p->url = config->url;
	push_init(p);
	if (p->url->tls) {
		p->tls = tls_context_new(config->ca_file, error, sizeof(error));
		if (!p->tls) {
			log_err("%s", error);
			status = WORKER_EXIT_CONFIG;
			goto out;
		}
	}
	p->supervisor = supervisor_new(NULL, NULL);
	p->input = tsdemux_new(loop, STDIN_FILENO, &tsdemux_events, p);
	if (!p->supervisor || !p->input) {
		log_err("out of memory");
		goto out;
	}
	ev_io_init(&p->stop, on_stop, supervisor_stop_fd(p->supervisor), EV_READ);
	p->stop.data = p;
	ev_io_start(loop, &p->stop);
	ev_timer_start(loop, &p->tick);
	ev_timer_start(loop, &p->retry);
	supervisor_ready(p->supervisor, 0);
	(void)ev_run(loop, 0);
	status = WORKER_EXIT_OK;
out:
	push_deinit(p);
	free(p);
	return status;
}
