#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libavcodec/avcodec.h>

#include "workers/av/output.h"
#include "workers/av/raw.h"
#include "workers/av/selector.h"

/*
 * The stream as it came in, byte for byte, with all it holds, for as long as it need not be encoded
 * again. It begins and ends where a picture begins; sound, which is interleaved, is cut between its
 * own PES packets: what the other way (muxer.h) has sent is left out, and what is begun is ended.
 */
struct passage;

/* NULL: out of memory. */
struct passage *passage_new(struct raw *raw, struct output *output);
struct passage *passage_free(struct passage *passage);

/* Whether a picture is one that a stream can begin with: every decoder knows all that it needs, and
 * nothing that follows refers to what was before. */
bool passage_may_begin_with(enum AVCodecID codec, const uint8_t *data, int size);

/* From the picture whose PES packet begins at @position on. The sound of PES packets up to the
 * place @sound_sent is left out. @shift (ticks of 90 kHz, 33 bits) is added to all time stamps.
 * False: there is no such picture. */
bool passage_begin(struct passage *passage, const struct programme *programme, int64_t position,
		   int64_t sound_sent, uint64_t shift);
bool passage_is_on(const struct passage *passage);
/* Whether the picture at @position is still to be sent. */
bool passage_is_ahead(const struct passage *passage, int64_t position);
/* Sends all up to the end of the picture at @position. False: the stream is lost; to be ended. */
bool passage_picture(struct passage *passage, int64_t position);
/* Ends before the next picture. */
void passage_end(struct passage *passage);

/* Takes a packet of sound (with its place in `pos`) that was made for the other way. True: it is
 * not for that one; it was sent, or is kept since it is about to be. */
bool passage_keep_sound(struct passage *passage, const AVPacket *packet);
/* When it has ended: the next kept packet that was not sent; the caller frees it. NULL: no more. */
AVPacket *passage_unsent_sound(struct passage *passage);
/* Bytes of packets sent that are neither of the video nor null packets. */
uint64_t passage_other_bytes(const struct passage *passage);
