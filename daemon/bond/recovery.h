#pragma once

#include <stdint.h>

#include "bond/parity.h"
#include "bond/playout.h"
#include "wire/frame.h"

/*
 * Media packets out of parity: what the receiver does (the sender: bond/parity.h). Each parity
 * packet is a linear equation in the media packets of its window; those that are there are taken
 * out of it, and what is left is kept solved as far as it goes. A media packet is got back as soon
 * as it is the only one left in an equation.
 */
#define RECOVERY_ROWS	 64
#define RECOVERY_COLUMNS (2 * WIRE_PARITY_PACKETS)

struct recovery_row {
	unsigned pivot;	  /* column that is in no other row; its factor is 1 */
	unsigned unknown; /* columns that are not 0 */
	unsigned len;	  /* of the sum */
	uint8_t factor[RECOVERY_COLUMNS];
	uint8_t sum[PARITY_SYMBOL_MAX];
};

struct recovery {
	struct recovery_row *row; /* RECOVERY_ROWS */
	unsigned rows;		  /* in use, the first ones */
	uint64_t base;		  /* sequence number of the oldest column, as playout counts */
	uint64_t recovered;	  /* media packets */
	uint64_t useless;	  /* parity packets: they told nothing new, or too late */
	uint64_t dropped;	  /* parity packets: void, or no room for them */
};

/* 0 or -ENOMEM. */
int recovery_init(struct recovery *r);
void recovery_deinit(struct recovery *r);
void recovery_restart(struct recovery *r);
/* A parity packet came. At most WIRE_PARITY_PACKETS + 2 * RECOVERY_ROWS sums of a packet's length
 * are reckoned, and as many for each column that falls behind. */
void recovery_parity(struct recovery *r, struct playout *playout, const struct frame_parity *frame,
		     usec_t now);
/* Media packet @seq (low bits) came and is with the playout. */
void recovery_media(struct recovery *r, struct playout *playout, uint32_t seq, usec_t now);
