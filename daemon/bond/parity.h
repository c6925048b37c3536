#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "bond/playout.h"
#include "wire/frame.h"

/*
 * Parity across paths, for streams whose deadline is too near for a lost packet to be sent again.
 *
 * The sender adds up groups of consecutive media packets and sends some parity packets after each;
 * the receiver gets as many missing packets of a group back as it has parity packets of it. The
 * code is Cauchy's over GF(256): any packets of a group will do, as many as it has media packets.
 */
#define PARITY_SYMBOL_MAX (WIRE_PARITY_HEADER_BYTES + WIRE_PARITY_MEDIA_MAX)
#define PARITY_GROUPS	  16 /* that a receiver keeps */

struct parity_row {
	uint8_t bytes[PARITY_SYMBOL_MAX];
};

/* Sender. One group is added up while the one before is sent. */
struct parity_group {
	uint32_t first;
	unsigned packets;
	unsigned rows;	/* added up, then: to be sent */
	unsigned len;	/* of the longest symbol */
	usec_t since;	/* capture of its first packet */
	unsigned sent;	/* rows */
	unsigned paths; /* bit per path: carried one of them */
	struct parity_row row[WIRE_PARITY_ROWS];
};

struct parity_sender {
	unsigned loss_ppm; /* what is reckoned with; 0: inactive */
	bool tuned;	   /* once at least */
	struct parity_group group[2];
	unsigned adding; /* index of the one that grows; the other one is sent */
	uint64_t packets;
};

/* Parity packets for @packets media packets on paths that lose @loss_ppm; 0: none. */
unsigned parity_rows(unsigned packets, unsigned loss_ppm);
/* What the paths lose of late. Decides for the next group. */
void parity_tune(struct parity_sender *s, unsigned loss_ppm);
/* Parity is not wanted; what was added up is forgotten. */
void parity_stop(struct parity_sender *s);
/* The next media packet was submitted. @span: a group is not to be longer. */
void parity_add(struct parity_sender *s, uint32_t seq, const uint8_t *data, size_t len,
		usec_t captured, usec_t span);
/* Closes the group that is older than @span; when to call again. */
usec_t parity_flush(struct parity_sender *s, usec_t span, usec_t now);
/* The next parity packet; false: none. It counts as sent with parity_sent(). */
bool parity_peek(const struct parity_sender *s, struct frame_parity *ret_frame);
void parity_sent(struct parity_sender *s, unsigned path_id);
/* The rest of what is to be sent is not wanted. */
void parity_drop(struct parity_sender *s);

/* Receiver. */
struct parity_held {
	uint64_t first; /* as playout counts */
	unsigned packets;
	unsigned rows; /* 0: the slot is free */
	unsigned len;
	uint8_t number[WIRE_PARITY_ROWS];
	struct parity_row row[WIRE_PARITY_ROWS];
};

struct parity_receiver {
	struct parity_held *group; /* PARITY_GROUPS */
	unsigned groups;	   /* in use */
	uint64_t recovered;	   /* media packets */
	uint64_t useless;	   /* parity packets: nothing was missing any more */
	uint64_t dropped;	   /* parity packets: void, or no room for them */
};

/* 0 or -ENOMEM. */
int parity_receiver_init(struct parity_receiver *r);
void parity_receiver_deinit(struct parity_receiver *r);
void parity_receiver_restart(struct parity_receiver *r);
void parity_take(struct parity_receiver *r, struct playout *playout,
		 const struct frame_parity *frame, usec_t now);
/* A media packet came: with it a group may be complete. */
void parity_media(struct parity_receiver *r, struct playout *playout, usec_t now);
