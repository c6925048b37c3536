#pragma once

#include "base/cursor.h"
#include "workers/rtmp/media.h"

/*
 * NAL units, the parts of an H.264 or H.265 access unit, in the two forms they travel in: behind
 * start codes (Annex B, in MPEG-TS) and behind a length (in FLV).
 */
struct nal {
	const uint8_t *data; /* from the header on, without start code or length */
	size_t len;
};

enum nal_role {
	NAL_ROLE_OTHER,
	NAL_ROLE_PICTURE,  /* a slice of a picture that needs others */
	NAL_ROLE_KEY,	   /* a slice of a picture where decoding can begin */
	NAL_ROLE_RECOVERY, /* a message saying that decoding can begin here without an IDR */
	NAL_ROLE_VPS,
	NAL_ROLE_SPS,
	NAL_ROLE_PPS,
	NAL_ROLE_DELIMITER,
};

/* The next NAL unit behind a start code; false at the end. Trailing zero bytes are not part of it.
 */
bool nal_next_annexb(struct cursor *c, struct nal *ret_nal);
/* The next NAL unit behind a length of @length_size bytes (1, 2 or 4); false at the end, and *@c
 * failed when a length reaches beyond it. */
bool nal_next_length(struct cursor *c, unsigned length_size, struct nal *ret_nal);
enum nal_role nal_role(enum media_codec codec, struct nal nal);

/* Reads bits of a NAL unit, skipping the emulation prevention bytes. Past the end: zeros, and
 * failed. */
struct nal_bits {
	struct nal nal;
	size_t at;	/* bits, emulation prevention bytes not counted */
	size_t byte;	/* where the bit is in the NAL unit */
	unsigned zeros; /* zero bytes just before */
	bool failed;
};

struct nal_bits nal_bits_of(struct nal nal);
uint32_t nal_bits(struct nal_bits *b, unsigned count); /* up to 32 */
uint32_t nal_bits_ue(struct nal_bits *b);	       /* an Exp-Golomb number */
