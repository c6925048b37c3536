#include "workers/av/encode.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/log.h"
#include "uplinkd/worker.h"
#include "workers/av/now.h"
#include "workers/av/role.h"

#define TICK	      (100 * USEC_PER_MS) /* how often idle things are looked at */
#define STOP_TIME     (2 * USEC_PER_SEC)  /* for what is still queued when told to stop */
#define RAW_BYTES     (8 << 20)		  /* 3 s at 20 Mb/s */
#define PASS_PATIENCE (500 * USEC_PER_MS) /* for a picture to come, before sound goes alone */

/* --- sound ------------------------------------------------------------------------------------ */

static void encode_sound(struct encode *encode, struct media *media)
{
	AVPacket *packet;

	encode->sound_codec = media->codec;
	encode->numbers.sound_at = now_usec();
	if (sound_send(encode->sound, media->packet, media->codec, media->source))
		return;
	while (encode->status < 0 && (packet = sound_receive(encode->sound)))
		encode_write(encode, MEDIA_AUDIO, packet);
}

/* --- the loop --------------------------------------------------------------------------------- */

/* How long after its decoding a picture may be shown: a decoder holds 16 at most (H.264, A.3.1 h;
 * H.265, A.4.2). What says more is damaged, and all pictures up to then would have to be left out.
 */
static int64_t encode_reorder_max(const struct encode *encode)
{
	return encode->interval > 0 ? (int64_t)(17 * encode->interval) : TIMELINE_HZ;
}

/* Puts the packet's time stamps on the timeline. */
static void encode_place(struct encode *encode, struct media *media)
{
	AVPacket *packet = media->packet;
	int64_t stamp = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts, position;

	if (stamp == AV_NOPTS_VALUE)
		return;
	position = timeline_place_in(&encode->timeline, media->kind, stamp, media->arrived);
	if (packet->pts != AV_NOPTS_VALUE) {
		/* Both count 33 bits; their distance may have wrapped. */
		int64_t ahead = (packet->pts - stamp) & ((INT64_C(1) << 33) - 1);

		packet->pts = position + (ahead <= encode_reorder_max(encode) ? ahead : 0);
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
	enum pace_advice advice = pace_preset(&encode->pace, backend_preset(encode->preset + 1),
					      encode->preset > encode->settings.preset, now);

	if (advice == PACE_KEEP)
		return;
	encode->preset += advice == PACE_CHEAPER ? 1 : -1;
	log_info("preset %s from now on: %s", backend_preset(encode->preset),
		 advice == PACE_CHEAPER ? "encoding does not keep up with real time"
					: "there is room for better pictures");
	encode_finish_coder(encode);
}

/* @last: nothing follows. */
static void encode_tick(struct encode *encode, usec_t now, bool last)
{
	struct report_numbers *numbers = &encode->numbers;
	struct demuxer_stats input;

	demuxer_stats(encode->demuxer, &input);
	encode->fits = fit_update(&encode->fit, input.bytes - encode->input_bytes,
				  ratecontrol_whole_bps(&encode->rate), now) &&
		       !report_has_misfits(&encode->report, now);
	encode->input_bytes = input.bytes;
	if (passage_is_on(encode->passage) && usec_since(encode->passed.at, now) > PASS_PATIENCE)
		encode_end_passage(encode);
	numbers->out_bytes = encode->output.bytes;
	numbers->decode_errors = encode->decoder.errors;
	numbers->breaks = encode->timeline.breaks;
	numbers->advice_bps = encode->rate.advice_bps;
	numbers->video_bps = encode->video_bps;
	numbers->load_permille = pace_load_permille(&encode->pace);
	numbers->encoder = encode_backend(encode) ? encode_backend(encode)->title : "none";
	numbers->preset = backend_preset(encode->preset);
	numbers->passing = passage_is_on(encode->passage);
	numbers->width = encode->video->width;
	numbers->height = encode->video->height;
	if (report_tick(&encode->report, numbers, &input, now, last))
		encode_step_preset(encode, now);
}

static void encode_loop(struct encode *encode)
{
	struct media media;

	while (encode->status < 0) {
		int r = demuxer_next(encode->demuxer, TICK, &media);
		usec_t now = now_usec();

		encode_measure(encode, now);
		if (atomic_load(&encode->advice_bps) != encode->rate.advice_bps)
			encode_set_rate(encode);
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
	if (passage_is_on(encode->passage))
		encode_end_passage(encode);
	encode_finish_decoder(encode);
	encode_finish_coder(encode);
	encode_tick(encode, now_usec(), true);
}

static void encode_command(const char *command, json_t *line, void *owner)
{
	struct encode *encode = owner;
	json_int_t bps = json_integer_value(json_object_get(line, "bps"));

	if (!strcmp(command, "keyframe"))
		atomic_store(&encode->key_asked, true);
	if (strcmp(command, "bitrate") || bps <= 0)
		return;
	atomic_store(&encode->advice_bps, (uint64_t)bps);
	if (encode->ready)
		demuxer_poke(encode->demuxer);
}

static bool encode_init(struct encode *encode)
{
	const struct settings *settings = &encode->settings;
	usec_t now = now_usec();

	encode->preset = settings->preset;
	encode->rate.advice_bps = settings->rate_start_bps;
	atomic_store(&encode->advice_bps, settings->rate_start_bps);
	encode->rate.rate_min_bps = settings->rate_min_bps;
	encode->rate.rate_max_bps = settings->rate_max_bps;
	encode->supervisor = supervisor_new(encode_command, encode);
	encode->raw = settings->passing ? raw_new(RAW_BYTES) : NULL;
	encode->passage = passage_new(encode->raw, &encode->output);
	encode->picture = picture_new();
	encode->sound = sound_new(settings->keep_sound);
	encode->muxer = muxer_new(&encode->output);
	encode->video = avcodec_parameters_alloc();
	decoder_init(&encode->decoder);
	pace_init(&encode->pace, now);
	ladder_init(&encode->ladder, &settings->ladder);
	fit_init(&encode->fit, now);
	meter_init(&encode->other, 2 * USEC_PER_SEC, now);
	output_init(&encode->output, STDOUT_FILENO);
	encode->started = now;
	encode->stopping = USEC_NEVER;
	encode->last_pts = encode->last_dts = INT64_MIN / 2;
	encode->sound_place = -1;
	encode->status = -1;
	if (!encode->supervisor || !encode->passage || (settings->passing && !encode->raw) ||
	    !encode->picture || !encode->sound || !encode->muxer || !encode->video)
		return false;
	report_init(&encode->report, encode->supervisor, now);
	encode_try_hardware(encode);
	encode->demuxer = demuxer_new(STDIN_FILENO, supervisor_stop_fd(encode->supervisor),
				      settings->live, encode->raw);
	if (!encode->demuxer)
		return false;
	atomic_store(&encode->ready, true);
	return true;
}

static void encode_deinit(struct encode *encode)
{
	atomic_store(&encode->ready, false);
	supervisor_free(encode->supervisor);
	demuxer_free(encode->demuxer);
	coder_free(encode->coder);
	decoder_deinit(&encode->decoder);
	picture_free(encode->picture);
	sound_free(encode->sound);
	muxer_free(encode->muxer);
	avcodec_parameters_free(&encode->video);
	passage_free(encode->passage);
	raw_free(encode->raw);
}

int encode_run(int argc, char **argv)
{
	struct encode encode = { 0 };

	if (!settings_read(&encode.settings, argc, argv)) {
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
