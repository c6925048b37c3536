#include "net/tsin.h"

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
#include "net/udp.h"
#include "stream/ts.h"
#include "sys/log.h"

/*
 * Silence is told once, and so is the end of it: an encoder that is switched off is not an error.
 * A FIFO is opened for reading and writing, so that it has no end: writers come and go. Standard
 * input has one, and it is final.
 */
#define RETRY	     USEC_PER_SEC
#define SILENCE	     (2 * USEC_PER_SEC)
#define LOG_INTERVAL (30 * USEC_PER_SEC)
#define BATCHES_MAX  8
#define BUFFER_BYTES (8 * 1024 * 1024)
#define READ_BYTES   65536
#define READS_MAX    8

struct tsin {
	struct loop *loop;
	struct tsin_config config;
	char host[256], iface[IF_NAMESIZE], path[512];
	char where[600]; /* for people */
	int fd;
	struct loop_io io;
	struct loop_timer timer;
	struct udp_batch *batch;
	struct ts_align align;
	bool ended;
	usec_t last; /* when something came in */
	const char *state;
	char reason[256];
	struct log_limit garbage_limit;
	uint64_t garbage_told;
	uint64_t bytes;
};

static void say(struct tsin *in, int level, const char *state, const char *reason)
{
	char text[900];

	if (!strcmp(in->state, state) && !strcmp(in->reason, reason))
		return;
	in->state = state;
	(void)snprintf(in->reason, sizeof(in->reason), "%s", reason);
	(void)snprintf(text, sizeof(text), "input %s: %s", in->where, reason[0] ? reason : state);
	in->config.on_log(in->config.owner, level, text);
}

static void in_close(struct tsin *in)
{
	if (in->fd < 0)
		return;
	loop_io_deinit(&in->io);
	(void)close(in->fd);
	in->fd = -1;
}

/* --- what comes in -------------------------------------------------------------------------- */

static void tell_garbage(struct tsin *in, const uint8_t *data, size_t len)
{
	unsigned more;
	char text[300], hex[3 * 8 + 1] = "";

	in->garbage_told = in->align.garbage;
	if (!log_limit_pass(&in->garbage_limit, loop_now(in->loop), &more))
		return;
	for (size_t i = 0; i < 8 && i < len; i++)
		(void)snprintf(hex + 3 * i, 4, "%02x ", data[i]);
	(void)snprintf(
		text, sizeof(text),
		"input is not MPEG-TS: %llu bytes so far without packet structure (now: %s); "
		"they are left out. Set the encoder to MPEG-TS",
		(unsigned long long)in->align.garbage, hex);
	in->config.on_log(in->config.owner, LOG_LEVEL_WARNING, text);
}

static void take_bytes(struct tsin *in, const uint8_t *data, size_t len)
{
	const uint8_t *next = data, *run;
	size_t left = len, count;

	while ((count = ts_align_next(&in->align, &next, &left, &run))) {
		in->bytes += count * TS_PACKET_BYTES;
		in->last = loop_now(in->loop);
		say(in, LOG_LEVEL_INFO, "streaming", "");
		in->config.on_packets(in->config.owner, run, count * TS_PACKET_BYTES);
	}
	if (in->align.garbage != in->garbage_told)
		tell_garbage(in, data, len);
}

static void on_silence(struct tsin *in)
{
	char reason[100];

	if (in->fd < 0 || strcmp(in->state, "streaming") != 0 ||
	    usec_since(in->last, loop_now(in->loop)) < SILENCE)
		return;
	(void)snprintf(reason, sizeof(reason), "nothing comes in any more; waiting");
	say(in, LOG_LEVEL_WARNING, "waiting", reason);
}

/* --- UDP ------------------------------------------------------------------------------------ */

static void on_datagrams(struct loop_io *io, unsigned events)
{
	struct tsin *in = io->owner;
	struct udp_datagram *datagrams;

	(void)events;
	for (unsigned i = 0; i < BATCHES_MAX; i++) {
		int n = udp_receive(in->fd, in->batch, &datagrams);

		for (int k = 0; k < n; k++)
			take_bytes(in, datagrams[k].data, datagrams[k].len);
		if (n < UDP_BATCH)
			break;
	}
}

static bool is_multicast(const struct bond_address *address)
{
	struct sockaddr_storage storage;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	(void)address_sockaddr(address, &storage);
	memcpy(&in, &storage, sizeof(in));
	memcpy(&in6, &storage, sizeof(in6));
	return address_family(address) == AF_INET ? IN_MULTICAST(ntohl(in.sin_addr.s_addr))
						  : IN6_IS_ADDR_MULTICAST(&in6.sin6_addr);
}

static int group_join(const struct tsin *in, int fd, const struct bond_address *group)
{
	struct group_req request = { 0 };

	if (in->iface[0]) {
		request.gr_interface = if_nametoindex(in->iface);
		if (!request.gr_interface)
			return -ENODEV;
	}
	(void)address_sockaddr(group, &request.gr_group);
	return setsockopt(fd, address_family(group) == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
			  MCAST_JOIN_GROUP, &request, sizeof(request))
		       ? -errno
		       : 0;
}

static int udp_start(struct tsin *in)
{
	struct udp_config config = { .receive_bytes = BUFFER_BYTES, .fragment = true };
	int fd, r = 0;

	r = address_parse(!in->host[0]			   ? "0.0.0.0"
			  : !strcmp(in->host, "localhost") ? "127.0.0.1"
							   : in->host,
			  &config.local);
	if (r)
		return r;
	address_set_port(&config.local, in->config.port);
	config.share_port = is_multicast(&config.local);
	fd = udp_open(&config);
	if (fd < 0)
		return fd;
	if (config.share_port)
		r = group_join(in, fd, &config.local);
	if (r) {
		(void)close(fd);
		return r;
	}
	return fd;
}

/* --- pipes ---------------------------------------------------------------------------------- */

static void stdin_ended(struct tsin *in)
{
	in_close(in);
	in->ended = true;
	say(in, LOG_LEVEL_INFO, "ended", "the end of standard input");
	in->config.on_end(in->config.owner);
}

static void on_bytes(struct loop_io *io, unsigned events)
{
	struct tsin *in = io->owner;
	uint8_t data[READ_BYTES];

	(void)events;
	for (unsigned i = 0; i < READS_MAX && in->fd >= 0; i++) {
		ssize_t n = read(in->fd, data, sizeof(data));

		if (n > 0) {
			take_bytes(in, data, (size_t)n);
			continue;
		}
		if (!n && !in->path[0])
			stdin_ended(in);
		else if (!n || (errno != EAGAIN && errno != EINTR))
			in_close(in); /* the timer opens it again */
		break;
	}
}

static int pipe_start(struct tsin *in)
{
	struct stat st;
	int fd;

	if (in->path[0])
		fd = open(in->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	else if (!fstat(STDIN_FILENO, &st) && S_ISFIFO(st.st_mode))
		/* A file description of our own: O_NONBLOCK is not forced upon who shares it. */
		fd = open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	else
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && in->path[0] && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)) {
		(void)close(fd);
		return -ENOTSUP;
	}
	return fd;
}

/* --- both ----------------------------------------------------------------------------------- */

static void in_start(struct tsin *in)
{
	char reason[256];
	int fd = in->config.kind == TSIN_UDP ? udp_start(in) : pipe_start(in);

	if (fd < 0) {
		(void)snprintf(reason, sizeof(reason), "%s; trying again",
			       fd == -EADDRINUSE ? "the port is used by another program"
			       : fd == -EINVAL	 ? "the host must be a numeric address"
			       : fd == -ENOTSUP	 ? "it is no FIFO"
						 : strerror(-fd));
		say(in, LOG_LEVEL_ERR, "failed", reason);
		return;
	}
	in->fd = fd;
	loop_io_init(&in->io, in->loop, fd, in->config.kind == TSIN_UDP ? on_datagrams : on_bytes,
		     in);
	loop_io_set(&in->io, LOOP_READ);
	say(in, LOG_LEVEL_INFO, "waiting", "waiting for the encoder");
}

static void on_timer(struct loop_timer *timer)
{
	struct tsin *in = timer->owner;

	if (in->ended)
		return;
	if (in->fd < 0)
		in_start(in);
	on_silence(in);
	loop_timer_set(timer, loop_now(in->loop) + RETRY);
}

struct tsin *tsin_new(struct loop *loop, const struct tsin_config *config)
{
	struct tsin *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->loop = loop;
	in->config = *config;
	in->fd = -1;
	in->state = "starting";
	in->garbage_limit.interval = LOG_INTERVAL;
	(void)snprintf(in->host, sizeof(in->host), "%s", config->host);
	(void)snprintf(in->iface, sizeof(in->iface), "%s", config->iface);
	(void)snprintf(in->path, sizeof(in->path), "%s", config->path);
	if (config->kind == TSIN_UDP)
		(void)snprintf(in->where, sizeof(in->where), "udp://%s:%u", in->host, config->port);
	else
		(void)snprintf(in->where, sizeof(in->where), "pipe:%s", in->path);
	ts_align_init(&in->align);
	loop_timer_init(&in->timer, loop, on_timer, in);
	in->batch = udp_batch_new();
	if (!in->batch)
		return tsin_free(in);
	loop_timer_set(&in->timer, loop_now(loop));
	return in;
}

struct tsin *tsin_free(struct tsin *in)
{
	if (!in)
		return NULL;
	in_close(in);
	loop_timer_deinit(&in->timer);
	in->batch = udp_batch_free(in->batch);
	free(in);
	return NULL;
}

void tsin_info(const struct tsin *in, struct tsin_info *ret_info)
{
	*ret_info = (struct tsin_info){ .state = in->state,
					.bytes = in->bytes,
					.garbage_bytes = in->align.garbage };
	memcpy(ret_info->reason, in->reason, sizeof(ret_info->reason));
}
