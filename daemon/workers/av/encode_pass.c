#include "workers/av/encode.h"

#include "workers/av/now.h"

/* Whether what follows the picture of @media is what the encoder makes, but for its quality. */
static bool encode_may_pass(struct encode *encode, const struct media *media)
{
	const AVPacket *packet = media->packet;
	bool sound = encode->sound_codec == AV_CODEC_ID_NONE ||
		     sound_passes(encode->sound, encode->sound_codec);
	double most = encode->settings.fps_max;

	return encode->fits && sound && media->codec == encode->settings.codec && encode->coder &&
	       packet->pts != AV_NOPTS_VALUE && packet->dts != AV_NOPTS_VALUE && !encode->cut &&
	       picture_was_fit(encode->picture) && encode->height >= encode->source_height &&
	       (most <= 0 || encode_fps(encode) < most) &&
	       decoder_is_for(&encode->decoder, media->codec, media->source) &&
	       passage_may_begin_with(media->codec, packet->data, packet->size);
}

static void encode_note_passed(struct encode *encode, const AVPacket *packet)
{
	if (packet->pts != AV_NOPTS_VALUE && packet->pts > encode->passed.pts)
		encode->passed.pts = packet->pts;
	if (packet->dts != AV_NOPTS_VALUE && packet->dts > encode->passed.dts)
		encode->passed.dts = packet->dts;
	encode->passed.at = now_usec();
	encode->numbers.pictures++;
	encode->numbers.keyframes += packet->flags & AV_PKT_FLAG_KEY ? 1 : 0;
}

static void encode_begin_passage(struct encode *encode, const struct media *media)
{
	struct demuxer_stats input;
	uint64_t shift = (uint64_t)encode->timeline.offset & (TIMELINE_WRAP - 1);

	demuxer_stats(encode->demuxer, &input);
	if (!input.programme.number)
		return;
	encode_finish_decoder(encode);
	encode_finish_coder(encode);
	if (!passage_begin(encode->passage, &input.programme, media->packet->pos,
			   encode->sound_place, shift))
		return;
	encode->passed.pts = encode->last_pts;
	encode->passed.dts = encode->last_dts;
	encode->passed.breaks = encode->timeline.breaks;
	encode->passed.source = media->source;
	supervisor_state(encode->supervisor, "streaming", NULL,
			 "passing the input through untouched: its %.2f Mb/s fit",
			 (double)fit_peak_bps(&encode->fit, now_usec()) / 1e6);
}

void encode_end_passage(struct encode *encode)
{
	int64_t dts[MEDIA_KINDS] = {
		[MEDIA_VIDEO] = encode->passed.dts, [MEDIA_AUDIO] = INT64_MIN
	};
	struct demuxer_stats input;
	AVPacket *packet;

	passage_end(encode->passage);
	demuxer_stats(encode->demuxer, &input);
	muxer_follow(encode->muxer, &input.programme);
	muxer_resume(encode->muxer, dts);
	if (encode->passed.pts > encode->last_pts)
		encode->last_pts = encode->passed.pts;
	encode->last_dts = encode->passed.dts;
	while ((packet = passage_unsent_sound(encode->passage))) {
		encode_write(encode, MEDIA_AUDIO, packet);
		av_packet_free(&packet);
	}
}

void encode_choose(struct encode *encode, const struct media *media)
{
	const AVPacket *packet = media->packet;
	bool other = encode->timeline.breaks != encode->passed.breaks ||
		     media->source != encode->passed.source;
	/* Pictures are sent in the order of decoding; behind one that is shown after all of them
	 * nothing comes that is shown before. */
	bool clean = packet->pts != AV_NOPTS_VALUE && packet->pts > encode->passed.pts;

	if (!passage_is_on(encode->passage)) {
		if (encode_may_pass(encode, media))
			encode_begin_passage(encode, media);
	} else if (passage_is_ahead(encode->passage, packet->pos) &&
		   (other || (clean && !encode->fits))) {
		encode_end_passage(encode);
	}
	if (!passage_is_on(encode->passage))
		return;
	if (passage_picture(encode->passage, packet->pos))
		encode_note_passed(encode, packet);
	else
		encode_end_passage(encode);
	encode_check_output(encode);
}
