#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whole MPEG-TS packets out of messages of any length. A message that consists of packets passes
 * untouched; what is not a packet is dropped and counted.
 */
#define FRAMER_PACKET 188

struct framer {
	uint8_t carry[FRAMER_PACKET]; /* the beginning of a packet that goes on in the next message
				       */
	size_t carried;
	bool in_step;
	uint64_t garbage; /* bytes dropped */
};

/* Forgets the beginning of a packet: what follows belongs to something else. */
void framer_reset(struct framer *framer);
/* Cuts @data into @out, which has room for @len + FRAMER_PACKET bytes;
 * the number of bytes there, a multiple of FRAMER_PACKET. */
size_t framer_push(struct framer *framer, const uint8_t *data, size_t len, uint8_t *out);
