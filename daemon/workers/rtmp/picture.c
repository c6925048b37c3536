#include "workers/rtmp/picture.h"

#include "workers/rtmp/hevc.h"

/* H.264: 7.3.2.1.1 (SPS), 7.3.2.1.1.1 (scaling lists), E.1.1 (VUI). H.265: 7.3.2.2. */

/* A signed Exp-Golomb number, modulo 2^32. */
static uint32_t bits_se(struct nal_bits *b)
{
	uint32_t v = nal_bits_ue(b);

	return v & 1 ? v / 2 + 1 : -(v / 2);
}

static void skip_scaling_lists(struct nal_bits *b, uint32_t chroma)
{
	for (unsigned i = 0; i < (chroma == 3 ? 12u : 8u); i++) {
		uint32_t last = 8, next = 8;

		if (!nal_bits(b, 1))
			continue;
		for (unsigned k = 0; k < (i < 6 ? 16u : 64u) && next && !b->failed; k++) {
			next = (last + bits_se(b)) & 0xff;
			if (next)
				last = next;
		}
	}
}

static bool has_chroma_info(unsigned profile)
{
	static const uint8_t profiles[] = { 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139 };

	return memchr(profiles, (int)profile, sizeof(profiles));
}

/* The frame rate of the VUI's timing information. */
static double vui_frame_rate(struct nal_bits *b)
{
	uint32_t units, scale;

	if (nal_bits(b, 1) && nal_bits(b, 8) == 255) /* aspect ratio */
		(void)nal_bits(b, 32);
	if (nal_bits(b, 1)) /* overscan */
		(void)nal_bits(b, 1);
	if (nal_bits(b, 1)) { /* video signal type */
		(void)nal_bits(b, 4);
		if (nal_bits(b, 1))
			(void)nal_bits(b, 24);
	}
	if (nal_bits(b, 1)) { /* chroma location */
		(void)nal_bits_ue(b);
		(void)nal_bits_ue(b);
	}
	if (!nal_bits(b, 1))
		return 0;
	units = nal_bits(b, 32);
	scale = nal_bits(b, 32);
	return b->failed || !units ? 0 : scale / (2.0 * units);
}

static void skip_picture_order(struct nal_bits *b)
{
	uint32_t type = nal_bits_ue(b), count;

	if (type == 0) {
		(void)nal_bits_ue(b);
	} else if (type == 1) {
		(void)nal_bits(b, 1);
		(void)nal_bits_ue(b);
		(void)nal_bits_ue(b);
		for (count = nal_bits_ue(b); count && !b->failed; count--)
			(void)nal_bits_ue(b);
	}
}

static bool read_h264(struct nal sps, struct picture_info *ret_info)
{
	struct nal_bits b = nal_bits_of(sps);
	uint32_t chroma = 1, profile, mbs_wide, map_units, crop[4] = { 0 }, field_factor, x, y;

	(void)nal_bits(&b, 8);
	profile = nal_bits(&b, 8);
	(void)nal_bits(&b, 16);
	(void)nal_bits_ue(&b);
	if (has_chroma_info(profile)) {
		chroma = nal_bits_ue(&b);
		if (chroma == 3)
			(void)nal_bits(&b, 1);
		(void)nal_bits_ue(&b);
		(void)nal_bits_ue(&b);
		(void)nal_bits(&b, 1);
		if (nal_bits(&b, 1))
			skip_scaling_lists(&b, chroma);
	}
	(void)nal_bits_ue(&b);
	skip_picture_order(&b);
	(void)nal_bits_ue(&b);
	(void)nal_bits(&b, 1);
	mbs_wide = nal_bits_ue(&b) + 1;
	map_units = nal_bits_ue(&b) + 1;
	field_factor = nal_bits(&b, 1) ? 1 : 2;
	if (field_factor == 2)
		(void)nal_bits(&b, 1);
	(void)nal_bits(&b, 1);
	if (nal_bits(&b, 1))
		for (unsigned i = 0; i < 4; i++)
			crop[i] = nal_bits_ue(&b) & 0xffff;
	if (b.failed || mbs_wide > 1024 || map_units > 1024)
		return false;
	x = (chroma == 1 || chroma == 2 ? 2 : 1) * (crop[0] + crop[1]);
	y = (chroma == 1 ? 2 : 1) * field_factor * (crop[2] + crop[3]);
	if (x >= 16 * mbs_wide || y >= 16 * map_units * field_factor)
		return false;
	ret_info->width = 16 * mbs_wide - x;
	ret_info->height = 16 * map_units * field_factor - y;
	ret_info->frame_rate = nal_bits(&b, 1) ? vui_frame_rate(&b) : 0;
	return true;
}

static bool read_hevc(struct nal sps, struct picture_info *ret_info)
{
	struct hevc_sps h;

	if (!hevc_sps_read(sps, &h))
		return false;
	*ret_info = (struct picture_info){ .width = h.width, .height = h.height };
	return true;
}

bool picture_info_read(const struct paramset *params, struct picture_info *ret_info)
{
	struct nal sps;

	if (!paramset_find(params, NAL_ROLE_SPS, &sps))
		return false;
	return params->codec == MEDIA_CODEC_HEVC ? read_hevc(sps, ret_info)
						 : read_h264(sps, ret_info);
}
