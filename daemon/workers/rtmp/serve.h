#pragma once

#include <ev.h>

/*
 * The role "serve": an RTMP server that takes one publisher and writes MPEG-TS to stdout.
 *
 * Its stats, besides "bytes" (written): "publisher" (address, "" = none), "video_frames",
 * "audio_frames", "dropped" (access units: the reader was slow, or times ran backwards), "garbage"
 * (messages that could not be read), "jumps" (of the publisher's clock), "connections" (now),
 * "accepted", "refused" (so far).
 */
struct serve_config {
	const char *host; /* address to listen on; "" = all */
	const char *port; /* "0" = any */
	const char *app;
	const char *key; /* NULL: any stream name is taken */
};

/* Runs until told to stop. An enum worker_exit. */
int serve_run(struct ev_loop *loop, const struct serve_config *config);
