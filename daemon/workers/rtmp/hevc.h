#pragma once

#include "workers/rtmp/nal.h"

/* What the sequence parameter set of H.265 says, as far as it is repeated elsewhere (H.265,
 * 7.3.2.2 and 7.3.3). */
struct hevc_sps {
	uint8_t general[12]; /* space, tier, profile; compatibility; constraints; level */
	uint8_t layers;	     /* sps_max_sub_layers */
	bool nested;
	uint8_t chroma;	    /* chroma_format_idc */
	uint8_t luma_depth; /* minus 8 */
	uint8_t chroma_depth;
	uint32_t width; /* of the picture to be shown */
	uint32_t height;
};

/* False: it ends early or is nonsense. */
bool hevc_sps_read(struct nal sps, struct hevc_sps *ret_sps);
