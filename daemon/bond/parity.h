#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "wire/frame.h"

/*
 * Parity across paths, for streams whose deadline is too near for a lost packet to be sent again:
 * what its sender does. Every few media packets it sends a sum over the last ones, as many as can
 * still be in time at the other end (bond/recovery.h), and so many sums that what is usually lost
 * together comes back.
 */
#define PARITY_SYMBOL_MAX (WIRE_PARITY_HEADER_BYTES + WIRE_PARITY_MEDIA_MAX)
#define PARITY_UNIT	  1000000 /* of a share or a credit: one parity packet */

struct parity_symbol {
	usec_t captured;
	uint16_t len;
	uint8_t bytes[PARITY_SYMBOL_MAX];
};

/* What the paths lose, look by look, in sums that fade. */
struct parity_losses {
	uint64_t looks, sent, lost, squares; /* of what a look saw lost */
};
#define PARITY_MEMORIES 2 /* a short and a long one */

struct parity_sender {
	struct parity_losses losses[PARITY_MEMORIES];
	unsigned share;		    /* parity packets for a media packet, in UNIT; 0: inactive */
	struct parity_symbol *ring; /* WIRE_PARITY_PACKETS, by sequence number */
	uint32_t next;		    /* sequence number behind the window */
	unsigned packets;	    /* of the window */
	unsigned credit;	    /* parity packets due, in UNIT */
	unsigned paths;		    /* bit per path: had its turn */
	unsigned row;		    /* of the next one */
	uint64_t sent;		    /* parity packets */
	uint8_t sum[PARITY_SYMBOL_MAX];
};

/* 0 or -ENOMEM. */
int parity_init(struct parity_sender *s);
void parity_deinit(struct parity_sender *s);

/* The factor of media packet @seq in the sum @row. Never 0. */
uint8_t parity_factor(uint32_t seq, unsigned row);
/* Parity packets for a window of @packets, of which @loss_ppm are lost and the number of lost ones
 * varies @spread times as much as if each was lost by itself; 0: none. */
unsigned parity_rows(unsigned packets, unsigned loss_ppm, unsigned spread);

/* Since the last look the paths lost @lost packets of @sent. */
void parity_look(struct parity_sender *s, uint64_t lost, uint64_t sent);
/* Parity is not wanted; the window is forgotten. */
void parity_stop(struct parity_sender *s);
/* The next media packet was submitted; the window goes back for @span. */
void parity_add(struct parity_sender *s, uint32_t seq, const uint8_t *data, size_t len,
		usec_t captured, usec_t span);
bool parity_is_due(const struct parity_sender *s);
/* Capture of the newest packet of the window, where parity is due. */
usec_t parity_newest(const struct parity_sender *s);
/* The parity packet over what was captured at @since and later; false: nothing was. Valid until the
 * next call. It counts as sent with parity_sent(). */
bool parity_make(struct parity_sender *s, usec_t since, struct frame_parity *ret_frame);
void parity_sent(struct parity_sender *s, unsigned path_id);
/* What is due is not wanted. */
void parity_skip(struct parity_sender *s);
