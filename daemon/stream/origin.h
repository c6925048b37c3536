#pragma once

#include "base/clock.h"
#include "stream/ts.h"

/*
 * When what an encoder gives came in. The latency counts from there, so what the encoder took is
 * part of it. An encoder keeps the time stamps of its pictures: one that comes out is found again
 * among those that went in; what lies between two pictures took as long as the one before it.
 */
#define ORIGIN_PICTURES 256 /* some 4 s at 60 pictures per second */

struct origin {
	struct {
		uint64_t pts;
		usec_t at;
	} picture[ORIGIN_PICTURES]; /* ring: the last that went in */
	unsigned newest, count;
	usec_t lag;  /* of the last picture that came out and was found */
	usec_t last; /* what was told last */
};

void origin_init(struct origin *origin);
/* A packet that goes into the encoder; its time of origin is @at. */
void origin_in(struct origin *origin, const uint8_t packet[static TS_PACKET_BYTES], usec_t at);
/* The time of origin of a packet that comes out of it at @now: at most @lag_max before, and never
 * before that of an earlier packet. */
usec_t origin_out(struct origin *origin, const uint8_t packet[static TS_PACKET_BYTES],
		  usec_t lag_max, usec_t now);
/* The same of packets that are of @at, where there is no encoder. */
usec_t origin_bounded(struct origin *origin, usec_t at, usec_t lag_max, usec_t now);
