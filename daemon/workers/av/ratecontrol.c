#include "workers/av/ratecontrol.h"

/*
 * What multiplexing adds to a picture of n bytes (ISO/IEC 13818-1): every transport packet has 4
 * bytes of header on 184; the PES header takes 19 bytes with PTS and DTS; the packet with the clock
 * reference 8; and the last packet of a picture is filled up, half a packet on average. So a
 * picture costs 19 + 8 + 92 bytes beyond the 184:188, whatever its size; at 60 pictures a second
 * that is 57 kb/s, a tenth of a poor uplink.
 */
#define PICTURE_OVERHEAD_BITS ((19 + 8 + 92) * 8)

uint64_t ratecontrol_whole_bps(const struct ratecontrol *rc)
{
	if (rc->advice_bps < rc->rate_min_bps)
		return rc->rate_min_bps;
	return rc->advice_bps > rc->rate_max_bps ? rc->rate_max_bps : rc->advice_bps;
}

uint64_t ratecontrol_video_bps(const struct ratecontrol *rc)
{
	uint64_t whole = ratecontrol_whole_bps(rc);
	uint64_t taken = rc->owed_bps + rc->other_bps +
			 (uint64_t)rc->fps_milli * PICTURE_OVERHEAD_BITS / 1000;
	uint64_t video;

	video = whole > taken ? (whole - taken) * 184 / 188 : 0;
	return video > RATECONTROL_VIDEO_MIN_BPS ? video : RATECONTROL_VIDEO_MIN_BPS;
}

bool ratecontrol_is_news(uint64_t now_bps, uint64_t wanted_bps)
{
	uint64_t step = now_bps > wanted_bps ? now_bps - wanted_bps : wanted_bps - now_bps;

	/* Every change makes x264 recompute its buffer; 1 % is below what it can hit. */
	return step * 100 > now_bps;
}
