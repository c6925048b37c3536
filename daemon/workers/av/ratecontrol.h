#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * From the advice, which is the rate of the whole live stream as it leaves this worker (IP and bond
 * overhead are the engine's business), to the rate that the video encoder is given. Pure.
 */
struct ratecontrol {
	uint64_t rate_min_bps, rate_max_bps; /* of the whole stream: the advice is kept inside */
	uint64_t advice_bps;
	uint64_t owed_bps;  /* taken off for what was sent beyond the advice (debt.h) */
	uint64_t other_bps; /* measured: transport packets that are not video (audio, tables) */
	uint32_t fps_milli; /* measured: pictures per 1000 seconds */
};

/* Never less than this for video: below it no picture is recognisable, and x264 starves. */
#define RATECONTROL_VIDEO_MIN_BPS 50000

/* The rate of the whole stream: the advice, kept within its limits. */
uint64_t ratecontrol_whole_bps(const struct ratecontrol *rc);
/* The rate of coded pictures (elementary stream) which, multiplexed, gives the advised rate. */
uint64_t ratecontrol_video_bps(const struct ratecontrol *rc);
/* Whether a change from @now_bps to @wanted_bps is worth telling the encoder. */
bool ratecontrol_is_news(uint64_t now_bps, uint64_t wanted_bps);
