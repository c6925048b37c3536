#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libavcodec/avcodec.h>

/*
 * Pictures to H.264 for a live stream whose rate is changed while it runs: no picture is held back,
 * a keyframe every two seconds, the rate is kept within a third of a second.
 */
struct encoder;

struct encoder_settings {
	const char *preset; /* one of encoder_preset() */
	uint64_t video_bps; /* elementary stream */
	double fps;	    /* nominal: what is expected */
};

/* The presets from the best to the cheapest; NULL beyond the ends. */
const char *encoder_preset(int index);
/* -1: no such preset. */
int encoder_preset_index(const char *name);

/* For pictures like @frame. NULL: x264 does not take them, or out of memory. */
struct encoder *encoder_new(const AVFrame *frame, const struct encoder_settings *settings);
struct encoder *encoder_free(struct encoder *encoder);
/* Whether @frame can be given to it: same size, format and aspect. */
bool encoder_fits(const struct encoder *encoder, const AVFrame *frame);

/* From the next picture on. @fps: pictures per second that really come. */
void encoder_rate(struct encoder *encoder, uint64_t video_bps, double fps);
/* Encodes (NULL: gives what is still inside). 0, or negative when the picture was refused. */
int encoder_send(struct encoder *encoder, AVFrame *frame);
/* The next packet, time stamps of 90 kHz, valid until the next call; NULL: none. */
AVPacket *encoder_receive(struct encoder *encoder);
/* Quantiser of the last packet, 0-51. */
double encoder_qp(const struct encoder *encoder);
/* For a muxer. */
const AVCodecContext *encoder_context(const struct encoder *encoder);
