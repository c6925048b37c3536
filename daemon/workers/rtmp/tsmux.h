#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workers/rtmp/media.h"

/*
 * Access units into MPEG-TS, by libavformat over memory. Every unit leaves at once, audio frames
 * each in a PES packet of their own. When the codecs change the tables get another version and
 * everything else goes on: PIDs, continuity counters, timestamps.
 */
struct tsmux;

/* @on_packets gets whole 188-byte packets, from inside tsmux_write() alone. NULL: out of memory. */
struct tsmux *tsmux_new(void (*on_packets)(const uint8_t *data, size_t len, void *owner),
			void *owner);
struct tsmux *tsmux_free(struct tsmux *m);
/* The streams from now on; MEDIA_CODEC_NONE: no such stream. 0 or negative: libavformat refused. */
int tsmux_open(struct tsmux *m, enum media_codec video, enum media_codec audio);
/* 0; or 1: dropped, as it is not later than the one before. */
int tsmux_write(struct tsmux *m, const struct media_unit *unit);
enum media_codec tsmux_video(const struct tsmux *m);
enum media_codec tsmux_audio(const struct tsmux *m);
