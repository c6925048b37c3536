#include "stream/picture.h"

#include <string.h>

/*
 * H.264 (ITU-T H.264, 7.3.1 and table 7-1): one byte of header, forbidden bit, nal_ref_idc (2),
 * type (5). A slice with nal_ref_idc 0 is used by no other picture. An SEI message "recovery point"
 * marks where decoders may start in streams without IDR pictures (intra refresh, open GOP): behind
 * type and size it begins with the number of frames until the picture is whole, ue(v), so that a
 * first bit of 1 is "at once".
 *
 * H.265 (ITU-T H.265, 7.3.1.2 and table 7-1): two bytes, forbidden bit, type (6), layer (6),
 * temporal id + 1 (3). Slices of even type below 16 are not used within their own temporal layer;
 * a higher layer may use them, so only those of the highest layer are disposable. How many layers
 * there are stands in the third byte of a sequence parameter set: id (4), layers less one (3).
 * An entry that is no IDR (CRA, BLA) may have pictures behind it that need what was before it.
 *
 * The first bit of a slice (H.264: first_mb_in_slice is 0; H.265: first_slice_segment_in_pic_flag)
 * tells whether it is the first of its picture.
 *
 * Three bytes behind a start code, and a fourth of an SEI message, are enough for all of this. A
 * start code is 00 00 01; emulation prevention sees to it that it occurs nowhere else.
 */
#define CLASS_BYTES 3

void picture_init(struct picture *picture, enum picture_codec codec)
{
	*picture = (struct picture){ .codec = codec };
	picture_begin(picture);
}

void picture_begin(struct picture *picture)
{
	picture->known = picture->sliced = false;
	picture->begun = picture->unaligned = picture->leads = false;
	picture->class = WIRE_CLASS_REFERENCE;
	picture->entry = PICTURE_ENTRY_NONE;
	picture->window = UINT32_MAX;
	picture->collected = 0;
}

/* The first that tells decides: parameter sets in front of a picture make it important. Behind the
 * first slice, what is more important than it. */
static void picture_is(struct picture *picture, enum wire_class class)
{
	if (!picture->known || (picture->sliced && class < picture->class))
		picture->class = (uint8_t) class;
	picture->known = true;
}

static void picture_slice(struct picture *picture, enum wire_class class, enum picture_entry entry,
			  bool first)
{
	picture_is(picture, class);
	if (picture->sliced)
		return;
	picture->sliced = true;
	picture->unaligned |= !first;
	if (entry != PICTURE_ENTRY_NONE)
		picture->entry = entry;
}

static void nal_h264(struct picture *picture)
{
	unsigned type = picture->header[0] & 0x1f, ref = picture->header[0] >> 5 & 3;
	bool first = picture->header[1] & 0x80;

	switch (type) {
	case 1: /* slice */
	case 2: /* data partition A */
		picture_slice(picture, ref ? WIRE_CLASS_REFERENCE : WIRE_CLASS_DISPOSABLE,
			      PICTURE_ENTRY_NONE, first);
		break;
	case 5: /* IDR */
		picture_slice(picture, WIRE_CLASS_TABLES, PICTURE_ENTRY_CLEAN, first);
		break;
	case 7: /* sequence parameters: whatever picture they come with, they must arrive */
	case 8:
		picture_is(picture, WIRE_CLASS_TABLES);
		break;
	case 6: /* SEI, type of the first message */
		if (picture->header[1] == 6)
			picture_is(picture, WIRE_CLASS_TABLES);
		break;
	}
}

static void nal_h264_recovery(struct picture *picture)
{
	if ((picture->header[0] & 0x1f) == 6 && picture->header[1] == 6)
		picture->entry =
			picture->header[3] & 0x80 ? PICTURE_ENTRY_OPEN : PICTURE_ENTRY_GRADUAL;
}

static void slice_h265(struct picture *picture, unsigned type, unsigned layer)
{
	bool first = picture->header[2] & 0x80;

	if (layer > picture->top_layer)
		picture->top_layer = (uint8_t)layer;
	if (type >= 16) { /* random access */
		picture_slice(picture, WIRE_CLASS_TABLES,
			      type == 19 || type == 20 ? PICTURE_ENTRY_CLEAN : PICTURE_ENTRY_OPEN,
			      first);
		return;
	}
	picture->leads |= picture->sliced && type >= 6 && type <= 9; /* RADL, RASL */
	picture_slice(picture,
		      type % 2 == 0 && layer >= picture->top_layer ? WIRE_CLASS_DISPOSABLE
								   : WIRE_CLASS_REFERENCE,
		      PICTURE_ENTRY_NONE, first);
}

static void nal_h265(struct picture *picture)
{
	unsigned type = picture->header[0] >> 1 & 0x3f, layer = picture->header[1] & 7;

	if (type <= 23)
		slice_h265(picture, type, layer);
	else if (type >= 32 && type <= 34) /* VPS, SPS, PPS */
		picture_is(picture, WIRE_CLASS_TABLES);
	else if (type == 39 && picture->header[2] == 6) /* SEI: recovery point */
		picture_is(picture, WIRE_CLASS_TABLES);
	if (type == 33 && (picture->header[2] >> 1 & 7) >= picture->top_layer)
		picture->top_layer = (uint8_t)((picture->header[2] >> 1 & 7) + 1);
}

/* A NAL unit has begun, and `header` is full as far as it is needed. */
static void picture_nal(struct picture *picture)
{
	if (picture->codec == PICTURE_H264)
		nal_h264(picture);
	else
		nal_h265(picture);
}

static void picture_byte(struct picture *picture, uint8_t byte)
{
	picture->window = picture->window << 8 | byte;
	if ((picture->window & 0xffffff) == 1) {
		picture->collected = 1;
		picture->begun = true;
		return;
	}
	picture->unaligned |= !picture->begun && byte;
	if (!picture->collected)
		return;
	picture->header[picture->collected - 1] = byte;
	picture->collected++;
	if (picture->collected == CLASS_BYTES + 1) {
		picture_nal(picture);
		if (picture->sliced)
			picture->collected = 0;
	} else if (picture->collected > sizeof(picture->header)) {
		picture->collected = 0;
		if (picture->codec == PICTURE_H264)
			nal_h264_recovery(picture);
	}
}

/* Within a slice: a start code ends with a 1, and what is before it cannot be one. Returns where it
 * is. */
static size_t picture_skip(struct picture *picture, const uint8_t *data, size_t at, size_t len)
{
	const uint8_t *one = memchr(data + at, 1, len - at);
	size_t to = one ? (size_t)(one - data) : len;

	for (at = to - at > 2 ? to - 2 : at; at < to; at++)
		picture->window = picture->window << 8 | data[at];
	return to;
}

bool picture_feed(struct picture *picture, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (picture->sliced && !picture->collected)
			i = picture_skip(picture, data, i, len);
		if (i < len)
			picture_byte(picture, data[i]);
	}
	return picture->known;
}
