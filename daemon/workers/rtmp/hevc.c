#include "workers/rtmp/hevc.h"

static void read_profile(struct nal_bits *b, struct hevc_sps *h)
{
	unsigned present[8] = { 0 };

	for (unsigned i = 0; i < sizeof(h->general); i++)
		h->general[i] = (uint8_t)nal_bits(b, 8);
	for (unsigned i = 0; i + 1 < h->layers; i++)
		present[i] = nal_bits(b, 2);
	for (unsigned i = h->layers - 1u; h->layers > 1 && i < 8; i++)
		(void)nal_bits(b, 2);
	for (unsigned i = 0; i + 1 < h->layers; i++) {
		if (present[i] & 2)
			for (unsigned k = 0; k < 11; k++)
				(void)nal_bits(b, 8);
		if (present[i] & 1)
			(void)nal_bits(b, 8);
	}
}

bool hevc_sps_read(struct nal sps, struct hevc_sps *ret_sps)
{
	struct nal_bits b = nal_bits_of(sps);
	struct hevc_sps h = { 0 };
	uint32_t crop[4] = { 0 }, x, y;

	(void)nal_bits(&b, 16 + 4); /* NAL header, sps_video_parameter_set_id */
	h.layers = (uint8_t)(nal_bits(&b, 3) + 1);
	h.nested = nal_bits(&b, 1);
	read_profile(&b, &h);
	(void)nal_bits_ue(&b); /* sps_seq_parameter_set_id */
	h.chroma = (uint8_t)(nal_bits_ue(&b) & 3);
	if (h.chroma == 3)
		(void)nal_bits(&b, 1);
	h.width = nal_bits_ue(&b);
	h.height = nal_bits_ue(&b);
	if (nal_bits(&b, 1))
		for (unsigned i = 0; i < 4; i++)
			crop[i] = nal_bits_ue(&b) & 0xffff; /* conformance window */
	h.luma_depth = (uint8_t)(nal_bits_ue(&b) & 7);
	h.chroma_depth = (uint8_t)(nal_bits_ue(&b) & 7);
	x = (h.chroma == 1 || h.chroma == 2 ? 2 : 1) * (crop[0] + crop[1]);
	y = (h.chroma == 1 ? 2 : 1) * (crop[2] + crop[3]);
	if (b.failed || x >= h.width || y >= h.height)
		return false;
	h.width -= x;
	h.height -= y;
	*ret_sps = h;
	return true;
}
