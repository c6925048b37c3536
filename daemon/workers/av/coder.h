#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libavcodec/avcodec.h>

#include "workers/av/backend.h"

/*
 * Pictures to H.264 or H.265 for a live stream whose rate is changed while it runs: no picture is
 * held back, a keyframe every two seconds, the rate is kept within a third of a second.
 */
struct coder;

struct coder_settings {
	const struct backend *backend;
	int preset;	    /* backend_preset() */
	uint64_t video_bps; /* elementary stream */
	double fps;	    /* nominal: what is expected */
};

/* For pictures like @frame, which are of the backend's format. NULL: the backend does not take
 * them, is not there, or out of memory. */
struct coder *coder_new(const AVFrame *frame, const struct coder_settings *settings);
struct coder *coder_free(struct coder *coder);
/* Whether it goes on with @frame: same size, format and aspect, and no other rate is wanted that
 * only another coder can give. */
bool coder_fits(const struct coder *coder, const AVFrame *frame);
/* Whether the next picture, at @pts, becomes a keyframe. */
bool coder_key_is_due(const struct coder *coder, int64_t pts);

/* The next picture is to be a keyframe, if the last one was half a second ago. */
void coder_ask_key(struct coder *coder);
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
