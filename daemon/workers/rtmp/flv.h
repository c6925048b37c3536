#pragma once

#include "base/cursor.h"
#include "workers/rtmp/media.h"

/*
 * The bodies of FLV tags, which are the audio, video and data messages of RTMP (Adobe, "Video File
 * Format Specification", version 10.1, annex E), and their extension by FourCC for H.265
 * ("Enhanced RTMP", Veovera, v1).
 */
enum flv_kind {
	FLV_KIND_CONFIG, /* the sequence header */
	FLV_KIND_FRAME,
	FLV_KIND_NONE, /* nothing to decode: end of sequence, commands, metadata */
};

struct flv_tag {
	enum media_codec codec;
	enum flv_kind kind;
	bool key;		/* video */
	int32_t composition_ms; /* pts - dts */
	uint32_t codec_name;	/* for messages: the FourCC, or the number of the old form */
	const uint8_t *data;
	size_t len;
};

#define FLV_HEADER_MAX 8

/* False when the body is too short for what it says it is. Empty bodies are FLV_KIND_NONE. */
bool flv_read_video(const uint8_t *data, size_t len, struct flv_tag *ret_tag);
bool flv_read_audio(const uint8_t *data, size_t len, struct flv_tag *ret_tag);
/* What stands before the data of @tag (kind CONFIG or FRAME); H.265 in the enhanced form. */
void flv_write_video_header(const struct flv_tag *tag, struct writer *w);
void flv_write_audio_header(const struct flv_tag *tag, struct writer *w);
/* The name of tag->codec_name, for people. */
void flv_codec_text(bool video, uint32_t codec_name, char *buf, size_t size);

/* The metadata of a stream; zero: not known. */
struct flv_metadata {
	enum media_codec video;
	enum media_codec audio;
	double width;
	double height;
	double frame_rate;
	double sample_rate;
	double channels;
};

/* "@setDataFrame", "onMetaData" and the properties. */
void flv_write_metadata(const struct flv_metadata *metadata, const char *encoder, struct writer *w);
/* What a publisher says that it will send, from "onMetaData" and its properties: false when the
 * message is something else. */
bool flv_read_metadata(const uint8_t *data, size_t len, bool *ret_video, bool *ret_audio);
