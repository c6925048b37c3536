#pragma once

#include <srt/srt.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * One SRT connection's settings. A leg is either *inner*, between our two workers and tunnelled by
 * the bond, or public, towards encoders, players and servers.
 */
#define LEG_LATENCY_MAX_MS 65535 /* 16 bits in the handshake; more wraps silently */
#define LEG_MESSAGE_MAX	   1456	 /* payload of one SRT packet */
#define LEG_MESSAGE	   1316	 /* what we send: 7 MPEG-TS packets */

struct leg {
	bool inner;
	bool sends;	       /* media goes out; false: comes in */
	bool groups;	       /* a listener that welcomes socket groups, if libsrt has them */
	unsigned latency_ms;   /* inner: the sender's decides */
	uint64_t rate_max_bps; /* sizes the buffers */
	char streamid[513];    /* what we call with, or demand; "" = none */
	char passphrase[80];   /* "" = none */
};

/* A socket with all settings, neither bound nor connected. SRT_INVALID_SOCK with *ret_why naming
 * the setting that libsrt refused. */
SRTSOCKET leg_socket(const struct leg *leg, bool listens, const char **ret_why);
/* Whether this libsrt was built with socket groups. */
bool leg_has_groups(void);
/* What is right for a connection whose effective latency is known only after the handshake. */
void leg_settle(const struct leg *leg, SRTSOCKET socket);
/* Packets that a buffer has to hold for @span_ms at the largest rate. */
int leg_packets(const struct leg *leg, unsigned span_ms);
