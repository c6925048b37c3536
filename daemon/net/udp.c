#include "net/udp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/*
 * Pinning a socket to an interface without privilege and without routing rules.
 *
 * A route lookup with an output interface skips the routes of all others, so the default route of
 * any metric is found: two identical modems work with no set-up at all. For IPv4 IP_UNICAST_IF does
 * that on the way out only. It is the first choice because SO_BINDTODEVICE filters what comes in as
 * well, and with a cable and Wi-Fi in one subnet the router's answers may come in by the other one
 * (ARP flux). Connected sockets honour it from Linux 6.1; ours are not connected, but older kernels
 * are not what it was tested on, so there SO_BINDTODEVICE is used (free for an unbound socket since
 * 5.7). IPv6 has no ARP flux and always uses SO_BINDTODEVICE. The link's own address is bound in
 * addition: source-specific routes need it.
 *
 * Errors. IP_RECVERR makes full device queues (ENOBUFS) and ICMP visible. None of them is fatal;
 * what each one means was measured for every way to lose a link, and three of the commonest
 * (carrier lost, address removed, default route removed on IPv4) give no error at all: liveness is
 * the engine's and ifwatch's business, errors only make it faster.
 */

#define TRUESIZE_BYTES 2304 /* of a datagram of 1 to 1.5 KB in the kernel's reckoning, measured */
#define IPV6_MTU_MIN   1280 /* RFC 8200 */

/* --- sockets -------------------------------------------------------------------------------- */

static bool kernel_at_least(unsigned major, unsigned minor)
{
	struct utsname name;
	unsigned have[2];

	return !uname(&name) && sscanf(name.release, "%u.%u", &have[0], &have[1]) == 2 &&
	       (have[0] > major || (have[0] == major && have[1] >= minor));
}

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

static int socket_pin(int fd, int family, const struct udp_config *config)
{
	if (family == AF_INET && kernel_at_least(6, 1))
		return set_option(fd, IPPROTO_IP, IP_UNICAST_IF,
				  (int)htonl((uint32_t)config->device_index));
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, config->device,
		       (socklen_t)strlen(config->device)))
		return -errno;
	return 0;
}

/* The size that was asked for where the limit of the system allows it, else that limit. */
static void socket_buffers(int fd, const struct udp_config *config)
{
	if (config->receive_bytes &&
	    set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, config->receive_bytes))
		(void)set_option(fd, SOL_SOCKET, SO_RCVBUF, config->receive_bytes);
	if (config->send_bytes && set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, config->send_bytes))
		(void)set_option(fd, SOL_SOCKET, SO_SNDBUF, config->send_bytes);
}

int udp_set_dscp(int fd, int family, unsigned dscp)
{
	return family == AF_INET6 ? set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, (int)dscp << 2)
				  : set_option(fd, IPPROTO_IP, IP_TOS, (int)dscp << 2);
}

int udp_allow_fragments(int fd, int family, unsigned mtu)
{
	int r;

	if (family != AF_INET6)
		return set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	r = set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
	return r ? r
		 : set_option(fd, IPPROTO_IPV6, IPV6_MTU,
			      mtu < IPV6_MTU_MIN ? IPV6_MTU_MIN : (int)mtu);
}

int udp_set_send_queue(int fd, uint64_t bytes)
{
	/* The kernel reckons 2304 bytes of memory for such a datagram and doubles what it is told.
	 */
	return set_option(fd, SOL_SOCKET, SO_SNDBUF,
			  (int)((bytes / 1400 + 1) * TRUESIZE_BYTES / 2));
}

static int socket_setup(int fd, int family, const struct udp_config *config)
{
	struct sockaddr_storage storage;
	socklen_t len = address_sockaddr(&config->local, &storage);
	int r = 0;

	if (config->device && config->device[0])
		r = socket_pin(fd, family, config);
	if (!r && family == AF_INET6) {
		if (config->errors)
			r = set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
		if (!r && !config->fragment)
			r = set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
	} else if (!r) {
		if (config->errors)
			r = set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
		if (!r && !config->fragment)
			r = set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	}
	if (!r && config->share_port)
		r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!r && config->locals)
		r = family == AF_INET6 ? set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
				       : set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	if (!r && config->dscp)
		r = udp_set_dscp(fd, family, config->dscp);
	if (!r && config->timestamps)
		r = set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	if (r)
		return r;
	socket_buffers(fd, config);
	return bind(fd, (const struct sockaddr *)&storage, len) ? -errno : 0;
}

int udp_open(const struct udp_config *config)
{
	int family = address_family(&config->local);
	int fd, r;

	fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = socket_setup(fd, family, config);
	if (r) {
		(void)close(fd);
		return r;
	}
	return fd;
}

int udp_local(int fd, struct bond_address *ret_address)
{
	struct sockaddr_storage storage = { 0 };
	socklen_t len = sizeof(storage);

	if (getsockname(fd, (struct sockaddr *)&storage, &len))
		return -errno;
	*ret_address = address_of((const struct sockaddr *)&storage);
	return 0;
}

/* --- receiving ------------------------------------------------------------------------------ */

struct udp_batch {
	struct mmsghdr header[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	struct sockaddr_storage from[UDP_BATCH];
	/* Aligned as cmsg(3) asks for. */
	_Alignas(struct cmsghdr) uint8_t control[UDP_BATCH][CMSG_SPACE(sizeof(struct timespec)) +
							    CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct udp_datagram datagram[UDP_BATCH];
	uint8_t data[UDP_BATCH][UDP_PAYLOAD_MAX];
};

struct udp_batch *udp_batch_new(void)
{
	return calloc(1, sizeof(struct udp_batch));
}

struct udp_batch *udp_batch_free(struct udp_batch *batch)
{
	free(batch);
	return NULL;
}

static usec_t clock_usec(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

/* The kernel stamps by the wall clock. How long ago that was is small and does not depend on the
 * clock being right, only on it not being set in between: an absurd age counts as none. */
static usec_t arrival_time(const struct cmsghdr *c, usec_t wall, usec_t now)
{
	struct timespec ts;
	usec_t stamp;

	memcpy(&ts, CMSG_DATA(c), sizeof(ts));
	stamp = (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
	return stamp <= wall && wall - stamp < USEC_PER_SEC ? usec_sub(now, wall - stamp) : now;
}

static struct bond_address local_v4(const struct cmsghdr *c)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct in_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof(info));
	in.sin_addr = info.ipi_spec_dst;
	return address_of((const struct sockaddr *)&in);
}

static struct bond_address local_v6(const struct cmsghdr *c)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct in6_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof(info));
	in6.sin6_addr = info.ipi6_addr;
	if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
		in6.sin6_scope_id = info.ipi6_ifindex;
	return address_of((const struct sockaddr *)&in6);
}

static void take_control(struct msghdr *header, struct udp_datagram *datagram, usec_t wall)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
			datagram->arrived = arrival_time(c, wall, datagram->arrived);
		else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			datagram->local = local_v4(c);
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			datagram->local = local_v6(c);
	}
}

int udp_receive(int fd, struct udp_batch *batch, struct udp_datagram **ret_datagrams)
{
	usec_t wall, now;
	int n;

	for (unsigned i = 0; i < UDP_BATCH; i++) {
		batch->iov[i] = (struct iovec){ batch->data[i], UDP_PAYLOAD_MAX };
		batch->header[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->from[i],
			.msg_namelen = sizeof(batch->from[i]),
			.msg_iov = &batch->iov[i],
			.msg_iovlen = 1,
			.msg_control = batch->control[i],
			.msg_controllen = sizeof(batch->control[i]),
		};
	}
	n = recvmmsg(fd, batch->header, UDP_BATCH, 0, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	wall = clock_usec(CLOCK_REALTIME);
	now = clock_usec(CLOCK_MONOTONIC);
	for (int i = 0; i < n; i++) {
		struct msghdr *header = &batch->header[i].msg_hdr;

		batch->datagram[i] = (struct udp_datagram){
			.from = address_of((const struct sockaddr *)&batch->from[i]),
			.arrived = now,
			.data = batch->data[i],
			.len = batch->header[i].msg_len,
			.cut = header->msg_flags & MSG_TRUNC,
		};
		take_control(header, &batch->datagram[i], wall);
	}
	*ret_datagrams = batch->datagram;
	return n;
}

/* --- sending -------------------------------------------------------------------------------- */

enum udp_outcome udp_outcome(int error)
{
	switch (error) {
	case 0:
		return UDP_OUTCOME_OK;
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return UDP_OUTCOME_BUSY;
	case ENETUNREACH:
	case ENETDOWN:
	case EHOSTUNREACH:
	case EHOSTDOWN:
		return UDP_OUTCOME_DOWN;
	case ENODEV:
	case ENXIO:
	case EBADF:
	case EADDRNOTAVAIL:
	case EINVAL: /* the bound source address was removed (IPv6) */
		return UDP_OUTCOME_STALE;
	}
	/* ECONNREFUSED, EPERM (local firewall), EMSGSIZE, EPROTO ...: one datagram. */
	return UDP_OUTCOME_DROP;
}

struct udp_sender {
	unsigned queued;
	struct mmsghdr header[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	struct sockaddr_storage to[UDP_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[UDP_BATCH][CMSG_SPACE(sizeof(struct in6_pktinfo))];
	uint8_t data[UDP_BATCH][UDP_PAYLOAD_MAX];
	struct udp_sender_stats stats;
};

struct udp_sender *udp_sender_new(void)
{
	return calloc(1, sizeof(struct udp_sender));
}

struct udp_sender *udp_sender_free(struct udp_sender *sender)
{
	free(sender);
	return NULL;
}

const struct udp_sender_stats *udp_sender_stats(const struct udp_sender *sender)
{
	return &sender->stats;
}

static void count_failure(struct udp_sender_stats *stats, enum udp_outcome outcome)
{
	switch (outcome) {
	case UDP_OUTCOME_OK:
		break;
	case UDP_OUTCOME_BUSY:
		stats->busy++;
		break;
	case UDP_OUTCOME_DROP:
		stats->dropped++;
		break;
	case UDP_OUTCOME_DOWN:
	case UDP_OUTCOME_STALE:
		stats->down++;
		break;
	}
}

enum udp_outcome udp_flush(struct udp_sender *sender, int fd, int *ret_error)
{
	enum udp_outcome worst = UDP_OUTCOME_OK;
	unsigned next = 0, again = 0;

	while (next < sender->queued) {
		int n = sendmmsg(fd, sender->header + next, sender->queued - next, MSG_NOSIGNAL);
		int error = n < 0 ? errno : 0;
		enum udp_outcome outcome = udp_outcome(error);

		if (error == EINTR)
			continue;
		for (int i = 0; i < n; i++) {
			sender->stats.datagrams++;
			sender->stats.bytes += sender->iov[next++].iov_len;
		}
		if (n >= 0)
			continue;
		if (outcome > worst) {
			worst = outcome;
			if (ret_error)
				*ret_error = error;
		}
		/* It may be the error of an earlier datagram (ICMP), told in front of this one. */
		if (outcome != UDP_OUTCOME_BUSY && again++ < 2)
			continue;
		count_failure(&sender->stats, outcome);
		next++;
		again = 0;
	}
	sender->queued = 0;
	return worst;
}

static void set_source(struct msghdr *header, uint8_t *control, const struct bond_address *from)
{
	bool is_v4 = address_family(from) == AF_INET;
	struct cmsghdr *c = (struct cmsghdr *)control;
	struct sockaddr_storage storage;
	struct in6_pktinfo info6 = { 0 };
	struct in_pktinfo info = { 0 };
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	(void)address_sockaddr(from, &storage);
	memcpy(&in, &storage, sizeof(in));
	memcpy(&in6, &storage, sizeof(in6));
	info.ipi_spec_dst = in.sin_addr;
	info6.ipi6_addr = in6.sin6_addr;
	c->cmsg_level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = is_v4 ? IP_PKTINFO : IPV6_PKTINFO;
	c->cmsg_len = is_v4 ? CMSG_LEN(sizeof(info)) : CMSG_LEN(sizeof(info6));
	if (is_v4)
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	else
		memcpy(CMSG_DATA(c), &info6, sizeof(info6));
	header->msg_control = control;
	header->msg_controllen = is_v4 ? CMSG_SPACE(sizeof(info)) : CMSG_SPACE(sizeof(info6));
}

enum udp_outcome udp_send(struct udp_sender *sender, int fd, const struct bond_address *to,
			  const struct bond_address *from, const uint8_t *data, size_t len)
{
	enum udp_outcome outcome = UDP_OUTCOME_OK;
	struct msghdr *header;
	unsigned i;

	if (len > UDP_PAYLOAD_MAX)
		return UDP_OUTCOME_DROP;
	if (sender->queued == UDP_BATCH)
		outcome = udp_flush(sender, fd, NULL);
	i = sender->queued++;
	header = &sender->header[i].msg_hdr;
	memcpy(sender->data[i], data, len);
	sender->iov[i] = (struct iovec){ sender->data[i], len };
	*header = (struct msghdr){ .msg_iov = &sender->iov[i], .msg_iovlen = 1 };
	if (to) {
		header->msg_name = &sender->to[i];
		header->msg_namelen = address_sockaddr(to, &sender->to[i]);
	}
	if (from && from->len)
		set_source(header, sender->control[i], from);
	return outcome;
}

/* So many errors are read in one go; more come with the next readable event. */
#define ERRORS_MAX 64

int udp_drain_errors(int fd, unsigned *ret_mtu)
{
	int last = 0;

	for (unsigned i = 0; i < ERRORS_MAX; i++) {
		_Alignas(struct cmsghdr) uint8_t control[512];
		uint8_t data[64];
		struct iovec iov = { data, sizeof(data) };
		struct msghdr header = { .msg_iov = &iov,
					 .msg_iovlen = 1,
					 .msg_control = control,
					 .msg_controllen = sizeof(control) };

		if (recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
			struct sock_extended_err error;

			if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
			    !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
				continue;
			memcpy(&error, CMSG_DATA(c), sizeof(error));
			last = (int)error.ee_errno;
			if (ret_mtu && error.ee_errno == EMSGSIZE)
				*ret_mtu = error.ee_info;
		}
	}
	return last;
}
