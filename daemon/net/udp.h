#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "net/address.h"

/*
 * UDP sockets, non-blocking and CLOEXEC from birth, read and written in batches. Addresses are
 * struct bond_address: the bytes of a sockaddr_in or sockaddr_in6, zeroed where a field is not
 * used, so that equal addresses are equal bytes.
 */
#define UDP_BATCH	32   /* datagrams per system call */
#define UDP_PAYLOAD_MAX 2048 /* longer ones are cut, and so refused by whoever decodes them */

/* --- sockets -------------------------------------------------------------------------------- */

struct udp_config {
	struct bond_address local; /* port 0: any */
	/* Pinned: what is sent leaves by this interface, whatever the routing table prefers; ""
	 * leaves that to the routing table. See udp.c for how. */
	const char *device;
	int device_index;
	int receive_bytes, send_bytes; /* socket buffers; 0: the default of the system */
	bool errors;		       /* IP_RECVERR: ICMP errors and full queues become visible */
	bool share_port;	       /* other sockets may bind it too (multicast) */
	bool fragment;	 /* may be fragmented; else "don't fragment" is set, path MTU ignored */
	unsigned dscp;	 /* 0 to 63 */
	bool timestamps; /* the kernel notes when each datagram arrived */
	bool locals;	 /* and at which of our addresses */
};

/* The socket, or -errno: nothing was logged. */
int udp_open(const struct udp_config *config);
int udp_local(int fd, struct bond_address *ret_address);
/* Each for a socket of this family; 0 or -errno. */
int udp_set_dscp(int fd, int family, unsigned dscp);
/* What is longer than the way can take goes in fragments from now on: made by the routers (IPv4),
 * or here for a path MTU of @mtu bytes (IPv6, 1280 at the least). */
int udp_allow_fragments(int fd, int family, unsigned mtu);
/* How many bytes may wait in the queues of this host, in full datagrams of 1400 bytes. */
int udp_set_send_queue(int fd, uint64_t bytes);

/* --- receiving ------------------------------------------------------------------------------ */

struct udp_datagram {
	struct bond_address from;
	struct bond_address local; /* with `locals`: where it arrived, port 0; else empty */
	usec_t arrived;		   /* monotonic; the time of reading where the kernel noted none */
	uint8_t *data;
	size_t len;
	bool cut; /* it was longer than UDP_PAYLOAD_MAX */
};

/* Buffers of one batch; large, so it is shared by whoever reads in turns. */
struct udp_batch;

struct udp_batch *udp_batch_new(void);
struct udp_batch *udp_batch_free(struct udp_batch *batch);
/* Reads up to UDP_BATCH datagrams, valid until the next call. Their number; 0: none is there;
 * -errno of a pending error (see udp_outcome()). */
int udp_receive(int fd, struct udp_batch *batch, struct udp_datagram **ret_datagrams);

/* --- sending -------------------------------------------------------------------------------- */

/* What an error of sending or receiving means for the socket. */
enum udp_outcome {
	UDP_OUTCOME_OK,
	UDP_OUTCOME_BUSY,  /* the queue is full: the link is saturated; this datagram is lost */
	UDP_OUTCOME_DROP,  /* this datagram is lost, the socket is well */
	UDP_OUTCOME_DOWN,  /* no way out now; the socket works again by itself afterwards */
	UDP_OUTCOME_STALE, /* the interface is gone: a new socket is needed */
};

enum udp_outcome udp_outcome(int error);

struct udp_sender_stats {
	uint64_t datagrams, bytes; /* accepted by the kernel */
	uint64_t busy, dropped, down;
};

/* Collects datagrams and hands them to the kernel in one call. */
struct udp_sender;

struct udp_sender *udp_sender_new(void);
struct udp_sender *udp_sender_free(struct udp_sender *sender);
/* Copies @data. Flushes to @fd when it is full: then the outcome of that, else OK. @to NULL: the
 * socket is connected. @from: which of our addresses it comes from; NULL or empty: the system's
 * choice. All datagrams between two flushes go to the same @fd. */
enum udp_outcome udp_send(struct udp_sender *sender, int fd, const struct bond_address *to,
			  const struct bond_address *from, const uint8_t *data, size_t len);
/* The worst outcome of what was sent, its errno in *ret_error (may be NULL). A datagram that
 * cannot be sent is counted and never kept. */
enum udp_outcome udp_flush(struct udp_sender *sender, int fd, int *ret_error);
const struct udp_sender_stats *udp_sender_stats(const struct udp_sender *sender);

/* Empties the error queue of a socket with `errors` (bounded). The last error found (an errno), or
 * 0; *ret_mtu is set when one of them told a path MTU (may be NULL). */
int udp_drain_errors(int fd, unsigned *ret_mtu);
