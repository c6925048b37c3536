#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "workers/srt/leg.h"

/*
 * The stream from stdin as messages of 7 MPEG-TS packets, as soon as they are there: the network
 * gets the pacing of the source. What does not fill a message waits PACKER_FLUSH_USEC for more and
 * then goes in whole packets: long enough for a source that writes packet by packet, short enough
 * to be no jitter.
 */
#define PACKER_FLUSH_USEC USEC_PER_MS
#define PACKER_BYTES	  (96 * LEG_MESSAGE)

struct packer {
	uint8_t data[PACKER_BYTES];
	size_t begin, end;
	usec_t since; /* when the newest bytes came */
	bool ended;   /* of input */
};

/* Reads once; poll(2) must have said that it will not wait. 0 or -errno. */
int packer_read(struct packer *packer, int fd, usec_t now);
bool packer_has_room(const struct packer *packer);
/* The next message, to be removed by packer_consume(). 0: none yet, or (ended) any more. */
size_t packer_peek(const struct packer *packer, usec_t now, const uint8_t **ret_message);
void packer_consume(struct packer *packer, size_t len);
/* When a message that is not full becomes due; USEC_NEVER: there is none. */
usec_t packer_due(const struct packer *packer);
