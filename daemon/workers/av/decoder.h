#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libavcodec/avcodec.h>

/*
 * Packets of one stream to frames, for any codec that may change at any packet. Damage is counted
 * and concealed, never fatal.
 */
struct decoder {
	AVCodecContext *context;
	enum AVCodecID codec;
	unsigned source; /* of the packets (struct media) */
	AVFrame *frame;	 /* the one that decoder_receive() gave last */
	uint64_t frames, errors;
	unsigned barren; /* packets since the last frame */
};

void decoder_init(struct decoder *decoder);
void decoder_deinit(struct decoder *decoder);

/* Makes ready for packets of @codec from @source; starts anew when either has changed. 0, -ENOSYS
 * when there is no decoder for it, -ENOMEM. */
int decoder_open(struct decoder *decoder, enum AVCodecID codec, unsigned source);
/* Whether it is open for such packets. */
bool decoder_is_for(const struct decoder *decoder, enum AVCodecID codec, unsigned source);
/* NULL: the stream has ended, give what is still inside. */
void decoder_send(struct decoder *decoder, const AVPacket *packet);
/* The next frame, valid until the next call; NULL: none yet. */
AVFrame *decoder_receive(struct decoder *decoder);
/* Starts anew at the next packet: after a cut, or when nothing comes out any more. */
void decoder_reset(struct decoder *decoder);
