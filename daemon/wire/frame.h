#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "uplinkd/wire.h"

/*
 * Frames: what a sealed datagram holds once it is opened. include/uplinkd/wire.h is the
 * specification of every byte; here are the decoded forms. Decoding is total: any input gives
 * either a frame or a refusal, reads no byte twice and never allocates. Data pointers point into
 * the datagram.
 */

/* The header of a sealed datagram, before it is authenticated. */
struct wire_header {
	bool is_long;	      /* carries the bond id: for a path whose address may be unknown */
	unsigned phase;	      /* key phase, 0 or 1 */
	uint8_t path_id;      /* below WIRE_PATHS_MAX */
	uint32_t bond_id;     /* long form: the id that the *receiver* of this datagram chose */
	uint32_t number;      /* truncated packet number */
	unsigned number_bits; /* 16 or 32 */
	size_t len;	      /* bytes of the header */
};

/* 1: a sealed datagram, *ret_header is set; 0: something else or too short to hold a tag. */
int wire_header_decode(const uint8_t *data, size_t len, struct wire_header *ret_header);
/* Bytes written: WIRE_SHORT_BYTES or WIRE_LONG_BYTES (the caller has room for either). */
size_t wire_header_encode(const struct wire_header *header, uint8_t *out);

struct frame_range {
	uint64_t first, last; /* packet numbers, both inclusive */
};

/* Acknowledgement of one path's packets. */
struct frame_ack {
	uint8_t path_id;
	uint32_t delay_usec;	/* between the arrival of the largest and the sending of this */
	uint32_t received_usec; /* arrival of the largest by the receiver's clock, modulo 2^32 */
	unsigned ranges;	/* 1..WIRE_ACK_RANGES_MAX, descending, range[0].last = largest */
	struct frame_range range[WIRE_ACK_RANGES_MAX];
	/* Arrival times of the packets that no earlier ACK of this path told about, by descending
	 * number (all below the largest): how long before `received_usec` it came; negative: after
	 * it, the network changed their order. Travels in steps of WIRE_ACK_TIME_UNIT_USEC. */
	unsigned times;
	struct {
		uint64_t number;
		int32_t before_usec;
	} time[WIRE_ACK_TIMES_MAX];
	uint64_t ect, ce; /* cumulative ECN counts of the path; 0 where not known */
};

enum frame_data_form {
	FRAME_DATA_PLAIN,
	FRAME_DATA_ANCHOR,
	FRAME_DATA_COMPACT,
};

/* A media packet: released in order, by its deadline. The packet is the prefix, then the data. A
 * COMPACT frame, as it is read and written, has no prefix, and seq and time are relative to its
 * anchor: wire/anchor.h goes between the two. */
struct frame_data {
	enum frame_data_form form;
	unsigned phase; /* 0 or 1: which of the path's two anchors; not for PLAIN */
	uint32_t seq;	/* media sequence number, low bits */
	uint32_t time;	/* sender's capture time in us, low bits */
	const uint8_t *prefix;
	uint8_t prefix_len; /* up to WIRE_PREFIX_MAX */
	const uint8_t *data;
	uint16_t len; /* of the data */
};

/* What missing packets of a window of media packets are got back from: bond/recovery.h. */
struct frame_parity {
	uint32_t first;	 /* media sequence number of the first packet, low bits */
	uint8_t packets; /* 1..WIRE_PARITY_PACKETS */
	uint8_t row;	 /* below WIRE_PARITY_ROWS */
	const uint8_t *data;
	uint16_t len; /* WIRE_PARITY_HEADER_BYTES and up to WIRE_PARITY_MEDIA_MAX more */
};

/* A control packet of the feed (SRT handshake, ACK, ...): delivered at once, once, unordered. */
struct frame_control {
	uint32_t id; /* counts per direction; tells copies of one message */
	const uint8_t *data;
	uint16_t len;
};

/* What the receiving side knows of the stream as a whole; cumulative over the session. */
struct frame_report {
	uint64_t next_seq;   /* everything below was released or given up; below 2^40 */
	uint64_t delivered;  /* media packets released */
	uint64_t lost;	     /* given up */
	uint64_t late;	     /* came after they were given up or released */
	uint64_t duplicate;  /* came more than once */
	uint32_t slack_usec; /* smallest time to spare before its deadline since the last report */
};

struct frame_path_status {
	uint8_t path_id;
	uint8_t status;	     /* enum wire_path_status */
	uint32_t generation; /* the greatest one counts */
};

struct frame_close {
	uint8_t reason; /* enum wire_close */
};

struct frame {
	uint8_t type; /* enum wire_frame: DATA for all forms of it, ACK for ACK_ECN as well */
	union {
		struct frame_ack ack;
		struct frame_data data;
		struct frame_parity parity;
		struct frame_control control;
		struct frame_report report;
		struct frame_path_status path_status;
		struct frame_close close;
	};
};

/* The next frame of an opened datagram. 1: *ret_frame is set; 0: the end; -1: malformed, the rest
 * of the datagram is to be dropped and counted. @expected_number: per path id, the packet number
 * that an ACK for it most likely ends at (next number to be sent); NULL: as if all were 0. */
int frame_decode(struct cursor *in, const uint64_t *expected_number, struct frame *ret_frame);

/* Append a frame. False: it does not fit, nothing was written. */
bool frame_encode_padding(struct writer *out, size_t bytes);
bool frame_encode_ping(struct writer *out);
/* Writes as many ranges and times as fit (at least one range), as ACK_ECN where there are counts.
 */
bool frame_encode_ack(struct writer *out, const struct frame_ack *ack);
/* The frame runs to the end of the datagram: nothing may follow it. */
bool frame_encode_data(struct writer *out, const struct frame_data *data);
/* To the end of the datagram, too. */
bool frame_encode_parity(struct writer *out, const struct frame_parity *parity);
bool frame_encode_control(struct writer *out, const struct frame_control *control);
bool frame_encode_report(struct writer *out, const struct frame_report *report);
bool frame_encode_path_status(struct writer *out, const struct frame_path_status *status);
bool frame_encode_close(struct writer *out, const struct frame_close *close);

/* Ping, data, parity, control, path status and close ask for an acknowledgement; padding, ack and
 * report alone do not. */
bool frame_is_eliciting(uint8_t type);
