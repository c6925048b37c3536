#include "workers/av/picture.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

/*
 * A filter graph, made anew whenever what comes in has another size, format or scanning; most
 * streams never need one. Deinterlacing costs one picture of delay, so it is in the graph only once
 * an interlaced picture was seen, and then stays for the stream (scanning changes from picture to
 * picture in film material).
 */
struct picture {
	AVFilterGraph *graph;
	AVFilterContext *source, *sink;
	AVFrame *frame;
	int width, height, format;
	bool interlaced;
};

struct picture *picture_new(void)
{
	struct picture *picture = calloc(1, sizeof(*picture));

	if (picture)
		picture->frame = av_frame_alloc();
	return picture && picture->frame ? picture : picture_free(picture);
}

struct picture *picture_free(struct picture *picture)
{
	if (!picture)
		return NULL;
	avfilter_graph_free(&picture->graph);
	av_frame_free(&picture->frame);
	free(picture);
	return NULL;
}

static bool picture_is_fit(const AVFrame *frame)
{
	return (frame->format == AV_PIX_FMT_YUV420P || frame->format == AV_PIX_FMT_YUVJ420P) &&
	       frame->width % 2 == 0 && frame->height % 2 == 0;
}

static bool picture_build(struct picture *picture, const AVFrame *frame)
{
	AVRational sar = frame->sample_aspect_ratio;
	AVFilterInOut *inputs = avfilter_inout_alloc(), *outputs = avfilter_inout_alloc();
	char source[256], chain[256];
	bool done = false;

	avfilter_graph_free(&picture->graph);
	picture->graph = avfilter_graph_alloc();
	(void)snprintf(source, sizeof(source),
		       "video_size=%dx%d:pix_fmt=%d:time_base=1/90000:pixel_aspect=%d/%d",
		       frame->width, frame->height, frame->format, sar.num, sar.den ? sar.den : 1);
	(void)snprintf(chain, sizeof(chain),
		       "%sscale=w=trunc(iw/2)*2:h=trunc(ih/2)*2,format=yuv420p",
		       picture->interlaced ? "bwdif=mode=send_frame:deint=interlaced," : "");
	if (!picture->graph || !inputs || !outputs)
		goto out;
	picture->graph->nb_threads = 1;
	if (avfilter_graph_create_filter(&picture->source, avfilter_get_by_name("buffer"), "in",
					 source, NULL, picture->graph) < 0 ||
	    avfilter_graph_create_filter(&picture->sink, avfilter_get_by_name("buffersink"), "out",
					 NULL, NULL, picture->graph) < 0)
		goto out;
	outputs->name = av_strdup("in");
	outputs->filter_ctx = picture->source;
	inputs->name = av_strdup("out");
	inputs->filter_ctx = picture->sink;
	if (avfilter_graph_parse_ptr(picture->graph, chain, &inputs, &outputs, NULL) < 0 ||
	    avfilter_graph_config(picture->graph, NULL) < 0)
		goto out;
	done = true;
out:
	if (!done)
		avfilter_graph_free(&picture->graph);
	avfilter_inout_free(&inputs);
	avfilter_inout_free(&outputs);
	return done;
}

AVFrame *picture_convert(struct picture *picture, AVFrame *frame)
{
	bool changed = frame->width != picture->width || frame->height != picture->height ||
		       frame->format != picture->format;

	if (changed) {
		picture->interlaced = false;
		picture->width = frame->width;
		picture->height = frame->height;
		picture->format = frame->format;
	}
	if (frame->interlaced_frame && !picture->interlaced) {
		picture->interlaced = true;
		changed = true;
	}
	if (!picture->interlaced && picture_is_fit(frame)) {
		avfilter_graph_free(&picture->graph);
		return frame;
	}
	if ((changed || !picture->graph) && !picture_build(picture, frame))
		return NULL;
	av_frame_unref(picture->frame);
	if (av_buffersrc_add_frame_flags(picture->source, frame, AV_BUFFERSRC_FLAG_KEEP_REF) < 0 ||
	    av_buffersink_get_frame(picture->sink, picture->frame) < 0)
		return NULL;
	/* bwdif writes time stamps of half the unit. */
	picture->frame->pts =
		av_rescale_q(picture->frame->pts, av_buffersink_get_time_base(picture->sink),
			     (AVRational){ 1, 90000 });
	return picture->frame;
}
