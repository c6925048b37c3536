#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "carrier.h"

/*
 * A UDP relay with the behaviour of a network address translation: each client address gets a
 * socket of its own towards the destination, so that several senders can share one link and each
 * is told apart at the other end. A rebinding gives every client a new socket, that is, a new
 * port, and what comes back to the old one is lost.
 *
 * A packet's tag is its session: slot and generation, so that what is still on its way for a
 * session that has gone is dropped and not given to its successor.
 */

#define SESSIONS_MAX   64
#define SESSION_IDLE   (120 * USEC_PER_SEC)
#define BATCH	       64
#define BUFFER_BYTES   (4 << 20) /* of each socket, where the kernel lets us */
#define WHICH_LISTENER SESSIONS_MAX
#define ROUNDS_MAX     8 /* batches read from one socket before others have their turn */

struct session {
	int fd; /* -1: free */
	uint32_t generation;
	struct sockaddr_storage client;
	socklen_t client_len;
	usec_t heard; /* last packet of either direction */
};

struct relay {
	struct carrier carrier;
	int listener;
	struct sockaddr_storage to;
	socklen_t to_len;
	char address[INET6_ADDRSTRLEN + 10]; /* of the listener, for people */
	struct session session[SESSIONS_MAX];

	struct mmsghdr message[BATCH];
	struct iovec vector[BATCH];
	struct sockaddr_storage name[BATCH];
	uint8_t data[BATCH][LINK_PACKET_MAX];
	unsigned batched; /* for writing */
	int batch_fd;
};

static struct relay *relay_of(struct carrier *carrier)
{
	return (struct relay *)carrier; /* its first member */
}

static int parse_address(const char *text, struct sockaddr_storage *ret_address, socklen_t *ret_len,
			 bool passive)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = passive ? AI_PASSIVE : 0 };
	char host[SCENARIO_WORD_MAX];
	const char *colon = strrchr(text, ':');
	struct addrinfo *found;
	size_t len;
	int r;

	if (!colon || colon == text || !colon[1])
		return -EINVAL;
	len = (size_t)(colon - text);
	if (*text == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	r = getaddrinfo(host, colon + 1, &hints, &found);
	if (r)
		return r == EAI_SYSTEM ? -errno : -EADDRNOTAVAIL;
	memcpy(ret_address, found->ai_addr, found->ai_addrlen);
	*ret_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static void format_address(const struct sockaddr_storage *address, socklen_t len, char *ret,
			   size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?", port[8] = "?";
	bool six = address->ss_family == AF_INET6;

	(void)getnameinfo((const struct sockaddr *)address, len, host, sizeof(host), port,
			  sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	(void)snprintf(ret, size, six ? "[%s]:%s" : "%s:%s", host, port);
}

static int open_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int bytes = BUFFER_BYTES, on = 1;

	if (fd < 0)
		return -errno;
	/* The FORCE variants need privilege; the plain ones go up to the system's limit. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd;
}

/* --- sessions -------------------------------------------------------------------------------- */

static void session_close(struct session *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
	s->generation++;
}

static int session_connect(struct relay *relay, unsigned slot)
{
	int fd = open_socket(relay->to.ss_family);
	int r;

	if (fd < 0)
		return fd;
	r = connect(fd, (struct sockaddr *)&relay->to, relay->to_len) ? -errno : 0;
	if (!r)
		r = carrier_watch(&relay->carrier, fd, slot);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	relay->session[slot].fd = fd;
	return 0;
}

static bool same_address(const struct session *s, const struct sockaddr_storage *address,
			 socklen_t len)
{
	return s->fd >= 0 && s->client_len == len && !memcmp(&s->client, address, len);
}

/* The session of a client, a new one if there is room; NULL otherwise. */
static struct session *session_find(struct relay *relay, const struct sockaddr_storage *client,
				    socklen_t len)
{
	struct session *s = NULL;

	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (same_address(&relay->session[i], client, len))
			return &relay->session[i];
	for (unsigned i = 0; !s && i < SESSIONS_MAX; i++)
		if (relay->session[i].fd < 0)
			s = &relay->session[i];
	if (!s || session_connect(relay, (unsigned)(s - relay->session)))
		return NULL;
	memcpy(&s->client, client, len);
	s->client_len = len;
	return s;
}

static uint64_t session_tag(const struct relay *relay, const struct session *s)
{
	return (uint64_t)s->generation << 32 | (uint64_t)(s - relay->session);
}

static struct session *session_of_tag(struct relay *relay, uint64_t tag)
{
	struct session *s = &relay->session[tag & 0xffffffff];

	return s->fd >= 0 && s->generation == tag >> 32 ? s : NULL;
}

/* --- packets --------------------------------------------------------------------------------- */

static int read_batch(struct relay *relay, int fd)
{
	for (unsigned i = 0; i < BATCH; i++) {
		relay->vector[i] = (struct iovec){ relay->data[i], LINK_PACKET_MAX };
		relay->message[i].msg_hdr = (struct msghdr){ .msg_name = &relay->name[i],
							     .msg_namelen = sizeof(relay->name[i]),
							     .msg_iov = &relay->vector[i],
							     .msg_iovlen = 1 };
	}
	return recvmmsg(fd, relay->message, BATCH, MSG_DONTWAIT, NULL);
}

static void from_client(struct relay *relay, unsigned i, usec_t now)
{
	const struct msghdr *header = &relay->message[i].msg_hdr;
	struct session *s = session_find(relay, &relay->name[i], header->msg_namelen);

	if (!s) {
		relay->carrier.overflows++;
		return;
	}
	s->heard = now;
	(void)link_send(relay->carrier.up, relay->data[i], relay->message[i].msg_len,
			session_tag(relay, s), now);
}

static void from_server(struct relay *relay, struct session *s, unsigned i, usec_t now)
{
	s->heard = now;
	(void)link_send(relay->carrier.down, relay->data[i], relay->message[i].msg_len,
			session_tag(relay, s), now);
}

static void relay_ready(struct carrier *carrier, unsigned which, usec_t now)
{
	struct relay *relay = relay_of(carrier);
	bool listener = which == WHICH_LISTENER;
	int fd = listener ? relay->listener : relay->session[which].fd;
	int n = fd < 0 ? 0 : BATCH;

	for (unsigned round = 0; n == BATCH && round < ROUNDS_MAX; round++) {
		n = read_batch(relay, fd);
		for (int i = 0; i < n; i++) {
			if (listener)
				from_client(relay, (unsigned)i, now);
			else
				from_server(relay, &relay->session[which], (unsigned)i, now);
		}
	}
}

static void write_batch(struct relay *relay)
{
	unsigned done = 0;

	while (done < relay->batched) {
		int n = sendmmsg(relay->batch_fd, relay->message + done, relay->batched - done,
				 MSG_DONTWAIT);

		if (n > 0) {
			done += (unsigned)n;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			relay->carrier.overflows += relay->batched - done;
			break;
		} else {
			/* A port nobody listens on answers with an error to the next packet: that
			 * one is lost on a real network, too. */
			done++;
		}
	}
	relay->batched = 0;
}

static void write_later(struct relay *relay, int fd, struct session *to,
			const struct link_packet *packet)
{
	unsigned i;

	if (relay->batched == BATCH || (relay->batched && relay->batch_fd != fd))
		write_batch(relay);
	i = relay->batched++;
	relay->batch_fd = fd;
	memcpy(relay->data[i], packet->data, packet->len);
	relay->vector[i] = (struct iovec){ relay->data[i], packet->len };
	relay->message[i].msg_hdr = (struct msghdr){ .msg_name = to ? &to->client : NULL,
						     .msg_namelen = to ? to->client_len : 0,
						     .msg_iov = &relay->vector[i],
						     .msg_iovlen = 1 };
}

static void relay_flush(struct carrier *carrier, usec_t now)
{
	struct relay *relay = relay_of(carrier);
	const struct link_packet *packet;

	while ((packet = link_receive(carrier->up, now))) {
		struct session *s = session_of_tag(relay, packet->tag);

		if (s)
			write_later(relay, s->fd, NULL, packet);
	}
	write_batch(relay);
	while ((packet = link_receive(carrier->down, now))) {
		struct session *s = session_of_tag(relay, packet->tag);

		if (s)
			write_later(relay, relay->listener, s, packet);
	}
	write_batch(relay);
}

static void relay_tick(struct carrier *carrier, usec_t now)
{
	struct relay *relay = relay_of(carrier);

	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (relay->session[i].fd >= 0 &&
		    usec_since(relay->session[i].heard, now) > SESSION_IDLE)
			session_close(&relay->session[i]);
}

static int relay_rebind(struct carrier *carrier, usec_t now)
{
	struct relay *relay = relay_of(carrier);

	(void)now;
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &relay->session[i];
		int old = s->fd;

		if (old < 0)
			continue;
		/* The new one first, so that it cannot get the port of the old. */
		if (session_connect(relay, i))
			session_close(s);
		(void)close(old);
	}
	return 0;
}

static void relay_describe(const struct carrier *carrier, FILE *to)
{
	const struct relay *relay = (const struct relay *)carrier;
	unsigned sessions = 0;

	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		sessions += relay->session[i].fd >= 0;
	fprintf(to, "\"listen\":\"%s\",\"sessions\":%u", relay->address, sessions);
}

static struct carrier *relay_free(struct carrier *carrier)
{
	struct relay *relay = relay_of(carrier);

	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		session_close(&relay->session[i]);
	if (relay->listener >= 0)
		(void)close(relay->listener);
	free(relay);
	return NULL;
}

static const struct carrier_ops relay_ops = {
	.ready = relay_ready,
	.flush = relay_flush,
	.tick = relay_tick,
	.rebind = relay_rebind,
	.describe = relay_describe,
	.free = relay_free,
};

static int relay_open(struct relay *relay, const struct scenario_link *link)
{
	struct sockaddr_storage listen = { 0 };
	socklen_t len = 0;
	int r = parse_address(link->to, &relay->to, &relay->to_len, false);

	if (r) {
		fprintf(stderr, "linksim: %s: to=%s: %s\n", link->name, link->to,
			r == -EINVAL ? "wants ADDRESS:PORT" : strerror(-r));
		return r;
	}
	r = parse_address(link->listen, &listen, &len, true);
	if (!r) {
		relay->listener = open_socket(listen.ss_family);
		r = relay->listener < 0 ? relay->listener : 0;
	}
	if (!r && (bind(relay->listener, (struct sockaddr *)&listen, len) ||
		   getsockname(relay->listener, (struct sockaddr *)&listen, &len)))
		r = -errno;
	if (!r)
		r = carrier_watch(&relay->carrier, relay->listener, WHICH_LISTENER);
	if (r)
		fprintf(stderr, "linksim: %s: listen=%s: %s\n", link->name, link->listen,
			r == -EINVAL ? "wants ADDRESS:PORT" : strerror(-r));
	else
		format_address(&listen, len, relay->address, sizeof(relay->address));
	return r;
}

struct carrier *relay_new(const struct scenario_link *link, struct link *up, struct link *down,
			  int epoll, unsigned carrier_index)
{
	struct relay *relay = calloc(1, sizeof(*relay));

	if (!relay) {
		fprintf(stderr, "linksim: out of memory\n");
		return NULL;
	}
	relay->carrier = (struct carrier){ .ops = &relay_ops,
					   .name = link->name,
					   .up = up,
					   .down = down,
					   .epoll = epoll,
					   .index = carrier_index };
	relay->listener = -1;
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		relay->session[i].fd = -1;
	if (relay_open(relay, link))
		return relay_free(&relay->carrier);
	return &relay->carrier;
}
