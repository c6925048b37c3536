#pragma once

#include "base/cursor.h"
#include "workers/rtmp/media.h"
#include "workers/rtmp/nal.h"

/*
 * The parameter sets of a video stream: what a decoder must have before the first picture. In
 * MPEG-TS they come in band before key pictures; in FLV they are a record of their own, the
 * "sequence header" (avcC and hvcC: ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1).
 */
#define PARAMSET_NALS_MAX   16	 /* an encoder has 2 or 3; several PPS are rare */
#define PARAMSET_BYTES_MAX  2048 /* of all of them */
#define PARAMSET_RECORD_MAX (PARAMSET_BYTES_MAX + 5 * PARAMSET_NALS_MAX + 64)

struct paramset {
	enum media_codec codec;
	unsigned count;
	struct {
		enum nal_role role;
		uint16_t begin;
		uint16_t len;
	} nals[PARAMSET_NALS_MAX];
	uint16_t used;
	uint8_t bytes[PARAMSET_BYTES_MAX];
};

/*
 * Takes the parameter sets found in an access unit (Annex B) of @codec. A unit with an SPS replaces
 * what was known, one with a PPS alone adds to it. True when anything changed.
 */
bool paramset_collect(struct paramset *p, enum media_codec codec, const uint8_t *data, size_t len);
/* The first of a kind; false: there is none. */
bool paramset_find(const struct paramset *p, enum nal_role role, struct nal *ret_nal);
/* Enough for a decoder to begin. */
bool paramset_is_complete(const struct paramset *p);
bool paramset_equal(const struct paramset *a, const struct paramset *b);
/* The avcC or hvcC record, for NAL lengths of 4 bytes. @w fails when it does not fit, or when the
 * set is not complete or its SPS cannot be read. */
void paramset_write_record(const struct paramset *p, struct writer *w);
/* Reads a record; false, and *@ret_set untouched, when it is none. *@ret_length_size: of the NAL
 * units in the pictures that follow. */
bool paramset_read_record(enum media_codec codec, const uint8_t *data, size_t len,
			  struct paramset *ret_set, unsigned *ret_length_size);
/* All of them behind start codes. */
void paramset_write_annexb(const struct paramset *p, struct writer *w);
