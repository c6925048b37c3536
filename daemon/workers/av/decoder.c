#include "workers/av/decoder.h"

#include <errno.h>
#include <string.h>

/*
 * Delay is what counts: threads work on slices of one picture, never on several pictures, and a
 * picture comes out as soon as the reordering that the stream declares allows it.
 */
#define THREADS 2

void decoder_init(struct decoder *decoder)
{
	memset(decoder, 0, sizeof(*decoder));
}

void decoder_deinit(struct decoder *decoder)
{
	avcodec_free_context(&decoder->context);
	av_frame_free(&decoder->frame);
}

void decoder_reset(struct decoder *decoder)
{
	avcodec_free_context(&decoder->context);
	decoder->codec = AV_CODEC_ID_NONE;
}

bool decoder_is_for(const struct decoder *decoder, enum AVCodecID codec, unsigned source)
{
	return decoder->context && decoder->codec == codec && decoder->source == source;
}

int decoder_open(struct decoder *decoder, enum AVCodecID codec, unsigned source)
{
	const AVCodec *implementation;

	if (decoder_is_for(decoder, codec, source))
		return 0;
	decoder_reset(decoder);
	if (!decoder->frame)
		decoder->frame = av_frame_alloc();
	implementation = avcodec_find_decoder(codec);
	if (!implementation)
		return -ENOSYS;
	decoder->context = avcodec_alloc_context3(implementation);
	if (!decoder->context || !decoder->frame)
		return -ENOMEM;
	decoder->context->thread_count = THREADS;
	decoder->context->thread_type = FF_THREAD_SLICE;
	decoder->context->pkt_timebase = (AVRational){ 1, 90000 };
	if (avcodec_open2(decoder->context, implementation, NULL) < 0) {
		decoder_reset(decoder);
		return -ENOSYS;
	}
	decoder->codec = codec;
	decoder->source = source;
	decoder->barren = 0;
	return 0;
}

void decoder_send(struct decoder *decoder, const AVPacket *packet)
{
	if (!decoder->context)
		return;
	decoder->barren++;
	if (avcodec_send_packet(decoder->context, packet) < 0)
		decoder->errors++;
}

AVFrame *decoder_receive(struct decoder *decoder)
{
	int r = decoder->context ? avcodec_receive_frame(decoder->context, decoder->frame)
				 : AVERROR_EOF;

	if (r < 0) {
		if (r != AVERROR(EAGAIN) && r != AVERROR_EOF)
			decoder->errors++;
		return NULL;
	}
	decoder->barren = 0;
	decoder->frames++;
	if (decoder->frame->decode_error_flags || decoder->frame->flags & AV_FRAME_FLAG_CORRUPT)
		decoder->errors++;
	return decoder->frame;
}
