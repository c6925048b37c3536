#pragma once

#include "base/meter.h"
#include "stream/ts.h"

/*
 * What a stream is made of, measured as it runs: how much of its bitrate is not the picture (sound,
 * tables, data), and how many bytes of packets a byte of the picture takes. So a bitrate for the
 * whole stream can be told to an encoder, which wants to know that of the picture alone.
 */
struct mix {
	struct meter video;   /* bytes of the packets that carry video */
	struct meter picture; /* bytes of video in them */
	struct meter other;   /* bytes of all other packets, but null packets */
};

void mix_init(struct mix *mix, usec_t now);
void mix_add(struct mix *mix, const struct ts_info *info, usec_t now);

/* Of a stream of @bps in all, what is left for the picture; and the other way round. Until a
 * picture was seen, the usual stream is assumed: 160 kb/s of sound and tables, 4 % of headers. */
uint64_t mix_picture_bps(struct mix *mix, uint64_t bps, usec_t now);
uint64_t mix_stream_bps(struct mix *mix, uint64_t picture_bps, usec_t now);
