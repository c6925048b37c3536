#include "workers/av/encode.h"

#include <string.h>

#include "sys/log.h"
#include "uplinkd/worker.h"
#include "workers/av/now.h"

#define LAG_CUT	    (2 * USEC_PER_SEC) /* not even decoding keeps up: on to a keyframe */
#define BARREN_MAX  150	   /* packets without a picture, then the decoder is made anew */
#define OTHER_BPS   200000 /* sound and tables, until they are measured */
#define REORDER_MAX ((int64_t)TIMELINE_HZ)

const struct backend *encode_backend(const struct encode *encode)
{
	return backend_choice(encode->settings.encoder, encode->settings.codec, encode->choice);
}

double encode_fps(const struct encode *encode)
{
	AVRational told =
		encode->decoder.context ? encode->decoder.context->framerate : (AVRational){ 0, 1 };
	double most = encode->settings.fps_max;
	double fps = encode->interval > 0	    ? TIMELINE_HZ / encode->interval
		     : told.num > 0 && told.den > 0 ? av_q2d(told)
						    : 30;

	if (most > 0 && fps > most)
		fps = most;
	return fps < 1 ? 1 : fps > 240 ? 240 : fps;
}

/* What sound and tables take, on either way. */
void encode_measure(struct encode *encode, usec_t now)
{
	uint64_t other = muxer_bytes(encode->muxer) - muxer_video_bytes(encode->muxer) +
			 passage_other_bytes(encode->passage);

	meter_add(&encode->other, other - encode->other_bytes, now);
	encode->other_bytes = other;
	encode->rate.other_bps = usec_since(encode->started, now) > 2 * USEC_PER_SEC
					 ? meter_per_sec(&encode->other, now) * 8
					 : OTHER_BPS;
}

void encode_set_rate(struct encode *encode)
{
	uint64_t advice = atomic_load(&encode->advice_bps), wanted;
	uint64_t before = ratecontrol_whole_bps(&encode->rate), whole;
	const struct backend *backend = encode_backend(encode);
	double fps = encode_fps(encode);
	bool news;

	news = advice != encode->rate.advice_bps;
	encode->rate.advice_bps = advice;
	whole = ratecontrol_whole_bps(&encode->rate);
	debt_step(&encode->debt, before, whole);
	/* Others would pay with keyframes. */
	encode->rate.owed_bps = backend && backend->steering == BACKEND_STEERED_AT_ONCE
					? debt_owed_bps(&encode->debt, whole)
					: 0;
	encode->rate.fps_milli = (uint32_t)(fps * 1000);
	wanted = ratecontrol_video_bps(&encode->rate);
	if (ratecontrol_is_news(encode->video_bps, wanted))
		encode->video_bps = wanted;
	if (encode->coder)
		coder_rate(encode->coder, encode->video_bps, fps);
	if (news)
		supervisor_send(encode->supervisor,
				json_pack("{s:s, s:I, s:I}", "event", "rate", "advice_bps",
					  (json_int_t)advice, "video_bps",
					  (json_int_t)encode->video_bps));
}

/* This kind of encoder is not there, or does not take such pictures: the next one. */
static void encode_reject(struct encode *encode, const struct backend *backend, int width,
			  int height)
{
	const struct backend *next;

	encode->choice++;
	next = encode_backend(encode);
	if (!next) {
		log_err("cannot encode pictures of %dx%d with %s; ending", width, height,
			backend->title);
		encode->status = WORKER_EXIT_SOFTWARE;
	} else if (!strcmp(encode->settings.encoder, "auto")) {
		log_info("%s is not to be had; trying %s", backend->title, next->title);
	} else {
		supervisor_alarm(encode->supervisor, "encoder-absent",
				 "cannot encode with %s: it needs %s; %s encodes instead",
				 backend->title, backend->needs, next->title);
	}
}

/* True when there is an encoder for pictures like @frame. */
static bool encode_open(struct encode *encode, const AVFrame *frame)
{
	struct coder_settings settings = {
		.backend = encode_backend(encode),
		.preset = encode->preset,
	};

	if (encode->coder && coder_fits(encode->coder, frame))
		return true;
	encode_finish_coder(encode);
	encode_set_rate(encode);
	settings.video_bps = encode->video_bps;
	settings.fps = encode_fps(encode);
	encode->coder = coder_new(frame, &settings);
	if (!encode->coder ||
	    avcodec_parameters_from_context(encode->video, coder_context(encode->coder)) < 0) {
		encode->coder = coder_free(encode->coder);
		encode_reject(encode, settings.backend, frame->width, frame->height);
		return false;
	}
	supervisor_state(encode->supervisor, "streaming", NULL,
			 "encoding %dx%d at %.5g pictures/s with %s, %s", frame->width,
			 frame->height, settings.fps, settings.backend->title,
			 backend_preset(encode->preset));
	return true;
}

void encode_try_hardware(struct encode *encode)
{
	for (;;) {
		const struct backend *backend = encode_backend(encode);
		AVFrame frame = { .width = 1280, .height = 720, .sample_aspect_ratio = { 1, 1 } };
		struct coder_settings settings = { .backend = backend,
						   .preset = encode->preset,
						   .video_bps = 2000000,
						   .fps = 30 };
		struct coder *coder;

		if (!backend || !backend_choice(encode->settings.encoder, encode->settings.codec,
						encode->choice + 1))
			return; /* the software, behind which there is nothing */
		frame.format = backend->format;
		coder = coder_new(&frame, &settings);
		if (coder) {
			(void)coder_free(coder);
			return;
		}
		encode_reject(encode, backend, frame.width, frame.height);
	}
}

/* Learns the distance of the pictures that are encoded. */
static void encode_learn_interval(struct encode *encode, int64_t step)
{
	if (step <= 0 || step > TIMELINE_HZ)
		return;
	if (encode->interval > 0)
		encode->interval += ((double)step - encode->interval) / 16;
	else
		encode->interval = (double)step;
}

/* Sees what left while the stream went on by @step ticks. */
static void encode_count_debt(struct encode *encode, int64_t step)
{
	usec_t span = step < TIMELINE_HZ ? (usec_t)step * USEC_PER_SEC / TIMELINE_HZ : USEC_PER_SEC;

	debt_add(&encode->debt, encode->output.bytes - encode->debt_bytes,
		 ratecontrol_whole_bps(&encode->rate), span);
	encode->debt_bytes = encode->output.bytes;
}

/* What the encoder is given of pictures like @frame. The ladder's step is taken at a keyframe. */
static struct picture_target encode_target(struct encode *encode, const AVFrame *frame)
{
	int height = ladder_height(&encode->ladder, frame->height,
				   ratecontrol_whole_bps(&encode->rate), now_usec());

	if (!encode->coder || encode->source_height != frame->height ||
	    coder_key_is_due(encode->coder, frame->pts))
		encode->height = height;
	encode->source_height = frame->height;
	return (struct picture_target){
		.format = encode_backend(encode)->format,
		.height = encode->height < frame->height ? encode->height : 0,
	};
}

static void encode_picture(struct encode *encode, AVFrame *frame)
{
	usec_t begin = now_usec();
	struct picture_target target;
	struct demuxer_stats input;
	int64_t step;

	frame->pts = frame->best_effort_timestamp;
	encode->numbers.picture_at = begin;
	demuxer_stats(encode->demuxer, &input);
	if (frame->pts == AV_NOPTS_VALUE || frame->pts <= encode->last_pts)
		return;
	step = frame->pts - encode->last_pts;
	if (passage_is_on(encode->passage)) {
		encode_learn_interval(encode, step);
		encode_count_debt(encode, step);
		encode->last_pts = frame->pts;
		return;
	}
	/* A picture that is a little early still counts as in time. */
	if (encode->settings.fps_max > 0 &&
	    step < (int64_t)(TIMELINE_HZ / encode->settings.fps_max * 0.9))
		return;
	if (encode->settings.live && !pace_takes(&encode->pace, input.lag, begin)) {
		encode->numbers.dropped++;
		return;
	}
	target = encode_target(encode, frame);
	frame = picture_convert(encode->picture, frame, &target);
	if (!frame || !encode_open(encode, frame))
		return;
	encode_learn_interval(encode, frame->pts - encode->last_pts);
	encode->last_pts = frame->pts;
	encode_set_rate(encode);
	if (atomic_exchange(&encode->key_asked, false))
		coder_ask_key(encode->coder);
	if (coder_send(encode->coder, frame) < 0)
		encode->decoder.errors++;
	encode_drain(encode);
	encode_count_debt(encode, step);
	pace_spent(&encode->pace, now_usec() - begin,
		   step < TIMELINE_HZ ? (usec_t)step * USEC_PER_SEC / TIMELINE_HZ : 0);
}

void encode_finish_decoder(struct encode *encode)
{
	AVFrame *frame;

	decoder_send(&encode->decoder, NULL);
	while (encode->status <= 0 && (frame = decoder_receive(&encode->decoder)))
		encode_picture(encode, frame);
	decoder_reset(&encode->decoder);
}

void encode_video(struct encode *encode, const struct media *media)
{
	const AVPacket *packet = media->packet;
	struct demuxer_stats input;
	AVFrame *frame;

	/* Only then the source's own pictures may follow. */
	if (packet->flags & AV_PKT_FLAG_KEY && media->codec == encode->settings.codec &&
	    packet->pts != AV_NOPTS_VALUE && packet->dts != AV_NOPTS_VALUE &&
	    packet->pts - packet->dts < REORDER_MAX)
		encode->reorder = packet->pts - packet->dts;
	if (encode->raw)
		encode_choose(encode, media);
	demuxer_stats(encode->demuxer, &input);
	if (encode->settings.live && input.lag > LAG_CUT)
		encode->cut = true;
	if (encode->cut && !(packet->flags & AV_PKT_FLAG_KEY)) {
		encode->numbers.dropped++;
		return;
	}
	if (encode->cut || encode->decoder.barren > BARREN_MAX)
		decoder_reset(&encode->decoder);
	else if (!decoder_is_for(&encode->decoder, media->codec, media->source))
		encode_finish_decoder(encode);
	encode->cut = false;
	/* What comes before the first keyframe is no damage; streams without any are tried. */
	if (!decoder_is_for(&encode->decoder, media->codec, media->source) &&
	    !(packet->flags & AV_PKT_FLAG_KEY) && encode->skipped++ < BARREN_MAX)
		return;
	encode->skipped = 0;
	encode->numbers.unknown_codec =
		decoder_open(&encode->decoder, media->codec, media->source) < 0;
	decoder_send(&encode->decoder, packet);
	while (encode->status < 0 && (frame = decoder_receive(&encode->decoder)))
		encode_picture(encode, frame);
}
