#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The clear header of an SRT packet (draft-sharabayko-srt, section 3), as far as a relay between
 * two SRT sockets reads it. Decoding is total and takes nothing for granted; what a packet means
 * beyond that is SRT's business.
 */
#define SRTHDR_BYTES	  16
#define SRTHDR_PACKET_MAX 1472 /* UDP payload of SRT's default MSS of 1500 */
#define SRTHDR_SEQ_MAX	  0x7fffffffu

enum srthdr_type {
	SRTHDR_HANDSHAKE = 0,
	SRTHDR_KEEPALIVE = 1,
	SRTHDR_ACK = 2,
	SRTHDR_NAK = 3,
	SRTHDR_CONGESTION = 4,
	SRTHDR_SHUTDOWN = 5,
	SRTHDR_ACKACK = 6,
	SRTHDR_DROPREQ = 7,
	SRTHDR_PEERERROR = 8,
	SRTHDR_USER = 0x7fff, /* the subtype tells: see enum srthdr_extension */
};

/* Extension blocks of a handshake, and subtypes of SRTHDR_USER. */
enum srthdr_extension {
	SRTHDR_EXT_HSREQ = 1,
	SRTHDR_EXT_HSRSP = 2,
	SRTHDR_EXT_KMREQ = 3, /* key material */
	SRTHDR_EXT_KMRSP = 4,
	SRTHDR_EXT_STREAMID = 5,
	SRTHDR_EXT_CONGESTION = 6,
	SRTHDR_EXT_FILTER = 7,
	SRTHDR_EXT_GROUP = 8,
};

struct srthdr {
	bool is_control;
	uint32_t time_usec;   /* since the connection started; wraps after 71m35s */
	uint32_t destination; /* socket id of who is to get it */

	/* Data */
	uint32_t seq;	    /* 31 bits */
	uint32_t msgno;	    /* 26 bits */
	uint8_t position;   /* PP: 3 is a message of one packet, as in live mode */
	uint8_t key;	    /* KK: 0 clear, 1 even key, 2 odd key */
	bool in_order;	    /* O */
	bool retransmitted; /* R */

	/* Control */
	uint16_t type;	  /* enum srthdr_type, or one that is not known */
	uint16_t subtype; /* of SRTHDR_USER */
	uint32_t info;	  /* ACK and ACKACK: the ACK number; DROPREQ: the message number */

	const uint8_t *body; /* behind the header, inside the packet */
	size_t body_len;
};

/* 1: *ret_header is set; 0: shorter than a header. */
int srthdr_decode(const uint8_t *packet, size_t len, struct srthdr *ret_header);

/* What a relay over several paths does with it. */
enum srthdr_kind {
	SRTHDR_KIND_DATA,    /* in order, by its deadline */
	SRTHDR_KIND_CONTROL, /* at once; ACK, ACKACK, keep-alive: the next one is on its way */
	SRTHDR_KIND_URGENT,  /* at once and twice: handshake, shutdown, key material, NAK */
};
enum srthdr_kind srthdr_kind(const struct srthdr *header);

/* What comes first in a handshake. */
struct srthdr_handshake {
	uint32_t version; /* 4 or 5 */
	uint32_t seq;	  /* first sequence number of who sends this */
	uint32_t mss;
	int32_t request; /* enum srthdr_request, or 1000 and above: refused, with the reason */
	uint32_t socket; /* of who sends this */
	const uint8_t *blocks; /* extension blocks */
	size_t blocks_len;
};

enum srthdr_request {
	SRTHDR_REQUEST_DONE = -3,
	SRTHDR_REQUEST_AGREEMENT = -2,
	SRTHDR_REQUEST_CONCLUSION = -1,
	SRTHDR_REQUEST_WAVEHAND = 0,
	SRTHDR_REQUEST_INDUCTION = 1,
	SRTHDR_REQUEST_REFUSED = 1000,
};

/* 1: *ret_handshake is set; 0: no handshake, or too short for one. */
int srthdr_handshake(const struct srthdr *header, struct srthdr_handshake *ret_handshake);

/* True when a packet may be shown to libsrt 1.5.1, which trusts lengths and ranges that it should
 * not (CVE-2026-55868, CVE-2026-55869, and the fixes of 1.5.6 and 1.5.7 that Debian 12 does not
 * have): a known type, bodies and extension blocks of the right length, ranges the right way round.
 * What needs the state of the connection (its addresses, socket ids, ACK numbers) is not judged. */
bool srthdr_is_sane(const uint8_t *packet, size_t len);
