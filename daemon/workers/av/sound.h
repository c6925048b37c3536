#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libavcodec/avcodec.h>

/*
 * The sound of the live stream: AAC with ADTS headers passes untouched, and so do MPEG audio and
 * AC-3 where the target is told to take them; anything else becomes AAC of 128 kb/s, stereo, 48
 * kHz.
 */
struct sound;

/* @keeps: MPEG audio and AC-3 pass as well. */
struct sound *sound_new(bool keeps);
struct sound *sound_free(struct sound *sound);

/* Takes a packet of @codec from @source (struct media), time stamps of 90 kHz. 0; -ENOSYS: nothing
 * can decode it. */
int sound_send(struct sound *sound, AVPacket *packet, enum AVCodecID codec, unsigned source);
/* The next packet to send, valid until the next call; NULL: none yet. */
AVPacket *sound_receive(struct sound *sound);
/* Whether packets of @codec pass. */
bool sound_passes(const struct sound *sound, enum AVCodecID codec);
/* What a muxer must know of the packets that @codec gives; NULL: nothing can decode it. */
const AVCodecParameters *sound_parameters(struct sound *sound, enum AVCodecID codec);
