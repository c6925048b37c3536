#include "workers/av/encode.h"

#include "sys/log.h"
#include "uplinkd/worker.h"
#include "workers/av/now.h"

#define VIDEO_PATIENCE (2 * USEC_PER_SEC) /* for a picture to come, before sound goes alone */
#define VIDEO_GONE     (3 * USEC_PER_SEC)

void encode_check_output(struct encode *encode)
{
	if (!encode->output.gone || encode->status >= 0)
		return;
	log_info("nobody reads the output any more; ending");
	encode->status = WORKER_EXIT_OK;
}

static void encode_describe(struct encode *encode)
{
	struct demuxer_stats input;
	const AVCodecParameters *sound = NULL, *video = NULL;
	usec_t now = now_usec();
	bool known = encode->video->codec_id != AV_CODEC_ID_NONE;

	demuxer_stats(encode->demuxer, &input);
	/* What is announced counts until the first packet. */
	if (encode->sound_codec != AV_CODEC_ID_NONE)
		sound = sound_parameters(encode->sound, encode->sound_codec);
	else if (input.listed[MEDIA_AUDIO] != AV_CODEC_ID_NONE)
		sound = sound_parameters(encode->sound, input.listed[MEDIA_AUDIO]);
	if (known &&
	    (!encode->settings.live || usec_since(encode->numbers.picture_at, now) < VIDEO_GONE))
		video = encode->video;
	if (video || (sound && (input.listed[MEDIA_VIDEO] == AV_CODEC_ID_NONE ||
				usec_since(encode->started, now) > VIDEO_PATIENCE)))
		(void)muxer_describe(encode->muxer, video, sound);
}

void encode_write(struct encode *encode, enum media_kind kind, AVPacket *packet)
{
	if (kind == MEDIA_AUDIO && passage_keep_sound(encode->passage, packet))
		return;
	encode_describe(encode);
	if (!muxer_has(encode->muxer, kind))
		return;
	if (kind == MEDIA_AUDIO)
		encode->sound_place = packet->pos;
	/* Sound of before the lower way that comes late goes in between. */
	if (passage_is_on(encode->passage))
		output_change(&encode->output);
	(void)muxer_write(encode->muxer, kind, packet);
	if (passage_is_on(encode->passage))
		output_change(&encode->output);
	encode_check_output(encode);
}

/* The time of decoding is set where the source would have it, so that it goes on evenly when the
 * source's own pictures follow, or went before. */
static void encode_stamp(struct encode *encode, AVPacket *packet)
{
	packet->dts = packet->pts - (encode->raw ? encode->reorder : 0);
	if (packet->dts <= encode->last_dts)
		packet->dts = encode->last_dts + 1;
	if (packet->dts > packet->pts)
		packet->dts = packet->pts;
	encode->last_dts = packet->dts;
}

void encode_drain(struct encode *encode)
{
	AVPacket *packet;

	while ((packet = coder_receive(encode->coder))) {
		encode->numbers.keyframes += packet->flags & AV_PKT_FLAG_KEY ? 1 : 0;
		encode->numbers.qp += coder_qp(encode->coder);
		encode->numbers.pictures++;
		encode_stamp(encode, packet);
		encode_write(encode, MEDIA_VIDEO, packet);
	}
}

void encode_finish_coder(struct encode *encode)
{
	if (!encode->coder)
		return;
	(void)coder_send(encode->coder, NULL);
	encode_drain(encode);
	encode->coder = coder_free(encode->coder);
}
