#include "workers/av/encoder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libavutil/opt.h>

/*
 * libx264 with `zerolatency`: a picture in, its packet out. Measured at 720p30 (FFmpeg 5.1, x264
 * build 164): with a VBV of 0.3 s a step from 6 to 2 Mb/s is followed within a second (2.5 Mb/s in
 * the first, 1.95 afterwards) and one from 0.8 to 6 within two; a VBV of 1 s takes twice as long
 * and makes twice as large keyframes. libavcodec compares bit_rate, rc_max_rate and rc_buffer_size
 * with x264's parameters before each picture and reconfigures it; all three must move together.
 *
 * zerolatency implies a constant frame rate: x264 gives every picture the same share of a second,
 * whatever the time stamps say. So when fewer or more pictures come than the nominal number, the
 * rate is scaled by the ratio and the share of each picture is right again.
 */
#define VBV_PERMILLE 300
#define GOP_TICKS    (2 * 90000)
#define GOP_NEVER    100000 /* pictures: keyframes are placed by time */
#define THREADS_MAX  4

struct encoder {
	AVCodecContext *context;
	AVPacket *packet;
	double fps; /* nominal */
	double qp;
	int64_t key_pts; /* of the last keyframe; AV_NOPTS_VALUE: none yet */
	AVRational aspect;
};

static const char *const presets[] = { "veryfast", "superfast", "ultrafast" };

const char *encoder_preset(int index)
{
	return index >= 0 && index < (int)(sizeof(presets) / sizeof(*presets)) ? presets[index]
									       : NULL;
}

int encoder_preset_index(const char *name)
{
	for (int i = 0; encoder_preset(i); i++)
		if (!strcmp(presets[i], name))
			return i;
	return -1;
}

void encoder_rate(struct encoder *encoder, uint64_t video_bps, double fps)
{
	double ratio = fps > 0 ? encoder->fps / fps : 1;
	int64_t rate;

	ratio = ratio < 0.25 ? 0.25 : ratio > 4 ? 4 : ratio;
	rate = (int64_t)((double)video_bps * ratio);
	encoder->context->bit_rate = rate;
	encoder->context->rc_max_rate = rate;
	encoder->context->rc_buffer_size = (int)(video_bps * VBV_PERMILLE / 1000);
}

static void encoder_describe(struct encoder *encoder, const AVFrame *frame)
{
	AVCodecContext *context = encoder->context;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	context->width = frame->width;
	context->height = frame->height;
	context->pix_fmt = (enum AVPixelFormat)frame->format;
	context->time_base = (AVRational){ 1, 90000 };
	context->framerate = av_d2q(encoder->fps, 120000);
	context->sample_aspect_ratio = encoder->aspect = frame->sample_aspect_ratio;
	context->color_range = frame->color_range;
	context->color_primaries = frame->color_primaries;
	context->color_trc = frame->color_trc;
	context->colorspace = frame->colorspace;
	context->gop_size = GOP_NEVER;
	context->max_b_frames = 0;
	context->thread_count = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (int)cpus;
}

struct encoder *encoder_new(const AVFrame *frame, const struct encoder_settings *settings)
{
	const AVCodec *implementation = avcodec_find_encoder_by_name("libx264");
	struct encoder *encoder = calloc(1, sizeof(*encoder));
	AVDictionary *options = NULL;
	int r;

	if (!encoder || !implementation)
		return encoder_free(encoder);
	encoder->context = avcodec_alloc_context3(implementation);
	encoder->packet = av_packet_alloc();
	if (!encoder->context || !encoder->packet)
		return encoder_free(encoder);
	encoder->fps = settings->fps;
	encoder->key_pts = AV_NOPTS_VALUE;
	encoder_describe(encoder, frame);
	encoder_rate(encoder, settings->video_bps, settings->fps);
	(void)av_dict_set(&options, "preset", settings->preset, 0);
	(void)av_dict_set(&options, "tune", "zerolatency", 0);
	(void)av_dict_set(&options, "forced-idr", "1", 0);
	(void)av_dict_set(&options, "sc_threshold", "0", 0);
	r = avcodec_open2(encoder->context, implementation, &options);
	av_dict_free(&options);
	return r < 0 ? encoder_free(encoder) : encoder;
}

struct encoder *encoder_free(struct encoder *encoder)
{
	if (!encoder)
		return NULL;
	avcodec_free_context(&encoder->context);
	av_packet_free(&encoder->packet);
	free(encoder);
	return NULL;
}

bool encoder_fits(const struct encoder *encoder, const AVFrame *frame)
{
	const AVCodecContext *context = encoder->context;

	return context->width == frame->width && context->height == frame->height &&
	       context->pix_fmt == (enum AVPixelFormat)frame->format &&
	       !av_cmp_q(encoder->aspect, frame->sample_aspect_ratio);
}

int encoder_send(struct encoder *encoder, AVFrame *frame)
{
	if (frame) {
		/* Half a picture early is nearer to two seconds than a picture late. */
		int64_t half = (int64_t)(45000 / encoder->fps);
		bool key = encoder->key_pts == AV_NOPTS_VALUE ||
			   frame->pts >= encoder->key_pts + GOP_TICKS - half;

		frame->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
		if (key)
			encoder->key_pts = frame->pts;
	}
	return avcodec_send_frame(encoder->context, frame);
}

AVPacket *encoder_receive(struct encoder *encoder)
{
	const uint8_t *data;
	size_t size;

	if (avcodec_receive_packet(encoder->context, encoder->packet) < 0)
		return NULL;
	data = av_packet_get_side_data(encoder->packet, AV_PKT_DATA_QUALITY_STATS, &size);
	if (data && size >= 4) {
		uint32_t lambda = (uint32_t)data[0] | (uint32_t)data[1] << 8 |
				  (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;

		encoder->qp = (double)lambda / FF_QP2LAMBDA;
	}
	return encoder->packet;
}

double encoder_qp(const struct encoder *encoder)
{
	return encoder->qp;
}

const AVCodecContext *encoder_context(const struct encoder *encoder)
{
	return encoder->context;
}
