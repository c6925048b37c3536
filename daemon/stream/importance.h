#pragma once

#include "stream/ts.h"

/*
 * How important a media packet is to the bond, by the packets of MPEG-TS in it. They mix, seven to
 * one: the most important one counts.
 */
struct importance {
	struct ts ts;
};

void importance_init(struct importance *importance);
/* The class of the next media packet of the stream, whose payload is @data; REFERENCE where it is
 * not MPEG-TS. */
enum wire_class importance_of(struct importance *importance, const uint8_t *data, size_t len);
