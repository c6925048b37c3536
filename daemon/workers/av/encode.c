#include <getopt.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/meter.h"
#include "workers/av/decoder.h"
#include "workers/av/demuxer.h"
#include "workers/av/coder.h"
#include "workers/av/muxer.h"
#include "workers/av/now.h"
#include "workers/av/pace.h"
#include "workers/av/picture.h"
#include "workers/av/ratecontrol.h"
#include "workers/av/role.h"
#include "workers/av/sound.h"
#include "sys/log.h"
#include "sys/supervisor.h"
#include "workers/av/timeline.h"
#include "uplinkd/worker.h"

/*
 * The live encoder. The way of a picture:
 *
 *   demuxer (thread) -> timeline -> decoder -> pace -> picture -> coder -> muxer
 *
 * and sound goes demuxer -> timeline -> sound -> muxer. Everything behind the demuxer is this one
 * thread: a picture is decoded, encoded and written before the next one is looked at, so nothing is
 * held back. Each stage takes any change of the stream at any packet (codec, size, PIDs, clock) by
 * starting itself anew, and the next picture is a keyframe then.
 *
 * The advice reaches the encoder at the next picture. It is the rate of the whole stream; what
 * sound and tables take is measured at the output and subtracted (ratecontrol).
 *
 * Stats, besides "bytes": in_bps, out_bps, advice_bps, video_bps (given to the encoder), fps (out),
 * lag_ms (input that waits), load_permille (time spent per time covered), qp, preset, width,
 * height, keyframes, dropped (pictures left out to keep up), damaged (packets and pictures with
 * holes), breaks (of the input's clock).
 */
#define TICK	       (100 * USEC_PER_MS) /* how often idle things are looked at */
#define VIDEO_PATIENCE (2 * USEC_PER_SEC)  /* for a picture to come, before sound goes alone */
#define VIDEO_GONE     (3 * USEC_PER_SEC)
#define LAG_CUT	       (2 * USEC_PER_SEC) /* not even decoding keeps up: on to a keyframe */
#define BARREN_MAX     150 /* packets without a picture, then the decoder is made anew */
#define STOP_TIME      (2 * USEC_PER_SEC) /* for what is still queued when told to stop */
#define SLOW_MEMORY    (5 * USEC_PER_SEC) /* after this without a loss it keeps up again */
#define OTHER_BPS      200000		  /* sound and tables, until they are measured */

struct encode {
	/* Settings. */
	uint64_t rate_start_bps;
	int preset_best; /* the preset asked for; cheaper ones are taken under strain */
	double fps_max;	 /* 0: as they come */
	bool live;

	struct supervisor *supervisor;
	_Atomic uint64_t advice_bps; /* the last that came, by the supervisor's thread */
	struct demuxer *demuxer;
	struct timeline timeline;
	struct decoder decoder;
	struct picture *picture;
	struct pace pace;
	struct ratecontrol rate;
	struct coder *coder;
	struct sound *sound;
	struct muxer *muxer;

	int preset;
	enum AVCodecID sound_codec; /* of the packets that come; NONE: none yet */
	AVCodecParameters *video;   /* of the encoder; for the muxer */
	uint64_t video_bps;	    /* what the encoder was told last */
	int64_t last_pts;	    /* of the last picture given to the encoder */
	double interval;	    /* mean distance of such pictures, ticks; 0: not known */
	usec_t started, stopping;   /* when; stopping: USEC_NEVER */
	usec_t picture_at;	    /* when the last picture came; 0: none yet */
	usec_t slow_at;		    /* when pictures were left out last; 0: never */
	bool cut;		    /* video is skipped up to a keyframe */
	bool unknown_codec;	    /* of the video: nothing can decode it */
	int status;		    /* WORKER_EXIT_*; negative: goes on */

	/* Measured. */
	struct meter other;   /* bytes of sound and tables */
	uint64_t other_bytes; /* those that the meter has seen */
	uint64_t pictures, keyframes, dropped;
	usec_t second_at;
	struct {
		uint64_t in, out, pictures, dropped;
		double qp;
	} second;
};

/* --- output ----------------------------------------------------------------------------------- */

static void encode_describe(struct encode *encode)
{
	struct demuxer_stats input;
	const AVCodecParameters *sound = NULL, *video = NULL;
	usec_t now = now_usec();
	bool seen = encode->coder && usec_since(encode->picture_at, now) < VIDEO_GONE;

	demuxer_stats(encode->demuxer, &input);
	/* What is announced counts until the first packet. */
	if (encode->sound_codec != AV_CODEC_ID_NONE)
		sound = sound_parameters(encode->sound, encode->sound_codec);
	else if (input.listed[MEDIA_AUDIO] != AV_CODEC_ID_NONE)
		sound = sound_parameters(encode->sound, input.listed[MEDIA_AUDIO]);
	if (seen || (encode->coder && !encode->live))
		video = encode->video;
	if (video || (sound && (input.listed[MEDIA_VIDEO] == AV_CODEC_ID_NONE ||
				usec_since(encode->started, now) > VIDEO_PATIENCE)))
		if (muxer_describe(encode->muxer, video, sound) == -EPIPE)
			encode->status = WORKER_EXIT_OK;
}

static void encode_write(struct encode *encode, enum media_kind kind, AVPacket *packet)
{
	encode_describe(encode);
	if (!muxer_has(encode->muxer, kind))
		return;
	if (muxer_write(encode->muxer, kind, packet) == -EPIPE && encode->status < 0) {
		log_info("nobody reads the output any more; ending");
		encode->status = WORKER_EXIT_OK;
	}
}

static void encode_drain(struct encode *encode)
{
	AVPacket *packet;

	while ((packet = coder_receive(encode->coder))) {
		encode->keyframes += packet->flags & AV_PKT_FLAG_KEY ? 1 : 0;
		encode->second.qp += coder_qp(encode->coder);
		encode->second.pictures++;
		encode->pictures++;
		encode_write(encode, MEDIA_VIDEO, packet);
	}
}

/* --- video ------------------------------------------------------------------------------------ */

static double encode_fps(const struct encode *encode)
{
	AVRational told =
		encode->decoder.context ? encode->decoder.context->framerate : (AVRational){ 0, 1 };
	double fps = encode->interval > 0	    ? TIMELINE_HZ / encode->interval
		     : told.num > 0 && told.den > 0 ? av_q2d(told)
						    : 30;

	if (encode->fps_max > 0 && fps > encode->fps_max)
		fps = encode->fps_max;
	return fps < 1 ? 1 : fps > 240 ? 240 : fps;
}

static void encode_set_rate(struct encode *encode)
{
	uint64_t advice = atomic_load(&encode->advice_bps), wanted;
	uint64_t other = muxer_bytes(encode->muxer) - muxer_video_bytes(encode->muxer);
	usec_t now = now_usec();
	double fps = encode_fps(encode);

	meter_add(&encode->other, other - encode->other_bytes, now);
	encode->other_bytes = other;
	encode->rate.other_bps = usec_since(encode->started, now) > 2 * USEC_PER_SEC
					 ? meter_per_sec(&encode->other, now) * 8
					 : OTHER_BPS;
	encode->rate.advice_bps = advice ? advice : encode->rate_start_bps;
	encode->rate.fps_milli = (uint32_t)(fps * 1000);
	wanted = ratecontrol_video_bps(&encode->rate);
	if (ratecontrol_is_news(encode->video_bps, wanted))
		encode->video_bps = wanted;
	if (encode->coder)
		coder_rate(encode->coder, encode->video_bps, fps);
}

/* True when there is an encoder for pictures like @frame. */
static bool encode_open(struct encode *encode, const AVFrame *frame)
{
	struct coder_settings settings = { .preset = coder_preset(encode->preset) };

	if (encode->coder && coder_fits(encode->coder, frame))
		return true;
	if (encode->coder) {
		(void)coder_send(encode->coder, NULL);
		encode_drain(encode);
		encode->coder = coder_free(encode->coder);
	}
	encode_set_rate(encode);
	settings.video_bps = encode->video_bps;
	settings.fps = encode_fps(encode);
	encode->coder = coder_new(frame, &settings);
	if (!encode->coder ||
	    avcodec_parameters_from_context(encode->video, coder_context(encode->coder)) < 0) {
		log_err("cannot encode pictures of %dx%d with libx264; ending", frame->width,
			frame->height);
		encode->status = WORKER_EXIT_SOFTWARE;
		return false;
	}
	supervisor_state(encode->supervisor, "streaming", NULL,
			 "encoding %dx%d at %.5g pictures/s, %s", frame->width, frame->height,
			 settings.fps, settings.preset);
	return true;
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

static void encode_picture(struct encode *encode, AVFrame *frame)
{
	usec_t begin = now_usec();
	struct demuxer_stats input;
	int64_t step;

	frame->pts = frame->best_effort_timestamp;
	encode->picture_at = begin;
	demuxer_stats(encode->demuxer, &input);
	if (frame->pts == AV_NOPTS_VALUE || frame->pts <= encode->last_pts)
		return;
	step = frame->pts - encode->last_pts;
	/* A picture that is a little early still counts as in time. */
	if (encode->fps_max > 0 && step < (int64_t)(TIMELINE_HZ / encode->fps_max * 0.9))
		return;
	if (encode->live && !pace_takes(&encode->pace, input.lag, begin)) {
		encode->dropped++;
		return;
	}
	frame = picture_convert(encode->picture, frame);
	if (!frame || !encode_open(encode, frame))
		return;
	encode_learn_interval(encode, frame->pts - encode->last_pts);
	encode->last_pts = frame->pts;
	encode_set_rate(encode);
	if (coder_send(encode->coder, frame) < 0)
		encode->decoder.errors++;
	encode_drain(encode);
	pace_spent(&encode->pace, now_usec() - begin,
		   step < TIMELINE_HZ ? (usec_t)step * USEC_PER_SEC / TIMELINE_HZ : 0);
}

/* Everything that the decoder holds back, because its stream ends here. */
static void encode_finish_decoder(struct encode *encode)
{
	AVFrame *frame;

	decoder_send(&encode->decoder, NULL);
	while (encode->status <= 0 && (frame = decoder_receive(&encode->decoder)))
		encode_picture(encode, frame);
	decoder_reset(&encode->decoder);
}

static void encode_video(struct encode *encode, struct media *media)
{
	struct demuxer_stats input;
	bool key = media->packet->flags & AV_PKT_FLAG_KEY;
	AVFrame *frame;

	demuxer_stats(encode->demuxer, &input);
	if (encode->live && input.lag > LAG_CUT)
		encode->cut = true;
	if (encode->cut && !key) {
		encode->dropped++;
		return;
	}
	if (encode->cut || encode->decoder.barren > BARREN_MAX)
		decoder_reset(&encode->decoder);
	else if (!decoder_is_for(&encode->decoder, media->codec, media->source))
		encode_finish_decoder(encode);
	encode->cut = false;
	encode->unknown_codec = decoder_open(&encode->decoder, media->codec, media->source) < 0;
	decoder_send(&encode->decoder, media->packet);
	while (encode->status < 0 && (frame = decoder_receive(&encode->decoder)))
		encode_picture(encode, frame);
}

/* --- sound ------------------------------------------------------------------------------------ */

static void encode_sound(struct encode *encode, struct media *media)
{
	AVPacket *packet;

	encode->sound_codec = media->codec;
	if (sound_send(encode->sound, media->packet, media->codec, media->source))
		return;
	while (encode->status < 0 && (packet = sound_receive(encode->sound)))
		encode_write(encode, MEDIA_AUDIO, packet);
}

/* --- the loop --------------------------------------------------------------------------------- */

/* Puts the packet's time stamps on the timeline. */
static void encode_place(struct encode *encode, struct media *media)
{
	AVPacket *packet = media->packet;
	int64_t stamp = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts, position;

	if (stamp == AV_NOPTS_VALUE)
		return;
	position = timeline_place(&encode->timeline, stamp, media->arrived);
	if (packet->pts != AV_NOPTS_VALUE) {
		/* Both count 33 bits; their distance may have wrapped. */
		int64_t ahead = (packet->pts - stamp) & ((INT64_C(1) << 33) - 1);

		packet->pts = position + (ahead < TIMELINE_HZ * INT64_C(60) ? ahead : 0);
	}
	if (packet->dts != AV_NOPTS_VALUE)
		packet->dts = position;
}

static void encode_take(struct encode *encode, struct media *media)
{
	encode_place(encode, media);
	if (media->kind == MEDIA_VIDEO)
		encode_video(encode, media);
	else
		encode_sound(encode, media);
	av_packet_free(&media->packet);
}

static void encode_step_preset(struct encode *encode, usec_t now)
{
	enum pace_advice advice = pace_preset(&encode->pace, coder_preset(encode->preset + 1),
					      encode->preset > encode->preset_best, now);

	if (advice == PACE_KEEP)
		return;
	encode->preset += advice == PACE_CHEAPER ? 1 : -1;
	log_info("preset %s from now on: %s", coder_preset(encode->preset),
		 advice == PACE_CHEAPER ? "encoding does not keep up with real time"
					: "there is room for better pictures");
	if (encode->coder) {
		(void)coder_send(encode->coder, NULL);
		encode_drain(encode);
		encode->coder = coder_free(encode->coder);
	}
}

static void encode_alarm(struct encode *encode, const char *id, bool active, const char *text,
			 const char *cleared)
{
	if (active)
		supervisor_alarm(encode->supervisor, id, "%s", text);
	else
		supervisor_alarm_clear(encode->supervisor, id, cleared);
}

static void encode_alarms(struct encode *encode, const struct demuxer_stats *input, usec_t now)
{
	bool waited = usec_since(encode->started, now) > VIDEO_GONE;
	bool video = input->listed[MEDIA_VIDEO], sound = input->listed[MEDIA_AUDIO];
	bool gone = usec_since(usec_max(encode->picture_at, encode->started), now) > VIDEO_GONE;

	if (encode->dropped + input->dropped != encode->second.dropped)
		encode->slow_at = now;
	encode->second.dropped = encode->dropped + input->dropped;
	encode_alarm(encode, "encoder-slow",
		     encode->slow_at && usec_since(encode->slow_at, now) < SLOW_MEMORY,
		     "encoding does not keep up with real time: pictures are left out; use a "
		     "smaller picture, a cheaper preset or a faster machine",
		     "encoding keeps up with real time again");
	encode_alarm(encode, "no-programme", waited && input->bytes && !video && !sound,
		     "the input holds no MPEG-TS programme with picture or sound; is the encoder "
		     "set to MPEG-TS?",
		     "the input holds a programme");
	encode_alarm(encode, "unknown-codec", encode->unknown_codec,
		     "the video of the input has a codec that cannot be decoded; send H.264, "
		     "H.265 or MPEG-2",
		     "the video of the input can be decoded");
	encode_alarm(encode, "no-picture", waited && video && gone,
		     "no picture comes in, although the input announces one",
		     "pictures come in again");
}

/* Once a second; @last: and at the end. */
static void encode_tick(struct encode *encode, usec_t now, bool last)
{
	struct demuxer_stats input;
	double seconds = (double)usec_since(encode->second_at, now) / 1e6;
	uint64_t out = muxer_bytes(encode->muxer);

	if (seconds < 1 && !last)
		return;
	seconds = seconds > 0.001 ? seconds : 0.001;
	demuxer_stats(encode->demuxer, &input);
	encode_alarms(encode, &input, now);
	encode_step_preset(encode, now);
	supervisor_send(
		encode->supervisor,
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:f, s:s, s:i, s:i, s:I, "
			  "s:I, s:I, s:I}",
			  "event", "stats", "bytes", (json_int_t)out, "in_bps",
			  (json_int_t)((double)(input.bytes - encode->second.in) * 8 / seconds),
			  "out_bps", (json_int_t)((double)(out - encode->second.out) * 8 / seconds),
			  "advice_bps", (json_int_t)encode->rate.advice_bps, "video_bps",
			  (json_int_t)encode->video_bps, "fps",
			  (double)encode->second.pictures / seconds, "lag_ms",
			  (json_int_t)(input.lag / USEC_PER_MS), "load_permille",
			  (json_int_t)pace_load_permille(&encode->pace), "qp",
			  encode->second.pictures
				  ? encode->second.qp / (double)encode->second.pictures
				  : 0.0,
			  "preset", coder_preset(encode->preset), "width",
			  encode->coder ? encode->video->width : 0, "height",
			  encode->coder ? encode->video->height : 0, "keyframes",
			  (json_int_t)encode->keyframes, "dropped",
			  (json_int_t)(encode->dropped + input.dropped), "damaged",
			  (json_int_t)(input.damaged + encode->decoder.errors), "breaks",
			  (json_int_t)encode->timeline.breaks));
	encode->second_at = now;
	encode->second.in = input.bytes;
	encode->second.out = out;
	encode->second.pictures = 0;
	encode->second.qp = 0;
}

static void encode_loop(struct encode *encode)
{
	struct media media;

	while (encode->status < 0) {
		int r = demuxer_next(encode->demuxer, TICK, &media);
		usec_t now = now_usec();

		if (r > 0)
			encode_take(encode, &media);
		else if (r < 0)
			encode->status = WORKER_EXIT_OK;
		encode_tick(encode, now, false);
		if (supervisor_stopping(encode->supervisor))
			encode->stopping = usec_min(encode->stopping, now);
		if (usec_since(encode->stopping, now) > STOP_TIME)
			encode->status = WORKER_EXIT_OK;
	}
	encode_finish_decoder(encode);
	if (encode->coder) {
		(void)coder_send(encode->coder, NULL);
		encode_drain(encode);
	}
	encode_tick(encode, now_usec(), true);
}

static void encode_command(const char *command, json_t *line, void *owner)
{
	struct encode *encode = owner;
	json_int_t bps = json_integer_value(json_object_get(line, "bps"));

	if (!strcmp(command, "bitrate") && bps > 0)
		atomic_store(&encode->advice_bps, (uint64_t)bps);
}

static bool encode_init(struct encode *encode)
{
	usec_t now = now_usec();

	encode->supervisor = supervisor_new(encode_command, encode);
	encode->picture = picture_new();
	encode->sound = sound_new();
	encode->muxer = muxer_new(STDOUT_FILENO);
	encode->video = avcodec_parameters_alloc();
	decoder_init(&encode->decoder);
	pace_init(&encode->pace, now);
	meter_init(&encode->other, 2 * USEC_PER_SEC, now);
	encode->started = encode->second_at = now;
	encode->stopping = USEC_NEVER;
	encode->last_pts = INT64_MIN / 2;
	encode->status = -1;
	if (!encode->supervisor || !encode->picture || !encode->sound || !encode->muxer ||
	    !encode->video)
		return false;
	encode->demuxer =
		demuxer_new(STDIN_FILENO, supervisor_stop_fd(encode->supervisor), encode->live);
	return encode->demuxer;
}

static void encode_deinit(struct encode *encode)
{
	demuxer_free(encode->demuxer);
	coder_free(encode->coder);
	decoder_deinit(&encode->decoder);
	picture_free(encode->picture);
	sound_free(encode->sound);
	muxer_free(encode->muxer);
	avcodec_parameters_free(&encode->video);
	supervisor_free(encode->supervisor);
}

static bool rate_of(const char *text, uint64_t *ret_bps)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);

	if (end == text || *end || !v || v > UINT64_C(1000000000))
		return false;
	*ret_bps = v;
	return true;
}

static bool encode_arguments(struct encode *encode, int argc, char **argv)
{
	static const struct option options[] = {
		{ "rate-start", 1, NULL, 's' },
		{ "rate-min", 1, NULL, 'n' },
		{ "rate-max", 1, NULL, 'x' },
		{ "preset", 1, NULL, 'p' },
		{ "fps-max", 1, NULL, 'f' },
		{ "no-drop", 0, NULL, 'd' },
		{ 0 },
	};
	struct stat st;
	bool good = true;
	int c;

	encode->live = fstat(STDIN_FILENO, &st) || !S_ISREG(st.st_mode);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			good &= rate_of(optarg, &encode->rate_start_bps);
		else if (c == 'n')
			good &= rate_of(optarg, &encode->rate.rate_min_bps);
		else if (c == 'x')
			good &= rate_of(optarg, &encode->rate.rate_max_bps);
		else if (c == 'p')
			good &= (encode->preset_best = coder_preset_index(optarg)) >= 0;
		else if (c == 'f')
			good &= (encode->fps_max = strtod(optarg, NULL)) >= 1;
		else if (c == 'd')
			encode->live = false;
		else
			good = false;
	}
	encode->preset = encode->preset_best;
	return good && optind == argc && encode->rate.rate_min_bps <= encode->rate.rate_max_bps;
}

int encode_run(int argc, char **argv)
{
	struct encode encode = {
		.rate_start_bps = 2500000,
		.rate = { .rate_min_bps = 300000, .rate_max_bps = 10000000 },
		.preset_best = coder_preset_index("superfast"),
	};

	if (!encode_arguments(&encode, argc, argv)) {
		log_err("encode: wrong arguments; `uplinkd-av` without any shows them");
		return WORKER_EXIT_USAGE;
	}
	if (encode_init(&encode)) {
		supervisor_ready(encode.supervisor, 0);
		encode_loop(&encode);
	} else {
		log_err("cannot start: out of memory or threads");
		encode.status = WORKER_EXIT_TEMPORARY;
	}
	encode_deinit(&encode);
	return encode.status;
}
