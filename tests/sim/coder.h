#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * A coded layer between the source and the bond, for experiments: it adds packets to the stream,
 * out of which missing ones can be had. The code is an ideal one: of a block of `data` packets and
 * `extra` ones, any `data` are enough. Blocks are interleaved `depth` deep, so that a burst of
 * losses falls on several. With `repeat` the extra packets are copies of some of the others
 * instead, evenly chosen, which is what the same bytes buy without a code.
 */
#define CODER_DEPTH_MAX 8
#define CODER_BLOCK_MAX 64
#define CODER_EXTRA_BIT (UINT64_C(1) << 48) /* in the number of an extra packet */

struct coder_config {
	unsigned data, extra; /* of a block; 0: no coding */
	unsigned depth;
	bool repeat;
};

struct coder_block {
	uint64_t there; /* bits: which of its packets came, data first */
	bool solved;
};

struct coder {
	struct coder_config config;
	struct coder_block *block; /* by its number */
	uint64_t blocks;
};

void coder_init(struct coder *coder, const struct coder_config *config);
void coder_deinit(struct coder *coder);

/* After packet @number of the source: how many extra packets follow now, and the number of the
 * first; the others count up from there. */
unsigned coder_extra(const struct coder *coder, uint64_t number, uint64_t *ret_first);
/* Packet @number came, of the source or an extra one. Writes the numbers of those of the source
 * that are there by it and were not before; returns how many. */
unsigned coder_took(struct coder *coder, uint64_t number,
		    uint64_t ret_number[static CODER_BLOCK_MAX]);
