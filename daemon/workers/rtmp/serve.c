#include "workers/rtmp/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/log.h"
#include "sys/supervisor.h"
#include "uplinkd/worker.h"
#include "workers/rtmp/connection.h"
#include "workers/rtmp/monotonic.h"
#include "workers/rtmp/remux.h"
#include "workers/rtmp/server.h"
#include "workers/rtmp/sink.h"

/*
 * Strangers: any connection that has not begun to publish after 3 s is closed, at most PEERS_MAX
 * are open at a time, and all that strangers can cause is one log line a second.
 *
 * One publisher at a time; a second one is refused while the first sends. An encoder whose network
 * broke comes back on a new connection while the old one still looks alive here; so a publisher
 * that has been silent for PUBLISHER_SILENT gives way to another one with the right key.
 */
#define PEERS_MAX	 16
#define UNKNOWN_TIME	 3.0 /* seconds until a connection must publish */
#define PUBLISHER_SILENT (3 * USEC_PER_SEC)
#define PING_TIME	 (10 * USEC_PER_SEC) /* of silence, then a ping every tick of it */
#define DEAD_TIME	 (60 * USEC_PER_SEC) /* of silence, then the publisher is let go */
#define LISTEN_BACKLOG	 16

struct serve;

struct peer {
	struct serve *serve;
	struct connection *connection; /* NULL: the slot is free */
	struct server server;
	ev_timer deadline;
	char address[64];
	usec_t heard; /* last bytes */
	usec_t pinged;
	bool greeted;	/* it spoke RTMP */
	bool published; /* it was the publisher */
};

struct serve {
	struct ev_loop *loop;
	const struct serve_config *config;
	struct supervisor *supervisor;
	int fd;
	unsigned port;
	ev_io io;
	ev_io stop;
	ev_timer tick;
	struct peer peers[PEERS_MAX];
	struct peer *publisher;
	bool streaming; /* something of this publisher went out */
	struct remux remux;
	struct sink sink;
	struct log_limit limit; /* lines that strangers cause */
	uint32_t foreign_video; /* told */
	uint32_t foreign_audio;
	uint64_t accepted;
	uint64_t refused;
	int exit_status;
};

static void serve_complain(struct serve *s, const struct peer *p, const char *what)
{
	unsigned kept;
	char more[48] = "";

	s->refused++;
	if (!log_limit_pass(&s->limit, monotonic_now(), &kept))
		return;
	if (kept)
		(void)snprintf(more, sizeof(more), " (and %u more like this)", kept);
	log_warning("%s: %s; closed%s", p->address, what, more);
}

static void state_listening(struct serve *s, const char *why)
{
	supervisor_state(s->supervisor, "listening", NULL,
			 "%swaiting for an encoder on port %u, app %s", why, s->port,
			 s->config->app);
}

/* The connection is over; @why ends with "; " or is "". */
static void peer_close(struct peer *p, const char *why)
{
	struct serve *s = p->serve;

	ev_timer_stop(s->loop, &p->deadline);
	p->connection = connection_free(p->connection);
	server_deinit(&p->server);
	if (s->publisher != p)
		return;
	s->publisher = NULL;
	state_listening(s, why);
}

/* As peer_close() for a publisher, as a complaint for others. */
static void peer_end(struct peer *p, const char *reason)
{
	char why[384] = "";

	if (p->serve->publisher == p)
		(void)snprintf(why, sizeof(why), "%s: %s; ", p->address, reason);
	else if (p->server.state != SERVER_STATE_REFUSED && !p->published)
		serve_complain(p->serve, p, reason);
	peer_close(p, why);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct peer *p = timer->data;

	(void)loop;
	(void)events;
	peer_end(p, p->server.state == SERVER_STATE_REFUSED ? "refused"
		    : p->greeted ? "connected, but did not publish within 3 s"
				 : "said nothing of RTMP within 3 s");
}

/* "live?x=1" and "live/" are live. */
static size_t app_len(const char *app)
{
	size_t len = strcspn(app, "?");

	while (len && app[len - 1] == '/')
		len--;
	return len;
}

/* The app itself, or a path below it: clients cut "app/part/key" in different places. */
static bool app_matches(const struct serve *s, const char *app)
{
	size_t want = strlen(s->config->app), len = app_len(app);

	return len >= want && !strncmp(app, s->config->app, want) &&
	       (len == want || app[want] == '/');
}

static bool key_matches(const struct serve *s, const struct server *server)
{
	char path[2 * SESSION_TEXT_MAX + 2];
	size_t want = strlen(s->config->app) + 1, len;

	if (!s->config->key)
		return true;
	/* What is behind the app, wherever the client cut it. */
	(void)snprintf(path, sizeof(path), "%.*s/%s", (int)app_len(server->app), server->app,
		       server->name);
	len = strlen(path);
	return len > want && len - want == strlen(s->config->key) &&
	       !CRYPTO_memcmp(path + want, s->config->key, len - want);
}

static void peer_refuse(struct peer *p, const char *to_peer, const char *to_log)
{
	serve_complain(p->serve, p, to_log);
	(void)server_refuse(&p->server, to_peer);
	/* The answer goes out, then the connection ends; not at the peer's leisure. */
	connection_finish(p->connection);
}

static void on_connect(struct peer *p)
{
	char text[SESSION_TEXT_MAX + 160];

	p->greeted = true;
	if (app_matches(p->serve, p->server.app)) {
		(void)server_accept(&p->server);
		return;
	}
	(void)snprintf(
		text, sizeof(text),
		"wanted the app \"%.64s\"; only \"%.64s\" is served, correct the server URL in "
		"the encoder",
		p->server.app, p->serve->config->app);
	peer_refuse(p, "There is no such app here.", text);
}

static void on_publish(struct peer *p)
{
	struct serve *s = p->serve;
	usec_t now = monotonic_now();

	if (!key_matches(s, &p->server)) {
		peer_refuse(p, "The stream key is wrong.",
			    "gave a wrong stream key; correct it in the encoder");
		return;
	}
	if (s->publisher && usec_since(s->publisher->heard, now) < PUBLISHER_SILENT) {
		char text[128];

		(void)snprintf(text, sizeof(text), "wants to publish while %s does; refused",
			       s->publisher->address);
		peer_refuse(p, "Another encoder is publishing.", text);
		return;
	}
	if (s->publisher) {
		struct peer *old = s->publisher;

		s->publisher = NULL; /* no state line between the two */
		log_info("%s: silent, gives way to %s", old->address, p->address);
		peer_close(old, "");
	}
	ev_timer_stop(s->loop, &p->deadline);
	s->publisher = p;
	s->streaming = false;
	p->published = true;
	s->accepted++;
	s->foreign_video = s->foreign_audio = 0;
	remux_begin(&s->remux);
	(void)server_accept(&p->server);
	supervisor_state(s->supervisor, "connected", p->address, "%s publishes (%s)", p->address,
			 p->server.agent[0] ? p->server.agent : "unnamed encoder");
}

static void tell_foreign(struct serve *s, bool video, uint32_t codec, uint32_t *told)
{
	char name[32];

	if (!codec || codec == *told)
		return;
	*told = codec;
	flv_codec_text(video, codec == UINT32_MAX ? 0 : codec, name, sizeof(name));
	log_warning("%s: sends %s %s, which is not supported; set the encoder to %s",
		    s->publisher->address, video ? "video as" : "audio as", name,
		    video ? "H.264 or H.265" : "AAC");
}

static void on_media(struct serve *s, const struct chunk_message *m, bool video)
{
	uint64_t before = s->sink.written;

	remux_message(&s->remux, video, m->timestamp, m->data, m->len, sink_is_full(&s->sink),
		      monotonic_now());
	tell_foreign(s, video, video ? s->remux.flv.foreign_video : s->remux.flv.foreign_audio,
		     video ? &s->foreign_video : &s->foreign_audio);
	if (s->sink.written != before && !s->streaming) {
		s->streaming = true;
		supervisor_state(s->supervisor, "streaming", s->publisher->address,
				 "receiving from %s", s->publisher->address);
	}
}

static void peer_event(struct peer *p, const struct server_event *e)
{
	struct serve *s = p->serve;

	switch (e->type) {
	case SERVER_EVENT_CONNECT:
		on_connect(p);
		break;
	case SERVER_EVENT_PUBLISH:
		on_publish(p);
		break;
	case SERVER_EVENT_METADATA:
		if (s->publisher == p)
			remux_metadata(&s->remux, e->message.data, e->message.len);
		break;
	case SERVER_EVENT_AUDIO:
	case SERVER_EVENT_VIDEO:
		if (s->publisher == p)
			on_media(s, &e->message, e->type == SERVER_EVENT_VIDEO);
		break;
	case SERVER_EVENT_UNPUBLISH:
		if (s->publisher == p) {
			char why[128];

			s->publisher = NULL;
			(void)snprintf(why, sizeof(why), "%s: ended its stream; ", p->address);
			state_listening(s, why);
			ev_timer_set(&p->deadline, UNKNOWN_TIME, 0);
			ev_timer_start(s->loop, &p->deadline);
		}
		break;
	case SERVER_EVENT_PLAY:
		serve_complain(s, p, "wants to play; this is an ingest, there is nothing to watch");
		connection_finish(p->connection);
		break;
	}
}

static int on_input(void *owner, const void *data, size_t len)
{
	struct peer *p = owner;
	struct server_event event;
	int r;

	p->heard = monotonic_now();
	r = server_input(&p->server, data, len);
	while (!r && (r = server_next(&p->server, &event)) > 0) {
		peer_event(p, &event);
		r = 0;
	}
	if (r < 0) {
		peer_end(p,
			 p->server.session.error ? p->server.session.error : "broke the protocol");
		return 1;
	}
	connection_flush(p->connection);
	return 0;
}

static void on_close(void *owner, const char *reason)
{
	struct peer *p = owner;

	/* Coming and going without a word is what health checks do. */
	if (p->serve->publisher != p && !p->greeted && !p->server.session.received) {
		p->serve->refused++;
		peer_close(p, "");
		return;
	}
	peer_end(p, reason);
}

static const struct connection_events peer_events = { .on_input = on_input, .on_close = on_close };

static void address_text(const struct sockaddr_storage *address, char *buf, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?", port[8] = "?";

	(void)getnameinfo((const struct sockaddr *)address, sizeof(*address), host, sizeof(host),
			  port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	(void)snprintf(buf, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static struct peer *peer_slot(struct serve *s)
{
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (!s->peers[i].connection)
			return &s->peers[i];
	return NULL;
}

static void peer_accept(struct serve *s, int fd, const struct sockaddr_storage *address)
{
	struct peer *p = peer_slot(s), stranger = { 0 };

	if (!p) {
		address_text(address, stranger.address, sizeof(stranger.address));
		serve_complain(s, &stranger, "one connection too many");
		(void)close(fd);
		return;
	}
	memset(p, 0, sizeof(*p));
	p->serve = s;
	p->heard = monotonic_now();
	address_text(address, p->address, sizeof(p->address));
	server_init(&p->server);
	ev_timer_init(&p->deadline, on_deadline, UNKNOWN_TIME, 0);
	p->deadline.data = p;
	p->connection = connection_accepted(s->loop, fd, &p->server.session.out, &peer_events, p);
	if (!p->connection) {
		server_deinit(&p->server);
		(void)close(fd);
		return;
	}
	ev_timer_start(s->loop, &p->deadline);
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
	struct serve *s = io->data;

	(void)loop;
	(void)events;
	for (unsigned i = 0; i < LISTEN_BACKLOG; i++) {
		struct sockaddr_storage address = { 0 };
		socklen_t len = sizeof(address);
		int fd = accept4(s->fd, (struct sockaddr *)&address, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		peer_accept(s, fd, &address);
	}
}

/* A publisher that says nothing is asked, and let go when it does not answer. */
static void check_publisher(struct serve *s)
{
	struct peer *p = s->publisher;
	usec_t now = monotonic_now(), silent;

	if (!p)
		return;
	silent = usec_since(p->heard, now);
	if (silent >= DEAD_TIME) {
		peer_end(p, "silent for 60 s, also to pings");
	} else if (silent >= PING_TIME && usec_since(p->pinged, now) >= PING_TIME) {
		p->pinged = now;
		(void)session_send_ping(&p->server.session, (uint32_t)(now / USEC_PER_MS));
		connection_flush(p->connection);
	}
}

static void serve_report(struct serve *s)
{
	unsigned connections = 0;
	json_t *line = json_pack("{s:s,s:s}", "event", "stats", "publisher",
				 s->publisher ? s->publisher->address : "");

	for (unsigned i = 0; i < PEERS_MAX; i++)
		connections += s->peers[i].connection != NULL;
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "bytes", s->sink.written },
		{ "video_frames", s->remux.video_frames },
		{ "audio_frames", s->remux.audio_frames },
		{ "dropped", s->remux.dropped },
		{ "garbage", s->remux.flv.garbage },
		{ "jumps", s->remux.flv.timeline.jumps },
		{ "connections", connections },
		{ "accepted", s->accepted },
		{ "refused", s->refused },
	};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)json_object_set_new(line, numbers[i].name,
					  json_integer((json_int_t)numbers[i].value));
	supervisor_send(s->supervisor, line);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct serve *s = timer->data;

	(void)loop;
	(void)events;
	check_publisher(s);
	serve_report(s);
}

static void on_packets(const uint8_t *data, size_t len, void *owner)
{
	struct serve *s = owner;

	sink_write(&s->sink, data, len);
}

static void on_broken(int error, void *owner)
{
	struct serve *s = owner;

	if (error != EPIPE) {
		log_err("cannot write the MPEG-TS: %s", strerror(error));
		s->exit_status = WORKER_EXIT_IO;
	}
	ev_break(s->loop, EVBREAK_ALL);
}

static void on_stop(struct ev_loop *loop, ev_io *io, int events)
{
	(void)io;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* 0, or an enum worker_exit with the reason logged. */
static int serve_listen(struct serve *s)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
	const char *host = s->config->host;
	struct addrinfo *address;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} bound = { .v6 = { 0 } };
	socklen_t len = sizeof(bound);
	int yes = 1, r;

	r = getaddrinfo(*host ? host : NULL, s->config->port, &hints, &address);
	if (r) {
		log_err("--listen %s:%s: %s", host, s->config->port, gai_strerror(r));
		return WORKER_EXIT_CONFIG;
	}
	s->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd >= 0)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (s->fd < 0 || bind(s->fd, address->ai_addr, address->ai_addrlen) ||
	    listen(s->fd, LISTEN_BACKLOG) || getsockname(s->fd, &bound.any, &len)) {
		log_err("cannot listen on %s:%s: %s", host, s->config->port, strerror(errno));
		freeaddrinfo(address);
		return WORKER_EXIT_CANTCREAT;
	}
	freeaddrinfo(address);
	s->port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
	ev_io_init(&s->io, on_accept, s->fd, EV_READ);
	s->io.data = s;
	ev_io_start(s->loop, &s->io);
	return 0;
}

static void serve_deinit(struct serve *s)
{
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		if (s->peers[i].connection) {
			s->publisher = NULL;
			peer_close(&s->peers[i], "");
		}
	}
	if (s->fd >= 0) {
		ev_io_stop(s->loop, &s->io);
		(void)close(s->fd);
	}
	ev_timer_stop(s->loop, &s->tick);
	ev_io_stop(s->loop, &s->stop);
	sink_deinit(&s->sink);
	remux_deinit(&s->remux);
	s->supervisor = supervisor_free(s->supervisor);
}

int serve_run(struct ev_loop *loop, const struct serve_config *config)
{
	struct serve *s = calloc(1, sizeof(*s));
	int status = WORKER_EXIT_SOFTWARE;

	if (!s)
		return status;
	s->loop = loop;
	s->config = config;
	s->fd = -1;
	s->limit.interval = USEC_PER_SEC;
	sink_init(&s->sink, loop, STDOUT_FILENO, on_broken, s);
	ev_timer_init(&s->tick, on_tick, 1., 1.);
	s->tick.data = s;
	s->supervisor = supervisor_new(NULL, NULL);
	if (!s->supervisor || remux_init(&s->remux, on_packets, s))
		log_err("out of memory");
	else
		status = serve_listen(s);
	if (!status) {
		ev_io_init(&s->stop, on_stop, supervisor_stop_fd(s->supervisor), EV_READ);
		ev_io_start(loop, &s->stop);
		ev_timer_start(loop, &s->tick);
		supervisor_ready(s->supervisor, s->port);
		state_listening(s, "");
		(void)ev_run(loop, 0);
		status = s->exit_status;
	}
	serve_deinit(s);
	free(s);
	return status;
}
