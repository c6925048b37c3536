#pragma once

#include <stdint.h>
#include <libavformat/avformat.h>

/*
 * Which streams of a programme are the live stream: one with pictures and one with sound, of the
 * first programme that has video, or else of the first with audio. When the followed one falls
 * silent while another of its kind goes on (the PIDs have changed), that one takes over, with all
 * it has sent meanwhile: its first keyframe may be among it.
 */
enum media_kind {
	MEDIA_VIDEO,
	MEDIA_AUDIO,
	MEDIA_KINDS,
};

/* Where the followed streams are in the transport stream. */
struct programme {
	uint16_t number, pmt_pid;
	uint16_t pid[MEDIA_KINDS]; /* 0: no such stream is followed */
	unsigned version;	   /* of the PMT, below 32; otherwise: not known */
};

#define SELECTOR_PATIENCE 8 /* packets of another stream while the followed one is silent */

struct selector {
	int followed[MEDIA_KINDS]; /* stream index; -1: none */
	enum AVCodecID codec[MEDIA_KINDS];
	unsigned source[MEDIA_KINDS]; /* counts up with every change of stream or codec */
	struct {
		int index;
		unsigned count;
		AVPacket *packets[SELECTOR_PATIENCE];
	} candidate[MEDIA_KINDS];
};

void selector_init(struct selector *selector);
void selector_deinit(struct selector *selector);

/* Takes a packet of @format. Returns how many packets are to be used now, all of *ret_kind: they
 * are put into @ret_packets and are the caller's. The others are kept or freed. */
unsigned selector_take(struct selector *selector, AVFormatContext *format, AVPacket *packet,
		       enum media_kind *ret_kind, AVPacket *ret_packets[SELECTOR_PATIENCE]);
/* The codec of what is followed, or of what is announced; AV_CODEC_ID_NONE: nothing of that kind
 * has been seen. */
enum AVCodecID selector_codec(const struct selector *selector, const AVFormatContext *format,
			      enum media_kind kind);
void selector_programme(const struct selector *selector, AVFormatContext *format,
			struct programme *ret_programme);
