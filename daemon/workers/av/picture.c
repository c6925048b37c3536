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
	struct picture_target target;
	bool interlaced;
	bool fit;
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

static bool picture_is_target(const AVFrame *frame, const struct picture_target *target)
{
	return target->format == AV_PIX_FMT_YUV420P &&
	       (!target->height || target->height == frame->height);
}

static bool picture_build(struct picture *picture, const AVFrame *frame)
{
	AVRational sar = frame->sample_aspect_ratio;
	AVFilterInOut *inputs = avfilter_inout_alloc(), *outputs = avfilter_inout_alloc();
	char source[256], chain[256], size[64] = "w=trunc(iw/2)*2:h=trunc(ih/2)*2";
	bool done = false;

	avfilter_graph_free(&picture->graph);
	picture->graph = avfilter_graph_alloc();
	(void)snprintf(source, sizeof(source),
		       "video_size=%dx%d:pix_fmt=%d:time_base=1/90000:pixel_aspect=%d/%d",
		       frame->width, frame->height, frame->format, sar.num, sar.den ? sar.den : 1);
	/* The width is rounded; the shape of the pixels stays what it was nevertheless. */
	if (picture->target.height)
		(void)snprintf(size, sizeof(size), "w=-2:h=%d", picture->target.height);
	(void)snprintf(chain, sizeof(chain), "%sscale=%s:flags=bilinear,setsar=%d/%d,format=%s",
		       picture->interlaced ? "bwdif=mode=send_frame:deint=interlaced," : "", size,
		       sar.num, sar.den ? sar.den : 1, av_get_pix_fmt_name(picture->target.format));
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

AVFrame *picture_convert(struct picture *picture, AVFrame *frame,
			 const struct picture_target *target)
{
	bool other = frame->width != picture->width || frame->height != picture->height ||
		     frame->format != picture->format;
	bool changed = other || picture->target.format != target->format ||
		       picture->target.height != target->height;

	picture->target = *target;
	if (other) {
		picture->interlaced = false;
		picture->width = frame->width;
		picture->height = frame->height;
		picture->format = frame->format;
	}
	if (frame->interlaced_frame && !picture->interlaced) {
		picture->interlaced = true;
		changed = true;
	}
	picture->fit = !picture->interlaced && picture_is_fit(frame);
	if (picture->fit && picture_is_target(frame, target)) {
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

bool picture_was_fit(const struct picture *picture)
{
	return picture->fit;
}
