#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rng.h"
#include "uplinkd/wire.h"

/*
 * A source of media packets: what an encoder gives. Constant: packets of one size at even
 * distances. Frames: pictures at a fixed rate whose sizes vary, with a heavy keyframe at the
 * beginning of each group, the packets of a picture within a quarter of its time.
 * The bytes of a packet follow from its number, so that the recorder can check them.
 */
#define SOURCE_PACKET_BYTES 1332 /* SRT header and seven TS packets */
#define SOURCE_PREFIX_BYTES 16	 /* the SRT header, as it goes over the bond */

struct source_config {
	uint64_t rate_bps; /* of the packets as they are given to the bond */
	bool frames;	   /* 25 a second, a keyframe every 2 s; otherwise constant */
	unsigned burst;	   /* frames: so many come at once; 0: each by itself */
	unsigned bytes;	   /* of a packet; 0: SOURCE_PACKET_BYTES */
	bool follow;	   /* rate_bps becomes what source_advise() says */
};

struct source {
	struct source_config config;
	struct rng rng;
	usec_t next_at; /* of the next packet; USEC_NEVER: it has ended */
	usec_t end;
	uint64_t number; /* of the next packet */
	usec_t frame_at; /* frames: when the present picture began */
	uint64_t frame;
	bool begins;   /* the next packet is its first one */
	unsigned left; /* packets of the picture */
	usec_t gap;    /* between them */
	int64_t debt;  /* bytes of pictures that did not fill a packet */
};

struct source_packet {
	uint64_t number;
	enum wire_class class;
	size_t len;
	size_t prefix; /* see bond_submit_prefixed() */
	bool begins;   /* a picture */
	uint8_t data[SOURCE_PACKET_BYTES];
};

void source_init(struct source *source, const struct source_config *config, uint64_t seed,
		 usec_t begin, usec_t end);
void source_advise(struct source *source, uint64_t bps);
/* The packet of source->next_at; sets the next one. */
void source_next(struct source *source, struct source_packet *ret_packet);
/* The bytes of packet @number. */
void source_fill(uint8_t *data, size_t len, uint64_t number);
/* The number in @data when all its bytes are what source_fill() gives, or UINT64_MAX. */
uint64_t source_verify(const uint8_t *data, size_t len);
