#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uplinkd/wire.h"

/*
 * How important a picture is, from the first bytes of its NAL units: an H.264 or H.265 elementary
 * stream is fed piece by piece, and as soon as the first slice of the picture is seen everything is
 * known. What comes before the slice (delimiter, parameter sets, SEI) may be of any length.
 *
 * Where several pictures are fed as one (fields; encoders that put more into a PES packet), the
 * class is that of the most important one, as soon as its first slice is seen; an entry is what
 * begins with one.
 */
enum picture_codec {
	PICTURE_H264,
	PICTURE_H265,
};

/* Whether a decoder that missed what was before can begin with this picture. */
enum picture_entry {
	PICTURE_ENTRY_NONE,
	PICTURE_ENTRY_GRADUAL, /* it is whole only several pictures later (intra refresh) */
	PICTURE_ENTRY_OPEN,  /* yes, but for the pictures that follow it and are shown before it */
	PICTURE_ENTRY_CLEAN, /* yes: nothing behind it needs anything before it */
};

struct picture {
	enum picture_codec codec;
	bool known;	    /* `class` is final */
	bool sliced;	    /* a slice was seen: `entry` is final */
	bool begun;	    /* the first start code was seen */
	bool unaligned;	    /* it does not begin where a picture does */
	bool leads;	    /* another one in it is shown before the first (H.265) */
	uint8_t class;	    /* enum wire_class; WIRE_CLASS_REFERENCE until known */
	uint8_t top_layer;  /* highest temporal layer, announced or seen in the stream (H.265) */
	uint32_t window;    /* last bytes of the stream, to find start codes across pieces */
	unsigned collected; /* bytes of NAL unit header taken; 0: looking for a start code */
	enum picture_entry entry;
	uint8_t header[4];
};

void picture_init(struct picture *picture, enum picture_codec codec);
/* The next access unit begins. */
void picture_begin(struct picture *picture);
/* More of its bytes. True once the class is known. */
bool picture_feed(struct picture *picture, const uint8_t *data, size_t len);
