#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libavcodec/avcodec.h>

/*
 * Pictures to H.264 for a live stream whose rate is changed while it runs: no picture is held back,
 * a keyframe every two seconds, the rate is kept within a third of a second.
 */
struct coder;

struct coder_settings {
	const char *preset; /* one of coder_preset() */
	uint64_t video_bps; /* elementary stream */
	double fps;	    /* nominal: what is expected */
};

/* The presets from the best to the cheapest; NULL beyond the ends. */
const char *coder_preset(int index);
/* -1: no such preset. */
int coder_preset_index(const char *name);

/* For pictures like @frame. NULL: x264 does not take them, or out of memory. */
struct coder *coder_new(const AVFrame *frame, const struct coder_settings *settings);
struct coder *coder_free(struct coder *coder);
/* Whether @frame can be given to it: same size, format and aspect. */
bool coder_fits(const struct coder *coder, const AVFrame *frame);

/* From the next picture on. @fps: pictures per second that really come. */
void coder_rate(struct coder *coder, uint64_t video_bps, double fps);
/* Encodes (NULL: gives what is still inside). 0, or negative when the picture was refused. */
int coder_send(struct coder *coder, AVFrame *frame);
/* The next packet, time stamps of 90 kHz, valid until the next call; NULL: none. */
AVPacket *coder_receive(struct coder *coder);
/* Quantiser of the last packet, 0-51. */
double coder_qp(const struct coder *coder);
/* For a muxer. */
const AVCodecContext *coder_context(const struct coder *coder);
