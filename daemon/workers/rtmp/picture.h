#pragma once

#include "workers/rtmp/paramset.h"

/* What a stream's SPS says of its pictures, for the metadata of a platform. Zero: not said. */
struct picture_info {
	uint32_t width;
	uint32_t height;
	double frame_rate;
};

/* False: there is no SPS, or it cannot be read. */
bool picture_info_read(const struct paramset *params, struct picture_info *ret_info);
