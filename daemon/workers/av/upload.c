#include "workers/av/upload.h"

#include <stdlib.h>

#define POOL 8 /* pictures on the device: one is encoded at a time, and its references */

struct upload {
	AVBufferRef *device, *frames;
	AVFrame *frame;
};

struct upload *upload_new(const struct backend *backend, AVCodecContext *context)
{
	struct upload *upload = calloc(1, sizeof(*upload));
	AVHWFramesContext *frames;

	if (!upload)
		return NULL;
	upload->frame = av_frame_alloc();
	if (!upload->frame ||
	    av_hwdevice_ctx_create(&upload->device, backend->device, NULL, NULL, 0) < 0)
		return upload_free(upload);
	upload->frames = av_hwframe_ctx_alloc(upload->device);
	if (!upload->frames)
		return upload_free(upload);
	frames = (AVHWFramesContext *)upload->frames->data;
	frames->format = AV_PIX_FMT_VAAPI;
	frames->sw_format = backend->format;
	frames->width = context->width;
	frames->height = context->height;
	frames->initial_pool_size = POOL;
	if (av_hwframe_ctx_init(upload->frames) < 0)
		return upload_free(upload);
	context->pix_fmt = frames->format;
	context->hw_frames_ctx = av_buffer_ref(upload->frames);
	return context->hw_frames_ctx ? upload : upload_free(upload);
}

struct upload *upload_free(struct upload *upload)
{
	if (!upload)
		return NULL;
	av_frame_free(&upload->frame);
	av_buffer_unref(&upload->frames);
	av_buffer_unref(&upload->device);
	free(upload);
	return NULL;
}

AVFrame *upload_frame(struct upload *upload, const AVFrame *frame)
{
	av_frame_unref(upload->frame);
	if (av_hwframe_get_buffer(upload->frames, upload->frame, 0) < 0 ||
	    av_hwframe_transfer_data(upload->frame, frame, 0) < 0 ||
	    av_frame_copy_props(upload->frame, frame) < 0)
		return NULL;
	return upload->frame;
}
