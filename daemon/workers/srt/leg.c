#include "workers/srt/leg.h"

#include <string.h>

/*
 * Why these values (libsrt 1.5.1, the library of Debian 12; each was measured):
 *
 * - No receive timeout and no blocking mode: srt_recvmsg2 with a timeout returns packets before
 *   their play time.
 * - Buffers in packets of 1472 bytes, flow window first, because the receive buffer is clipped to
 *   it. A receive buffer that fills deadlocks the connection for ever, and one with the defaults
 *   (8192 packets) fills within 9 s of 10 Mb/s. The limits cost memory only when they are used.
 * - No sender drops (SNDDROPDELAY -1): under overload they replace one packet's payload by
 *   another's; and what the bond carries is with the bond already.
 * - No drift tracer on the inner leg: with more than 30 s of latency it stops delivery for ever
 *   when the 32-bit time stamp wraps, 71 minutes 35 seconds after the connect, and under jitter it
 *   moves the play-out time. The price is that both clocks have to be disciplined.
 * - NAK reports stay on: without, every stall causes blind retransmission of the whole window.
 * - Inner leg without passphrase: the bond seals. Elsewhere a sender announces new keys early
 *   (KMPREANNOUNCE), because one that misses all acknowledgements of the announcement period
 *   encrypts with a key that does not exist and crashes.
 * - The inner session survives a blackout of a minute (PEERIDLETIMEO).
 * - Bandwidth is capped, or a backlog would be blasted out at 1 Gb/s.
 * - No SO_REUSEADDR: two listeners would share a port and steal each other's packets.
 */
#define INNER_IDLE_MS	   60000
#define INNER_CONNECT_MS   10000
#define INNER_RECEIVER_MS  20 /* low, so that the sender's latency decides */
#define PUBLIC_IDLE_MS	   5000
#define PUBLIC_CONNECT_MS  3000
#define PUBLIC_LATENCY_MAX 30000 /* longest wish of an encoder that the buffers are made for */
#define HOLD_MS		   5000	 /* round trip and what a relay may hold back on top */
#define PACKET_BYTES	   1472
#define PACKETS_MIN	   25600   /* libsrt's own flow window */
#define PACKETS_MAX	   1450000 /* times PACKET_BYTES stays within an int */
#define PARTIAL_PER_SEC	   1000	   /* messages that are not full: one per flush, see packer.c */
#define TRACER_LATENCY_MAX 30000   /* ms; the drift tracer stalls beyond */

int leg_packets(const struct leg *leg, unsigned span_ms)
{
	uint64_t per_sec = leg->rate_max_bps / 8 / LEG_MESSAGE + PARTIAL_PER_SEC;
	uint64_t packets = per_sec * span_ms / 1000 * 5 / 4;

	return packets < PACKETS_MIN   ? PACKETS_MIN
	       : packets > PACKETS_MAX ? PACKETS_MAX
				       : (int)packets;
}

struct setting {
	const char *name;
	SRT_SOCKOPT option;
	int64_t value;
	int size; /* 1: bool, 4: int, 8: int64; 0: leave the default */
};

static const char *settings_apply(SRTSOCKET socket, const struct setting *settings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct setting *s = &settings[i];
		int32_t number = (int32_t)s->value;
		bool flag = s->value;
		const void *value = s->size == 1   ? (const void *)&flag
				    : s->size == 4 ? (const void *)&number
						   : (const void *)&s->value;

		if (s->size && srt_setsockflag(socket, s->option, value, s->size) == SRT_ERROR)
			return s->name;
	}
	return NULL;
}

static const char *buffers_apply(SRTSOCKET socket, const struct leg *leg)
{
	/* The sender keeps what is not acknowledged: a blackout, and then what the bond has given
	 * up holds the acknowledgement back until its play time. */
	unsigned send_ms = leg->inner ? INNER_IDLE_MS + leg->latency_ms + HOLD_MS
				      : leg->latency_ms + PUBLIC_IDLE_MS + HOLD_MS;
	unsigned receive_ms = (leg->inner ? LEG_LATENCY_MAX_MS : PUBLIC_LATENCY_MAX) + HOLD_MS;
	int window = leg_packets(leg, leg->sends ? send_ms : receive_ms);
	int64_t bytes = (int64_t)window * PACKET_BYTES;
	const struct setting settings[] = {
		{ "FC", SRTO_FC, window, 4 },
		{ "RCVBUF", SRTO_RCVBUF, bytes, leg->sends ? 0 : 4 },
		{ "SNDBUF", SRTO_SNDBUF, bytes, leg->sends ? 4 : 0 },
		{ "UDP_RCVBUF", SRTO_UDP_RCVBUF, 8 << 20, 4 },
		{ "UDP_SNDBUF", SRTO_UDP_SNDBUF, 1 << 20, 4 },
	};

	return settings_apply(socket, settings, sizeof(settings) / sizeof(settings[0]));
}

static const char *options_apply(SRTSOCKET socket, const struct leg *leg)
{
	bool inner = leg->inner;
	int64_t bandwidth = inner ? (int64_t)(2 * leg->rate_max_bps / 8) : 0;
	int64_t receiver = !inner || !leg->sends ? leg->latency_ms : INNER_RECEIVER_MS;
	int64_t peer = inner && !leg->sends ? 0 : leg->latency_ms;
	const struct setting settings[] = {
		{ "TRANSTYPE", SRTO_TRANSTYPE, SRTT_LIVE, 4 },
		{ "RCVSYN", SRTO_RCVSYN, 0, 1 },
		{ "SNDSYN", SRTO_SNDSYN, 0, 1 },
		{ "REUSEADDR", SRTO_REUSEADDR, 0, 1 },
		{ "RCVLATENCY", SRTO_RCVLATENCY, receiver, 4 },
		{ "PEERLATENCY", SRTO_PEERLATENCY, peer, leg->sends ? 4 : 0 },
		{ "TLPKTDROP", SRTO_TLPKTDROP, 1, 1 },
		{ "SNDDROPDELAY", SRTO_SNDDROPDELAY, -1, 4 },
		{ "NAKREPORT", SRTO_NAKREPORT, 1, 1 },
		{ "LOSSMAXTTL", SRTO_LOSSMAXTTL, 0, 4 },
		{ "RETRANSMITALGO", SRTO_RETRANSMITALGO, 1, 4 },
		{ "DRIFTTRACER", SRTO_DRIFTTRACER, !inner, 1 },
		{ "PEERIDLETIMEO", SRTO_PEERIDLETIMEO, inner ? INNER_IDLE_MS : PUBLIC_IDLE_MS, 4 },
		{ "CONNTIMEO", SRTO_CONNTIMEO, inner ? INNER_CONNECT_MS : PUBLIC_CONNECT_MS, 4 },
		{ "MAXBW", SRTO_MAXBW, bandwidth, 8 },
		{ "INPUTBW", SRTO_INPUTBW, 0, 8 },
		{ "OHEADBW", SRTO_OHEADBW, 50, 4 },
		{ "KMPREANNOUNCE", SRTO_KMPREANNOUNCE, 1 << 20, *leg->passphrase ? 4 : 0 },
	};

	return settings_apply(socket, settings, sizeof(settings) / sizeof(settings[0]));
}

static const char *texts_apply(SRTSOCKET socket, const struct leg *leg, bool listens)
{
	int length = (int)strlen(leg->passphrase);

	if (length && srt_setsockflag(socket, SRTO_PASSPHRASE, leg->passphrase, length))
		return "PASSPHRASE";
	length = (int)strlen(leg->streamid);
	if (length && !listens && srt_setsockflag(socket, SRTO_STREAMID, leg->streamid, length))
		return "STREAMID";
	return NULL;
}

SRTSOCKET leg_socket(const struct leg *leg, bool listens, const char **ret_why)
{
	SRTSOCKET socket = srt_create_socket();
	const char *why = "socket";
	int yes = 1;

	if (socket != SRT_INVALID_SOCK)
		why = buffers_apply(socket, leg);
	if (!why)
		why = options_apply(socket, leg);
	if (!why)
		why = texts_apply(socket, leg, listens);
	if (!why && listens && leg->groups &&
	    srt_setsockflag(socket, SRTO_GROUPCONNECT, &yes, sizeof(yes)))
		why = "GROUPCONNECT";
	if (!why)
		return socket;
	if (socket != SRT_INVALID_SOCK)
		(void)srt_close(socket);
	*ret_why = why;
	return SRT_INVALID_SOCK;
}

bool leg_has_groups(void)
{
	/* The stubs of a library without groups leave no error behind: only the value tells. */
	SRTSOCKET group = srt_create_group(SRT_GTYPE_BROADCAST);

	if (group == SRT_INVALID_SOCK)
		return false;
	(void)srt_close(group);
	return true;
}

void leg_settle(const struct leg *leg, SRTSOCKET socket)
{
	bool off = false;
	int latency = 0, size = sizeof(latency);

	/* The peer's wish may have raised the latency. */
	if (!leg->inner && !srt_getsockflag(socket, SRTO_RCVLATENCY, &latency, &size) &&
	    latency > TRACER_LATENCY_MAX)
		(void)srt_setsockflag(socket, SRTO_DRIFTTRACER, &off, sizeof(off));
}
