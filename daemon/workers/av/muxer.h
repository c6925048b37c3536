#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libavcodec/codec_par.h>
#include <libavcodec/packet.h>

#include "workers/av/demuxer.h"
#include "workers/av/output.h"

/*
 * Packets to MPEG-TS on a descriptor, each as soon as it is there: whole 188-byte packets, no null
 * packets, one picture or audio frame per PES packet, time stamps unchanged.
 */
struct muxer;

/* NULL: out of memory. */
struct muxer *muxer_new(struct output *output);
struct muxer *muxer_free(struct muxer *muxer);

/* What the programme is to hold from the next packet on; NULL: no such stream. When that is a
 * change of streams, tables of a new version follow, with the same PIDs. 0, or negative. */
int muxer_describe(struct muxer *muxer, const AVCodecParameters *video,
		   const AVCodecParameters *audio);
/* Whether such a stream is in the programme. */
bool muxer_has(const struct muxer *muxer, enum media_kind kind);

/* As from the next muxer_describe() on: the programme is laid out like @programme, where that is
 * possible, and its tables differ in their version from those. */
void muxer_follow(struct muxer *muxer, const struct programme *programme);
/* Another way has brought packets to the output, up to @dts of each kind (INT64_MIN: none of that
 * kind): tables come again, with muxer_describe(), and the counters begin anew. */
void muxer_resume(struct muxer *muxer, const int64_t dts[MEDIA_KINDS]);
/* Writes @packet (time stamps of 90 kHz; consumed of its reference). Packets that go back in time
 * are dropped. 0; -EPIPE: nobody reads any more; other negative numbers: the packet was refused. */
int muxer_write(struct muxer *muxer, enum media_kind kind, AVPacket *packet);
/* Bytes of transport packets written, all and those of the video packets. */
uint64_t muxer_bytes(const struct muxer *muxer);
uint64_t muxer_video_bytes(const struct muxer *muxer);
