#pragma once

#include <ev.h>

#include "workers/rtmp/url.h"

/*
 * The role "push": MPEG-TS from stdin to an RTMP or RTMPS server, for ever.
 *
 * Its stats, besides "bytes" (media sent, headers included): "video_frames", "audio_frames" (sent),
 * "dropped_video", "dropped_audio" (the server took less than came in), "queue_ms", "queue_bytes",
 * "unacked" (bytes in the kernel), "rtt_us", "pings" (answered in this session), "reconnects",
 * "input_bytes", "input_changes" (of the tables), "garbage" (input that could not be used).
 */
struct push_config {
	const struct url *url;
	const char *ca_file; /* NULL: the system's certificates */
};

/* Runs until told to stop, or the input ends. An enum worker_exit. */
int push_run(struct ev_loop *loop, const struct push_config *config);
