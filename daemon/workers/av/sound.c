#include "workers/av/sound.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>

#include "workers/av/decoder.h"

/*
 * Transcoding: decoder, filter graph, encoder. The graph resamples so that sound stays with its
 * time stamps (async: small drifts are stretched, holes filled with silence) and cuts it into the
 * encoder's frames. It is made anew when the decoded format changes.
 */
#define AAC_BPS	  128000
#define AAC_RATE  48000
#define AAC_FRAME "1024"

struct sound {
	int64_t next_pts; /* of a packet or frame that has none: the end of the one before */
	AVCodecParameters *passing;
	AVPacket *packet; /* the one to give */
	bool held;	  /* it is filled and not given yet: it passes */
	bool keeps;
	bool transcodes;

	struct decoder decoder;
	AVFilterGraph *graph;
	AVFilterContext *source, *sink;
	int rate, format, channels;
	AVFrame *frame;
	AVCodecContext *encoder;
	AVCodecParameters *parameters; /* of the encoder */
};

struct sound *sound_new(bool keeps)
{
	struct sound *sound = calloc(1, sizeof(*sound));

	if (!sound)
		return NULL;
	sound->keeps = keeps;
	decoder_init(&sound->decoder);
	sound->next_pts = AV_NOPTS_VALUE;
	sound->passing = avcodec_parameters_alloc();
	sound->parameters = avcodec_parameters_alloc();
	sound->packet = av_packet_alloc();
	sound->frame = av_frame_alloc();
	if (!sound->passing || !sound->parameters || !sound->packet || !sound->frame)
		return sound_free(sound);
	sound->passing->codec_type = AVMEDIA_TYPE_AUDIO;
	sound->passing->codec_id = AV_CODEC_ID_AAC;
	sound->passing->sample_rate = AAC_RATE;
	av_channel_layout_default(&sound->passing->ch_layout, 2);
	return sound;
}

struct sound *sound_free(struct sound *sound)
{
	if (!sound)
		return NULL;
	decoder_deinit(&sound->decoder);
	avfilter_graph_free(&sound->graph);
	avcodec_free_context(&sound->encoder);
	avcodec_parameters_free(&sound->passing);
	avcodec_parameters_free(&sound->parameters);
	av_packet_free(&sound->packet);
	av_frame_free(&sound->frame);
	free(sound);
	return NULL;
}

static bool sound_open_encoder(struct sound *sound)
{
	const AVCodec *implementation = avcodec_find_encoder(AV_CODEC_ID_AAC);

	if (sound->encoder)
		return true;
	sound->encoder = avcodec_alloc_context3(implementation);
	if (!sound->encoder)
		return false;
	sound->encoder->sample_rate = AAC_RATE;
	sound->encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
	sound->encoder->bit_rate = AAC_BPS;
	sound->encoder->time_base = (AVRational){ 1, AAC_RATE };
	sound->encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	av_channel_layout_default(&sound->encoder->ch_layout, 2);
	if (avcodec_open2(sound->encoder, implementation, NULL) < 0 ||
	    avcodec_parameters_from_context(sound->parameters, sound->encoder) < 0) {
		avcodec_free_context(&sound->encoder);
		return false;
	}
	return true;
}

static bool sound_build(struct sound *sound, const AVFrame *frame)
{
	AVFilterInOut *inputs = avfilter_inout_alloc(), *outputs = avfilter_inout_alloc();
	char source[256], layout[128] = "";
	bool done = false;

	avfilter_graph_free(&sound->graph);
	sound->graph = avfilter_graph_alloc();
	if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) {
		AVChannelLayout usual;

		av_channel_layout_default(&usual, frame->ch_layout.nb_channels);
		(void)av_channel_layout_describe(&usual, layout, sizeof(layout));
	} else {
		(void)av_channel_layout_describe(&frame->ch_layout, layout, sizeof(layout));
	}
	(void)snprintf(source, sizeof(source),
		       "time_base=1/90000:sample_rate=%d:sample_fmt=%d:channel_layout=%s",
		       frame->sample_rate, frame->format, layout);
	if (!sound->graph || !inputs || !outputs)
		goto out;
	if (avfilter_graph_create_filter(&sound->source, avfilter_get_by_name("abuffer"), "in",
					 source, NULL, sound->graph) < 0 ||
	    avfilter_graph_create_filter(&sound->sink, avfilter_get_by_name("abuffersink"), "out",
					 NULL, NULL, sound->graph) < 0)
		goto out;
	outputs->name = av_strdup("in");
	outputs->filter_ctx = sound->source;
	inputs->name = av_strdup("out");
	inputs->filter_ctx = sound->sink;
	if (avfilter_graph_parse_ptr(sound->graph,
				     "aresample=48000:async=1000,aformat=sample_fmts=fltp:"
				     "channel_layouts=stereo,asetnsamples=n=" AAC_FRAME ":p=0",
				     &inputs, &outputs, NULL) < 0 ||
	    avfilter_graph_config(sound->graph, NULL) < 0)
		goto out;
	sound->rate = frame->sample_rate;
	sound->format = frame->format;
	sound->channels = frame->ch_layout.nb_channels;
	done = true;
out:
	if (!done)
		avfilter_graph_free(&sound->graph);
	avfilter_inout_free(&inputs);
	avfilter_inout_free(&outputs);
	return done;
}

/* One step of the chain; false: it needs more input. */
static bool sound_advance(struct sound *sound)
{
	AVFrame *frame;

	if (sound->graph && av_buffersink_get_frame(sound->sink, sound->frame) >= 0) {
		sound->frame->pts =
			av_rescale_q(sound->frame->pts, av_buffersink_get_time_base(sound->sink),
				     sound->encoder->time_base);
		(void)avcodec_send_frame(sound->encoder, sound->frame);
		av_frame_unref(sound->frame);
		return true;
	}
	frame = decoder_receive(&sound->decoder);
	if (!frame)
		return false;
	frame->pts = frame->best_effort_timestamp != AV_NOPTS_VALUE ? frame->best_effort_timestamp
								    : sound->next_pts;
	if (frame->sample_rate > 0)
		sound->next_pts =
			frame->pts + INT64_C(90000) * frame->nb_samples / frame->sample_rate;
	if ((!sound->graph || frame->sample_rate != sound->rate || frame->format != sound->format ||
	     frame->ch_layout.nb_channels != sound->channels) &&
	    !sound_build(sound, frame))
		return true;
	if (av_buffersrc_add_frame_flags(sound->source, frame, AV_BUFFERSRC_FLAG_KEEP_REF) < 0)
		avfilter_graph_free(&sound->graph);
	return true;
}

/* The lengths of frames in ticks of 90 kHz, from their headers; 0: it is none. ADTS: ISO/IEC
 * 13818-7, 6.2; MPEG audio: ISO/IEC 11172-3, 2.4.1.3, with the half rates of 13818-3; AC-3: ETSI TS
 * 102 366, 4.4.1. */
static int64_t adts_duration(const uint8_t *data)
{
	static const int rates[] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000,
				     22050, 16000, 12000, 11025, 8000,	7350 };
	unsigned index = data[2] >> 2 & 0x0f;

	if (data[0] != 0xff || (data[1] & 0xf6) != 0xf0 || index >= sizeof(rates) / sizeof(*rates))
		return 0;
	return INT64_C(90000) * 1024 / rates[index];
}

static int64_t mpeg_duration(const uint8_t *data)
{
	static const int rates[] = { 44100, 48000, 32000 };
	unsigned index = data[2] >> 2 & 3, layer = data[1] >> 1 & 3;
	bool half = !(data[1] & 0x08);

	if (data[0] != 0xff || (data[1] & 0xe0) != 0xe0 || index > 2 || !layer)
		return 0;
	if (layer == 3) /* layer I */
		return INT64_C(90000) * 384 / (rates[index] >> half);
	return INT64_C(90000) * (layer == 1 && half ? 576 : 1152) / (rates[index] >> half);
}

static int64_t ac3_duration(const uint8_t *data)
{
	static const int rates[] = { 48000, 44100, 32000 };
	unsigned index = data[4] >> 6;

	return data[0] == 0x0b && data[1] == 0x77 && index < 3
		       ? INT64_C(90000) * 1536 / rates[index]
		       : 0;
}

static int64_t frame_duration(enum AVCodecID codec, const uint8_t *data, int size)
{
	if (size < 7)
		return 0;
	return codec == AV_CODEC_ID_AAC	  ? adts_duration(data)
	       : codec == AV_CODEC_ID_AC3 ? ac3_duration(data)
					  : mpeg_duration(data);
}

bool sound_passes(const struct sound *sound, enum AVCodecID codec)
{
	return codec == AV_CODEC_ID_AAC ||
	       (sound->keeps &&
		(codec == AV_CODEC_ID_MP2 || codec == AV_CODEC_ID_MP3 || codec == AV_CODEC_ID_AC3));
}

/* Sound as it is: only what a header begins; a damaged rest is left out. Of several frames in one
 * PES packet the first alone has a time stamp. */
static void sound_pass(struct sound *sound, AVPacket *packet, enum AVCodecID codec)
{
	int64_t duration = frame_duration(codec, packet->data, packet->size);

	if (!duration)
		return;
	if (packet->pts == AV_NOPTS_VALUE)
		packet->pts = sound->next_pts;
	packet->dts = packet->pts;
	sound->next_pts = packet->pts == AV_NOPTS_VALUE ? AV_NOPTS_VALUE : packet->pts + duration;
	av_packet_unref(sound->packet);
	sound->held = av_packet_ref(sound->packet, packet) == 0;
}

int sound_send(struct sound *sound, AVPacket *packet, enum AVCodecID codec, unsigned source)
{
	sound->transcodes = !sound_passes(sound, codec);
	if (!sound->transcodes) {
		sound_pass(sound, packet, codec);
		return 0;
	}
	if (!sound_open_encoder(sound) || decoder_open(&sound->decoder, codec, source))
		return -ENOSYS;
	decoder_send(&sound->decoder, packet);
	return 0;
}

AVPacket *sound_receive(struct sound *sound)
{
	if (!sound->transcodes) {
		bool held = sound->held;

		sound->held = false;
		return held ? sound->packet : NULL;
	}
	do {
		if (avcodec_receive_packet(sound->encoder, sound->packet) >= 0) {
			av_packet_rescale_ts(sound->packet, sound->encoder->time_base,
					     (AVRational){ 1, 90000 });
			return sound->packet;
		}
	} while (sound_advance(sound));
	return NULL;
}

const AVCodecParameters *sound_parameters(struct sound *sound, enum AVCodecID codec)
{
	if (sound_passes(sound, codec)) {
		sound->passing->codec_id = codec;
		return sound->passing;
	}
	return avcodec_find_decoder(codec) && sound_open_encoder(sound) ? sound->parameters : NULL;
}
