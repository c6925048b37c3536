#include "workers/av/coder.h"

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

struct coder {
	AVCodecContext *context;
	AVPacket *packet;
	double fps; /* nominal */
	double qp;
	int64_t key_pts; /* of the last keyframe; AV_NOPTS_VALUE: none yet */
	AVRational aspect;
};

static const char *const presets[] = { "veryfast", "superfast", "ultrafast" };

const char *coder_preset(int index)
{
	return index >= 0 && index < (int)(sizeof(presets) / sizeof(*presets)) ? presets[index]
									       : NULL;
}

int coder_preset_index(const char *name)
{
	for (int i = 0; coder_preset(i); i++)
		if (!strcmp(presets[i], name))
			return i;
	return -1;
}

void coder_rate(struct coder *coder, uint64_t video_bps, double fps)
{
	double ratio = fps > 0 ? coder->fps / fps : 1;
	int64_t rate;

	ratio = ratio < 0.25 ? 0.25 : ratio > 4 ? 4 : ratio;
	rate = (int64_t)((double)video_bps * ratio);
	coder->context->bit_rate = rate;
	coder->context->rc_max_rate = rate;
	coder->context->rc_buffer_size = (int)(video_bps * VBV_PERMILLE / 1000);
}

static void coder_describe(struct coder *coder, const AVFrame *frame)
{
	AVCodecContext *context = coder->context;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	context->width = frame->width;
	context->height = frame->height;
	context->pix_fmt = (enum AVPixelFormat)frame->format;
	context->time_base = (AVRational){ 1, 90000 };
	context->framerate = av_d2q(coder->fps, 120000);
	context->sample_aspect_ratio = coder->aspect = frame->sample_aspect_ratio;
	context->color_range = frame->color_range;
	context->color_primaries = frame->color_primaries;
	context->color_trc = frame->color_trc;
	context->colorspace = frame->colorspace;
	context->gop_size = GOP_NEVER;
	context->max_b_frames = 0;
	context->thread_count = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (int)cpus;
}

struct coder *coder_new(const AVFrame *frame, const struct coder_settings *settings)
{
	const AVCodec *implementation = avcodec_find_encoder_by_name("libx264");
	struct coder *coder = calloc(1, sizeof(*coder));
	AVDictionary *options = NULL;
	int r;

	if (!coder || !implementation)
		return coder_free(coder);
	coder->context = avcodec_alloc_context3(implementation);
	coder->packet = av_packet_alloc();
	if (!coder->context || !coder->packet)
		return coder_free(coder);
	coder->fps = settings->fps;
	coder->key_pts = AV_NOPTS_VALUE;
	coder_describe(coder, frame);
	coder_rate(coder, settings->video_bps, settings->fps);
	(void)av_dict_set(&options, "preset", settings->preset, 0);
	(void)av_dict_set(&options, "tune", "zerolatency", 0);
	(void)av_dict_set(&options, "forced-idr", "1", 0);
	(void)av_dict_set(&options, "sc_threshold", "0", 0);
	r = avcodec_open2(coder->context, implementation, &options);
	av_dict_free(&options);
	return r < 0 ? coder_free(coder) : coder;
}

struct coder *coder_free(struct coder *coder)
{
	if (!coder)
		return NULL;
	avcodec_free_context(&coder->context);
	av_packet_free(&coder->packet);
	free(coder);
	return NULL;
}

bool coder_fits(const struct coder *coder, const AVFrame *frame)
{
	const AVCodecContext *context = coder->context;

	return context->width == frame->width && context->height == frame->height &&
	       context->pix_fmt == (enum AVPixelFormat)frame->format &&
	       !av_cmp_q(coder->aspect, frame->sample_aspect_ratio);
}

int coder_send(struct coder *coder, AVFrame *frame)
{
	if (frame) {
		/* Half a picture early is nearer to two seconds than a picture late. */
		int64_t half = (int64_t)(45000 / coder->fps);
		bool key = coder->key_pts == AV_NOPTS_VALUE ||
			   frame->pts >= coder->key_pts + GOP_TICKS - half;

		frame->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
		if (key)
			coder->key_pts = frame->pts;
	}
	return avcodec_send_frame(coder->context, frame);
}

AVPacket *coder_receive(struct coder *coder)
{
	const uint8_t *data;
	size_t size;

	if (avcodec_receive_packet(coder->context, coder->packet) < 0)
		return NULL;
	data = av_packet_get_side_data(coder->packet, AV_PKT_DATA_QUALITY_STATS, &size);
	if (data && size >= 4) {
		uint32_t lambda = (uint32_t)data[0] | (uint32_t)data[1] << 8 |
				  (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;

		coder->qp = (double)lambda / FF_QP2LAMBDA;
	}
	return coder->packet;
}

double coder_qp(const struct coder *coder)
{
	return coder->qp;
}

const AVCodecContext *coder_context(const struct coder *coder)
{
	return coder->context;
}
