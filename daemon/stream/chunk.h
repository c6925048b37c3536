#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "stream/ts.h"

/*
 * Gathers MPEG-TS packets to media packets of feed `ts`: up to CHUNK_PACKETS in one, with the time
 * of origin of the last of them and the class of the most important. Every packet goes in as it
 * is, whatever it holds.
 */
#define CHUNK_PACKETS  7 /* 1316 bytes: what a datagram carries */
#define CHUNK_BYTES    (CHUNK_PACKETS * TS_PACKET_BYTES)
#define CHUNK_WAIT_MAX (5 * USEC_PER_MS) /* for further packets of a stream of a low rate */

struct chunk {
	struct ts ts;
	uint8_t data[CHUNK_BYTES];
	size_t len;
	usec_t began; /* when the first of them came */
	usec_t came;  /* the last */
	usec_t captured;
	uint8_t class; /* enum wire_class */
};

void chunk_init(struct chunk *chunk);
/* Adds a packet that came at @now, its time of origin @captured; there must be room. True: it is
 * full now. */
bool chunk_add(struct chunk *chunk, const uint8_t packet[static TS_PACKET_BYTES], usec_t captured,
	       usec_t now);
/* When what is there must go, full or not; USEC_NEVER: there is nothing. */
usec_t chunk_due_at(const struct chunk *chunk);
/* It has gone; the next one begins. */
void chunk_clear(struct chunk *chunk);

/* Whether the bytes that came out of a bond are whole packets, as many as a chunk may have. */
bool chunk_is_sane(const uint8_t *data, size_t len);
