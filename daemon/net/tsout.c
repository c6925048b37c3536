#include "net/tsout.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/address.h"
#include "net/resolve.h"
#include "net/udp.h"
#include "sys/log.h"

/*
 * The pacing of the stream is the one with which it comes out of SRT; so a datagram is sent with
 * what came in together, up to seven packets, and never waits for more.
 *
 * The UDP socket is connected only so that the ICMP answer of a host where nothing listens is told
 * to us; sending goes on regardless.
 */
#define DATAGRAM_PACKETS 7
#define DATAGRAM_BYTES	 (DATAGRAM_PACKETS * FANOUT_PACKET_BYTES)
#define RETRY		 USEC_PER_SEC
#define LOG_INTERVAL	 (30 * USEC_PER_SEC)
#define UDP_BOUND	 (1024 * 1024)	   /* never waits: only for what comes in one turn */
#define PIPE_BOUND	 (8 * 1024 * 1024) /* several seconds of a large stream */
#define PIPE_AGE	 (10 * USEC_PER_SEC)
#define SEND_BYTES	 (1024 * 1024)

struct tsout {
	struct loop *loop;
	enum tsout_kind kind;
	char host[300];
	char iface[IF_NAMESIZE];
	int ttl;
	char path[512];
	char where[600]; /* for people */
	void (*on_log)(void *owner, int level, const char *text);
	void *owner;
	struct feed *feed;
	struct resolve *resolve;
	struct loop_timer timer;
	int fd;
	struct udp_sender *sender;
	const char *state;
	char reason[256];
	struct log_limit limit;
	bool refused; /* the last thing heard of the host is that nothing listens */
	usec_t refused_at;
};

static void say(struct tsout *out, int level, const char *state, const char *reason)
{
	bool changed = strcmp(out->state, state) != 0 || strcmp(out->reason, reason) != 0;
	unsigned more;
	char text[900];

	out->state = state;
	(void)snprintf(out->reason, sizeof(out->reason), "%s", reason);
	if (!changed ||
	    (level < LOG_LEVEL_INFO && !log_limit_pass(&out->limit, loop_now(out->loop), &more)))
		return;
	(void)snprintf(text, sizeof(text), "%s: %s%s%s", out->where, state, reason[0] ? ": " : "",
		       reason);
	out->on_log(out->owner, level, text);
}

static void out_close(struct tsout *out)
{
	feed_to_fd(out->feed, -1);
	if (out->fd >= 0)
		(void)close(out->fd);
	out->fd = -1;
}

/* --- UDP ------------------------------------------------------------------------------------ */

static void udp_failed(struct tsout *out, int error)
{
	char reason[200];

	if (error == ECONNREFUSED)
		(void)snprintf(reason, sizeof(reason),
			       "nothing listens there (refused); sending on");
	else
		(void)snprintf(reason, sizeof(reason), "%s; trying on", strerror(error));
	out->refused = true;
	out->refused_at = loop_now(out->loop);
	say(out, LOG_LEVEL_WARNING, "reconnecting", reason);
}

static void udp_sink(void *owner, const uint8_t *packets, size_t len, usec_t captured)
{
	struct tsout *out = owner;
	int error = 0;

	(void)captured;
	for (size_t i = 0; i < len; i += DATAGRAM_BYTES)
		(void)udp_send(out->sender, out->fd, NULL, NULL, packets + i,
			       len - i < DATAGRAM_BYTES ? len - i : DATAGRAM_BYTES);
	switch (udp_flush(out->sender, out->fd, &error)) {
	case UDP_OUTCOME_OK:
	case UDP_OUTCOME_BUSY:
		break;
	case UDP_OUTCOME_DROP:
	case UDP_OUTCOME_DOWN:
		udp_failed(out, error);
		return;
	case UDP_OUTCOME_STALE:
		udp_failed(out, error);
		loop_timer_set(&out->timer, loop_now(out->loop) + RETRY);
		return;
	}
	/* An ICMP answer comes for one datagram in many: good is only what stays so. */
	if (out->refused && usec_since(out->refused_at, loop_now(out->loop)) > 3 * RETRY) {
		out->refused = false;
		say(out, LOG_LEVEL_INFO, "streaming", "");
	}
}

static int multicast_setup(const struct tsout *out, int fd, int family)
{
	int index = out->iface[0] ? (int)if_nametoindex(out->iface) : 0;
	struct ip_mreqn by_index = { .imr_ifindex = index };

	if (out->iface[0] && !index)
		return -ENODEV;
	if (family == AF_INET6) {
		if ((index &&
		     setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index))) ||
		    (out->ttl && setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &out->ttl,
					    sizeof(out->ttl))))
			return -errno;
		return 0;
	}
	if ((index && setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &by_index, sizeof(by_index))) ||
	    (out->ttl &&
	     (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &out->ttl, sizeof(out->ttl)) ||
	      setsockopt(fd, IPPROTO_IP, IP_TTL, &out->ttl, sizeof(out->ttl)))))
		return -errno;
	return 0;
}

static int udp_connect(struct tsout *out, const struct bond_address *to)
{
	struct udp_config config = { .send_bytes = SEND_BYTES, .errors = true, .fragment = true };
	struct sockaddr_storage storage;
	int family = address_family(to), fd, r;
	socklen_t len;

	(void)address_parse(family == AF_INET ? "0.0.0.0" : "::", &config.local);
	fd = udp_open(&config);
	if (fd < 0)
		return fd;
	r = multicast_setup(out, fd, family);
	len = address_sockaddr(to, &storage);
	if (!r && connect(fd, (const struct sockaddr *)&storage, len))
		r = -errno;
	if (r) {
		(void)close(fd);
		return r;
	}
	out->fd = fd;
	return 0;
}

static void udp_start(struct tsout *out)
{
	const struct bond_address *addresses;
	char reason[200];
	int r;

	if (!out->resolve)
		return;
	if (!resolve_addresses(out->resolve, &addresses)) {
		say(out, LOG_LEVEL_WARNING, "connecting", resolve_problem(out->resolve));
		return;
	}
	out_close(out);
	r = udp_connect(out, &addresses[0]);
	if (r) {
		(void)snprintf(reason, sizeof(reason), "%s; trying again", strerror(-r));
		say(out, LOG_LEVEL_WARNING, "connecting", reason);
		loop_timer_set(&out->timer, loop_now(out->loop) + RETRY);
		return;
	}
	out->refused = false;
	say(out, LOG_LEVEL_INFO, "streaming", "");
	feed_open(out->feed);
	feed_to_sink(out->feed, udp_sink, out);
}

static void on_resolved(void *owner)
{
	udp_start(owner);
}

/* --- pipes ---------------------------------------------------------------------------------- */

/* A file description of our own, so that O_NONBLOCK is not forced upon who shares our stdout. */
static int stdout_open(void)
{
	struct stat st;

	if (!fstat(STDOUT_FILENO, &st) && S_ISFIFO(st.st_mode))
		return open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
}

static void pipe_start(struct tsout *out)
{
	char reason[200];

	out_close(out);
	out->fd = out->path[0] ? open(out->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC) : stdout_open();
	if (out->fd >= 0) {
		say(out, LOG_LEVEL_INFO, "streaming", "");
		feed_open(out->feed);
		feed_to_fd(out->feed, out->fd);
		return;
	}
	loop_timer_set(&out->timer, loop_now(out->loop) + RETRY);
	if (errno == ENXIO)
		(void)snprintf(reason, sizeof(reason), "nobody reads from it yet; waiting");
	else
		(void)snprintf(reason, sizeof(reason), "%s; trying again", strerror(errno));
	say(out, LOG_LEVEL_WARNING, "connecting", reason);
}

static void on_broken(void *owner, int error)
{
	struct tsout *out = owner;
	char reason[200];

	out_close(out);
	feed_close(out->feed);
	(void)snprintf(reason, sizeof(reason), "%s; waiting for a reader",
		       error == EPIPE ? "the reader is gone" : strerror(error));
	say(out, LOG_LEVEL_WARNING, "reconnecting", reason);
	loop_timer_set(&out->timer, loop_now(out->loop) + RETRY);
}

/* --- both ----------------------------------------------------------------------------------- */

static void on_timer(struct loop_timer *timer)
{
	struct tsout *out = timer->owner;

	switch (out->kind) {
	case TSOUT_UDP:
		udp_start(out);
		break;
	case TSOUT_PIPE:
		pipe_start(out);
		break;
	}
}

static void udp_prepare(struct tsout *out, const struct tsout_config *config)
{
	bool is_v6 = strchr(config->host, ':');

	(void)snprintf(out->host, sizeof(out->host), "%s%s%s:%u", is_v6 ? "[" : "", config->host,
		       is_v6 ? "]" : "", config->port);
	(void)snprintf(out->where, sizeof(out->where), "udp://%s", out->host);
	out->resolve = resolve_new(out->loop, out->host, on_resolved, out);
	out->sender = udp_sender_new();
}

struct tsout *tsout_new(struct loop *loop, struct feeds *feeds, const struct tsout_config *config)
{
	struct tsout *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->loop = loop;
	out->kind = config->kind;
	out->on_log = config->on_log;
	out->owner = config->owner;
	out->fd = -1;
	out->ttl = config->ttl;
	out->state = "connecting";
	out->limit.interval = LOG_INTERVAL;
	(void)snprintf(out->iface, sizeof(out->iface), "%s", config->iface);
	(void)snprintf(out->path, sizeof(out->path), "%s", config->path);
	loop_timer_init(&out->timer, loop, on_timer, out);
	if (config->kind == TSOUT_UDP) {
		udp_prepare(out, config);
		if (!out->resolve || !out->sender)
			return tsout_free(out);
	}
	out->feed = config->kind == TSOUT_UDP
			    ? feed_new(feeds, FANOUT_RULE_FRESH, UDP_BOUND, USEC_NEVER)
			    : feed_new(feeds, FANOUT_RULE_FRESH, PIPE_BOUND, PIPE_AGE);
	if (!out->feed)
		return tsout_free(out);
	feed_on_broken(out->feed, on_broken, out);
	if (config->kind == TSOUT_PIPE)
		(void)snprintf(out->where, sizeof(out->where), "pipe:%s", out->path);
	loop_timer_set(&out->timer, loop_now(loop));
	return out;
}

struct tsout *tsout_free(struct tsout *out)
{
	if (!out)
		return NULL;
	if (out->feed)
		out_close(out);
	out->feed = feed_free(out->feed);
	out->resolve = resolve_free(out->resolve);
	out->sender = udp_sender_free(out->sender);
	loop_timer_deinit(&out->timer);
	free(out);
	return NULL;
}

void tsout_info(const struct tsout *out, struct tsout_info *ret_info)
{
	*ret_info = (struct tsout_info){ .state = out->state };
	memcpy(ret_info->reason, out->reason, sizeof(ret_info->reason));
	feed_info(out->feed, &ret_info->feed);
}
