#include "workers/rtmp/connection.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "workers/rtmp/monotonic.h"
#include "workers/rtmp/tls.h"

/*
 * Reading goes first and takes all there is (up to a bound per turn), so that a peer never waits
 * because we write slowly. The kernel is kept from hoarding what we send (TCP_NOTSENT_LOWAT): data
 * in its buffer can no longer be dropped when the peer stalls.
 */
#define READ_SIZE    (64u * 1024)
#define READ_TURNS   4		   /* reads of one wake-up: 256 kB, then the others' turn */
#define NOTSENT_LOW  (128u * 1024) /* bytes; 170 ms of 6 Mb/s */
#define USER_TIMEOUT 30000	   /* ms without any acknowledgement until the kernel gives up */

enum phase {
	PHASE_CONNECT,
	PHASE_TLS,
	PHASE_OPEN,
	PHASE_FINISH, /* the rest of the output goes out */
	PHASE_SHUT,   /* it went; the peer is to close as well */
	PHASE_FAILED, /* on_close() is due */
};

struct connection {
	struct ev_loop *loop;
	ev_io io;
	int fd;
	SSL *ssl;
	enum phase phase;
	bool was_open; /* TCP is there */
	int tls_wants; /* EV_READ or EV_WRITE, during the handshake */
	struct buffer *out;
	unsigned unacked; /* as of progress_at */
	usec_t progress_at;
	char reason[256];
	const struct connection_events *events;
	void *owner;
};

static void connection_watch(struct connection *c)
{
	int events = EV_READ;

	if (c->phase == PHASE_CONNECT)
		events = EV_WRITE;
	else if (c->phase == PHASE_TLS)
		events = c->tls_wants;
	else if (buffer_len(c->out))
		events |= EV_WRITE;
	if (c->io.events == events && ev_is_active(&c->io))
		return;
	ev_io_stop(c->loop, &c->io);
	ev_io_set(&c->io, c->fd, events);
	ev_io_start(c->loop, &c->io);
}

/* The owner is told from the loop, never from inside a call of its own. */
static void connection_fail(struct connection *c, const char *reason)
{
	if (c->phase == PHASE_FAILED)
		return;
	c->phase = PHASE_FAILED;
	(void)snprintf(c->reason, sizeof(c->reason), "%s", reason);
	ev_feed_event(c->loop, &c->io, EV_CUSTOM);
}

static void fail_tls(struct connection *c, int result)
{
	char text[256];

	tls_error_text(c->ssl, result, text, sizeof(text));
	connection_fail(c, text);
}

/* Bytes moved, 0 = later, -1 = failed. */
static ssize_t write_some(struct connection *c)
{
	ssize_t n;
	int error;

	if (c->ssl) {
		size_t len = buffer_len(c->out) < INT32_MAX ? buffer_len(c->out) : INT32_MAX;
		int r = SSL_write(c->ssl, buffer_data(c->out), (int)len);

		if (r > 0)
			return r;
		error = SSL_get_error(c->ssl, r);
		if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
			return 0;
		fail_tls(c, r);
		return -1;
	}
	n = send(c->fd, buffer_data(c->out), buffer_len(c->out), MSG_NOSIGNAL);
	if (n > 0)
		return n;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	connection_fail(c, errno == EPIPE || errno == ECONNRESET ? "the peer closed the connection"
								 : strerror(errno));
	return -1;
}

void connection_flush(struct connection *c)
{
	if (c->phase != PHASE_OPEN && c->phase != PHASE_FINISH)
		return;
	while (buffer_len(c->out)) {
		ssize_t n = write_some(c);

		if (n < 0)
			return;
		if (!n)
			break;
		buffer_consume(c->out, (size_t)n);
	}
	if (c->phase == PHASE_FINISH && !buffer_len(c->out)) {
		/* Closing now could reset the connection before the peer has read our last words.
		 */
		if (c->ssl)
			(void)SSL_shutdown(c->ssl);
		(void)shutdown(c->fd, SHUT_WR);
		c->phase = PHASE_SHUT;
	}
	connection_watch(c);
}

void connection_finish(struct connection *c)
{
	if (c->phase != PHASE_OPEN) {
		connection_fail(c, "closed by us");
		return;
	}
	c->phase = PHASE_FINISH;
	connection_flush(c);
}

/* Bytes read, 0 = later, -1 = ended. */
static ssize_t read_some(struct connection *c, uint8_t *bytes)
{
	ssize_t n;

	if (c->ssl) {
		int r = SSL_read(c->ssl, bytes, READ_SIZE);
		int error;

		if (r > 0)
			return r;
		error = SSL_get_error(c->ssl, r);
		if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
			return 0;
		fail_tls(c, r);
		return -1;
	}
	n = recv(c->fd, bytes, READ_SIZE, 0);
	if (n > 0)
		return n;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	connection_fail(c, n == 0 || errno == ECONNRESET ? "the peer closed the connection"
							 : strerror(errno));
	return -1;
}

static void connection_read(struct connection *c)
{
	uint8_t bytes[READ_SIZE];

	for (int i = 0; i < READ_TURNS && c->phase != PHASE_FAILED; i++) {
		ssize_t n = read_some(c, bytes);

		if (n <= 0)
			return;
		if (c->phase == PHASE_OPEN && c->events->on_input(c->owner, bytes, (size_t)n))
			return;
	}
	/* What TLS has decrypted already makes no socket readable. */
	if (c->ssl && c->phase == PHASE_OPEN && SSL_pending(c->ssl))
		ev_feed_event(c->loop, &c->io, EV_READ);
}

static void connection_opened(struct connection *c)
{
	c->phase = PHASE_OPEN;
	c->progress_at = monotonic_now();
	connection_watch(c);
	if (c->events->on_open)
		c->events->on_open(c->owner);
}

static void connection_step_tls(struct connection *c)
{
	int r = SSL_do_handshake(c->ssl), error;

	if (r == 1) {
		connection_opened(c);
		return;
	}
	error = SSL_get_error(c->ssl, r);
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
		fail_tls(c, r);
		return;
	}
	c->tls_wants = error == SSL_ERROR_WANT_READ ? EV_READ : EV_WRITE;
	connection_watch(c);
}

static void connection_step_connect(struct connection *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) {
		connection_fail(c, strerror(error ? error : errno));
		return;
	}
	c->was_open = true;
	if (!c->ssl) {
		connection_opened(c);
		return;
	}
	c->phase = PHASE_TLS;
	connection_step_tls(c);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct connection *c = io->data;
	char reason[sizeof(c->reason)];

	(void)loop;
	switch (c->phase) {
	case PHASE_CONNECT:
		connection_step_connect(c);
		return;
	case PHASE_TLS:
		connection_step_tls(c);
		return;
	case PHASE_FAILED:
		ev_io_stop(c->loop, &c->io);
		/* The owner frees the connection before it is done with the text. */
		memcpy(reason, c->reason, sizeof(reason));
		c->events->on_close(c->owner, reason);
		return;
	case PHASE_OPEN:
	case PHASE_FINISH:
	case PHASE_SHUT:
		break;
	}
	if (events & EV_WRITE) {
		connection_flush(c);
		if (c->phase == PHASE_OPEN && c->events->on_output &&
		    buffer_len(c->out) <= CONNECTION_LOW)
			c->events->on_output(c->owner);
	}
	if (events & EV_READ)
		connection_read(c);
}

static struct connection *connection_new(struct ev_loop *loop, int fd, struct buffer *out,
					 const struct connection_events *events, void *owner)
{
	struct connection *c = calloc(1, sizeof(*c));
	int yes = 1, low = NOTSENT_LOW, timeout = USER_TIMEOUT;

	if (!c)
		return NULL;
	c->loop = loop;
	c->fd = fd;
	c->out = out;
	c->events = events;
	c->owner = owner;
	c->phase = PHASE_OPEN;
	c->progress_at = monotonic_now();
	ev_io_init(&c->io, on_io, fd, EV_READ);
	c->io.data = c;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &low, sizeof(low));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	return c;
}

struct connection *connection_accepted(struct ev_loop *loop, int fd, struct buffer *out,
				       const struct connection_events *events, void *owner)
{
	struct connection *c = connection_new(loop, fd, out, events, owner);

	if (c)
		connection_watch(c);
	return c;
}

struct connection *connection_connect(struct ev_loop *loop, const struct sockaddr *address,
				      socklen_t address_len, SSL_CTX *context, const char *host,
				      struct buffer *out, const struct connection_events *events,
				      void *owner)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct connection *c;

	if (fd < 0)
		return NULL;
	c = connection_new(loop, fd, out, events, owner);
	if (!c) {
		(void)close(fd);
		return NULL;
	}
	c->phase = PHASE_CONNECT;
	if (context) {
		c->ssl = tls_session_new(context, fd, host);
		if (!c->ssl)
			return connection_free(c);
	}
	if (connect(fd, address, address_len) && errno != EINPROGRESS)
		connection_fail(c, strerror(errno));
	else
		connection_watch(c);
	return c;
}

struct connection *connection_free(struct connection *c)
{
	if (!c)
		return NULL;
	ev_io_stop(c->loop, &c->io);
	(void)ev_clear_pending(c->loop, &c->io);
	SSL_free(c->ssl);
	(void)close(c->fd);
	free(c);
	return NULL;
}

bool connection_was_open(const struct connection *c)
{
	return c->was_open;
}

unsigned connection_unacked(const struct connection *c)
{
	int bytes = 0;

	return ioctl(c->fd, SIOCOUTQ, &bytes) || bytes < 0 ? 0 : (unsigned)bytes;
}

usec_t connection_progress_at(struct connection *c, usec_t now)
{
	unsigned unacked = connection_unacked(c);

	if (unacked != c->unacked || (!unacked && !buffer_len(c->out)))
		c->progress_at = now;
	c->unacked = unacked;
	return c->progress_at;
}

usec_t connection_rtt(const struct connection *c)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	return getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? 0 : info.tcpi_rtt;
}
