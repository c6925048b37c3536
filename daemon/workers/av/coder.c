#include "workers/av/coder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libavutil/opt.h>

#include "workers/av/upload.h"

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
 *
 * Where another rate costs a keyframe (backend.h), it is taken as soon as the present one is 5 %
 * too much, but not more than twice a second; and when it is 10 % too little, at the next keyframe.
 */
#define VBV_PERMILLE 300
#define GOP_TICKS    (2 * 90000)
#define KEY_SPACING  45000  /* of keyframes that are asked for */
#define GOP_NEVER    100000 /* pictures: keyframes are placed by time */
#define THREADS_MAX  4
#define TOO_MUCH     105 /* percent of what is wanted */
#define TOO_LITTLE   90
#define STALE_AFTER  45000 /* ticks */

struct coder {
	AVCodecContext *context;
	AVPacket *packet;
	double fps; /* nominal */
	double qp;
	bool key_asked;
	int64_t key_pts; /* of the last keyframe; AV_NOPTS_VALUE: none yet */
	AVRational aspect;
	enum AVPixelFormat format; /* of what is given to it */
	enum backend_steering steering;
	int64_t rate_pts; /* since when it has its rate; AV_NOPTS_VALUE: nothing given to it yet */
	int64_t wanted_bps;
	int wanted_buffer;     /* bits */
	struct upload *upload; /* NULL: pictures are taken from memory */
};

static void coder_take_rate(struct coder *coder)
{
	coder->context->bit_rate = coder->context->rc_max_rate = coder->wanted_bps;
	coder->context->rc_buffer_size = coder->wanted_buffer;
}

void coder_rate(struct coder *coder, uint64_t video_bps, double fps)
{
	double ratio = fps > 0 ? coder->fps / fps : 1;

	ratio = ratio < 0.25 ? 0.25 : ratio > 4 ? 4 : ratio;
	coder->wanted_bps = (int64_t)((double)video_bps * ratio);
	coder->wanted_buffer = (int)(video_bps * VBV_PERMILLE / 1000);
	if (coder->steering == BACKEND_STEERED_AT_ONCE || !avcodec_is_open(coder->context))
		coder_take_rate(coder);
}

static void coder_describe(struct coder *coder, const AVFrame *frame)
{
	AVCodecContext *context = coder->context;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	context->width = frame->width;
	context->height = frame->height;
	context->pix_fmt = coder->format = (enum AVPixelFormat)frame->format;
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

static bool coder_open(struct coder *coder, const AVCodec *implementation,
		       const struct coder_settings *settings)
{
	const struct backend *backend = settings->backend;
	AVDictionary *options = NULL;
	int r = av_dict_parse_string(&options, backend->options, "=", ":", 0);

	if (r >= 0 && backend->preset_option)
		r = av_dict_set(&options, backend->preset_option,
				backend->presets[settings->preset], 0);
	if (r >= 0 && backend->device != AV_HWDEVICE_TYPE_NONE) {
		coder->upload = upload_new(backend, coder->context);
		r = coder->upload ? r : AVERROR(ENODEV);
	}
	if (r >= 0)
		r = avcodec_open2(coder->context, implementation, &options);
	av_dict_free(&options);
	return r >= 0;
}

struct coder *coder_new(const AVFrame *frame, const struct coder_settings *settings)
{
	const AVCodec *implementation =
		avcodec_find_encoder_by_name(settings->backend->implementation);
	struct coder *coder = calloc(1, sizeof(*coder));

	if (!coder || !implementation)
		return coder_free(coder);
	coder->context = avcodec_alloc_context3(implementation);
	coder->packet = av_packet_alloc();
	if (!coder->context || !coder->packet)
		return coder_free(coder);
	coder->fps = settings->fps;
	coder->key_pts = coder->rate_pts = AV_NOPTS_VALUE;
	coder->steering = settings->backend->steering;
	coder_describe(coder, frame);
	coder_rate(coder, settings->video_bps, settings->fps);
	return coder_open(coder, implementation, settings) ? coder : coder_free(coder);
}

struct coder *coder_free(struct coder *coder)
{
	if (!coder)
		return NULL;
	avcodec_free_context(&coder->context);
	upload_free(coder->upload);
	av_packet_free(&coder->packet);
	free(coder);
	return NULL;
}

bool coder_key_is_due(const struct coder *coder, int64_t pts)
{
	/* Half a picture early is nearer to two seconds than a picture late. */
	int64_t half = (int64_t)(45000 / coder->fps);
	int64_t gop = coder->key_asked ? KEY_SPACING : GOP_TICKS;

	return coder->key_pts == AV_NOPTS_VALUE || pts >= coder->key_pts + gop - half;
}

void coder_ask_key(struct coder *coder)
{
	coder->key_asked = true;
}

/* Whether the rate is to be another one from @pts on, although that costs a keyframe. */
static bool coder_is_stale(const struct coder *coder, int64_t pts)
{
	int64_t rate = coder->context->bit_rate;

	if (coder->steering == BACKEND_STEERED_AT_ONCE || coder->rate_pts == AV_NOPTS_VALUE ||
	    pts < coder->rate_pts + STALE_AFTER)
		return false;
	return rate * 100 > coder->wanted_bps * TOO_MUCH ||
	       (rate * 100 < coder->wanted_bps * TOO_LITTLE && coder_key_is_due(coder, pts));
}

bool coder_fits(const struct coder *coder, const AVFrame *frame)
{
	const AVCodecContext *context = coder->context;

	return context->width == frame->width && context->height == frame->height &&
	       coder->format == (enum AVPixelFormat)frame->format &&
	       !av_cmp_q(coder->aspect, frame->sample_aspect_ratio) &&
	       !(coder->steering == BACKEND_OPENED_ANEW && coder_is_stale(coder, frame->pts));
}

int coder_send(struct coder *coder, AVFrame *frame)
{
	bool anew;

	if (!frame)
		return avcodec_send_frame(coder->context, NULL);
	anew = coder->steering == BACKEND_STEERED_AT_A_KEYFRAME &&
	       coder_is_stale(coder, frame->pts);
	frame->pict_type = AV_PICTURE_TYPE_NONE;
	if (anew || coder_key_is_due(coder, frame->pts)) {
		frame->pict_type = AV_PICTURE_TYPE_I;
		coder->key_pts = frame->pts;
		coder->key_asked = false;
	}
	if (anew)
		coder_take_rate(coder);
	if (anew || coder->rate_pts == AV_NOPTS_VALUE)
		coder->rate_pts = frame->pts;
	if (coder->upload)
		frame = upload_frame(coder->upload, frame);
	return frame ? avcodec_send_frame(coder->context, frame) : AVERROR(EIO);
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
